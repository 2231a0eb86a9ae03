// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { flowsOf, KEY } from "../../test/flow/packets.ts";
import type { Row } from "../../test/flow/packets.ts";
import { openCapture } from "../capture/capture.ts";
import { decode } from "../decode/decode.ts";
import { decodeCounters, packetBatch } from "../model/packets.ts";
import { classes } from "../model/traffic.ts";
import { formatIp } from "../net/ip.ts";
import { parsePrefix } from "../net/prefix.ts";
import { DarkSet } from "./dark.ts";
import { countDistinct } from "../model/distinct.ts";
import { createFlowTable } from "./table.ts";
import type { FlowCounters } from "./table.ts";

/** Real captures, with the figures that were published or counted by other programs (ORIGIN.md there). */
const folder = join(import.meta.dirname, "../../../shared/data/captures");
const absent = !existsSync(folder);
const real = (name: string, run: () => Promise<void>): void =>
  it.skipIf(absent)(absent ? `${name} (skipped: no ../shared/data)` : name, run);

const replay = async (file: string, dark?: string): Promise<{ rows: Row[]; counters: FlowCounters }> => {
  const rows: Row[] = [];
  const table = createFlowTable({
    sensor: "s",
    realm: "",
    exercise: "",
    intervalLength: 10_000_000,
    key: KEY,
    dark: dark === undefined ? null : new DarkSet([parsePrefix(dark)!]),
    capacity: 65_536,
    onFlush: (batch) => rows.push(...flowsOf(batch)),
  });
  const counters = decodeCounters();
  const packets = packetBatch(1000);
  for await (const raw of openCapture({ path: join(folder, file) })) {
    for (let from = 0; from < raw.count;) {
      packets.count = 0;
      from = decode(raw, from, packets, counters);
      table.add(packets);
    }
  }
  table.flush();
  return { rows, counters: table.counters };
};
const sum = (rows: readonly Row[], column: string): number =>
  rows.reduce((total, row) => total + (row[column] as number), 0);
const byClass = (rows: readonly Row[]): Record<string, number> => {
  const all: Record<string, number> = {};
  for (const row of rows) {
    const name = classes[row["class"] as number]!;
    all[name] = (all[name] ?? 0) + (row["packets"] as number);
  }
  return all;
};
const distinct = (rows: readonly Row[]): number =>
  countDistinct(
    rows.map((row) => ({
      tokens: row["dst_tokens"] as number[],
      registers: Uint8Array.from(row["dst_registers"] as number[]),
    })),
  );
const addresses = (rows: readonly Row[], column: string): Set<string> =>
  new Set(rows.map((row) => formatIp(row[column] as number[])));

real("finds the victim of a day's attack, and every dark address that it answered", async () => {
  const { rows, counters } = await replay("backscatter.trace", "192.150.186.0/23");
  expect(counters).toMatchObject({ counted: 3468, fromDark: 1303, notDark: 0 });
  expect(byClass(rows)).toEqual({ "tcp-syn-ack": 3431, "tcp-rst": 37 });
  expect(addresses(rows, "victim")).toEqual(new Set(["202.229.120.98"]));
  expect(new Set(rows.map((row) => row["dst_port"]))).toEqual(new Set([80]));
  expect(distinct(rows)).toBe(511);
});

real("counts a flood of spoofed SYNs", async () => {
  const { rows, counters } = await replay("pkt.TCP.synflood.spoofed.pcap");
  expect(counters.counted).toBe(37_841);
  expect(byClass(rows)).toEqual({ "tcp-syn": 37_841 });
  expect(addresses(rows, "src").size).toBe(37_623);
  // A chance hit of a sixteen-bit mark: one packet in 65,536 has it.
  expect(sum(rows, "zmap")).toBe(1);
  expect(sum(rows, "mirai")).toBe(0);
  expect(sum(rows, "masscan")).toBeLessThan(5);
});

real("tells reflected SYN-ACKs from resets and unreachables", async () => {
  const { rows } = await replay("amp.TCP.reflection.SYNACK.pcap");
  const all = byClass(rows);
  expect([all["tcp-syn-ack"], all["tcp-rst"], all["icmp-unreachable"]]).toEqual([6651, 813 + 205, 153]);
  // Of 8,000 frames four are ARP.
  expect(sum(rows, "packets")).toBe(7996);
});

real("counts a sweep, and sees that a scan of one host is no sweep", async () => {
  const sweep = (await replay("445_scan.pcap")).rows;
  expect([sum(sweep, "packets"), addresses(sweep, "src").size, distinct(sweep)]).toEqual([21, 1, 9]);
  const ports = (await replay("port_scan.pcap")).rows;
  expect([sum(ports, "packets"), distinct(ports), new Set(ports.map((row) => row["dst_port"])).size]).toEqual([
    10, 1, 10,
  ]);
});
