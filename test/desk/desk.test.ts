// SPDX-License-Identifier: Apache-2.0
import { deskConformance } from "../../src/store/desk/desk.conformance.ts";
import { embeddedPlace, serverPlace } from "./place.ts";

deskConformance("the desk in the process (PGlite)", embeddedPlace);
deskConformance("the desk on a server (PostgreSQL)", serverPlace);
