// SPDX-License-Identifier: Apache-2.0
import { stringify } from "yaml";
import { checkNamedFiles, unsetSecrets } from "../app/config-files.ts";
import { openConfig, warningsOf } from "../app/config.ts";
import { text, usageError } from "./command.ts";
import type { Command } from "./command.ts";

export const checkConfig: Command = {
  summary: "check a configuration file, offline",
  usage: "FILE",
  options: {},
  examples: ["layang check-config layang.yaml"],
  run: async ({ paths }) => {
    const file = paths[0];
    if (file === undefined || paths.length > 1) throw usageError("check-config takes one file");
    const settings = openConfig(file);
    checkNamedFiles(settings);
    // Whoever checks a file seldom has the node's own environment: what it must set is said, and is no fault of the file.
    const unset = unsetSecrets(settings).map(({ key, name }) => `${name} (${key})`);
    process.stdout.write(
      `${file}: ok${unset.length === 0 ? "" : `; not set here, but the node needs ${unset.join(", ")}`}\n`,
    );
    for (const warning of warningsOf(settings.config)) process.stdout.write(`${file}: warning: ${warning}\n`);
    return 0;
  },
};

export const dumpConfig: Command = {
  summary: "print the configuration with its defaults filled in",
  usage: "[--config FILE]",
  options: { config: { type: "string", short: "c", value: "FILE", doc: "configuration file (YAML)" } },
  examples: ["layang dump-config", "layang dump-config -c layang.yaml"],
  run: async (parsed) => {
    process.stdout.write(stringify(openConfig(text(parsed, "config")).config));
    return 0;
  },
};
