// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { batchOf, icmp, ip, syn, udp } from "../../test/flow/packets.ts";
import type { Packet } from "../../test/flow/packets.ts";
import { SHAPE } from "../model/packets.ts";
import { classes, marks, spoofReasons } from "../model/traffic.ts";
import { classify, FACT } from "./classify.ts";

const factsOf = (packet: Packet): number => {
  const facts = new Uint32Array(1);
  classify(batchOf([packet]), facts);
  return facts[0] ?? 0;
};
const classOf = (packet: Packet): string | undefined => classes[factsOf(packet) & FACT.classBits];
const marksOf = (packet: Packet): string[] => marks.filter((_, i) => (factsOf(packet) & (32 << i)) !== 0);
const reasonsOf = (packet: Packet): string[] => spoofReasons.filter((_, i) => (factsOf(packet) & (512 << i)) !== 0);
const isBackscatter = (packet: Packet): boolean => (factsOf(packet) & FACT.backscatter) !== 0;
const v6 = { src: ip("2001:db8::1"), dst: ip("2001:db8:9::1"), protocol: 58 };

describe("class", () => {
  it.each([
    [0x02, "tcp-syn"],
    [0xc2, "tcp-syn"], // offers ECN
    [0x12, "tcp-syn-ack"],
    [0x52, "tcp-syn-ack"],
    [0x10, "tcp-ack"],
    [0x04, "tcp-rst"],
    [0x14, "tcp-rst"],
    [0x03, "tcp-other"],
    [0x18, "tcp-other"],
    [0x11, "tcp-other"],
    [0x00, "tcp-other"],
    [0x29, "tcp-other"],
  ])("of TCP flags 0x%s is %s", (tcpFlags, name) => expect(classOf(syn({ tcpFlags }))).toBe(name));

  it.each([
    [8, "icmp-echo-request", false],
    [0, "icmp-echo-reply", true],
    [3, "icmp-unreachable", true],
    [4, "icmp-source-quench", true],
    [5, "icmp-redirect", true],
    [11, "icmp-time-exceeded", true],
    [12, "icmp-parameter-problem", true],
    [14, "icmp-timestamp-reply", true],
    [16, "icmp-information-reply", true],
    [18, "icmp-mask-reply", true],
    [13, "icmp-other", false],
    [128, "icmp-other", false],
  ])("of ICMP type %i is %s (backscatter: %s)", (type, name, backscatter) => {
    expect(classOf(icmp(type))).toBe(name);
    expect(isBackscatter(icmp(type))).toBe(backscatter);
  });

  it.each([
    [128, "icmp-echo-request", false],
    [129, "icmp-echo-reply", true],
    [1, "icmp-unreachable", true],
    [2, "icmp-unreachable", true],
    [3, "icmp-time-exceeded", true],
    [4, "icmp-parameter-problem", true],
    [137, "icmp-redirect", true],
    [140, "icmp-information-reply", true],
    [0, "icmp-other", false],
    [8, "icmp-other", false],
  ])("of ICMPv6 type %i is %s (backscatter: %s)", (type, name, backscatter) => {
    expect(classOf(icmp(type, v6))).toBe(name);
    expect(isBackscatter(icmp(type, v6))).toBe(backscatter);
  });

  it("of other protocols is unknown, of UDP udp", () => {
    expect(classOf(udp())).toBe("udp");
    expect(classOf(icmp(0, { protocol: 47 }))).toBe("unknown");
  });

  it("of later fragments never reads the header that is not there", () => {
    const shape = SHAPE.fragment | SHAPE.laterFragment;
    expect(classOf(icmp(3, { shape }))).toBe("icmp-other");
    expect(classOf(icmp(3, { shape, protocol: 6 }))).toBe("tcp-other");
    expect(isBackscatter(icmp(3, { shape, protocol: 6 }))).toBe(false);
    expect(classOf(icmp(3, { shape, protocol: 17 }))).toBe("udp");
  });
});

describe("backscatter", () => {
  it("is a SYN-ACK, any RST and UDP from port 53", () => {
    expect([0x12, 0x04, 0x14, 0x06].map((tcpFlags) => isBackscatter(syn({ tcpFlags })))).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect([0x02, 0x10, 0x18].map((tcpFlags) => isBackscatter(syn({ tcpFlags })))).toEqual([false, false, false]);
    expect([53, 54].map((srcPort) => isBackscatter(udp({ srcPort })))).toEqual([true, false]);
  });

  it("knows a quoted packet that the dark address never sent", () => {
    const inner = { shape: SHAPE.inner, innerSrc: ip("192.0.2.1"), innerDst: ip("203.0.113.7"), innerProtocol: 6 };
    expect(factsOf(icmp(3, inner)) & (FACT.innerVictim | FACT.mismatch)).toBe(FACT.innerVictim);
    expect(factsOf(icmp(3, { ...inner, innerSrc: ip("192.0.2.2") })) & FACT.mismatch).toBe(FACT.mismatch);
    expect(factsOf(icmp(8, inner)) & FACT.innerVictim).toBe(0);
  });
});

describe("marks", () => {
  const dst = 0xc0000201;
  const masscan = { tcpWindow: 1024, tcpSeq: 0x12345678, ipId: (dst ^ 23 ^ 0x12345678) & 0xffff };

  it("finds each tool", () => {
    expect(marksOf(syn())).toEqual([]);
    expect(marksOf(syn({ tcpSeq: dst }))).toEqual(["mirai"]);
    expect(marksOf(syn({ ipId: 54321 }))).toEqual(["zmap"]);
    expect(marksOf(syn(masscan))).toEqual(["masscan"]);
    expect(marksOf(syn({ ...masscan, tcpOffset: 6, ttl: 255 }))).toEqual(["masscan"]);
    expect(marksOf(syn({ tcpWindow: 1024, ttl: 240 }))).toEqual(["stateless"]);
    expect(marksOf(syn({ ...masscan, ttl: 255 }))).toEqual(["masscan", "stateless"]);
  });

  it("does not take for masscan what only looks like it", () => {
    // A Mirai packet whose IP ID happens to be its port.
    expect(marksOf(syn({ tcpSeq: dst, tcpWindow: 1024, ipId: 23 }))).toEqual(["mirai"]);
    expect(marksOf(syn({ ...masscan, tcpWindow: 29200 }))).toEqual([]);
  });

  it("finds them on SYNs alone", () => {
    for (const tcpFlags of [0x12, 0x10, 0x04, 0x06])
      expect(marksOf(syn({ ...masscan, ttl: 255, tcpFlags }))).toEqual([]);
    expect(marksOf(udp({ ipId: 54321 }))).toEqual([]);
  });

  it("finds nothing of IPv4 in IPv6, but the shape", () => {
    const both = { src: v6.src, dst: [0x20010db8, 9, 0xffff, 1] as const, ipId: 54321, tcpSeq: 1 };
    expect(marksOf(syn({ ...both, tcpWindow: 1024, ttl: 255 }))).toEqual(["stateless"]);
  });
});

describe("spoof reasons", () => {
  it.each<[string, Packet, string[]]>([
    ["an ordinary SYN", syn(), []],
    ["an ordinary RST-ACK", syn({ tcpFlags: 0x14 }), []],
    ["a Christmas tree", syn({ tcpFlags: 0x29 }), ["protocol"]],
    ["no flags", syn({ tcpFlags: 0 }), ["protocol"]],
    ["GRE", icmp(0, { protocol: 47 }), ["protocol"]],
    ["ICMPv6", icmp(128, v6), []],
    ["TTL 200", syn({ ttl: 200 }), ["ttl"]],
    ["TTL 199", syn({ ttl: 199 }), []],
    ["TTL 255 in the scan shape", syn({ ttl: 255, tcpWindow: 1024 }), []],
    ["TTL 255 with options", syn({ ttl: 255, tcpWindow: 1024, tcpOffset: 6 }), ["ttl"]],
    ["TTL 255 in ICMP", icmp(8, { ttl: 255 }), []],
    ["TTL 255 in UDP", udp({ ttl: 255 }), ["ttl"]],
    ["a first fragment", udp({ shape: SHAPE.ports | SHAPE.fragment }), ["fragment"]],
    ["a network address", syn({ src: ip("198.51.100.0") }), ["last_octet"]],
    ["a broadcast address", syn({ src: ip("198.51.100.255") }), ["last_octet"]],
    ["an IPv6 address ending in 00", icmp(128, { ...v6, src: ip("2001:db8::100") }), []],
    ["a land attack", syn({ src: ip("192.0.2.1") }), ["same"]],
    ["source port 0", syn({ srcPort: 0 }), ["port_zero"]],
    ["UDP port 0", udp({ dstPort: 0 }), ["port_zero"]],
    ["UDP to port 80", udp({ dstPort: 80 }), ["udp_80"]],
    ["TCP to port 80", syn({ dstPort: 80 }), []],
  ])("of %s", (_, packet, reasons) => expect(reasonsOf(packet)).toEqual(reasons));
});
