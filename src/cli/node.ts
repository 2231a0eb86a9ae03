// SPDX-License-Identifier: Apache-2.0
import { rmSync, writeFileSync } from "node:fs";
import { checkNamedFiles } from "../app/config-files.ts";
import { openConfig } from "../app/config.ts";
import type { RunningNode } from "../app/node.ts";
import { firstLinkFile } from "../app/running.ts";
import { createLog } from "../platform/log.ts";
import { stopSignal } from "../platform/lifecycle.ts";
import { text, usageError } from "./command.ts";
import type { Command } from "./command.ts";

/** The first administrator's link goes to a person's terminal, or into a file of its owner alone; never into a log. */
const firstLine = ({ first, data }: RunningNode): string => {
  if (first === null) return "";
  const says = "Make the first administrator within 15 minutes";
  if (process.stdout.isTTY) return `${says}: ${first}\n`;
  const file = firstLinkFile(data);
  rmSync(file, { force: true });
  writeFileSync(file, `${first}\n`, { mode: 0o600, flag: "wx" });
  return `${says}: the link is in ${file}; later: layang node people link\n`;
};

export const node: Command = {
  summary: "run a node: the sensors' door, the store, the portal and its API",
  usage: "[--config FILE] [--data DIR]",
  text: "The configuration may be empty or absent. Stops on SIGINT or SIGTERM; killed in any other way it loses nothing it has acknowledged.",
  options: {
    config: { type: "string", short: "c", value: "FILE", doc: "configuration (YAML)" },
    data: { type: "string", value: "DIR", doc: "data folder instead of the configured one" },
  },
  examples: ["layang node", "layang node --config /etc/layang.yaml", "layang node --data data"],
  run: async (parsed) => {
    if (parsed.paths.length > 0) throw usageError("node takes no path; did you mean --config or --data?");
    const settings = openConfig(text(parsed, "config"), text(parsed, "data"));
    checkNamedFiles(settings);
    const stop = stopSignal();
    const { startNode } = await import("../app/node.ts");
    const running = await startNode(settings, { log: createLog(settings.config.log.level) });
    // Who expected to find one here sees that a disk is not mounted, or a path wrong.
    if (running.made) process.stdout.write(`A new node was made in ${running.data}\n`);
    process.stdout.write(`Sensors send to ${running.door}\n${firstLine(running)}Open ${running.portal}\n`);
    await stop;
    await running.close();
    return 0;
  },
};
