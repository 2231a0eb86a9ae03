// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { aggregateColumns, emptyColumns, flowColumns } from "../../src/model/flows.ts";
import type { TrafficClass } from "../../src/model/traffic.ts";
import { CLASS, protocols } from "../../src/model/traffic.ts";
import { parseIp } from "../../src/net/ip.ts";
import { openEmbedded } from "../../src/store/flows/embedded/index.ts";
import { Origins, originsIn } from "../../src/store/flows/origins.ts";
import { keepForEver } from "../../src/store/flows/retention.ts";
import type { ArrivedBatch, FlowStore } from "../../src/store/flows/store.ts";

/** A flow row in few words; everything else is the same in all of them. */
export interface KnownRow {
  readonly src: string;
  readonly port: number;
  readonly packets: number;
  readonly mirai?: number;
  readonly zmap?: number;
  readonly kind?: TrafficClass;
  /** Whom a host under attack answers for: itself where nothing is said, and the reply is TCP's. */
  readonly victim?: string;
  /** Keyed tokens of the dark addresses. */
  readonly tokens?: readonly number[];
}
export interface KnownBatch {
  readonly sensor: string;
  /** RFC 3339. */
  readonly at: string;
  /** Length of the interval: ten where nothing is said. */
  readonly seconds?: number;
  readonly realm?: string;
  readonly exercise?: string;
  readonly rows: readonly KnownRow[];
  /** Packets to port 23 that only an aggregate row knows. */
  readonly storm?: number;
}

/** What a host under attack answers to forged packets. */
const isReply = (kind: TrafficClass): boolean => kind === "tcp-syn-ack" || kind === "tcp-rst";
const protocolOf = (kind: TrafficClass): number =>
  kind === "udp" ? protocols.udp : kind.startsWith("icmp") ? protocols.icmp : protocols.tcp;

export const appendKnown = async (store: FlowStore, batches: readonly KnownBatch[]): Promise<void> => {
  let sequence = 0;
  const arrived: ArrivedBatch[] = [];
  for (const { sensor, at, rows, storm = 0, seconds = 10, realm = "", exercise = "" } of batches) {
    const interval = Date.parse(at) * 1000;
    const intervalLength = seconds * 1e6;
    const columns = emptyColumns(flowColumns, rows.length, rows.length * 16);
    let tokens = 0;
    let ports = 0;
    let counted = storm;
    for (const [i, row] of rows.entries()) {
      const kind = row.kind ?? "tcp-syn";
      columns.first_seen.values[i] = interval + i * 100;
      columns.last_seen.values[i] = interval + 2_000_000;
      columns.src.values.set(parseIp(row.src) ?? [], 4 * i);
      columns.protocol.values[i] = protocolOf(kind);
      columns.class.values[i] = CLASS[kind];
      columns.dst_port.values[i] = row.port;
      columns.dst_port.present[i] = kind.startsWith("icmp") ? 0 : 1;
      const victim = row.victim ?? (isReply(kind) ? row.src : undefined);
      if (victim !== undefined) {
        columns.victim.values.set(parseIp(victim) ?? [], 4 * i);
        columns.victim.present[i] = 1;
      }
      columns.packets.values[i] = row.packets;
      columns.bytes.values[i] = row.packets * 60;
      columns.mirai.values[i] = row.mirai ?? 0;
      columns.zmap.values[i] = row.zmap ?? 0;
      columns.ttl_min.values[i] = 40 + (i % 3);
      columns.ttl_max.values[i] = 50;
      if (kind === "tcp-syn") {
        columns.signature.values.set([(64_240 << 16) | 1460, (7 << 24) | (3 << 21)], 2 * i);
        columns.signature.present[i] = 1;
      }
      const own = row.tokens ?? [interval / 1e6 + i];
      columns.dst_count.values[i] = own.length;
      for (const token of own.toSorted((a, b) => a - b)) columns.dst_tokens.values[tokens++] = token;
      columns.dst_tokens.ends[i] = tokens;
      columns.sample_offsets.values[i] = 1000;
      columns.sample_offsets.ends[i] = i + 1;
      // As a sensor writes it: what has no ports has none in its samples.
      if (columns.dst_port.present[i] === 1) columns.sample_ports.values[ports++] = 40_000 + i;
      columns.sample_ports.ends[i] = ports;
      counted += row.packets;
    }
    const storms = emptyColumns(aggregateColumns, 1, 1);
    storms.src_registers.values = new Uint8Array(16).fill(1);
    storms.src_registers.ends[0] = 16;
    storms.first_seen.values[0] = storms.last_seen.values[0] = interval;
    storms.protocol.values[0] = protocols.tcp;
    storms.class.values[0] = CLASS["tcp-syn"];
    storms.dst_port.values[0] = 23;
    storms.dst_port.present[0] = 1;
    storms.packets.values[0] = storm;
    storms.src_count.values[0] = storm;
    sequence++;
    arrived.push({
      identity: { sensor, sequence, hash: String(sequence).padStart(64, "0") },
      batch: {
        sensor,
        realm,
        exercise,
        interval,
        intervalLength,
        flows: { count: rows.length, columns },
        aggregates: { count: storm > 0 ? 1 : 0, columns: storms },
        degraded: storm > 0,
      },
      report: {
        watermark: interval + intervalLength,
        closedAt: interval + intervalLength,
        clockOffset: 1500,
        read: counted + 5,
        counted,
        notDark: 3,
        undecoded: { not_ip: 2 },
        retired: 0,
        droppedByKernel: 0,
        droppedByInterface: 0,
        darkAddresses: 16,
        spoolBytes: 0,
        spoolLost: 0,
        degraded: storm > 0,
      },
      received: interval + intervalLength + 1e6,
    });
  }
  // At once: the store inserts together what waits.
  await Promise.all(arrived.map((batch) => store.append(batch)));
};

const number = (ip: string): number => (parseIp(ip)?.[3] ?? 0) >>> 0;
/** Invented networks on documentation prefixes. */
const plan = [
  { first: "192.0.2.0", last: "192.0.2.255", asn: 64_496, name: "Invented Tokyo", cc: "JP" },
  { first: "198.51.100.0", last: "198.51.100.255", asn: 64_497, name: "=Invented Jakarta", cc: "ID" },
  { first: "203.0.113.0", last: "203.0.113.255", asn: 64_498, name: "Invented Bangkok", cc: "TH" },
] as const;

/** A store in a folder of its own with the invented networks; `done` closes it and takes the folder away. */
export const knownStore = async (): Promise<{ store: FlowStore; done: () => Promise<void> }> => {
  const folder = mkdtempSync(join(tmpdir(), "layang-api-"));
  const write = (name: string, lines: readonly string[]): void =>
    writeFileSync(join(folder, name), `${lines.join("\n")}\n`);
  write(
    "asn-ipv4-num.csv",
    plan.map((one) => `${number(one.first)},${number(one.last)},${one.asn},"${one.name}"`),
  );
  write(
    "geo-whois-asn-country-ipv4-num.csv",
    plan.map((one) => `${number(one.first)},${number(one.last)},${one.cc}`),
  );
  write("asn-ipv6-num.csv", [
    "42540766411282592856903984951653826560,42540766490510755371168322545197776895,64499,Invented Six",
  ]);
  write("geo-whois-asn-country-ipv6-num.csv", [
    "42540766411282592856903984951653826560,42540766490510755371168322545197776895,MY",
  ]);
  const store = await openEmbedded({
    folder: join(folder, "store"),
    retention: keepForEver,
    origins: new Origins(() => originsIn(folder), null),
  });
  return {
    store,
    done: async () => {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
