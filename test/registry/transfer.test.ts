// SPDX-License-Identifier: Apache-2.0
import { transferConformance } from "../../src/registry/transfer.conformance.ts";
import { embeddedPlace, serverPlace } from "../desk/place.ts";

transferConformance("files into a desk in the process (PGlite)", embeddedPlace);
transferConformance("files into a desk on a server (PostgreSQL)", serverPlace);
