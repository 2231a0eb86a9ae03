// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { inventBatch } from "./batches.conformance.ts";
import type { Frontiers, TimeRange } from "./buckets.ts";
import { openEmbedded } from "./embedded/index.ts";
import { busyBucketsSql, portParts } from "./port-parts.ts";
import { keepForEver } from "./retention.ts";
import type { FlowStore } from "./store.ts";

const hour = 3_600e6;
const day = 24 * hour;
const start = 1.7e15 - (1.7e15 % day);
const now = start + 2 * day + 2.6 * hour;
let folder: string;
let store: FlowStore;
let sequence = 0;
/** Of a batch a fifth is UDP to port 53, a ninth SYN to port 23: 6,000 rows make both busy in their hour, four such the first alone on its day. */
const append = async (...batches: readonly (readonly [at: number, flows: number])[]): Promise<void> => {
  await Promise.all(
    batches.map(([at, flows]) =>
      store.append(inventBatch({ sequence: ++sequence, interval: start + at, intervalLength: 600e6, flows })),
    ),
  );
};
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "layang-parts-"));
  store = await openEmbedded({ folder, retention: keepForEver });
  await append(
    ...[3, 6, 9, 12].map((at) => [at * hour, 6_000] as const),
    [day + 5 * hour, 1_000],
    [2 * day + 0.1 * hour, 6_000],
    [2 * day + 1.1 * hour, 1_000],
    [2 * day + 1.9 * hour, 6_000],
    [2 * day + 2.4 * hour, 6_000],
  );
  await store.rollUp(now);
}, 60_000);
afterAll(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const nothing: Frontiers = { "5m": 0, "1h": 0, "1d": 0 };
const where = (protocol: number, port: number): string =>
  `realm = '' AND exercise = '' AND dst_port IN (${port}) AND protocol = ${protocol}`;
/** By country, network and signature, as who asks puts both together. */
const told = async (range: TimeRange, frontiers: Frontiers, condition: string): Promise<unknown[]> => {
  const busy = await store.query<{ grain: string; bucket: number }>(busyBucketsSql(range, frontiers, condition));
  const { parts, rest } = portParts(range, frontiers, condition, busy.rows);
  const rows = [
    ...(parts === undefined
      ? []
      : [`SELECT toString(kind) AS kind, src_cc, src_asn, signature, n, m, sources, first, last FROM ${parts}`]),
    ...(rest === undefined
      ? []
      : [
          `SELECT multiIf(grouping(src_cc) = 0, 'country', grouping(src_asn) = 0, 'network', 'signature') AS kind, src_cc, src_asn, signature, sum(n) AS n, sum(m) AS m, uniqCombinedState(12)(src) AS sources, min(first) AS first, max(last) AS last FROM ${rest} GROUP BY GROUPING SETS ((src_cc), (src_asn), (signature))`,
        ]),
  ];
  return (
    await store.query(
      `SELECT kind, src_cc, src_asn, toString(signature) AS signed, sum(n) AS n, sum(m) AS m, uniqCombinedMerge(12)(sources) AS s, min(first) AS a, max(last) AS z FROM (${rows.join(" UNION ALL ")}) GROUP BY kind, src_cc, src_asn, signature ORDER BY kind, src_cc, src_asn, signed`,
    )
  ).rows;
};
const bucketsOf = async (table: string, condition: string): Promise<number[]> =>
  (
    await store.query<{ at: number }>(
      `SELECT DISTINCT toUnixTimestamp(bucket) AS at FROM ${table} WHERE ${condition} AND revision IN (SELECT max(revision) FROM rollup_revisions GROUP BY grain, bucket) ORDER BY at`,
    )
  ).rows.map(({ at }) => (at * 1e6 - start) / hour);
const ranges: readonly TimeRange[] = [
  { from: start, to: now },
  { from: start + 3.05 * hour, to: start + 2 * day + 0.2 * hour },
  { from: start + 2 * day, to: now },
  { from: start + 2 * day + 0.15 * hour, to: start + 2 * day + 2 * hour },
  { from: start + day, to: start + 2 * day },
];
const isTheSame = async (): Promise<void> => {
  for (const condition of [where(17, 53), where(6, 23), where(6, 9)]) {
    for (const range of ranges) {
      const base = await told(range, nothing, condition);
      expect(await told(range, store.frontiers(), condition)).toEqual(base);
      if (range === ranges[0]) expect(base.length > 0).toBe(condition !== where(6, 9));
    }
  }
};

it("tells of a port what its rows tell, whether it is busy or not", async () => {
  expect(await bucketsOf("port_parts_1d", where(17, 53))).toEqual([0]);
  expect(await bucketsOf("port_parts_1d", where(6, 23))).toEqual([]);
  expect(await bucketsOf("recent_port_parts_1h", where(17, 53))).toEqual([3, 6, 9, 12, 48, 49]);
  await isTheSame();
});

it("does so when late rows make one busy", async () => {
  await append([5 * hour, 9_000], [13 * hour, 6_000], [day + 5.5 * hour, 25_000], [2 * day + 1.2 * hour, 6_000]);
  await store.rollUp(now, now + hour);
  expect(await bucketsOf("port_parts_1d", where(6, 23))).toEqual([0]);
  expect(await bucketsOf("port_parts_1d", where(17, 53))).toEqual([0, 24]);
  await isTheSame();
});

it("does so when what made it busy is withdrawn", async () => {
  await store.append(inventBatch({ sensor: "s2", sequence: 1, interval: start + 2 * day + 0.5 * hour, flows: 6_000 }));
  await store.rollUp(now, now + 2 * hour);
  await isTheSame();
  await store.revoke("s1", start + day);
  await store.rollUp(now, now + 3 * hour);
  expect(await bucketsOf("port_parts_1d", where(17, 53))).toEqual([0]);
  const open = `${where(17, 53)} AND bucket >= fromUnixTimestamp64Micro(${start + day})`;
  expect(await bucketsOf("recent_port_parts_1h", open)).toEqual([48]);
  await isTheSame();
});
