// SPDX-License-Identifier: Apache-2.0
import { openConfig } from "../app/config.ts";
import { schemaSql } from "../app/schema.ts";
import { text, usageError } from "./command.ts";
import type { Command } from "./command.ts";

export const schema: Command = {
  summary: "print the store's tables as SQL, for one server or a cluster",
  usage: "[--cluster NAME] [--config FILE]",
  options: {
    cluster: { type: "string", value: "NAME", doc: "replicated and distributed tables for this cluster" },
    config: { type: "string", short: "c", value: "FILE", doc: "configuration (its retention stands in the tables)" },
  },
  examples: ["layang schema", "layang schema --cluster region | clickhouse-client --multiquery"],
  run: async (parsed) => {
    if (parsed.paths.length > 0) throw usageError("schema takes no path");
    const cluster = text(parsed, "cluster");
    if (cluster !== undefined && !/^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(cluster)) {
      throw usageError("--cluster takes a name of letters, digits and _");
    }
    const { retention } = openConfig(text(parsed, "config")).config.store;
    process.stdout.write(schemaSql({ retention, ...(cluster === undefined ? {} : { cluster }) }));
    return 0;
  },
};
