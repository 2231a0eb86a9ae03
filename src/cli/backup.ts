// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { BackedUp } from "../app/backup.ts";
import { openConfig } from "../app/config.ts";
import { askSocket } from "../app/operator.ts";
import { runningAddress } from "../app/running.ts";
import { AppError } from "../platform/errors.ts";
import type { ErrorCode } from "../platform/errors.ts";
import { flag, text, usageError } from "./command.ts";
import type { Command, Option, Parsed } from "./command.ts";

const config: Option = { type: "string", short: "c", value: "FILE", doc: "the node's configuration file (YAML)" };
const data: Option = { type: "string", value: "DIR", doc: "data folder instead of the configured one" };
const folderOf = (parsed: Parsed, command: string): string => {
  const [folder, ...more] = parsed.paths;
  if (folder === undefined || more.length > 0) throw usageError(`${command} takes one folder`);
  return folder;
};

export const backup: Command = {
  summary: "copy a node whole into a new folder, while it runs or not",
  usage: "FOLDER [--without-flows] [--config FILE] [--data DIR]",
  text: "Desk, flows, sensors, keys and settings of the data folder. The copy holds every secret of the node: keep it as you keep the node. The configuration file itself is not in it.",
  options: {
    "without-flows": { type: "boolean", doc: "leave the flow store out" },
    config,
    data,
  },
  examples: ["layang backup /mnt/backup/2026-11-26", "layang backup /mnt/backup/desk --without-flows"],
  run: async (parsed) => {
    const target = resolve(folderOf(parsed, "backup"));
    const settings = openConfig(text(parsed, "config"), text(parsed, "data"));
    const folder = settings.path(settings.config.data);
    const flows = !flag(parsed, "without-flows");
    const { backUpStopped, backupPath } = await import("../app/backup.ts");
    const answer = await askSocket(folder, "POST", backupPath, { folder: target, flows });
    let done: BackedUp;
    if (answer === undefined) {
      const address = join(folder, "portal.address");
      if (existsSync(address) && runningAddress(readFileSync(address, "utf8")) !== undefined) {
        throw new AppError(
          "NODE_RUNNING",
          `the node on ${folder} has no operator's socket (its path is too long): stop it, then back up`,
        );
      }
      done = await backUpStopped(settings, target, flows);
    } else {
      const body = JSON.parse(new TextDecoder().decode(answer.body)) as BackedUp & { code: string; detail: string };
      if (answer.status !== 200) throw new AppError(body.code as ErrorCode, body.detail);
      done = body;
    }
    process.stdout.write(
      `${done.folder}: ${done.files} files, ${(done.bytes / 1e6).toFixed(1)} MB, ${done.rows} rows of the desk${done.flows ? "" : ", without flows"}\n`,
    );
    return 0;
  },
};

export const restore: Command = {
  summary: "bring a node back from a backup, into an empty data folder",
  usage: "FOLDER [--config FILE] [--data DIR]",
  text: "Every file is held against the backup's manifest first. Letters that waited are held, since they may have left after the backup was made: look at them before they go. A desk that was in the process can be restored to a PostgreSQL server, and the other way round.",
  options: { config, data },
  examples: ["layang restore /mnt/backup/2026-11-26 --data data"],
  run: async (parsed) => {
    const { restore: restoreNode } = await import("../app/backup.ts");
    const done = await restoreNode(
      openConfig(text(parsed, "config"), text(parsed, "data")),
      folderOf(parsed, "restore"),
    );
    process.stdout.write(
      `Restored what was backed up ${done.made} (version ${done.version}): ${done.rows} rows of the desk${done.heldLetters === 0 ? "" : `; ${done.heldLetters} letters are held`}.\n`,
    );
    return 0;
  },
};
