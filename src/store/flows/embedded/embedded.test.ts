// SPDX-License-Identifier: Apache-2.0
import { flowStoreConformance } from "../store.conformance.ts";
import { openEmbedded } from "./index.ts";

flowStoreConformance("embedded (chDB)", openEmbedded);
