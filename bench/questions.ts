// SPDX-License-Identifier: Apache-2.0
import { parametersOf } from "../src/api/parameters.ts";
import type { QuestionName } from "../src/api/contract/index.ts";
import { ask } from "../src/observe/ask.ts";
import type { Surroundings } from "../src/observe/asked.ts";
import type { Engine } from "../src/observe/engine.ts";
import { openEmbedded } from "../src/store/flows/embedded/index.ts";
import { keepForEver } from "../src/store/flows/retention.ts";
import { rollUpsAt } from "../src/store/flows/rollup-read.ts";

/**
 * Times every question on a store that bench/flows100m.ts made, as one person asks them, one after the other.
 *
 *   node bench/questions.ts [folder] [runs] [name]     default /tmp/layang-bench-store 15
 */
const [, , folder = "/tmp/layang-bench-store", runs = "15", only = ""] = process.argv;
const times = Math.max(1, Number(runs));
/** A question is to answer within this, milliseconds at the 95th percentile. */
const floor = 300;

const asked: readonly (readonly [QuestionName, Record<string, string>])[] = [
  ["ports/top", { last: "24h" }],
  ["ports/top", { last: "24h", by: "sources" }],
  ["ports/top", { last: "30d" }],
  ["ports/top", { last: "30d", by: "sources" }],
  ["ports/by-sensor", { last: "24h" }],
  ["ports/by-sensor", { last: "30d" }],
  ["port", { protocol: "tcp", port: "23", last: "24h" }],
  ["port", { protocol: "tcp", port: "23", last: "7d" }],
  ["port", { protocol: "tcp", port: "5555", last: "30d" }],
  ["series", { last: "24h" }],
  ["series", { last: "7d", measure: "sources", port: "23" }],
  ["series", { last: "30d", group: "port" }],
  ["series", { last: "30d", group: "country", measure: "sources" }],
  ["series", { last: "7d", group: "network" }],
  ["series", { last: "7d", group: "mark" }],
  ["series", { last: "24h", signature: "64240:-:1460:0" }],
  ["region/domestic-overseas", { last: "30d" }],
  ["mirai/hosts", { last: "30d" }],
  ["mirai/ports", { last: "30d" }],
  ["scanners/research", { last: "7d" }],
  ["scanners/research", { last: "30d" }],
  ["countries", { last: "24h" }],
  ["countries", { last: "30d", by: "sources" }],
  ["networks", { last: "24h" }],
  ["networks", { last: "30d", by: "mirai_sources" }],
  ["sources/top", { last: "24h" }],
  ["sources/top", { last: "30d" }],
  ["source", { last: "30d" }],
  ["news", {}],
  ["sensors", {}],
  ["reports/tsubame", { quarter: "2026Q4" }],
  ["search", { q: "23" }],
  ["search", { q: "AS200" }],
  ["search", { q: "JP" }],
  ["search", { q: "10.0.0.0/8" }],
];

const store = await openEmbedded({ folder, retention: keepForEver });
const end =
  (await store.query<{ ms: number }>("SELECT toUnixTimestamp64Milli(max(interval)) + 300000 AS ms FROM reports"))
    .rows[0]?.ms ?? 0;
const busiest = (
  await store.query<{ src: string }>(
    "SELECT src FROM flows WHERE first_seen > (SELECT max(interval) - INTERVAL 1 DAY FROM reports) GROUP BY src ORDER BY count() DESC LIMIT 1",
  )
).rows[0]?.src;
const rows = (await store.query<{ n: number }>("SELECT count() AS n FROM flows")).rows[0]?.n ?? 0;
const frontiers = store.frontiers();
const around: Surroundings = {
  // A minute and a half into the interval that is open: a part always comes from the base.
  now: end - 210_000,
  dataUntil: end,
  sensors: ["kul-1", "tyo-1", "cgk-1"].map((name, i) => ({
    name,
    country: ["MY", "JP", "ID"][i] ?? null,
    enrolled: null,
    revoked: null,
  })),
  research: null,
  alarms: [],
  simulated: true,
  kept: { rows: -Infinity, fine: -Infinity },
  rollUps: rollUpsAt(frontiers),
};
/** The slowest statement of a question, when one is asked for by name. */
const slow = new Map<string, number>();
const engine: Engine =
  only === ""
    ? store
    : {
        queryRaw: (...all) => store.queryRaw(...all),
        query: async <Row>(...all: Parameters<Engine["query"]>) => {
          const answer = await store.query<Row>(...all);
          slow.set(all[0], Math.max(slow.get(all[0]) ?? 0, answer.read.seconds * 1000));
          return answer;
        },
      };

console.log(`${rows.toLocaleString("en")} flow rows, ${times} runs a question, milliseconds`);
let over = 0;
for (const [name, given] of asked) {
  if (!name.includes(only)) continue;
  const parameters = parametersOf(
    name,
    name === "source" ? { ...given, ip: (busiest ?? "::").replace(/^::ffff:/, "") } : given,
  );
  const took: number[] = [];
  const worked: number[] = [];
  for (let i = 0; i <= times; i++) {
    const start = performance.now();
    const before = process.cpuUsage();
    await ask(engine, name, parameters, around, { seconds: 60, memory: 4 * 2 ** 30 });
    // The first run warms the caches of the engine, as the portal's own questions do.
    if (i === 0) continue;
    took.push(performance.now() - start);
    const { user, system } = process.cpuUsage(before);
    worked.push((user + system) / 1000);
  }
  took.sort((a, b) => a - b);
  // Time of the processor, both cores added: on a busy machine it says more than the clock.
  const cpu = worked.reduce((sum, one) => sum + one, 0) / worked.length;
  const at = (q: number): number => took[Math.min(took.length - 1, Math.ceil(q * took.length) - 1)] ?? 0;
  if (at(0.95) > floor) over++;
  const label = `${name} ${Object.entries(given)
    .map(([key, value]) => `${key}=${value}`)
    .join(" ")}`;
  console.log(
    `${label.padEnd(58)} p50 ${at(0.5).toFixed(0).padStart(5)}  p95 ${at(0.95).toFixed(0).padStart(5)}  cpu ${cpu.toFixed(0).padStart(5)}${at(0.95) > floor ? "  over" : ""}`,
  );
}
for (const [sql, ms] of [...slow].toSorted((a, b) => b[1] - a[1]).slice(0, 6))
  console.log(`${ms.toFixed(0)} ms: ${sql.slice(0, 1500)}\n`);
console.log(over === 0 ? `every question within ${floor} ms at p95` : `${over} questions over ${floor} ms at p95`);
await store.close();
