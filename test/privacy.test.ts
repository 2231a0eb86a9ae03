// SPDX-License-Identifier: Apache-2.0

/**
 * Tries to learn a dark address from everything that a flow table hands on. The attacker sees every row, knows the
 * program, chose the packets where the test says so, and lacks nothing but the sensor's key.
 */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DarkSet } from "../src/flow/dark.ts";
import { Tokens, tokenKey } from "../src/flow/token.ts";
import { SHAPE } from "../src/model/packets.ts";
import { isV4 } from "../src/net/ip.ts";
import type { IpWords } from "../src/net/ip.ts";
import { parsePrefix } from "../src/net/prefix.ts";
import { anyPacket, batchOf, icmp, ip, KEY, syn, tableOf } from "./flow/packets.ts";
import type { Packet, Row, Taken } from "./flow/packets.ts";

const DISTINCT = new Set(["dst_tokens", "dst_registers"]);
const run = (packets: readonly Packet[], key = KEY): Taken[] => {
  const { table, taken } = tableOf({ key, intervalLength: 60_000_000, capacity: 4096 });
  table.add(batchOf(packets));
  table.flush();
  return taken;
};
/** All that leaves, but the columns that are there to count dark addresses. */
const open = (taken: readonly Taken[]): unknown =>
  taken.map(({ interval, degraded, flows, aggregates }) => [
    interval,
    degraded,
    flows.map((row) => Object.fromEntries(Object.entries(row).filter(([name]) => !DISTINCT.has(name)))),
    aggregates,
  ]);
const tokensOf = (taken: readonly Taken[]): number[] =>
  taken.flatMap(({ flows }) => flows.flatMap((row) => row["dst_tokens"] as number[]));

/**
 * The packets as they would have been had the sensor stood elsewhere: every dark address is moved, and so is all in a
 * packet that its sender computes from the address it sends to.
 */
const moved = (packets: readonly Packet[], move: (dst: IpWords) => IpWords): Packet[] =>
  packets.map((packet) => {
    const dst = move(packet.dst);
    const [from, to] = [packet.dst[3], dst[3]];
    const change: Partial<Packet> = { dst };
    if (packet.innerSrc !== undefined) change.innerSrc = move(packet.innerSrc);
    if (packet.tcpSeq !== undefined && packet.tcpSeq === from) change.tcpSeq = to;
    else if (packet.tcpSeq !== undefined && packet.dstPort !== undefined && isV4(packet.dst)) {
      const old = (from ^ packet.dstPort ^ packet.tcpSeq) & 0xffff;
      if (old === packet.ipId) change.ipId = (to ^ packet.dstPort ^ packet.tcpSeq) & 0xffff;
    }
    return Object.assign({}, packet, change);
  });

/** Packets of tools that write the destination into their headers, among all others. */
const tellingPacket = fc.tuple(anyPacket, fc.constantFrom("as it is", "mirai", "masscan")).map(([packet, tool]) => {
  if (packet.protocol !== 6 || packet.tcpSeq === undefined || !isV4(packet.dst)) return packet;
  if (tool === "mirai") return Object.assign(packet, { tcpSeq: packet.dst[3] });
  // Chance hits of the random headers would not move with the address.
  Object.assign(packet, { tcpSeq: 0x5bd10000 + (packet.ttl & 1), ipId: 7 });
  if (tool === "masscan")
    Object.assign(packet, { tcpWindow: 1024, ipId: (packet.dst[3] ^ (packet.dstPort ?? 0) ^ packet.tcpSeq) & 0xffff });
  return packet;
});

describe("what leaves the sensor", () => {
  it("is the same wherever the sensor stands, but for tokens and registers", () => {
    fc.assert(
      fc.property(
        fc.array(tellingPacket, { minLength: 1, maxLength: 120 }),
        fc.integer({ min: 1, max: 0xffff }),
        (packets, mask) => {
          const other = moved(packets, (dst) => [dst[0], dst[1], dst[2], (dst[3] ^ mask) >>> 0]);
          // A source is never dark: `same` would rightly tell that both are one.
          fc.pre(packets.every(({ src, dst }, i) => src.join() !== dst.join() && src.join() !== other[i]!.dst.join()));
          expect(open(run(other))).toEqual(open(run(packets)));
        },
      ),
      { numRuns: 200 },
    );
  });

  it("has as many tokens and registers wherever the sensor stands", () => {
    const packets = Array.from({ length: 3000 }, (_, i) =>
      syn({ src: ip(i < 2000 ? "198.51.100.9" : "198.51.100.10"), dst: [0, 0, 0xffff, 0xc0000000 + (i % 2000)] }),
    );
    const count = (taken: readonly Taken[]): unknown =>
      taken.map(({ flows }) => flows.map((row) => [...DISTINCT].map((name) => (row[name] as number[]).length)));
    expect(count(run(moved(packets, ([a, b, c, d]) => [a, b, c, (d ^ 0x5555) >>> 0])))).toEqual(count(run(packets)));
  });

  it("holds no number that is or encloses the dark address, whatever the packets carry", () => {
    // An address none of whose halves appears by chance; the packets repeat it wherever a protocol lets them.
    const dst = ip("203.99.87.41");
    const address = dst[3];
    const quoted = { shape: SHAPE.inner | SHAPE.innerPorts, innerProtocol: 17, innerSrcPort: 5, innerDstPort: 53 };
    const packets = [
      syn({ dst, tcpSeq: address }),
      syn({ dst, tcpWindow: 1024, tcpSeq: 99, ipId: (address ^ 23 ^ 99) & 0xffff, ttl: 255 }),
      icmp(3, { dst, ...quoted, innerSrc: dst, innerDst: ip("198.51.100.77") }),
      icmp(3, { dst, ...quoted, innerSrc: ip("203.99.87.42"), innerDst: ip("198.51.100.77") }),
      icmp(5, { dst, ...quoted, innerSrc: dst, innerDst: ip("198.51.100.78") }),
    ];
    const numbers = run(packets)
      .flatMap(({ flows }) => flows)
      .flatMap((row: Row) => Object.values(row).flat())
      .filter((value) => value !== undefined);
    const telling = new Set([
      address,
      address ^ 1,
      address >>> 16,
      address & 0xffff,
      (address ^ 23 ^ 99) & 0xffff,
      address >>> 8,
      address & 0xffffff,
    ]);
    expect(numbers.length).toBeGreaterThan(100);
    expect(numbers.filter((value) => telling.has(value))).toEqual([]);
  });
});

describe("an ICMP error that quotes a dark address as its destination", () => {
  const quoting = (dst: IpWords, innerDst: IpWords): Packet =>
    icmp(3, {
      dst,
      shape: SHAPE.inner | SHAPE.innerPorts,
      innerProtocol: 17,
      innerSrcPort: 5,
      innerDstPort: 53,
      innerSrc: ip("198.51.100.77"),
      innerDst,
    });
  const [one, other, outside] = [ip("203.99.87.41"), ip("203.99.87.200"), ip("198.51.100.78")];
  const [six, sixth] = [ip("2001:db8:77::1"), ip("2001:db8:77::9")];

  it("does not carry it outside, be it its own or another one of the sensor", () => {
    const dark = new DarkSet([parsePrefix("203.99.87.0/24")!, parsePrefix("2001:db8:77::/48")!]);
    const { table, taken } = tableOf({ dark });
    const packets = [quoting(one, one), quoting(one, other), quoting(six, six), quoting(six, sixth)];
    table.add(batchOf([...packets, quoting(one, outside)]));
    table.flush();
    const rows = taken.flatMap(({ flows }) => flows);
    expect(rows.reduce((sum, row) => sum + Number(row["packets"]), 0)).toBe(5);
    expect(rows.flatMap(({ victim }) => (victim === undefined ? [] : [victim]))).toEqual([[...outside]]);
    expect(rows.every((row) => row["icmp_mismatches"] === row["packets"])).toBe(true);
  });

  it("does not carry its own one where every destination is taken for dark", () => {
    const rows = run([quoting(one, one), quoting(six, six)]).flatMap(({ flows }) => flows);
    expect(rows.length).toBe(1);
    expect(rows[0]).toMatchObject({ victim: undefined, packets: 2 });
  });
});

describe("tokens", () => {
  const source = ip("198.51.100.9");
  const secrets = ["192.0.2.1", "192.0.77.200", "192.0.255.3"].map(ip);
  const taken = run(secrets.map((dst) => syn({ src: source, dst })));

  /** Every address of 192.0.0.0/16 with a known source, through the program's own token function with a guessed key. */
  const guesses = (key: Uint8Array): Map<number, number> => {
    const left = new Uint32Array(65536).fill(source[3]);
    const right = Uint32Array.from(left, (_, i) => 0xc0000000 + i);
    const out = new Int32Array(65536);
    new Tokens(tokenKey(key)).pairsV4(left, right, 65536, out);
    return new Map(Array.from(out, (token, i) => [token >>> 0, right[i]!]));
  };

  it("fall to a search of the /16 only with the key (so the search itself works)", () => {
    const found = (key: Uint8Array): (number | undefined)[] => tokensOf(taken).map((token) => guesses(key).get(token));
    expect(found(KEY).sort()).toEqual(secrets.map((dst) => dst[3]).sort());
    // Keys an attacker would try, and each bit of the right one turned.
    const wrong = [new Uint8Array(16), new Uint8Array(16).fill(255), KEY.toReversed()];
    for (let bit = 0; bit < 128; bit += 11)
      wrong.push(KEY.map((byte, i) => (i === bit >>> 3 ? byte ^ (1 << (bit & 7)) : byte)));
    const hits = wrong
      .flatMap(found)
      .filter((address) => address !== undefined && secrets.some((dst) => dst[3] === address));
    expect(hits).toEqual([]);
  });

  it("look the same for any address: one bit of the address turns half the bits, under every key", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.nat({ max: 31 }), (key, bit) => {
        const right = Uint32Array.from({ length: 2048 }, (_, i) => 0xc0000000 + i);
        const left = new Uint32Array(2048).fill(source[3]);
        const out = [right, right.map((dst) => dst ^ (1 << bit))].map((column) => {
          const tokens = new Int32Array(2048);
          new Tokens(tokenKey(key)).pairsV4(left, column, 2048, tokens);
          return tokens;
        });
        let turned = 0;
        for (let i = 0; i < 2048; i++) for (let x = out[0]![i]! ^ out[1]![i]!; x !== 0; x &= x - 1) turned++;
        // 65,536 fair coins: the mean is 32,768, the standard deviation 128.
        expect(Math.abs(turned - 32768)).toBeLessThan(6 * 128);
      }),
      { numRuns: 50, seed: 5 },
    );
  });

  it("of chosen probes cannot be told from other tokens, nor joined over sources", () => {
    // The attacker sends to the suspected address and to 99 others, from 40 addresses of his own, and has all rows.
    const suspected = ip("192.0.2.1");
    const probes = Array.from({ length: 40 }, (_, i): IpWords => [0, 0, 0xffff, 0xc6336500 + i]);
    const rows = run([
      ...secrets.map((dst) => syn({ src: source, dst })),
      ...probes.map((src) => syn({ src, dst: suspected })),
    ]);
    // His own packets make tokens that never come back in the rows of other sources.
    const byRow = rows.flatMap(({ flows }) => flows.map((row) => row["dst_tokens"] as number[]));
    const all = byRow.flat();
    expect(all.length).toBe(43);
    expect(new Set(all).size).toBe(43);
    // Two sensors with keys of their own never share a token for one pair.
    const other = run(
      secrets.map((dst) => syn({ src: source, dst })),
      KEY.map((byte) => byte ^ 0x5a),
    );
    expect(tokensOf(other).filter((token) => all.includes(token))).toEqual([]);
    // Differences do not carry over from one source to the next, as they would with a linear hash.
    const pairs = (src: IpWords): number => {
      const [a, b] = run([syn({ src, dst: secrets[0]! }), syn({ src, dst: secrets[1]! })]).flatMap(({ flows }) =>
        flows.flatMap((row) => row["dst_tokens"] as number[]),
      );
      return (a! ^ b!) >>> 0;
    };
    expect(new Set(probes.map(pairs)).size).toBe(40);
  });

  it("are keyed by victim, so that routers on the way do not multiply a victim's count", () => {
    const errors = ["198.51.100.1", "198.51.100.2"].map((router) =>
      icmp(11, {
        src: ip(router),
        dst: ip("192.0.2.5"),
        shape: SHAPE.inner,
        innerProtocol: 6,
        innerSrc: ip("192.0.2.5"),
        innerDst: ip("203.0.113.7"),
      }),
    );
    const tokens = tokensOf(run(errors));
    expect(tokens.length).toBe(2);
    expect(new Set(tokens).size).toBe(1);
  });
});
