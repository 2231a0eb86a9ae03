// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import { runDemo } from "../app/demo.ts";
import { stopSignal } from "../platform/lifecycle.ts";
import { createLog, logLevels } from "../platform/log.ts";
import type { LogLevel } from "../platform/log.ts";
import { text, usageError, whole } from "./command.ts";
import type { Command } from "./command.ts";

export const demo: Command = {
  summary: "run a simulated region of three sensors, to look around in",
  usage: "[--data DIR] [--port N]",
  text: `Everything it shows is invented and says so. It keeps a folder of its own, listens on loopback, takes in no real sensor
and sends nothing anywhere. A pause of up to six hours shows as an outage; after a longer one the region is made anew.`,
  options: {
    data: { type: "string", value: "DIR", doc: "the demo's own folder (default data/demo in the program's folder)" },
    port: { type: "string", short: "p", value: "N", doc: "port of the portal (default 8420; 0 is any)" },
    scenario: { type: "string", value: "NAME|FILE", doc: "default region" },
    log: { type: "string", value: "LEVEL", doc: `${logLevels.join(", ")} (default warn)` },
  },
  examples: ["layang demo", "layang demo --port 0 --data /tmp/region"],
  run: async (parsed) => {
    if (parsed.paths.length > 0) throw usageError("demo takes no path; did you mean --data?");
    const level = text(parsed, "log") ?? "warn";
    if (!logLevels.some((known) => known === level)) throw usageError(`--log takes one of ${logLevels.join(", ")}`);
    const say = (line: string): void => void process.stderr.write(`${line}\n`);
    const stop = stopSignal();
    say("Making a simulated region: a day of its past first, eight more while you look around.");
    const running = await runDemo({
      data: text(parsed, "data") ?? join(import.meta.dirname, "../../data/demo"),
      port: whole(parsed, "port", 0, 65535) ?? 8420,
      scenario: text(parsed, "scenario") ?? "region",
      log: createLog(level as LogLevel),
      say,
    });
    process.stdout.write(`Everything here is SIMULATED. Open ${running.node.portal}\n`);
    await Promise.race([stop, running.history.then(() => stop)]);
    await running.close();
    return 0;
  },
};
