// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import * as build from "./build.ts";

export interface Seed {
  readonly linkType: number;
  readonly packet: Uint8Array;
}

/** Real captures, where this machine has them. */
export const REAL = join(import.meta.dirname, "../../../shared/data/captures");
export const realCaptures = (): string[] =>
  existsSync(REAL)
    ? readdirSync(REAL)
        .sort()
        .map((name) => join(REAL, name))
    : [];

/** Packets of a plain little-endian pcap file, every `step`th. */
const packetsOf = (path: string, step: number): Seed[] => {
  const file = readFileSync(path);
  const linkType = file.readUInt32LE(20);
  const seeds: Seed[] = [];
  for (let at = 24, n = 0; at + 16 <= file.length; n++) {
    const size = file.readUInt32LE(at + 8);
    if (n % step === 0) seeds.push({ linkType, packet: file.subarray(at + 16, at + 16 + size) });
    at += 16 + size;
  }
  return seeds;
};

const { ethernet, hex, icmp, ipv4, ipv6, mpls, sll, sll2, tcp, udp, vlan, zeros } = build;

const upperLayers = (): number[][] => {
  const options = [
    "",
    "020405b4",
    "020405b40402080a000000010000000001030307",
    "020405b4010303080101 0402",
    "0101010101010101",
  ];
  const v4 = [
    ...options.map((text) => ipv4(tcp({ options: hex(text) }))),
    ipv4(tcp({ flags: 0x12 }), { options: hex("94040000") }),
    ipv4(udp(zeros(20)), { protocol: 17 }),
    ipv4(udp(zeros(20), { length: 1480 }), { protocol: 17, fragment: 0x2000 }),
    ipv4(zeros(40), { protocol: 17, fragment: 0x00b9 }),
    ipv4(icmp(8, 0, zeros(16)), { protocol: 1 }),
    ipv4(icmp(3, 3, ipv4(udp(), { protocol: 17 })), { protocol: 1 }),
    ipv4(icmp(11, 0, ipv4(tcp(), { options: zeros(8) })), { protocol: 1 }),
    ipv4(hex("00000800"), { protocol: 47 }),
    ipv4(ipv4(tcp()), { protocol: 4 }),
  ];
  const extension = [6, 0, ...zeros(6)];
  const v6 = [
    ipv6(6, tcp({ options: hex("020405a0") })),
    ipv6(17, udp(zeros(9))),
    ipv6(58, icmp(128, 0)),
    ipv6(58, icmp(1, 4, ipv6(17, udp()))),
    ipv6(58, icmp(3, 0, ipv6(0, [...extension, ...tcp()]))),
    ipv6(0, [43, 0, ...zeros(6), 44, 0, ...zeros(6), ...extension, ...tcp()]),
    ipv6(44, [6, 0, 0, 1, ...zeros(4), ...tcp()]),
    ipv6(51, [6, 4, ...zeros(22), ...tcp()]),
    ipv6(6, tcp(), { src: hex("00000000 00000000 0000ffff c6336407") }),
    ipv6(58, icmp(1, 4, ipv6(17, udp(), { dst: hex("00000000 00000000 0000ffff c6336407") }))),
  ];
  return [...v4, ...v6];
};

/** Packets to begin with: every link type around every upper layer, and real ones where there are any. */
export const corpus = (): Seed[] => {
  const made = upperLayers().flatMap((ip) => {
    const type = ip[0]! >> 4 === 4 ? 0x0800 : 0x86dd;
    const frames: [number, number[]][] = [
      [1, ethernet(type, ip)],
      [1, ethernet(type, ip)], // what the fast path is for deserves more
      [1, ethernet(0x8100, vlan(type, ip))],
      [1, ethernet(0x88a8, vlan(0x8100, vlan(type, ip)))],
      [1, ethernet(0x8847, mpls(false, mpls(true, ip)))],
      [1, ethernet(0x8864, [...hex(`11000001002a00${type === 0x0800 ? "21" : "57"}`), ...ip])],
      [113, sll(type, ip)],
      [276, sll2(type, ip)],
      [101, ip],
      [type === 0x0800 ? 228 : 229, ip],
      [0, [type === 0x0800 ? 2 : 30, 0, 0, 0, ...ip]],
      [108, [0, 0, 0, type === 0x0800 ? 2 : 24, ...ip]],
      [147, ip],
    ];
    return frames.map(([linkType, bytes]): Seed => ({ linkType, packet: Uint8Array.from(bytes) }));
  });
  return [...made, ...realCaptures().flatMap((path) => packetsOf(path, 97))];
};
