// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import {
  DST4,
  DST6,
  SRC6,
  ethernet,
  hex,
  icmp,
  ipv4,
  ipv6,
  mpls,
  rawOf,
  sll,
  sll2,
  tcp,
  u16,
  udp,
  vlan,
  zeros,
} from "../../test/fuzz/build.ts";
import type { Bytes } from "../../test/fuzz/build.ts";
import { formatIp } from "../net/ip.ts";
import { SHAPE, decodeCounters, packetBatch } from "../model/packets.ts";
import type { DecodeCounters, PacketBatch } from "../model/packets.ts";
import { formatSignature } from "../model/signature.ts";
import { decode } from "./decode.ts";

const run = (linkType: number, ...packets: Bytes[]): { out: PacketBatch; counters: DecodeCounters } => {
  const out = packetBatch(packets.length);
  const counters = decodeCounters();
  expect(decode(rawOf(linkType, packets), 0, out, counters)).toBe(packets.length);
  return { out, counters };
};
const counted = (counters: DecodeCounters): Record<string, number> =>
  Object.fromEntries(Object.entries(counters).filter(([, count]) => count > 0));
/** How one packet ends. */
const ending = (linkType: number, packet: Bytes): Record<string, number> => counted(run(linkType, packet).counters);
const ends = (packet: Bytes): Record<string, number> => ending(1, ethernet(0x0800, packet));
const ends6 = (packet: Bytes): Record<string, number> => ending(1, ethernet(0x86dd, packet));

const addresses = (out: PacketBatch, n = 0): string[] => [formatIp(out.src, 4 * n), formatIp(out.dst, 4 * n)];
const V4_PAIR = ["198.51.100.7", "192.0.2.33"];
const V6_PAIR = ["2001:db8::7", "2001:db8:ffff::33"];
const syn4 = ipv4(tcp());
const syn6 = ipv6(6, tcp());
/** ::ffff:198.51.100.7 */
const mapped = hex("00000000 00000000 0000ffff c6336407");

describe("link types", () => {
  const cases: [string, number, Bytes, string[]][] = [
    ["Ethernet", 1, ethernet(0x0800, syn4), V4_PAIR],
    ["Ethernet, IPv6", 1, ethernet(0x86dd, syn6), V6_PAIR],
    ["VLAN", 1, ethernet(0x8100, vlan(0x0800, syn4)), V4_PAIR],
    ["QinQ", 1, ethernet(0x88a8, vlan(0x8100, vlan(0x86dd, syn6))), V6_PAIR],
    ["QinQ of old", 1, ethernet(0x9100, vlan(0x8100, vlan(0x0800, syn4))), V4_PAIR],
    ["three tags", 1, ethernet(0x8100, vlan(0x8100, vlan(0x8100, vlan(0x0800, syn4)))), V4_PAIR],
    ["MPLS", 1, ethernet(0x8847, mpls(true, syn4)), V4_PAIR],
    ["MPLS stack, IPv6", 1, ethernet(0x8847, mpls(false, mpls(false, mpls(true, syn6)))), V6_PAIR],
    ["MPLS in VLAN", 1, ethernet(0x8100, vlan(0x8848, mpls(true, syn4))), V4_PAIR],
    ["PPPoE", 1, ethernet(0x8864, [...hex("11 00 0001 002a 0021"), ...syn4]), V4_PAIR],
    ["PPPoE, IPv6", 1, ethernet(0x8864, [...hex("11 00 0001 002a 0057"), ...syn6]), V6_PAIR],
    ["Linux SLL", 113, sll(0x0800, syn4), V4_PAIR],
    ["Linux SLL with VLAN", 113, sll(0x8100, vlan(0x86dd, syn6)), V6_PAIR],
    ["Linux SLL2", 276, sll2(0x86dd, syn6), V6_PAIR],
    ["raw", 101, syn4, V4_PAIR],
    ["raw, IPv6", 101, syn6, V6_PAIR],
    ["raw as BSD/OS writes it", 12, syn4, V4_PAIR],
    ["raw as OpenBSD writes it", 14, syn6, V6_PAIR],
    ["raw IPv4", 228, syn4, V4_PAIR],
    ["raw IPv6", 229, syn6, V6_PAIR],
    ["null, little-endian", 0, [...hex("02000000"), ...syn4], V4_PAIR],
    ["null, big-endian", 0, [...hex("00000002"), ...syn4], V4_PAIR],
    ["null, IPv6 of Darwin", 0, [...hex("1e000000"), ...syn6], V6_PAIR],
    ["null, IPv6 of FreeBSD", 0, [...hex("0000001c"), ...syn6], V6_PAIR],
    ["loopback, IPv6 of OpenBSD", 108, [...hex("00000018"), ...syn6], V6_PAIR],
  ];
  it.each(cases)("%s", (_, linkType, packet, pair) => {
    const { out, counters } = run(linkType, packet);
    expect(counted(counters)).toEqual({ decoded: 1 });
    expect(addresses(out)).toEqual(pair);
    expect(out.dstPort[0]).toBe(23);
  });

  it.each<[string, number, Bytes, string]>([
    ["ARP", 1, ethernet(0x0806, zeros(28)), "not_ip"],
    ["802.3 length", 1, ethernet(46, zeros(46)), "not_ip"],
    ["MPLS pseudo-wire", 1, ethernet(0x8847, mpls(true, zeros(40))), "not_ip"],
    ["PPPoE with LCP", 1, ethernet(0x8864, [...hex("11 00 0001 0002 c021"), ...zeros(8)]), "not_ip"],
    ["another address family", 0, [...hex("07000000"), ...syn4], "not_ip"],
    ["SLL with ARP", 113, sll(0x0806, zeros(28)), "not_ip"],
    ["802.11", 105, zeros(60), "link_type"],
    ["EtherType and version differ", 1, ethernet(0x0800, syn6), "ip_version"],
    ["raw with version 5", 101, hex("55000000"), "ip_version"],
    ["raw IPv4 with IPv6 in it", 228, syn6, "ip_version"],
    ["no bytes at all", 1, [], "truncated"],
    ["half an Ethernet header", 1, zeros(13), "truncated"],
    ["Ethernet header alone", 1, ethernet(0x0800, []), "truncated"],
    ["cut in a tag", 1, ethernet(0x8100, [0, 7]), "truncated"],
    ["cut in a label", 1, ethernet(0x8847, [0, 7]), "truncated"],
    ["cut behind the labels", 1, ethernet(0x8847, mpls(true, [])), "truncated"],
    ["cut in PPPoE", 1, ethernet(0x8864, [0x11, 0]), "truncated"],
    ["half an address family", 0, [2, 0], "truncated"],
    ["half of SLL", 113, zeros(15), "truncated"],
    ["half of SLL2", 276, zeros(19), "truncated"],
    ["raw, empty", 101, [], "truncated"],
  ])("%s: not decoded", (_, linkType, packet, kind) => {
    expect(ending(linkType, packet)).toEqual({ [kind]: 1 });
  });

  it("gives up on endless tags", () => {
    let nested: Bytes = syn4;
    for (let i = 0; i < 40; i++) nested = vlan(i === 0 ? 0x0800 : 0x8100, nested);
    expect(ending(1, ethernet(0x8100, nested))).toEqual({ not_ip: 1 });
    const labels = Array.from({ length: 40 }).flatMap(() => mpls(false, []));
    expect(ending(1, ethernet(0x8847, labels))).toEqual({ not_ip: 1 });
  });
});

describe("IPv4", () => {
  it("fills every column of a SYN", () => {
    const { out } = run(1, ethernet(0x0800, ipv4(tcp({ flags: 0xc2 }), { id: 54_321, ttl: 250 })));
    expect(out.times[0]).toBe(1_700_000_000_000_000);
    expect([...out.src]).toEqual([0, 0, 0xffff, 0xc6336407]);
    expect([...out.dst]).toEqual([0, 0, 0xffff, 0xc0000221]);
    expect(out).toMatchObject({ count: 1, bytes: { 0: 40 }, protocol: { 0: 6 }, ttl: { 0: 250 }, ipId: { 0: 54_321 } });
    expect(out).toMatchObject({ srcPort: { 0: 40_000 }, dstPort: { 0: 23 }, tcpSeq: { 0: 0xdeadbeef } });
    expect(out).toMatchObject({ tcpFlags: { 0: 0xc2 }, tcpWindow: { 0: 1024 }, tcpOffset: { 0: 5 } });
    expect(out.shape[0]).toBe(SHAPE.ports | SHAPE.signature);
  });

  it("passes over options of the header", () => {
    const { out } = run(101, ipv4(tcp({ dst: 8080 }), { options: hex("94040000 01010101") }));
    expect([out.dstPort[0], out.bytes[0]]).toEqual([8080, 48]);
  });

  it("takes no padding for payload", () => {
    // 60 bytes on the wire, 21 of them IP: one byte of UDP header is all that IP owns.
    expect(ends([...ipv4([0], { protocol: 17 }), ...udp()])).toEqual({ udp_length: 1 });
    expect(ends([...ipv4(udp([], { length: 9 }), { protocol: 17 }), ...zeros(18)])).toEqual({ udp_length: 1 });
    expect(ends([...ipv4(tcp({ words: 6 })), ...zeros(6)])).toEqual({ tcp_header_length: 1 });
    const quote = [...ipv4(icmp(3, 1), { protocol: 1 }), ...ipv4(udp(), { protocol: 17 })];
    expect(run(1, ethernet(0x0800, quote)).out.shape[0]).toBe(0);
  });

  it("counts fragments inside decoded, and finds ports in the first only", () => {
    const { out, counters } = run(
      101,
      ipv4(udp(zeros(16), { length: 3000 }), { protocol: 17, fragment: 0x2000 }),
      ipv4(zeros(24), { protocol: 17, fragment: 0x2000 | 185 }),
      ipv4(zeros(24), { protocol: 17, fragment: 300 }),
      ipv4(udp(), { protocol: 17, fragment: 0x4000 }), // don't fragment
    );
    expect(counted(counters)).toEqual({ decoded: 4, fragments: 3 });
    const later = SHAPE.fragment | SHAPE.laterFragment;
    expect([...out.shape]).toEqual([SHAPE.fragment | SHAPE.ports, later, later, SHAPE.ports]);
    expect(out.udpLength[0]).toBe(2992);
  });

  it.each<[string, Bytes, string]>([
    ["header cut", syn4.slice(0, 19), "truncated"],
    ["options cut", ipv4([], { options: zeros(8), total: 48 }).slice(0, 24), "truncated"],
    ["header length 4 words", ipv4(tcp(), { headerWords: 4 }), "ip_header_length"],
    ["total below the header", ipv4(tcp(), { total: 19 }), "ip_total_length"],
    ["total 0", ipv4(tcp(), { total: 0 }), "ip_total_length"],
    ["total below header with options", ipv4(tcp(), { options: zeros(8), total: 24 }), "ip_total_length"],
    ["TCP header cut", syn4.slice(0, 39), "truncated"],
    ["TCP header beyond total", ipv4(tcp().slice(0, 19)), "tcp_header_length"],
    ["TCP header of 4 words", ipv4(tcp({ words: 4 })), "tcp_header_length"],
    ["TCP options beyond total", ipv4(tcp({ words: 7 }, zeros(4))), "tcp_header_length"],
    ["UDP header cut", ipv4(udp(), { protocol: 17 }).slice(0, 27), "truncated"],
    ["UDP length below 8", ipv4(udp([], { length: 7 }), { protocol: 17 }), "udp_length"],
    ["UDP length beyond total", ipv4(udp([1], { length: 10 }), { protocol: 17 }), "udp_length"],
    ["ICMP header cut", ipv4(icmp(8, 0), { protocol: 1 }).slice(0, 27), "truncated"],
    ["ICMP header beyond total", ipv4([8, 0, 0], { protocol: 1 }), "icmp_length"],
  ])("%s: not decoded", (_, packet, kind) => expect(ends(packet)).toEqual({ [kind]: 1 }));

  it("decodes packets cut behind the headers they need", () => {
    const whole = ethernet(0x0800, ipv4(udp(zeros(1000)), { protocol: 17 }));
    const { out, counters } = run(1, whole.slice(0, 42));
    expect(counted(counters)).toEqual({ decoded: 1 });
    expect([out.udpLength[0], out.bytes[0]]).toEqual([1000, 1028]);
  });

  it("leaves the signature out when a SYN's options are cut, rather than tell a wrong one", () => {
    const whole = ethernet(0x0800, ipv4(tcp({ options: hex("020405b40402080a00000000000000000103 0307") })));
    const { out } = run(1, whole, whole.slice(0, 73), whole.slice(0, 54));
    expect([...out.shape]).toEqual([SHAPE.ports | SHAPE.signature, SHAPE.ports, SHAPE.ports]);
    expect([...out.tcpOffset]).toEqual([10, 10, 10]);
  });

  it("counts tunnels as such and leaves their protocol", () => {
    const { out, counters } = run(
      101,
      ipv4(hex("00000800"), { protocol: 47 }),
      ipv4(syn4, { protocol: 4 }),
      ipv4(syn6, { protocol: 41 }),
      ipv6(47, hex("00000800")),
      ipv4(zeros(12), { protocol: 132 }),
    );
    expect(counted(counters)).toEqual({ decoded: 5, gre: 2, ipip: 2 });
    expect([...out.protocol]).toEqual([47, 4, 41, 47, 132]);
    expect([...out.shape]).toEqual([0, 0, 0, 0, 0]);
  });
});

describe("IPv6", () => {
  const hop = (next: number, length = 0): number[] => [next, length, ...zeros(6 + 8 * length)];
  const fragment = (next: number, field: number): number[] => [next, 0, ...u16(field), ...zeros(4)];
  const auth = (next: number): number[] => [next, 4, ...zeros(22)];

  it("walks extension headers to the upper layer", () => {
    const chain = [...hop(43), ...hop(60, 2), ...hop(51), ...auth(44), ...fragment(60, 0x0001), ...hop(6)];
    const { out, counters } = run(1, ethernet(0x86dd, ipv6(0, [...chain, ...tcp({ dst: 2323 })])));
    expect(counted(counters)).toEqual({ decoded: 1, fragments: 1 });
    expect(out).toMatchObject({ protocol: { 0: 6 }, dstPort: { 0: 2323 }, ttl: { 0: 61 }, ipId: { 0: 0 } });
    expect(out.bytes[0]).toBe(40 + chain.length + 20);
    expect(out.shape[0]).toBe(SHAPE.fragment | SHAPE.ports | SHAPE.signature);
  });

  it("takes nobody of IPv4 for what a quoted packet of IPv6 names", () => {
    const error = (o: object): Bytes => ipv6(58, icmp(1, 4, ipv6(17, udp(), o)));
    const { out, counters } = run(101, error({}), error({ dst: mapped }), error({ src: mapped }));
    expect(counted(counters)).toEqual({ decoded: 3 });
    expect([...out.shape].map((shape) => (shape & SHAPE.inner) !== 0)).toEqual([true, false, false]);
  });

  it("walks eight extension headers and no ninth", () => {
    const chain = (count: number): number[] =>
      Array.from({ length: count }, (_, i) => hop(i < count - 1 ? 60 : 17)).flat();
    expect(ends6(ipv6(60, [...chain(8), ...udp()]))).toEqual({ decoded: 1 });
    expect(ends6(ipv6(60, [...chain(9), ...udp()]))).toEqual({ ipv6_extension: 1 });
  });

  it("takes an atomic fragment for the whole datagram it is", () => {
    const { out, counters } = run(101, ipv6(44, [...fragment(17, 0), ...udp()]));
    expect(counted(counters)).toEqual({ decoded: 1 });
    expect(out.shape[0]).toBe(SHAPE.ports);
  });

  it("looks for nothing behind a later fragment's header", () => {
    const { out, counters } = run(101, ipv6(44, [...fragment(6, 0x0059), 1, 2, 3]));
    expect(counted(counters)).toEqual({ decoded: 1, fragments: 1 });
    expect([out.protocol[0], out.shape[0]]).toEqual([6, SHAPE.fragment | SHAPE.laterFragment]);
  });

  it("stops at ESP and at no next header", () => {
    const { out, counters } = run(101, ipv6(50, zeros(16)), ipv6(59, []));
    expect(counted(counters)).toEqual({ decoded: 2 });
    expect([...out.protocol]).toEqual([50, 59]);
  });

  it.each<[string, Bytes, string]>([
    ["header cut", syn6.slice(0, 39), "truncated"],
    ["extension cut", ipv6(0, [...hop(6, 3), ...tcp()]).slice(0, 60), "truncated"],
    ["extension beyond the payload", ipv6(0, [6, 9, ...zeros(6)]), "ipv6_extension"],
    ["AH beyond the payload", ipv6(51, [6, 255, ...zeros(6)]), "ipv6_extension"],
    ["half a fragment header", ipv6(44, [6, 0, 0]), "ipv6_extension"],
    [
      "endless chain",
      ipv6(
        0,
        Array.from({ length: 30 }).flatMap(() => hop(0)),
      ),
      "ipv6_extension",
    ],
    ["payload length 0 but TCP", ipv6(6, tcp(), { payload: 0 }), "tcp_header_length"],
    ["TCP header cut", syn6.slice(0, 59), "truncated"],
    ["ICMPv6 header beyond the payload", ipv6(58, [128, 0, 0, 0]), "icmp_length"],
    ["a source of IPv4", ipv6(6, tcp(), { src: mapped }), "ip_version"],
    ["a destination of IPv4", ipv6(6, tcp(), { dst: mapped }), "ip_version"],
  ])("%s: not decoded", (_, packet, kind) => expect(ends6(packet)).toEqual({ [kind]: 1 }));
});

describe("ICMP", () => {
  it("tells type and code, and quotes nothing for messages that are no errors", () => {
    const quote = ipv4(udp(), { protocol: 17 });
    const { out } = run(101, ipv4(icmp(8, 0, quote), { protocol: 1 }), ipv4(icmp(13, 5, quote), { protocol: 1 }));
    expect([...out.icmpType, ...out.icmpCode]).toEqual([8, 13, 0, 5]);
    expect([...out.shape]).toEqual([0, 0]);
  });

  it.each([3, 4, 5, 11, 12])("quotes the packet of error type %i", (type) => {
    const quote = ipv4(udp([], { src: 5060, dst: 123 }), { protocol: 17, src: DST4, dst: [203, 0, 113, 9] });
    const { out } = run(1, ethernet(0x0800, ipv4(icmp(type, 3, quote), { protocol: 1 })));
    expect(out.shape[0]).toBe(SHAPE.inner | SHAPE.innerPorts);
    expect([out.innerProtocol[0], out.innerSrcPort[0], out.innerDstPort[0]]).toEqual([17, 5060, 123]);
    expect([formatIp(out.innerSrc), formatIp(out.innerDst)]).toEqual(["192.0.2.33", "203.0.113.9"]);
  });

  it("quotes no ports of later fragments, other protocols and cut quotes", () => {
    const error = (quote: Bytes): number[] => ipv4(icmp(3, 1, quote), { protocol: 1 });
    const { out, counters } = run(
      101,
      error(ipv4(udp(), { protocol: 17, fragment: 9 })),
      error(ipv4(icmp(8, 0), { protocol: 1 })),
      error(syn4.slice(0, 23)),
      error(ipv4(tcp(), { options: zeros(4) }).slice(0, 28)),
    );
    expect(counted(counters)).toEqual({ decoded: 4 });
    expect([...out.shape]).toEqual([SHAPE.inner, SHAPE.inner, SHAPE.inner, SHAPE.inner | SHAPE.innerPorts]);
    expect(out.innerDstPort[3]).toBe(23);
  });

  it("decodes an error whose quote is missing or makes no sense", () => {
    const error = (quote: Bytes): number[] => ipv4(icmp(11, 0, quote), { protocol: 1 });
    const broken = [[], syn4.slice(0, 19), syn6, ipv4(tcp(), { headerWords: 3 }), zeros(40)].map(error);
    const { out, counters } = run(101, ...broken);
    expect(counted(counters)).toEqual({ decoded: 5 });
    expect([...out.shape]).toEqual([0, 0, 0, 0, 0]);
  });

  it.each([1, 2, 3, 4])("quotes the packet of ICMPv6 error type %i", (type) => {
    const quote = ipv6(0, [17, 0, ...zeros(6), ...udp([], { src: 1, dst: 547 })]);
    const { out } = run(101, ipv6(58, icmp(type, 4, quote)));
    expect(out.shape[0]).toBe(SHAPE.inner | SHAPE.innerPorts);
    expect([out.innerProtocol[0], out.innerDstPort[0]]).toEqual([17, 547]);
    expect([formatIp(out.innerSrc), formatIp(out.innerDst)]).toEqual(V6_PAIR);
  });

  it("quotes addresses alone when the quoted chain is cut, and nothing of half a header", () => {
    const { out } = run(101, ipv6(58, icmp(1, 0, ipv6(0, [17]))), ipv6(58, icmp(1, 0, [...SRC6, ...DST6])));
    expect([...out.shape]).toEqual([SHAPE.inner, 0]);
    expect(out.innerProtocol[0]).toBe(0);
  });
});

describe("SYN signature", () => {
  const text = (options: string, window = 64_240): string => {
    const { out } = run(101, ipv4(tcp({ window, options: hex(options) })));
    return formatSignature(out.signature[0]!, out.signature[1]!);
  };
  it.each([
    ["", "1024:-:-:-", 1024],
    ["020405b4", "64240:mss:1460:-"],
    ["020405b4 0402080a 1234567800000000 01030307", "64240:mss,sok,ts,nop,ws:1460:7"],
    ["020405b4 01030308 01010402", "64240:mss,nop,ws,nop,nop,sok:1460:8"],
    ["020405b4 01030306 0101080a 0000000000000000 04020000", "64240:mss,nop,ws,nop,nop,ts,sok,eol:1460:6"],
    ["020405b4 0402080a 1234567800000000 010303ff", "64240:mss,sok,ts,nop,ws:1460:254"],
    ["020405b4 010303ff 01010402", "64240:mss,nop,ws,nop,nop,sok:1460:254"],
    ["01010101 01010101", "64240:nop,nop,nop,nop,nop,nop,nop,nop:-:-"],
    ["01010101 01010101 01000000", "64240:nop,nop,nop,nop,nop,nop,nop,other:-:-"],
    ["00020405", "64240:eol:-:-"],
    ["030300ff", "64240:ws,other:-:0"],
    ["0303ff00", "64240:ws,eol:-:254"],
    ["220c0000 00000000 00000000", "64240:other:-:-"],
    ["02000000", "64240:other:-:-"],
    ["02010000", "64240:other:-:-"],
    ["02050000", "64240:other:-:-"],
    ["02030500", "64240:other,eol:-:-"],
    ["01010102", "64240:nop,nop,nop,other:-:-"],
  ] as [string, string, number?][])("%s is %s", (options, expected, window) =>
    expect(text(options, window)).toBe(expected),
  );

  it("belongs to SYNs without ACK alone, over either path", () => {
    const flags = [0x02, 0x12, 0x10, 0x04, 0x03, 0x06, 0x00];
    for (const padding of [[], hex("94040000")]) {
      const { out } = run(
        1,
        ...flags.map((flag) => ethernet(0x0800, ipv4(tcp({ flags: flag }), { options: padding }))),
      );
      const signed = [...out.shape].map((shape) => (shape & SHAPE.signature) !== 0);
      expect(signed).toEqual([true, false, false, false, true, true, false]);
    }
  });
});

describe("batches", () => {
  const mixed = [syn4, zeros(3), ipv4(udp(), { protocol: 17 }), syn6, syn4, ipv4(icmp(8, 0), { protocol: 1 })].map(
    (one) => ethernet(one[0] === 0x60 ? 0x86dd : 0x0800, one),
  );

  it("fills a batch, stops, and goes on where it stopped", () => {
    const raw = rawOf(1, mixed);
    const whole = packetBatch(16);
    const wholeCounters = decodeCounters();
    decode(raw, 0, whole, wholeCounters);
    const counters = decodeCounters();
    const ports: number[] = [];
    const times: number[] = [];
    for (let i = 0; i < raw.count;) {
      const out = packetBatch(2);
      const next = decode(raw, i, out, counters);
      expect(next).toBeGreaterThan(i);
      times.push(...out.times.subarray(0, out.count));
      ports.push(...out.protocol.subarray(0, out.count));
      i = next;
    }
    expect(counters).toEqual(wholeCounters);
    expect(ports).toEqual([6, 17, 6, 6, 1]);
    expect(times).toEqual([...whole.times.subarray(0, whole.count)]);
  });

  it("appends, and takes nothing when there is no room or nothing left", () => {
    const out = packetBatch(3);
    const counters = decodeCounters();
    decode(rawOf(1, [mixed[0]!]), 0, out, counters);
    expect(decode(rawOf(101, [syn6, syn6, syn6]), 0, out, counters)).toBe(2);
    expect([out.count, counters.decoded]).toEqual([3, 3]);
    expect(addresses(out, 0)).toEqual(V4_PAIR);
    expect(addresses(out, 2)).toEqual(V6_PAIR);
    expect(decode(rawOf(1, mixed), 4, out, counters)).toBe(4);
    expect(decode(rawOf(1, []), 0, packetBatch(1), counters)).toBe(0);
    expect(counters.decoded).toBe(3);
  });
});
