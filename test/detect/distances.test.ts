// SPDX-License-Identifier: Apache-2.0
import { createReadStream, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createGunzip } from "node:zlib";
import { describe, expect, it } from "vitest";
import { openCapture } from "../../src/capture/capture.ts";
import { decode } from "../../src/decode/decode.ts";
import { differences } from "../../src/detect/neighbours.ts";
import { decodeCounters, packetBatch } from "../../src/model/packets.ts";
import { parseIp } from "../../src/net/ip.ts";

/** What real hosts at real distances show: the measurement behind `src/detect/neighbours.ts` and `src/simulate/paths.ts`. */
const folder = join(import.meta.dirname, "../../../shared/data");
const HONEYPOT = "167.172.104.173";

type Distances = Map<number, number>;
const hopsOf = (ttl: number): number => (ttl <= 64 ? 64 : ttl <= 128 ? 128 : 255) - ttl;

/** The first TTL of each host that answered one address. */
const reflectors = async (): Promise<Distances> => {
  const found: Distances = new Map();
  const counters = decodeCounters();
  const packets = packetBatch(1000);
  for await (const raw of openCapture({ path: join(folder, "captures/amp.UDP.isakmp.pcap") })) {
    for (let from = 0; from < raw.count;) {
      packets.count = 0;
      from = decode(raw, from, packets, counters);
      for (let i = 0; i < packets.count; i++) {
        const source = packets.src[i * 4 + 3]!;
        if (!found.has(source)) found.set(source, hopsOf(packets.ttl[i]!));
      }
    }
  }
  return found;
};
/** The first TTL of each host that a honeypot heard SYNs or SYN-ACKs of. */
const callers = async (): Promise<Distances> => {
  const found: Distances = new Map();
  for (const name of readdirSync(join(folder, "honeypot/p0f"))) {
    const lines = createInterface({ input: createReadStream(join(folder, "honeypot/p0f", name)).pipe(createGunzip()) });
    for await (const line of lines) {
      const [, kind] = /"mod": "(syn|syn\+ack)"/.exec(line) ?? [];
      const [, ttl] = /"raw_sig": "4:(\d+)[+-]/.exec(line) ?? [];
      const [, address] = (kind === "syn" ? /"client_ip": "([^"]+)"/ : /"server_ip": "([^"]+)"/).exec(line) ?? [];
      const source = address === undefined ? null : parseIp(address);
      if (kind === undefined || ttl === undefined || source == null || address === HONEYPOT) continue;
      if (!found.has(source[3])) found.set(source[3], hopsOf(Number(ttl)));
    }
  }
  return found;
};

/** Of pairs of hosts that share so many bits of their addresses (at most 20 pairs a network): the share within so many hops. */
const sharesOf = (found: Distances, bits: number, hops: readonly number[]): number[] => {
  const networks = new Map<number, number[]>();
  for (const [address, distance] of found) {
    const network = bits === 0 ? 0 : address >>> (32 - bits);
    const list = networks.get(network) ?? [];
    list.push(distance);
    networks.set(network, list);
  }
  const apart: number[] = [];
  for (const list of networks.values()) {
    const most = bits === 0 ? 20_000 : 20;
    const all = (list.length * (list.length - 1)) / 2;
    for (let n = 0; n < Math.min(all, most); n++) {
      // Every pair, or some of them spread evenly over all.
      let rest = Math.floor((n * all) / Math.min(all, most));
      let first = 0;
      while (rest >= list.length - 1 - first) rest -= list.length - 1 - first++;
      apart.push(Math.abs(list[first]! - list[first + 1 + rest]!));
    }
  }
  return hops.map((most) => apart.filter((one) => one <= most).length / apart.length);
};

describe.skipIf(!existsSync(folder))(
  `distances of real hosts${existsSync(folder) ? "" : " (skipped: no ../shared/data)"}`,
  () => {
    it("are alike in one network and unlike elsewhere, as the rules and the simulator have it", async () => {
      const [answered, called] = [await reflectors(), await callers()];
      expect(answered.size).toBe(2767);
      expect(called.size).toBeGreaterThan(3000);
      // Of pairs in one /24, /20, /16 and any: as far, within a hop, within three; of reflectors and of callers.
      const table = [24, 20, 16, 0].map((bits) =>
        [answered, called]
          .flatMap((found) => sharesOf(found, bits, [0, 1, 3]).map((share) => share.toFixed(2)))
          .join(" "),
      );
      expect(table).toMatchInlineSnapshot(`
      [
        "0.78 0.98 1.00 0.83 0.95 0.99",
        "0.70 0.97 1.00 0.76 0.90 0.97",
        "0.56 0.88 0.98 0.59 0.79 0.92",
        "0.08 0.21 0.42 0.07 0.19 0.38",
      ]
    `);
      for (const [bits, kernel] of [
        [20, differences.near],
        [16, differences.far],
      ] as const) {
        const [a, b] = [answered, called].map((found) => sharesOf(found, bits, [0, 1, 2, 3]));
        let sum = 0;
        for (const [hops, share] of kernel.slice(0, 4).entries()) {
          sum += share;
          const [low, high] = [Math.min(a![hops]!, b![hops]!), Math.max(a![hops]!, b![hops]!)];
          expect(sum).toBeGreaterThan(low - 0.03);
          expect(sum).toBeLessThan(high + 0.03);
        }
      }
    });
  },
);
