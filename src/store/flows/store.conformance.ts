// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { classes } from "../../model/traffic.ts";
import { formatIp } from "../../net/ip.ts";
import { inventBatch, packetsOf } from "./batches.conformance.ts";
import type { BatchPlan } from "./batches.conformance.ts";
import { Journal } from "./journal.ts";
import type { KeeperOptions } from "./keeper.ts";
import { encodeFlows } from "./native.ts";
import { Origins } from "./origins.ts";
import { keepForEver } from "./retention.ts";
import { rareSum, rollupSource } from "./rollup-read.ts";
import { rollups } from "./rollups.ts";
import type { Grain } from "./buckets.ts";
import type { RollupName } from "./rollups.ts";
import type { FlowStore } from "./store.ts";

const minute = 60e6;
/** 22:00 of a day long past: rows cross midnight, and no retention by today's clock may touch them. */
const start = Date.UTC(2019, 4, 6, 22) * 1_000;

const writePrefixes = (folder: string, country: string): void => {
  const first = 0xc6336400;
  const v6 = 0x20010db8n << 96n;
  writeFileSync(join(folder, "asn4.csv"), `${first},${first + 255},64500,"Kestrel, ""Net"""\n`);
  writeFileSync(join(folder, "cc4.csv"), `${first},${first + 511},${country}\n`);
  writeFileSync(join(folder, "asn6.csv"), `${v6},${v6 + 99n},64501,Heron\n`);
  writeFileSync(join(folder, "cc6.csv"), `${v6},${v6 + 999n},ZZ\n`);
};

/** What every flow store promises, on whatever engine. `open` is called again on a folder that was closed. */
export const flowStoreConformance = (name: string, open: (options: KeeperOptions) => Promise<FlowStore>): void => {
  // Dozens of questions a test: on a machine that is busy otherwise they take their time.
  describe(name, { timeout: 180_000 }, () => {
    const folder = mkdtempSync(join(tmpdir(), "layang-store-"));
    const files = () => ({
      asnV4: join(folder, "asn4.csv"),
      asnV6: join(folder, "asn6.csv"),
      countryV4: join(folder, "cc4.csv"),
      countryV6: join(folder, "cc6.csv"),
    });
    let origins: Origins;
    let store: FlowStore;
    const openAgain = async (): Promise<void> => {
      store = await open({ folder, retention: keepForEver, origins });
    };
    beforeAll(async () => {
      writePrefixes(folder, "XA");
      origins = new Origins(files, folder);
      await openAgain();
    });
    afterAll(async () => {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    });

    /** Packets that were appended and not withdrawn. */
    let packets = 0;
    const append = async (plan: BatchPlan): Promise<void> => {
      const arrived = inventBatch(plan);
      expect(await store.append(arrived)).toBe("stored");
      packets += packetsOf(arrived.batch);
    };
    const one = async <Row>(sql: string): Promise<Row> => (await store.query<Row>(sql)).rows[0]!;
    const inBase = async (): Promise<number> =>
      (await one<{ n: number }>("SELECT (SELECT sum(packets) FROM flows) + (SELECT sum(packets) FROM aggregates) AS n"))
        .n;
    const whole = { from: start - 86_400e6, to: start + 3 * 86_400e6 };
    const source = (rollup: RollupName, grain: Grain, range = whole): string =>
      rollupSource(rollup, grain, range, store.frontiers());
    /** Every roll-up at every grain, packet for packet and source for source, against the base. */
    const expectRollUpsEqualBase = async (range = whole): Promise<void> => {
      const within = `first_seen >= fromUnixTimestamp64Micro(${range.from}) AND first_seen < fromUnixTimestamp64Micro(${range.to})`;
      const base = await one<{ p: number; f: number; b: number; s: number; m: number }>(
        `SELECT sum(packets) AS p, count() AS f, sum(bytes) AS b, uniqCombined(12)(src) AS s, sum(mirai) AS m FROM flows WHERE ${within}`,
      );
      const storm = await one<{ p: number; b: number }>(
        `SELECT sum(packets) AS p, sum(bytes) AS b FROM aggregates WHERE ${within}`,
      );
      for (const rollup of rollups) {
        for (const grain of rollup.grains) {
          if (rollup.name === "source_days" || rollup.name === "port_sources") continue;
          const sum = await one(
            `SELECT sum(packets) AS p, sum(flows) AS f, sum(bytes) AS b, uniqCombinedMerge(12)(sources) AS s, sum(mirai) AS m, sum(storm_packets) AS storm FROM ${source(rollup.name, grain, range)}`,
          );
          expect([rollup.name, grain, sum]).toEqual([
            rollup.name,
            grain,
            { ...base, p: base.p + storm.p, b: base.b + storm.b, storm: storm.p },
          ]);
        }
      }
      const bySource = await one(
        `SELECT sum(packets) AS p, sum(flows) AS f, uniqExact(src) AS s, min(first) AS a, max(last) AS z, uniqExactArray(port_set) AS ports, uniqExactArray(sensor_set) AS sensors FROM ${source("source_days", "1d", range)}`,
      );
      const port = "toUInt32(protocol) * 131072 + ifNull(toUInt32(dst_port), 65536)";
      const exact = await one<{ s: number; a: string; z: string; ports: number; sensors: number }>(
        `SELECT uniqExact(src) AS s, toDateTime64(min(first_seen), 3, 'UTC') AS a, toDateTime64(max(last_seen), 3, 'UTC') AS z, uniqExact(${port}) AS ports, uniqExact(sensor) AS sensors FROM flows WHERE ${within}`,
      );
      expect(bySource).toEqual({ p: base.p, f: base.f, ...exact });
      // Sources by whether they asked for more than ten ports: that is all that the base tells of a day cut short.
      expect(await one(`SELECT sum(least(ports, 11)) AS n FROM ${source("source_days", "1d", range)}`)).toEqual(
        await one(
          `SELECT sum(least(n, 11)) AS n FROM (SELECT uniqExactIf(${port}, class IN ('tcp-syn', 'udp')) AS n FROM flows WHERE ${within} GROUP BY toStartOfDay(first_seen), realm, exercise, src)`,
        ),
      );
      for (const grain of ["5m", "1h", "1d"] as const) {
        expect(await one(`SELECT groupBitmapMerge(port_set) AS n FROM ${source("sensors", grain, range)}`)).toEqual(
          await one(
            `SELECT uniqExact(port) AS n FROM (SELECT ${port} AS port FROM flows WHERE ${within} UNION ALL SELECT ${port} FROM aggregates WHERE ${within})`,
          ),
        );
        // What leaders leave out is no more than is said.
        const left = await one<{ most: number }>(
          `SELECT max(n) AS most FROM (SELECT toInt64(sumIf(packets, led = 0)) - toInt64(sumIf(packets, led = 1)) AS n FROM (SELECT *, 0 AS led FROM ${source("ports", grain, range)} UNION ALL SELECT *, 1 AS led FROM ${rollupSource("ports", grain, range, store.frontiers(), { leaders: true })}) GROUP BY realm, exercise, sensor, protocol, dst_port, class)`,
        );
        expect(left.most).toBeLessThanOrEqual(rareSum("ports", grain, range, store.frontiers()));
      }
      const what = "sum(packets) AS p, sum(mirai) AS m, uniqExact(dst_port, protocol, src, signature) AS s";
      expect(
        await one(
          `SELECT ${what}, sum(flows) AS f, min(first) AS a, max(last) AS z FROM ${source("port_sources", "1d", range)}`,
        ),
      ).toEqual(
        await one(
          `SELECT ${what}, count() AS f, toDateTime64(min(first_seen), 3, 'UTC') AS a, toDateTime64(max(last_seen), 3, 'UTC') AS z FROM flows WHERE ${within} AND class IN ('tcp-syn', 'udp')`,
        ),
      );
    };

    it("keeps every value of a row", async () => {
      const plan = { sequence: 0, interval: start, flows: 50, realm: "r1", exercise: "drill" };
      await append(plan);
      const { columns } = inventBatch(plan).batch.flows;
      const names = Object.keys(columns).filter((column) => column !== "dst_registers");
      const asked = names.map((column) =>
        column === "first_seen" || column === "last_seen"
          ? `toUnixTimestamp64Micro(${column}) AS ${column}_us`
          : column === "signature"
            ? "toString(signature) AS signature_text"
            : column === "src" || column === "victim"
              ? `replaceRegexpOne(toString(${column}), '^::ffff:', '') AS ${column}_text`
              : column,
      );
      const { rows } = await store.query<Record<string, unknown>>(
        `SELECT ${asked.join(", ")}, sensor, realm, exercise FROM flows ORDER BY sample_offsets`,
      );
      expect(rows.length).toBe(50);
      for (const [i, row] of rows.entries()) {
        const value = (column: keyof typeof columns): unknown => {
          const { values, present, ends } = columns[column];
          if (ends !== undefined) return Array.from(values.subarray(i === 0 ? 0 : ends[i - 1], ends[i]));
          return present !== undefined && present[i] === 0 ? null : values[i];
        };
        const victim = columns.victim.present[i] === 1 ? formatIp(columns.victim.values, 4 * i) : null;
        const signed = columns.signature.present[i] === 1;
        const [high, low] = columns.signature.values.subarray(2 * i, 2 * i + 2);
        const expected: Record<string, unknown> = {
          first_seen_us: columns.first_seen.values[i],
          last_seen_us: columns.last_seen.values[i],
          src_text: formatIp(columns.src.values, 4 * i),
          victim_text: victim,
          signature_text: signed ? String((BigInt(high!) << 32n) | BigInt(low!)) : null,
          class: classes[columns.class.values[i]!],
          sensor: "s1",
          realm: "r1",
          exercise: "drill",
        };
        for (const [column, got] of Object.entries(row)) {
          expect([i, column, got]).toEqual([
            i,
            column,
            column in expected ? expected[column] : value(column as keyof typeof columns),
          ]);
        }
      }
    });

    it("gives each source its network and country, and NULL where none is known", async () => {
      const rows = await store.query<{ v4: number; low: number; asn: number | null; cc: string | null }>(
        `SELECT DISTINCT toString(src) LIKE '::ffff:%' AS v4, toUInt128(reinterpretAsUInt128(reverse(reinterpretAsFixedString(src)))) % 4294967296 AS low, src_asn AS asn, src_cc AS cc FROM flows`,
      );
      for (const { v4, low, asn, cc } of rows.rows as unknown as {
        v4: number;
        low: number;
        asn: unknown;
        cc: unknown;
      }[]) {
        const host = v4 === 1 ? low - 0xc6336400 : low;
        expect({ host, asn, cc }).toEqual({
          host,
          asn: v4 === 1 ? (host < 256 ? 64_500 : null) : host < 100 ? 64_501 : null,
          cc: v4 === 1 ? "XA" : "ZZ",
        });
      }
      expect((await store.query("SELECT asn, name FROM networks ORDER BY asn")).rows).toEqual([
        { asn: 64_500, name: 'Kestrel, "Net"' },
        { asn: 64_501, name: "Heron" },
      ]);
    });

    it("takes newer prefix data without reopening", async () => {
      expect(await store.reloadPrefixes()).toBe(false);
      const first = 0xc6336400;
      writeFileSync(files().countryV4, `${first},${first + 511},XB\n\n`);
      expect(await store.reloadPrefixes()).toBe(true);
      await append({ sequence: 1, interval: start + 10e6 });
      expect(
        (await store.query("SELECT DISTINCT src_cc AS cc FROM flows WHERE src_cc LIKE 'X%' ORDER BY cc")).rows,
      ).toEqual([{ cc: "XA" }, { cc: "XB" }]);
    });

    it("counts a batch once, however often it comes and in whatever order", async () => {
      await append({ sequence: 5, interval: start + 50e6 });
      await append({ sequence: 3, interval: start + 30e6 });
      const again = inventBatch({ sequence: 5, interval: start + 50e6 });
      expect(await store.append(again)).toBe("repeated");
      const twice = inventBatch({ sequence: 4, interval: start + 40e6, aggregates: 2 });
      expect((await Promise.all([store.append(twice), store.append(twice)])).toSorted()).toEqual([
        "repeated",
        "stored",
      ]);
      packets += packetsOf(twice.batch);
      await store.close();
      await openAgain();
      expect(await store.append(again)).toBe("repeated");
      expect(await store.append(twice)).toBe("repeated");
      await append({ sequence: 2, interval: start + 20e6 });
      expect(await inBase()).toBe(packets);
      expect(await one("SELECT count() AS n, sum(read) AS read FROM reports")).toEqual({ n: 6, read: packets + 18 });
    });

    it("answers from the base what is not rolled up yet", () => expectRollUpsEqualBase());

    it("rolls up what closed, and answers the rest from finer buckets and the base", async () => {
      for (let i = 0; i < 28; i++) {
        await append({
          sensor: `s${i % 3}`,
          sequence: 100 + i,
          interval: start + i * 6 * minute,
          aggregates: i === 9 ? 2 : 0,
        });
      }
      const now = start + 141 * minute;
      const first = await store.rollUp(now);
      expect(first.made).toBeGreaterThan(22);
      expect(store.frontiers()).toMatchObject({
        "5m": start + 140 * minute,
        "1h": start + 120 * minute,
        "1d": start + 120 * minute,
      });
      await expectRollUpsEqualBase();
      for (const [from, to] of [
        [17, 143],
        [61, 119],
      ] as const) {
        await expectRollUpsEqualBase({ from: start + from * minute + 7e6, to: start + to * minute });
      }
      expect(await store.rollUp(now)).toEqual({ made: 0, waiting: 0 });
    });

    it("tells each bucket apart", async () => {
      const asked = "sum(packets) - sum(storm_packets) AS p, uniqCombinedMerge(12)(sources) AS s";
      const rolled = await store.query(
        `SELECT toUnixTimestamp(bucket) AS at, dst_port, sensor, ${asked} FROM ${source("ports", "1h")} WHERE class = 'tcp-syn' GROUP BY at, dst_port, sensor ORDER BY at, dst_port, sensor`,
      );
      const base = await store.query(
        "SELECT toUnixTimestamp(toStartOfHour(first_seen)) AS at, dst_port, sensor, sum(packets) AS p, uniqCombined(12)(src) AS s FROM flows WHERE class = 'tcp-syn' GROUP BY at, dst_port, sensor ORDER BY at, dst_port, sensor",
      );
      expect(rolled.rows.length).toBeGreaterThan(20);
      expect(rolled.rows).toEqual(base.rows);
    });

    it("computes a bucket again when late rows come, once a minute", async () => {
      const now = start + 142 * minute;
      await append({ sequence: 200, interval: start + 3 * minute });
      // A bucket that had no rows before, behind the frontier.
      await append({ sequence: 201, interval: start - 50 * minute });
      expect((await store.rollUp(now)).made).toBeGreaterThan(3);
      await expectRollUpsEqualBase();
      await append({ sequence: 202, interval: start + 4 * minute });
      const early = await store.rollUp(now + 1e6);
      expect(early).toEqual({ made: 0, waiting: 1 });
      expect((await store.rollUp(now + minute)).made).toBe(3);
      await expectRollUpsEqualBase();
    });

    it("knows after reopening what it still has to compute", async () => {
      await append({ sequence: 203, interval: start + 5 * minute });
      await store.close();
      await openAgain();
      expect(store.frontiers()["5m"]).toBe(start + 140 * minute);
      expect((await store.rollUp(start + 143 * minute)).made).toBe(3);
      await expectRollUpsEqualBase();
      expect(await store.rollUp(Infinity)).toMatchObject({ waiting: 0 });
      await expectRollUpsEqualBase();
    });

    it("withdraws what a sensor sent, and what was computed from it", async () => {
      const since = start + 60 * minute;
      await store.revoke("s1", since);
      const left = await one<{ n: number }>(
        `SELECT count() AS n FROM (SELECT sensor, first_seen AS at FROM flows UNION ALL SELECT sensor, first_seen FROM aggregates UNION ALL SELECT sensor, interval FROM reports) WHERE sensor = 's1' AND at >= fromUnixTimestamp64Micro(${since})`,
      );
      expect(left.n).toBe(0);
      expect((await one<{ n: number }>("SELECT count() AS n FROM flows WHERE sensor = 's1'")).n).toBeGreaterThan(0);
      packets = await inBase();
      await expectRollUpsEqualBase();
    });

    it("finishes at opening what a killed process had begun", async () => {
      const gone = start + 100 * minute;
      const buckets = await store.query<{ bucket: number }>(
        `SELECT DISTINCT toUnixTimestamp(toStartOfFiveMinutes(first_seen)) AS bucket FROM (SELECT sensor, first_seen FROM flows UNION ALL SELECT sensor, first_seen FROM aggregates) WHERE sensor = 's2' AND first_seen >= fromUnixTimestamp64Micro(${gone})`,
      );
      expect(buckets.rows.length).toBeGreaterThan(3);
      await store.close();
      const arrived = inventBatch({ sensor: "s9", sequence: 7, interval: start + 7 * minute, flows: 40 });
      const journal = new Journal(join(folder, "journal"));
      journal.begin({
        kind: "revocation",
        id: "revoke-0",
        sensor: "s2",
        since: gone,
        buckets: buckets.rows.map(({ bucket }) => bucket * 1e6),
      });
      const group = {
        kind: "group",
        id: "0-abc",
        batches: [
          {
            id: "0-abc",
            sensor: "s9",
            sequence: 7,
            buckets: [start + 5 * minute],
            flows: 40,
            aggregates: 0,
            report: {
              sensor: "s9",
              sequence: 7,
              flow_rows: 40,
              interval: "2019-05-06 22:07:00.000000",
              interval_length: 10e6,
            },
          },
        ],
      } as const;
      journal.begin(group, { flows: [encodeFlows(arrived.batch, null)] });
      // As an earlier version left it: a batch alone.
      const before = inventBatch({ sensor: "s9", sequence: 8, interval: start + 7 * minute, flows: 11 });
      writeFileSync(join(folder, "journal", "1-abc.flows"), encodeFlows(before.batch, null));
      const [{ report, ...lone }] = group.batches;
      writeFileSync(
        join(folder, "journal", "1-abc.entry"),
        JSON.stringify({
          ...lone,
          kind: "batch",
          id: "1-abc",
          token: "1-abc",
          sequence: 8,
          flows: 11,
          report: { ...report, sequence: 8, flow_rows: 11 },
        }),
      );
      writeFileSync(join(folder, "journal", "1-def.flows"), "never begun");
      await openAgain();
      expect(readdirSync(join(folder, "journal"))).toEqual([]);
      expect(await store.append(arrived)).toBe("repeated");
      expect(await store.append(before)).toBe("repeated");
      expect(
        await one(
          `SELECT countIf(sensor = 's9') AS kept, countIf(sensor = 's2' AND first_seen >= fromUnixTimestamp64Micro(${gone})) AS left FROM flows`,
        ),
      ).toEqual({ kept: 51, left: 0 });
      await store.rollUp(Infinity);
      packets = await inBase();
      await expectRollUpsEqualBase();
    });

    it("binds parameters, and answers in the engine's own forms", async () => {
      const parameters = { name: "it's \\ a 'name'", list: [1, 2], from: 7 };
      expect(
        (
          await store.query(
            "SELECT {name:String} AS name, {list:Array(UInt8)} AS list, {from:UInt64} + 1 AS n, NULL AS nothing",
            parameters,
          )
        ).rows,
      ).toEqual([{ name: parameters.name, list: [1, 2], n: 8, nothing: null }]);
      const csv = await store.queryRaw("SELECT 1 AS a, 'x,y' AS b", "CSVWithNames");
      expect(new TextDecoder().decode(csv)).toBe('"a","b"\n1,"x,y"\n');
      const parquet = await store.queryRaw("SELECT number FROM numbers(10)", "Parquet");
      expect(new TextDecoder().decode(parquet.subarray(0, 4))).toBe("PAR1");
      expect(new TextDecoder().decode(parquet.subarray(-4))).toBe("PAR1");
    });

    it("binds parameters of a megabyte", async () => {
      const listed = Array.from({ length: 60_000 }, (_, i) => `::ffff:10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
      const lines = listed
        .map((ip, i) => JSON.stringify({ ip, what: `it's \\ "${i}"\n{numbers:Array(UInt32)}` }))
        .join("\n");
      expect(lines.length).toBeGreaterThan(1 << 20);
      const sql = `SELECT count() AS n, countIf(toIPv6(ip) IN {listed:Array(IPv6)}) AS found, countIf(has({numbers:Array(UInt32)}, length(what))) AS lengths, {small:UInt8} AS small,
maxIf(what, ip = '::ffff:10.0.39.16') AS one FROM format(JSONEachRow, 'ip String, what String', {lines:String})`;
      const answer = await store.query(sql, {
        listed: [...listed.slice(0, 50_000), "2001:db8::1"],
        numbers: Array.from({ length: 20_000 }, (_, i) => i),
        lines,
        small: 7,
      });
      expect(answer.rows).toEqual([
        { n: 60_000, found: 50_000, lengths: 60_000, small: 7, one: `it's \\ "10000"\n{numbers:Array(UInt32)}` },
      ]);
    });

    it("ends a question that goes beyond its limits, and answers the next", async () => {
      await expect(
        store.query("SELECT sum(cityHash64(number)) FROM numbers(1000000000000)", {}, { seconds: 1 }),
      ).rejects.toMatchObject({ code: "STORE_QUERY_LIMIT" });
      await expect(
        store.query("SELECT length(groupArray(number)) FROM numbers(100000000)", {}, { memory: 50e6 }),
      ).rejects.toMatchObject({ code: "STORE_QUERY_LIMIT" });
      await expect(store.query("SELECT nothing_like_this")).rejects.toMatchObject({ code: "STORE_FAILED" });
      expect(await inBase()).toBe(packets);
    });
  });
};
