// SPDX-License-Identifier: Apache-2.0
import { resolve } from "node:path";
import { createLog } from "../platform/log.ts";
import { stopSignal } from "../platform/lifecycle.ts";
import { text, usageError, whole } from "./command.ts";
import type { Command } from "./command.ts";

export const demo: Command = {
  summary: "run a simulated region: a node, three sensors, a past and live traffic",
  usage: "[--data DIR] [--port N] [--past DAYS]",
  text: "Everything in it is invented and says so. It refuses real sensors. Its log lies beside the data folder: data/demo.log.",
  options: {
    data: { type: "string", value: "DIR", doc: "the demo's own folder (default: data/demo)" },
    port: { type: "string", value: "N", doc: "port of the portal (default: 8420, or a free one when that is taken)" },
    scenario: { type: "string", value: "NAME", doc: "default: region" },
    past: {
      type: "string",
      value: "DAYS",
      doc: "days before the present, 1 to 9 (default: 9, so that weeks can be compared); a past that is there stays",
    },
  },
  examples: ["layang demo", "layang demo --past 2", "npm start"],
  run: async (parsed) => {
    if (parsed.paths.length > 0) throw usageError("demo takes no path; did you mean --data?");
    const data = resolve(text(parsed, "data") ?? "data/demo");
    const days = whole(parsed, "past", 1, 9);
    const stop = stopSignal();
    const preparing = new AbortController();
    let ready = false;
    void stop.then(() => {
      process.stdout.write("Stopping; Ctrl-C once more ends it at once.\n");
      if (!ready) preparing.abort();
    });
    process.stdout.write("Preparing a simulated region: about half a minute ...\n");
    const { runDemo } = await import("../app/demo.ts");
    const running = await runDemo({
      data,
      port: whole(parsed, "port", 0, 65535) ?? 8420,
      scenario: text(parsed, "scenario") ?? "region",
      log: createLog("info", `${data}.log`),
      ...(days === undefined ? {} : { past: days * 86_400e6 }),
      say: (line) => process.stdout.write(`${line}\n`),
      signal: preparing.signal,
    }).catch((error: unknown) => {
      if (preparing.signal.aborted && error === preparing.signal.reason) return undefined;
      throw error;
    });
    if (running === undefined) return 0;
    ready = true;
    process.stdout.write(`Everything there is SIMULATED. Stop it with Ctrl-C.\nOpen ${running.node.portal}\n`);
    await stop;
    await running.close();
    return 0;
  },
};
