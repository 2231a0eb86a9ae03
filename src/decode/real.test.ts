// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { openCapture } from "../capture/capture.ts";
import { SHAPE, decodeCounters, packetBatch } from "../model/packets.ts";
import { formatIp } from "../net/ip.ts";
import { decode } from "./decode.ts";

const folder = join(import.meta.dirname, "../../../shared/data/captures");
const present = existsSync(folder);
const tshark = spawnSync("tshark", ["--version"]).status === 0;

/** Packets, then what stands in ../shared/data's description of them. */
const files: [string, number, Record<string, number>][] = [
  ["445_scan.pcap", 21, { decoded: 21 }],
  ["multiport_scan.pcap", 16, { decoded: 16 }],
  ["port_scan.pcap", 10, { decoded: 10 }],
  ["backscatter.trace", 4771, { decoded: 4771 }],
  ["pkt.TCP.synflood.spoofed.pcap", 37_841, { decoded: 37_841 }],
  ["amp.TCP.reflection.SYNACK.pcap", 8000, { decoded: 7996, fragments: 2, not_ip: 4 }],
  ["amp.UDP.isakmp.pcap", 3984, { decoded: 3984 }],
];

/** One line a packet, in the fields that tshark can print too. */
const lines = async (path: string, limit = Infinity): Promise<{ text: string[]; counters: Record<string, number> }> => {
  const text: string[] = [];
  const counters = decodeCounters();
  const out = packetBatch(1000);
  for await (const raw of openCapture({ path })) {
    for (let i = 0; i < raw.count;) {
      out.count = 0;
      i = decode(raw, i, out, counters);
      for (let n = 0; n < out.count && text.length < limit; n++) {
        const tcp = out.protocol[n] === 6 && (out.shape[n]! & SHAPE.ports) !== 0;
        const ports = (out.shape[n]! & SHAPE.ports) !== 0;
        const udp = ports && out.protocol[n] === 17;
        const icmp = out.protocol[n] === 1;
        const fields = [
          out.times[n]! / 1e6,
          formatIp(out.src, 4 * n),
          formatIp(out.dst, 4 * n),
          out.bytes[n],
          out.ttl[n],
          out.ipId[n],
          out.protocol[n],
          ports ? out.srcPort[n] : "",
          ports ? out.dstPort[n] : "",
          tcp ? out.tcpSeq[n] : "",
          tcp ? out.tcpFlags[n] : "",
          tcp ? out.tcpWindow[n] : "",
          tcp ? 4 * out.tcpOffset[n]! : "",
          udp ? out.udpLength[n]! + 8 : "",
          icmp ? out.icmpType[n] : "",
          icmp ? out.icmpCode[n] : "",
        ];
        text.push(fields.join("|"));
      }
    }
  }
  return { text, counters: Object.fromEntries(Object.entries(counters).filter(([, count]) => count > 0)) };
};

const FIELDS = ["frame.time_epoch", "ip.src", "ip.dst", "ip.len", "ip.ttl", "ip.id", "ip.proto"];
const UPPER = ["srcport", "dstport", "seq_raw", "flags", "window_size_value", "hdr_len"].map((name) => `tcp.${name}`);
const REST = ["udp.srcport", "udp.dstport", "udp.length", "icmp.type", "icmp.code"];

/** The same by tshark: its first occurrence of each field, numbers in decimal. */
const byTshark = (path: string, limit: number): string[] => {
  const fields = [...FIELDS, ...UPPER, ...REST].flatMap((name) => ["-e", name]);
  const off = ["-o", "ip.defragment:FALSE", "-o", "tcp.desegment_tcp_streams:FALSE"];
  const args = [
    "-n",
    "-r",
    path,
    "-c",
    String(limit),
    ...off,
    "-Y",
    "ip",
    "-T",
    "fields",
    "-E",
    "separator=|",
    "-E",
    "occurrence=f",
  ];
  const printed = execFileSync("tshark", [...args, ...fields], { encoding: "utf8", maxBuffer: 1 << 28, stdio: "pipe" });
  return printed
    .trimEnd()
    .split("\n")
    .map((line) => {
      const cells = line.split("|");
      const cell = (i: number): string => cells[i] ?? "";
      const number = (i: number): string => (cell(i) === "" ? "" : String(Number(cell(i))));
      const tcp = cell(6) === "6";
      const udp = cell(6) === "17";
      // The quoted packet of an ICMP error has ports of its own, which tshark prints in the same fields.
      const ports = tcp ? [cell(7), cell(8)] : udp ? [cell(13), cell(14)] : ["", ""];
      const ofTcp = [9, 10, 11, 12].map((i) => (tcp ? number(i) : ""));
      const head = [Number(cell(0)), cell(1), cell(2), ...[3, 4, 5, 6].map(number)];
      return [...head, ...ports, ...ofTcp, udp ? cell(15) : "", cell(16), cell(17)].join("|");
    });
};

describe(present ? "real captures" : "real captures (skipped: no ../shared/data)", () => {
  it.skipIf(!present).each(files)("%s: every packet is counted once", async (name, packets, expected) => {
    const { text, counters } = await lines(join(folder, name));
    expect(counters).toEqual(expected);
    expect(text).toHaveLength(expected["decoded"]!);
    expect(packets).toBe(expected["decoded"]! + (expected["not_ip"] ?? 0));
  });

  it.skipIf(!present || !tshark).each(files.map(([name]) => name))(
    tshark ? "%s: decoded as tshark does" : "%s: decoded as tshark does (skipped: apt-get install tshark)",
    { timeout: 60_000 },
    async (name) => {
      const path = join(folder, name);
      const limit = 4000;
      const theirs = byTshark(path, limit);
      const ours = await lines(path, theirs.length);
      expect(theirs.length).toBeGreaterThan(9);
      expect(ours.text, basename(path)).toEqual(theirs);
    },
  );
});
