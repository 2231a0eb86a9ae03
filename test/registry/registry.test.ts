// SPDX-License-Identifier: Apache-2.0
import { registryConformance } from "../../src/registry/registry.conformance.ts";
import { embeddedPlace, serverPlace } from "../desk/place.ts";

registryConformance("the registry over a desk in the process (PGlite)", embeddedPlace);
registryConformance("the registry over a desk on a server (PostgreSQL)", serverPlace);
