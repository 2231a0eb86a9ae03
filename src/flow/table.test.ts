// SPDX-License-Identifier: Apache-2.0
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyPacket, batchOf, icmp, ip, KEY, syn, tableOf, udp } from "../../test/flow/packets.ts";
import type { Packet, Row, Taken } from "../../test/flow/packets.ts";
import { packetBatch, SHAPE } from "../model/packets.ts";
import { CLASS } from "../model/traffic.ts";
import { isV4 } from "../net/ip.ts";
import type { IpWords } from "../net/ip.ts";
import { parsePrefix } from "../net/prefix.ts";
import type { Prefix } from "../net/prefix.ts";
import { classify, FACT } from "./classify.ts";
import { DarkSet } from "./dark.ts";
import { countDistinct, estimateRegisters } from "../model/distinct.ts";
import { createFlowTable, flowTableBytes } from "./table.ts";
import { tokenKey, Tokens } from "./token.ts";

const KEY_COLUMNS = ["src", "victim", "protocol", "dst_port", "class", "signature", "inner_protocol", "inner_port"];
const SUMS = `packets bytes icmp_mismatches mirai zmap masscan stateless spoof_protocol spoof_ttl
  spoof_fragment spoof_last_octet spoof_same spoof_port_zero spoof_udp_80`.split(/\s+/);
const LEAST = ["first_seen", "ttl_min", "udp_length_min"];
const MOST = ["last_seen", "ttl_max", "udp_length_max"];
const keyOf = (row: Row, interval: number): string =>
  JSON.stringify([interval, ...KEY_COLUMNS.map((name) => row[name] ?? null)]);

/** What the rows of any number of batches say together, by key: the columns that add up. */
const sumOf = (taken: readonly Taken[]): Record<string, Row> => {
  const all: Record<string, Row> = {};
  for (const { interval, flows } of taken) {
    for (const row of flows) {
      const into = (all[keyOf(row, interval)] ??= { tokens: [], tcp_flags: 0 });
      for (const name of SUMS) into[name] = ((into[name] as number) ?? 0) + (row[name] as number);
      for (const name of LEAST)
        if (row[name] !== undefined) into[name] = Math.min((into[name] as number) ?? Infinity, row[name] as number);
      for (const name of MOST)
        if (row[name] !== undefined) into[name] = Math.max((into[name] as number) ?? 0, row[name] as number);
      into["tcp_flags"] = (into["tcp_flags"] as number) | (row["tcp_flags"] as number);
      into["tokens"] = [...new Set([...(into["tokens"] as number[]), ...(row["dst_tokens"] as number[])])].sort(
        (a, b) => a - b,
      );
    }
  }
  return all;
};

const tokens = new Tokens(tokenKey(KEY));
const tokenOf = (subject: IpWords, dst: IpWords): number => {
  if (!isV4(subject) || !isV4(dst)) return tokens.pair(Uint32Array.from(subject), 0, Uint32Array.from(dst), 0);
  const out = new Int32Array(1);
  tokens.pairsV4(Uint32Array.of(subject[3]), Uint32Array.of(dst[3]), 1, out);
  return out[0]! >>> 0;
};

/** The same sums, worked out packet by packet from the contract of flowColumns. */
const expected = (packets: readonly Packet[], length: number): Record<string, Row> =>
  sumOf(
    packets.map((packet): Taken => {
      const facts = new Uint32Array(1);
      classify(batchOf([packet]), facts);
      const fact = facts[0]!;
      const code = fact & FACT.classBits;
      const interval = Math.floor(packet.time / length) * length;
      const backscatter = (fact & FACT.backscatter) !== 0;
      const error = code >= CLASS["icmp-unreachable"] && code <= CLASS["icmp-parameter-problem"];
      const inner = (packet.shape & SHAPE.inner) !== 0;
      const victim = !backscatter ? undefined : !error ? packet.src : inner ? packet.innerDst : undefined;
      const bit = (n: number): number => (fact >>> n) & 1;
      const flipped = code === CLASS["tcp-syn-ack"] || code === CLASS["tcp-rst"];
      const flows: Row = {
        src: [...packet.src],
        victim: victim === undefined ? undefined : [...victim],
        protocol: packet.protocol,
        dst_port: flipped ? packet.srcPort : packet.dstPort,
        class: code,
        signature: packet.signature === undefined ? undefined : [...packet.signature],
        inner_protocol: packet.innerProtocol,
        inner_port: packet.innerDstPort,
        first_seen: packet.time,
        last_seen: packet.time,
        packets: 1,
        bytes: packet.bytes,
        dst_tokens: [tokenOf(victim ?? packet.src, packet.dst)],
        icmp_mismatches: bit(18),
        mirai: bit(5),
        zmap: bit(6),
        masscan: bit(7),
        stateless: bit(8),
        spoof_protocol: bit(9),
        spoof_ttl: bit(10),
        spoof_fragment: bit(11),
        spoof_last_octet: bit(12),
        spoof_same: bit(13),
        spoof_port_zero: bit(14),
        spoof_udp_80: bit(15),
        ttl_min: packet.ttl,
        ttl_max: packet.ttl,
        tcp_flags: packet.tcpFlags ?? 0,
        udp_length_min: packet.udpLength,
        udp_length_max: packet.udpLength,
      };
      return { interval, degraded: false, flows: [flows], aggregates: [] };
    }),
  );

/** `count` copies of a packet, each changed. */
const many = (count: number, packet: Packet, change: (i: number) => Partial<Packet>): Packet[] =>
  Array.from({ length: count }, (_, i) => Object.assign({}, packet, change(i)));

const prefixes = (...texts: string[]): Prefix[] =>
  texts.map((text) => {
    const prefix = parsePrefix(text);
    if (prefix === undefined) throw new Error(text);
    return prefix;
  });
const sumIn = (taken: readonly Taken[], column: string): number =>
  taken
    .flatMap(({ flows, aggregates }) => [...flows, ...aggregates])
    .reduce((sum, row) => sum + (row[column] as number), 0);
const packetsIn = (taken: readonly Taken[]): number => sumIn(taken, "packets");

describe("flow table", () => {
  it("gives the contract's sums, however packets are split over batches, flushes, sensors and early flushes", () => {
    fc.assert(
      fc.property(
        fc.array(anyPacket, { minLength: 1, maxLength: 250 }),
        fc.constantFrom(1_000_000, 10_000_000),
        fc.infiniteStream(fc.nat({ max: 20 })),
        fc.constantFrom(16, 64, 1024),
        fc.boolean(),
        (packets, intervalLength, choices, capacity, inOrder) => {
          if (inOrder) packets.sort((a, b) => a.time - b.time);
          const sensors = [0, 1].map(() => tableOf({ intervalLength, capacity, earlyFlushes: 1e9, batchRows: 16 }));
          let rest = packets;
          while (rest.length > 0) {
            const size = 1 + (choices.next().value ?? 0);
            const sensor = sensors[(choices.next().value ?? 0) & 1]!;
            sensor.table.add(batchOf(rest.slice(0, size), 32));
            if ((choices.next().value ?? 0) === 0) sensor.table.flush();
            rest = rest.slice(size);
          }
          for (const { table } of sensors) table.flush();
          const taken = sensors.flatMap((sensor) => sensor.taken);
          expect(sumOf(taken)).toEqual(expected(packets, intervalLength));
          const counted = sensors.map(({ table }) => table.counters.counted);
          expect(counted.reduce((a, b) => a + b)).toBe(packets.length);
          for (const { interval, flows } of taken)
            for (const row of flows) {
              expect(row["first_seen"]).toBeGreaterThanOrEqual(interval);
              expect(row["last_seen"]).toBeLessThan(interval + intervalLength);
              expect(row["dst_count"]).toBe((row["dst_tokens"] as number[]).length);
            }
        },
      ),
      { numRuns: 300 },
    );
  });

  it("does not depend on the order inside an interval", () => {
    fc.assert(
      fc.property(
        fc
          .array(anyPacket, { maxLength: 100 })
          .chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))),
        ([one, other]) => {
          const sums = [one, other].map((packets) => {
            const { table, taken } = tableOf({ intervalLength: 60_000_000 });
            table.add(batchOf(packets));
            table.flush();
            return sumOf(taken);
          });
          expect(sums[0]).toEqual(sums[1]);
        },
      ),
      { numRuns: 100 },
    );
  });

  it("tells victims as the contract says", () => {
    const { table, taken } = tableOf();
    const inner = {
      innerSrc: ip("192.0.2.9"),
      innerDst: ip("203.0.113.7"),
      innerProtocol: 6,
      innerSrcPort: 1,
      innerDstPort: 443,
    };
    table.add(
      batchOf([
        syn(),
        syn({ tcpFlags: 18, srcPort: 80, dstPort: 999, shape: SHAPE.ports }),
        icmp(3, { shape: SHAPE.inner | SHAPE.innerPorts, ...inner }),
        icmp(3),
        udp({ srcPort: 53 }),
      ]),
    );
    table.flush();
    const rows = taken.flatMap(({ flows }) => flows);
    const src = [...ip("198.51.100.9")];
    expect(rows.map(({ victim }) => victim)).toEqual([undefined, src, [...ip("203.0.113.7")], undefined, src]);
    expect(rows.map((row) => row["dst_port"])).toEqual([23, 80, undefined, undefined, 123]);
    expect(rows.map((row) => row["inner_port"])).toEqual([undefined, undefined, 443, undefined, undefined]);
    expect(rows.map((row) => row["icmp_mismatches"])).toEqual([0, 0, 1, 0, 0]);
  });

  it("keeps the first four samples, and counts ports exactly up to 64", () => {
    const { table, taken } = tableOf();
    table.add(batchOf(many(64, syn(), (i) => ({ time: 5_000_000 + 1000 * i, srcPort: 65535 - i * 7 }))));
    table.add(batchOf(many(64, syn(), (i) => ({ time: 4_000_000, srcPort: 65535 - i * 7 }))));
    table.add(
      batchOf(many(3000, syn({ tcpFlags: 18, srcPort: 80, shape: SHAPE.ports }), (i) => ({ dstPort: i * 20 }))),
    );
    table.add(batchOf([icmp(8)]));
    table.flush();
    const rows = taken.flatMap(({ flows }) => flows);
    expect(rows[0]).toMatchObject({
      sample_offsets: [1_000_000, 1_001_000, 1_002_000, 1_003_000],
      sample_ports: [65535, 65528, 65521, 65514],
      src_port_count: 64,
      dst_port_count: 1,
    });
    expect(rows[1]!["src_port_count"]).toBe(1);
    expect(Math.abs((rows[1]!["dst_port_count"] as number) - 3000)).toBeLessThan(0.15 * 3000);
    expect(rows[2]).toMatchObject({ sample_offsets: [0], sample_ports: [], src_port_count: 0, dst_port_count: 0 });
  });

  it.each([1, 15, 16, 17, 64, 65, 1000, 1023, 1024])(
    "counts %i dark addresses exactly and lists their tokens in order",
    (count) => {
      const { table, taken } = tableOf();
      const packets = many(count, syn(), (i) => ({ dst: [0, 0, 0xffff, 0x0a000000 + i] }));
      table.add(batchOf([...packets, ...packets.toReversed(), ...packets]));
      table.flush();
      const row = taken[0]!.flows[0]!;
      const listed = row["dst_tokens"] as number[];
      expect(listed).toEqual([...new Set(listed)].sort((a, b) => a - b));
      expect([listed.length, row["dst_count"], row["dst_registers"]]).toEqual([count, count, []]);
    },
  );

  it("changes to registers above 1,024 addresses, which are those of the tokens", () => {
    const { table, taken } = tableOf();
    const packets = many(1025, syn(), (i) => ({ dst: [0, 0, 0xffff, 0x0a000000 + i] }));
    table.add(batchOf(packets));
    table.flush();
    const row = taken[0]!.flows[0]!;
    const registers = new Uint8Array(4096);
    for (const { src, dst } of packets) {
      const token = tokenOf(src, dst);
      registers[token & 4095] = Math.max(registers[token & 4095]!, Math.clz32(token >>> 12) - 11);
    }
    expect(row["dst_tokens"]).toEqual([]);
    expect(row["dst_registers"]).toEqual([...registers]);
    expect(Math.abs((row["dst_count"] as number) - 1025)).toBeLessThan(52);
  });

  it("unites the counts of one source over flushes, tables and sizes", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(3, 16, 100, 2000, 30_000), { minLength: 1, maxLength: 4 }),
        fc.nat({ max: 200 }),
        (sizes, seed) => {
          const { table, taken } = tableOf({ key: KEY.map((byte) => byte + seed) });
          for (const size of sizes) {
            table.add(batchOf(many(size, syn(), (i) => ({ dst: [0, 0, 0xffff, 0x0a000000 + i] }))));
            table.flush();
          }
          const rows = taken.flatMap(({ flows }) => flows);
          const count = countDistinct(
            rows.map((row) => ({
              tokens: row["dst_tokens"] as number[],
              registers: Uint8Array.from(row["dst_registers"] as number[]),
            })),
          );
          const truth = Math.max(...sizes);
          if (truth <= 100) expect(count).toBe(truth);
          else expect(Math.abs(count - truth) / truth).toBeLessThan(0.05);
        },
      ),
      { numRuns: 20, seed: 1 },
    );
  });

  it("goes on where times are impossible, and counts such packets as of 1970", () => {
    const { table, taken } = tableOf();
    table.add(
      batchOf([Number.NaN, Infinity, -1, 1e300, 2 ** 53, 7_258_118_400_000_000, 5].map((time) => syn({ time }))),
    );
    table.flush();
    expect(packetsIn(taken)).toBe(7);
    expect(taken.map(({ interval }) => interval)).toEqual([0]);
  });

  it("loses no packet of rubbish in any column", () => {
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom(16, 512), fc.boolean(), (seed, capacity, inTime) => {
        const { table, taken } = tableOf({ capacity, earlyFlushes: 1 });
        const batch = packetBatch(700);
        let state = seed | 1;
        for (const column of Object.values(batch)) {
          if (!ArrayBuffer.isView(column)) continue;
          const bytes = new Uint8Array(column.buffer);
          for (let i = 0; i < bytes.length; i++) {
            state = Math.imul(state ^ (state >>> 13), 0x5bd1e995) + 1;
            bytes[i] = state >>> 11;
          }
        }
        if (inTime) batch.times.fill(1_700_000_000_000_000);
        batch.count = 700;
        const bytes = batch.bytes.reduce((sum, length) => sum + length, 0);
        table.add(batch);
        table.flush();
        expect(packetsIn(taken)).toBe(700);
        expect(sumIn(taken, "bytes")).toBe(bytes);
        expect(table.counters.counted).toBe(700);
      }),
      { numRuns: 60 },
    );
  });

  it("makes a batch for each interval of the packets that are added, however often time jumps", () => {
    const { table, taken } = tableOf();
    table.add(batchOf(many(500, syn(), (i) => ({ time: (i % 2) * 10_000_000 }))));
    table.flush();
    expect(taken.length).toBe(2);
    expect(packetsIn(taken)).toBe(500);
  });

  it("makes a batch an interval of packets that come out of order around a border, and counts each", () => {
    const { table, taken } = tableOf({ intervalLength: 1_000_000 });
    const packets = Array.from({ length: 4_000 }, (_, i) =>
      syn({ time: i < 2_000 ? (i % 2 === 0 ? 999_000 : 1_001_000) : 1_500_000, src: ip(`198.51.100.${i % 200}`) }),
    );
    for (let at = 0; at < packets.length; at += 1_000) table.add(batchOf(packets.slice(at, at + 1_000)));
    table.flush();
    // 0 and 1; then 1 and 0; then 1.
    expect(taken.map(({ interval }) => interval / 1e6)).toEqual([0, 1, 0, 1]);
    expect(sumOf(taken)).toEqual(expected(packets, 1_000_000));
  });

  it("refuses options out of range", () => {
    expect(() => tableOf({ capacity: 0 })).toThrow(RangeError);
    expect(() => tableOf({ intervalLength: 0 })).toThrow(RangeError);
    expect(() => tableOf({ intervalLength: 3.6e9 })).toThrow(RangeError);
    expect(() => tableOf({ key: new Uint8Array(8) })).toThrow(RangeError);
  });
});

describe("dark", () => {
  it("makes flows only of packets from outside to declared addresses in force, and counts the others apart", () => {
    const dark = new DarkSet(prefixes("192.0.2.0/25", "2001:db8:dd::/48"));
    const spoke: [string, number][] = [];
    const { table, taken } = tableOf({
      dark,
      onSpeaks: (address, time) => {
        spoke.push([address.join(), time]);
        dark.retire(address);
      },
    });
    const speaker = ip("192.0.2.7");
    table.add(
      batchOf([
        syn(),
        syn({ dst: ip("192.0.2.128") }),
        syn({ dst: ip("192.0.2.7") }),
        syn({ src: speaker, dst: ip("8.8.8.8"), time: 5 }),
        syn({ src: speaker, dst: ip("192.0.2.8"), time: 6 }),
        syn({ dst: ip("192.0.2.7") }),
        icmp(128, { protocol: 58, src: ip("2001:db8::1"), dst: ip("2001:db8:dd::9") }),
        icmp(128, { protocol: 58, src: ip("2001:db8::1"), dst: ip("2001:db8:de::9") }),
      ]),
    );
    table.flush();
    expect(table.counters).toMatchObject({ counted: 3, notDark: 2, fromDark: 2, retired: 1 });
    expect(packetsIn(taken)).toBe(3);
    expect(spoke).toEqual([[speaker.join(), 5]]);
    expect(dark.retired).toEqual([[...speaker]]);
    expect(dark.size).toBe(Number.MAX_SAFE_INTEGER - 1);
  });

  it("tells of a speaking address once an interval, and of no more than 1,024", () => {
    const dark = new DarkSet(prefixes("192.0.0.0/16"));
    let told = 0;
    const { table } = tableOf({ dark, onSpeaks: () => told++ });
    const packets = many(2000, syn(), (i) => ({ src: [0, 0, 0xffff, 0xc0000000 + (i % 1500)] }));
    table.add(batchOf(packets));
    table.add(batchOf(packets));
    expect(told).toBe(1024);
    table.add(batchOf([syn({ src: ip("192.0.0.1"), time: 10_000_000 })]));
    expect(told).toBe(1025);
    expect(table.counters).toMatchObject({ fromDark: 4001, counted: 0 });
  });
});

describe("a storm", () => {
  it("of two million spoofed sources stays in its memory and loses no packet", () => {
    let flows = 0;
    let folded = 0;
    let bytes = 0;
    let batches = 0;
    const sources = new Uint8Array(4096);
    const degraded: boolean[] = [];
    const capacity = 8192;
    const table = createFlowTable({
      sensor: "s",
      realm: "",
      exercise: "",
      key: KEY,
      dark: null,
      capacity,
      intervalLength: 10_000_000,
      onFlush: (batch) => {
        batches++;
        degraded.push(batch.degraded);
        for (let i = 0; i < batch.flows.count; i++) {
          flows += batch.flows.columns.packets.values[i]!;
          bytes += batch.flows.columns.bytes.values[i]!;
        }
        const c = batch.aggregates.columns;
        expect(batch.aggregates.count).toBeLessThanOrEqual(812);
        for (let i = 0; i < batch.aggregates.count; i++) {
          folded += c.packets.values[i]!;
          bytes += c.bytes.values[i]!;
          for (let j = 0; j < 4096; j++) sources[j] = Math.max(sources[j]!, c.src_registers.values[4096 * i + j]!);
        }
      },
    });
    const batch = batchOf(many(10_000, syn(), () => ({})));
    for (let round = 0; round < 200; round++) {
      for (let i = 0; i < 10_000; i++) {
        const n = round * 10_000 + i;
        batch.times[i] = n;
        batch.src[4 * i + 3] = Math.imul(n, 0x9e3779b1);
        batch.dstPort[i] = n % 7 === 0 ? n & 0xffff : 80;
      }
      table.add(batch);
    }
    table.flush();
    expect(flows + folded).toBe(2_000_000);
    expect(bytes).toBe(80_000_000);
    expect(table.counters).toMatchObject({ counted: 2_000_000, folded, earlyFlushes: 4, degradedIntervals: 1 });
    expect(flows).toBe(5 * capacity);
    expect(degraded.at(-1)).toBe(true);
    expect(degraded.slice(0, 4)).toEqual([false, false, false, false]);
    expect(Math.abs(estimateRegisters(sources) - folded) / folded).toBeLessThan(0.05);
    expect(batches).toBeLessThan(10);
    expect(table.bytes).toBe(flowTableBytes(capacity));
    expect(table.bytes).toBeLessThan(10e6);
  });

  it("ends with its interval", () => {
    const { table, taken } = tableOf({ capacity: 16, earlyFlushes: 0 });
    table.add(batchOf(many(20, syn(), (i) => ({ src: [0, 0, 0xffff, 0x01000000 + i] }))));
    table.add(batchOf([syn({ src: [0, 0, 0xffff, 0x01000000 + 3] })]));
    table.add(batchOf([syn({ time: 10_000_000 })]));
    table.flush();
    expect(taken.map(({ degraded, flows, aggregates }) => [degraded, flows.length, aggregates.length])).toEqual([
      [true, 16, 1],
      [false, 1, 0],
    ]);
    expect(taken[0]!.flows[3]!["packets"]).toBe(2);
    expect(taken[0]!.aggregates[0]).toMatchObject({ protocol: 6, dst_port: 23, packets: 4, bytes: 160, src_count: 4 });
  });

  it("of wide rows does not outgrow the pools", () => {
    const { table, taken } = tableOf({ capacity: 64, earlyFlushes: 2 });
    const packets = many(40_000, syn(), (i) => ({
      src: [0, 0, 0xffff, 0x01000000 + (i % 64)],
      dst: [0, 0, 0xffff, 0x0a000000 + (i >>> 6)],
      srcPort: i & 0xffff,
    }));
    table.add(batchOf(packets));
    table.flush();
    expect(packetsIn(taken)).toBe(40_000);
    expect(taken.at(-1)!.degraded).toBe(true);
  });
});
