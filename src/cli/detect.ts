// SPDX-License-Identifier: Apache-2.0
import { changeTimes, settle } from "../app/series-file.ts";
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
    const { times, points } = changeTimes(file);
    process.stdout.write(times.map((time) => `${time}\n`).join(""));
    // Whoever reads the times finds none; a person is told why.
    if (times.length === 0) {
      process.stderr.write(
        points <= settle
          ? `layang: ${points} points are too few: what is usual is learnt from the first ${settle}\n`
          : `layang: no change in ${points} points\n`,
      );
    }
    return 0;
  },
};
