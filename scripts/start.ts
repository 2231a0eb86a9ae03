// SPDX-License-Identifier: Apache-2.0
import { main } from "../src/cli/main.ts";
import { ensurePortal } from "./portal.ts";

ensurePortal();
process.exitCode = await main(["demo", ...process.argv.slice(2)]);
