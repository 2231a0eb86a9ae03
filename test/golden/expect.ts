// SPDX-License-Identifier: Apache-2.0
import { openCapture } from "../../src/capture/capture.ts";
import { decode } from "../../src/decode/decode.ts";
import { createFlowTable } from "../../src/flow/table.ts";
import type { FlowBatch } from "../../src/model/flows.ts";
import { decodeCounters, packetBatch, undecodedKinds } from "../../src/model/packets.ts";
import { formatSignature } from "../../src/model/signature.ts";
import { classes, protocolName } from "../../src/model/traffic.ts";
import { formatIp } from "../../src/net/ip.ts";

/** What this program makes of a golden capture. */
export interface Answer {
  readonly packets: number;
  readonly bytes: number;
  readonly undecoded: number;
  readonly sources: number;
  /** Largest number of dark addresses in one row. */
  readonly destinations: number;
  readonly classes: Record<string, number>;
  readonly marks: Record<string, number>;
  readonly spoof: Record<string, number>;
  /** Packets by protocol and port. */
  readonly ports: Record<string, number>;
  readonly signatures: readonly string[];
  /** ICMP errors: whom they accuse. */
  readonly victims: readonly string[];
}

const columns = ["mirai", "zmap", "masscan", "stateless"] as const;
const reasons = [
  "spoof_protocol",
  "spoof_ttl",
  "spoof_fragment",
  "spoof_last_octet",
  "spoof_same",
  "spoof_port_zero",
  "spoof_udp_80",
] as const;
const sorted = (counts: ReadonlyMap<string, number>): Record<string, number> =>
  Object.fromEntries([...counts].filter(([, n]) => n > 0).sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)));

/** Reads a capture through capture, decode and flow, one interval wide, every destination taken for dark. */
export const answerOf = async (path: string): Promise<Answer> => {
  const by = { classes: new Map<string, number>(), marks: new Map<string, number>(), spoof: new Map<string, number>() };
  const ports = new Map<string, number>();
  const sources = new Set<string>();
  const signatures = new Set<string>();
  const victims = new Set<string>();
  let packets = 0;
  let bytes = 0;
  let destinations = 0;
  const add = (to: Map<string, number>, key: string, n: number): void => void to.set(key, (to.get(key) ?? 0) + n);
  const onFlush = ({ flows: { count, columns: c } }: FlowBatch): void => {
    for (let i = 0; i < count; i++) {
      const n = c.packets.values[i]!;
      packets += n;
      bytes += c.bytes.values[i]!;
      destinations = Math.max(destinations, c.dst_count.values[i]!);
      sources.add(formatIp(c.src.values, i * 4));
      add(by.classes, classes[c.class.values[i]!]!, n);
      for (const mark of columns) add(by.marks, mark, c[mark].values[i]!);
      for (const reason of reasons) add(by.spoof, reason, c[reason].values[i]!);
      const port = c.dst_port.present[i] === 1 ? `/${c.dst_port.values[i]}` : "";
      add(ports, `${protocolName(c.protocol.values[i]!)}${port}`, n);
      if (c.signature.present[i] === 1) {
        signatures.add(formatSignature(c.signature.values[2 * i]!, c.signature.values[2 * i + 1]!));
      }
      if (c.victim.present[i] === 1) victims.add(formatIp(c.victim.values, i * 4));
    }
  };
  const table = createFlowTable({
    sensor: "golden",
    realm: "",
    exercise: "",
    intervalLength: 1_800_000_000,
    key: new Uint8Array(16),
    dark: null,
    onFlush,
  });
  const batch = packetBatch(4096);
  const counters = decodeCounters();
  for await (const raw of openCapture({ path })) {
    for (let at = 0; at < raw.count;) {
      batch.count = 0;
      at = decode(raw, at, batch, counters);
      table.add(batch);
    }
  }
  table.flush();
  return {
    packets,
    bytes,
    undecoded: undecodedKinds.reduce((sum, kind) => sum + counters[kind], 0),
    sources: sources.size,
    destinations,
    classes: sorted(by.classes),
    marks: sorted(by.marks),
    spoof: sorted(by.spoof),
    ports: sorted(ports),
    signatures: [...signatures].sort(),
    victims: [...victims].sort(),
  };
};
