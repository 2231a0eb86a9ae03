// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { embeddedEngine } from "../src/store/flows/embedded/engine.ts";
import { openEmbedded } from "../src/store/flows/embedded/index.ts";
import { Keeper } from "../src/store/flows/keeper.ts";
import { keepForEver } from "../src/store/flows/retention.ts";
import type { FlowStore } from "../src/store/flows/store.ts";

/**
 * A store as a region fills it in a month: rows over 30 days up to 1 November 2026, three sensors, a million sources of
 * which 1 % send 80 %, ports as skewed as published ones, 2,000 networks in 60 countries, the rows made inside
 * the engine. Roll-ups are computed by the store's own code.
 *
 *   node bench/flows100m.ts [folder] [rows]     default /tmp/layang-bench-store 100000000
 */
export const benchDays = 30;
export const benchEnd = Date.UTC(2026, 10, 1) * 1_000;
export const benchStart = benchEnd - benchDays * 86_400e6;

/** The newest ten minutes lie in a part of their own, as what has just arrived does at a node. */
const freshFrom = benchEnd / 1e6 - 600;
const daySql = (day: number, rows: number, fresh = false): string => `INSERT INTO flows
(sensor, first_seen, duration, src, victim, protocol, dst_port, class, signature, packets, bytes, dst_count, dst_tokens,
sample_offsets, sample_ports, src_port_count, dst_port_count, ttl_min, ttl_max, tcp_flags, mirai, zmap, masscan, stateless,
spoof_ttl, udp_length_min, udp_length_max, src_asn, src_cc)
WITH
cityHash64(number, ${day}) AS h,
cityHash64(h, 1) AS h1,
cityHash64(h, 2) AS h2,
if(h % 100 < 80, bitShiftRight(h, 8) % 10000, 10000 + bitShiftRight(h, 8) % 990000) AS source,
cityHash64(source, 3) AS s,
toUInt32(pow((s % 100000) / 100000, 3) * 2000) AS network,
h1 % 100 AS what,
what >= 97 AS icmp,
what >= 94 AND what < 97 AS back,
what >= 84 AND what < 94 AS udp,
multiIf(h2 % 10 < 7, toUInt16([23,22,80,443,445,3389,8080,2323,8728,5555,6379,1433,3306,5900,25,81,8443,2222,37215,60023][1 + toUInt8(pow((bitShiftRight(h2, 8) % 1000) / 1000, 2) * 20)]), toUInt16(bitShiftRight(h2, 16) % 65536)) AS port,
toUInt32(if(bitShiftRight(h2, 40) % 10 < 8, 1, 2 + bitShiftRight(h2, 44) % 6)) AS n,
toUInt32(if(n = 1, 1, 2 + h % 3)) AS darks,
s % 5 = 0 AND NOT icmp AND NOT udp AND NOT back AS bot,
s % 5 = 1 AND NOT icmp AND NOT udp AND NOT back AS zmaps,
toDateTime64(${(benchStart / 1e6 + day * 86_400).toFixed(0)}, 6, 'UTC') AS midnight,
addMicroseconds(midnight, bitShiftRight(h1, 8) % 86400000000) AS first
SELECT ['kul-1','tyo-1','cgk-1'][1 + h % 3], first, if(n = 1, 0, toUInt32(least(bitShiftRight(h2, 4) % 900000, 86399999999 - bitShiftRight(h1, 8) % 86400000000))),
IPv4ToIPv6(toIPv4(toUInt32(s))), if(back, IPv4ToIPv6(toIPv4(toUInt32(s))), NULL),
multiIf(icmp, 1, udp, 17, 6), if(icmp, NULL, port),
CAST(multiIf(icmp, 'icmp-echo-request', udp, 'udp', back, 'tcp-syn-ack', 'tcp-syn'), 'Enum8(\\'icmp-echo-request\\' = 0, \\'tcp-syn\\' = 11, \\'tcp-syn-ack\\' = 12, \\'udp\\' = 16)'),
if(icmp OR udp OR back, NULL, toUInt64(0xfaf005b400000000 + (s % 40) * 4096)), n, n * (40 + (s % 3) * 12), darks,
arrayMap(i -> toUInt32(cityHash64(h, i)), range(darks)),
arrayMap(i -> toUInt32(i * 1000 * (h % 200)), range(least(n, 4))), arrayMap(i -> toUInt16(cityHash64(h, i, 5)), range(least(n, 4))),
toUInt16(n), toUInt16(NOT icmp), toUInt8(40 + s % 25), toUInt8(40 + s % 25), multiIf(icmp OR udp, 0, back, 18, 2),
if(bot, n, 0), if(zmaps, n, 0), if(s % 5 = 2 AND NOT icmp AND NOT udp AND NOT back, n, 0), if(zmaps AND s % 2 = 0, n, 0), if(s % 97 = 0, n, 0),
if(udp, toUInt16(20 + s % 200), NULL), if(udp, toUInt16(20 + s % 300), NULL),
if(s % 50 = 0, NULL, 100 + network), if(s % 60 = 0, NULL, concat(char(65 + network % 12), char(65 + network % 5)))
FROM numbers(${rows}) WHERE (first >= toDateTime64(${freshFrom}, 6, 'UTC')) = ${fresh ? 1 : 0}`;

/** Three sensors' reports of every 5 minutes: they tell the store what to roll up. */
const reportsSql = `INSERT INTO reports (sensor, sequence, hash, stamp, interval, interval_length, received, watermark, closed_at, read, counted, dark_addresses, flow_rows)
WITH toDateTime64(${(benchStart / 1e6).toFixed(0)}, 6, 'UTC') AS start, addSeconds(start, intDiv(number, 3) * 300) AS at
SELECT ['kul-1','tyo-1','cgk-1'][1 + number % 3], intDiv(number, 3), toString(number), 1, at, 300000000, addSeconds(at, 301), addSeconds(at, 300), addSeconds(at, 300), 4000, 4000, 4096, 3000
FROM numbers(${benchDays * 288 * 3})`;

/** Builds the store anew under `folder` and answers it open, rolled up. `rows` are those of all days alike, or of each. */
export const buildBenchStore = async (
  folder: string,
  rows: number | ((day: number) => number),
  say: (line: string) => void = () => undefined,
): Promise<FlowStore> => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "chdb"), { recursive: true });
  const since = performance.now();
  const lap = (what: string): void => say(`${((performance.now() - since) / 1_000).toFixed(1)} s  ${what}`);
  const engine = await embeddedEngine(join(folder, "chdb"), 1);
  const tables = await Keeper.open({ ...engine, close: () => Promise.resolve() }, { folder, retention: keepForEver });
  const of = (day: number): number => Math.round(typeof rows === "number" ? rows / benchDays : rows(day));
  const days = Array.from({ length: benchDays }, (_, day) => day).filter((day) => of(day) > 0);
  for (const day of days) await engine.run(daySql(day, of(day)), "append");
  await engine.run(daySql(benchDays - 1, of(benchDays - 1), true), "append");
  await engine.run(reportsSql, "append");
  await tables.close();
  await engine.close();
  lap(`${days.reduce((sum, day) => sum + of(day), 0)} rows made`);
  const store = await openEmbedded({ folder, retention: keepForEver });
  // As far as a node is at the minute that bench/questions.ts asks in: the day, its last hour and five minutes are open.
  const { made } = await store.rollUp(benchEnd - 210e6);
  lap(`${made} buckets rolled up`);
  return store;
};

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const folder = process.argv[2] ?? "/tmp/layang-bench-store";
  const store = await buildBenchStore(folder, Number(process.argv[3] ?? 100_000_000), (line) => {
    process.stdout.write(`${line}\n`);
  });
  const { rows } = await store.query<{ table: string; rows: number; mb: number; row: number }>(
    "SELECT table, sum(p.rows) AS rows, round(sum(bytes_on_disk) / 1e6, 1) AS mb, round(sum(bytes_on_disk) / sum(p.rows), 1) AS row FROM system.parts AS p WHERE active AND database = currentDatabase() GROUP BY table ORDER BY mb DESC",
  );
  for (const one of rows)
    process.stdout.write(`${one.table}: ${one.rows} rows, ${one.mb} MB, ${one.row} bytes a row\n`);
  await store.close();
}
