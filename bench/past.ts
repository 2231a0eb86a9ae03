// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from "node:util";
import { MemoryLedger } from "../src/app/detection-examine.ts";
import { pastOf } from "../src/app/detection-past.ts";
import { campaign } from "../src/detect/campaign.ts";
import type { Context, Detector, Past } from "../src/detect/detector.ts";
import { earlyWarning } from "../src/detect/early-warning.ts";
import { openEmbedded } from "../src/store/flows/embedded/index.ts";
import { keepForEver } from "../src/store/flows/retention.ts";
import { benchDays, benchEnd, buildBenchStore } from "./flows100m.ts";

/**
 * What detectors that look days back cost beside a full day: processor time of their questions, early warning's of ten minutes by the roll-ups and by the
 * rows alone (they find the same), campaign's of six hours.
 *
 *   node bench/past.ts [FOLDER] [--rows ROWS_OF_THE_LAST_DAY] [--hours N] [--kept]     default /tmp/layang-bench-past, 40 million, 2
 *
 * `--kept` asks the store of the run before. Two days before the last have a twentieth each.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: "string", default: "40000000" },
    hours: { type: "string", default: "2" },
    kept: { type: "boolean", default: false },
  },
});
const [folder = "/tmp/layang-bench-past"] = positionals;
const rows = Number(values.rows);
const STEP = 600e6;
const HOUR = 3_600e6;
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const store = values.kept
  ? await openEmbedded({ folder, retention: keepForEver })
  : await buildBenchStore(folder, (day) => (day === benchDays - 1 ? rows : day >= benchDays - 3 ? rows / 20 : 0), say);
const limits = { seconds: 600, memory: 2 ** 31, spill: 192 * 2 ** 20 };

/** What a question is of, by a word that it alone has. */
const kindOf = (sql: string): string =>
  sql.includes("lagInFrame")
    ? "new sources"
    : sql.includes("WITH asked")
      ? "origins of one port"
      : sql.includes("sumForEach")
        ? "hosts of ports"
        : sql.includes("rollup_revisions") || sql.includes("FROM reports")
          ? "sensors"
          : "groups";

const run = async (detector: Detector, from: number, to: number, step: number, past?: Past): Promise<string> => {
  const sums = new Map<string, { n: number; cpu: number; longest: number }>();
  const context: Context = {
    scope: { realm: "", exercise: "" },
    owners: { count: 0, ownerAt: () => null, ownerOf: () => null },
    sensors: [],
    home: null,
    researcher: () => null,
    ledger: new MemoryLedger(),
    ...(past === undefined ? {} : { past }),
  };
  let memory = detector.begin();
  const found: unknown[] = [];
  for (let at = from; at < to; at += step) {
    const asking = detector.examine({ from: at, to: at + step }, memory, context);
    let turn = asking.next();
    while (turn.done !== true) {
      const { sql, parameters } = turn.value;
      const used = process.cpuUsage();
      const began = performance.now();
      const answer = await store.query<Readonly<Record<string, unknown>>>(
        sql,
        { realm: "", exercise: "", from: at, to: at + step, ...parameters },
        limits,
      );
      const { user, system } = process.cpuUsage(used);
      const sum = sums.get(kindOf(sql)) ?? { n: 0, cpu: 0, longest: 0 };
      sum.n++;
      sum.cpu += (user + system) / 1e6;
      sum.longest = Math.max(sum.longest, performance.now() - began);
      sums.set(kindOf(sql), sum);
      turn = asking.next(answer.rows);
    }
    memory = turn.value.memory;
    found.push(...turn.value.detections);
  }
  const all = [...sums.values()].reduce((sum, { cpu }) => sum + cpu, 0);
  say(
    `${detector.name}${past === undefined ? "" : " by roll-ups"}: ${((all / (to - from)) * 1e8).toFixed(2)} % of a core, ${found.length} claims`,
  );
  for (const [kind, { n, cpu, longest }] of sums)
    say(
      `  ${kind}: asked ${n} times, ${(cpu / n).toFixed(2)} s of processor time each, longest ${(longest / 1000).toFixed(1)} s`,
    );
  return JSON.stringify(found);
};

// The minute that the store stands at has not been summed up yet.
const end = Math.floor((benchEnd - 210e6) / STEP) * STEP;
const from = end - Number(values.hours) * HOUR;
const short = await run(earlyWarning as Detector, from, end, STEP, pastOf(store));
const long = await run(earlyWarning as Detector, from, end, STEP);
say(short === long ? "both found the same" : "THEY DIFFER");
const evening = Math.floor(end / (6 * HOUR)) * 6 * HOUR;
await run(campaign as Detector, evening - 6 * HOUR, evening, 6 * HOUR, pastOf(store));
await store.close();
if (short !== long) process.exitCode = 1;
