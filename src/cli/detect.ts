// SPDX-License-Identifier: Apache-2.0
import { changeTimes } from "../app/series-file.ts";
import { text, usageError } from "./command.ts";
import type { Command } from "./command.ts";

export const changefinder: Command = {
  summary: "print the times at which a series of counts changes",
  usage: "--series FILE.csv",
  text: "FILE has a heading, then a time (YYYYMMDDhhmm) and counts at even distances, for example packets and hosts in ten minutes. Prints one time a line.\nA change is evidence, not an alert: a quiet series changes by chance about once a week.",
  options: { series: { type: "string", value: "FILE", doc: "the counts" } },
  examples: ["layang detect changefinder --series counts.csv"],
  run: async (parsed) => {
    const file = text(parsed, "series");
    if (file === undefined || parsed.paths.length > 0) throw usageError("detect changefinder takes --series FILE.csv");
    process.stdout.write(
      changeTimes(file)
        .map((time) => `${time}\n`)
        .join(""),
    );
    return 0;
  },
};
