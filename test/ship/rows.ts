// SPDX-License-Identifier: Apache-2.0
import { aggregateColumns, emptyColumns, flowColumns } from "../../src/model/flows.ts";
import type { AggregateRows, FlowBatch, FlowRows } from "../../src/model/flows.ts";
import type { SensorReport } from "../../src/model/report.ts";
import { CLASS } from "../../src/model/traffic.ts";

/** Numbers that look random and are the same every time. */
export const numbers = (seed: number): ((below: number) => number) => {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
};

export const HOUR_ZERO = 1_700_000_000_000_000;

export interface Shape {
  readonly seed?: number;
  readonly rows?: number;
  readonly aggregates?: number;
  readonly sensor?: string;
  readonly interval?: number;
  /** Leaves out what format 1 cannot carry. */
  readonly plain?: boolean;
  /** Sources start here, so that batches of different sensors can be kept apart. */
  readonly base?: number;
}

const flowRows = ({ seed = 1, rows = 50, interval = HOUR_ZERO, plain = false, base = 0xcb007100 }: Shape): FlowRows => {
  const any = numbers(seed);
  const columns = emptyColumns(flowColumns, rows, 0);
  const tokens: number[] = [];
  const registers: number[] = [];
  const offsets: number[] = [];
  const ports: number[] = [];
  for (let i = 0; i < rows; i++) {
    const first = any(500_000);
    const last = first + any(400_000);
    const kind = any(4); // SYN, SYN-ACK, UDP, ICMP error
    const wide = !plain && i === 3;
    const targets = wide ? 2_000 : 1 + any(3);
    columns.first_seen.values[i] = interval + first;
    columns.last_seen.values[i] = interval + last;
    columns.src.values.set([0, 0, 0xffff, (base + any(60_000)) >>> 0], 4 * i);
    columns.protocol.values[i] = [6, 6, 17, 1][kind] ?? 6;
    columns.class.values[i] = [CLASS["tcp-syn"], CLASS["tcp-syn-ack"], CLASS.udp, CLASS["icmp-unreachable"]][kind] ?? 0;
    if (kind !== 3) {
      columns.dst_port.values[i] = [23, 80, 5060][kind] ?? 0;
      columns.dst_port.present[i] = 1;
    }
    if (kind === 1 || kind === 3) {
      columns.victim.values.set([0, 0, 0xffff, 0xc6336400 + any(200)], 4 * i);
      columns.victim.present[i] = 1;
    }
    if (kind === 0) {
      columns.signature.values.set([(64_240 << 16) + 1_460, 0x07000000 + any(1_000)], 2 * i);
      columns.signature.present[i] = 1;
    }
    if (kind === 3 && !plain) {
      columns.inner_protocol.values[i] = 6;
      columns.inner_protocol.present[i] = 1;
      columns.inner_port.values[i] = 443;
      columns.inner_port.present[i] = 1;
      columns.icmp_mismatches.values[i] = 1;
    }
    if (kind === 2) {
      columns.udp_length_min.values[i] = 20;
      columns.udp_length_min.present[i] = 1;
      columns.udp_length_max.values[i] = 20 + any(400);
      columns.udp_length_max.present[i] = 1;
    }
    const packets = targets + any(5);
    columns.packets.values[i] = packets;
    columns.bytes.values[i] = packets * 44;
    columns.dst_count.values[i] = targets;
    if (wide) for (let k = 0; k < 4_096; k++) registers.push(any(8));
    else {
      const set = new Set<number>();
      while (set.size < targets) set.add(any(2 ** 32));
      tokens.push(...[...set].sort((a, b) => a - b));
    }
    for (let k = 0; k < Math.min(2, packets); k++) {
      offsets.push(k === 0 ? 0 : last - first);
      ports.push(1_024 + any(60_000));
    }
    columns.dst_tokens.ends[i] = tokens.length;
    columns.dst_registers.ends[i] = registers.length;
    columns.sample_offsets.ends[i] = offsets.length;
    columns.sample_ports.ends[i] = ports.length;
    columns.src_port_count.values[i] = 1 + any(packets);
    columns.dst_port_count.values[i] = kind === 1 ? 1 : 0;
    columns.ttl_min.values[i] = 40;
    columns.ttl_max.values[i] = 40 + any(20);
    columns.tcp_flags.values[i] = kind === 0 ? 2 : kind === 1 ? 18 : 0;
    columns.mirai.values[i] = any(2) * packets;
    columns.spoof_last_octet.values[i] = any(2);
  }
  columns.dst_tokens.values = new Uint32Array(tokens);
  columns.dst_registers.values = new Uint8Array(registers);
  columns.sample_offsets.values = new Uint32Array(offsets);
  columns.sample_ports.values = new Uint16Array(ports);
  return { count: rows, columns };
};

const aggregateRows = ({ seed = 1, aggregates = 0, interval = HOUR_ZERO }: Shape): AggregateRows => {
  const any = numbers(seed + 99);
  const columns = emptyColumns(aggregateColumns, aggregates, 0);
  for (let i = 0; i < aggregates; i++) {
    columns.first_seen.values[i] = interval + any(1_000);
    columns.last_seen.values[i] = interval + 1_000 + any(1_000);
    columns.protocol.values[i] = 6;
    columns.dst_port.values[i] = 23 + i;
    columns.dst_port.present[i] = 1;
    columns.class.values[i] = CLASS["tcp-syn"];
    columns.packets.values[i] = 10_000 + any(10_000);
    columns.bytes.values[i] = 440_000;
    columns.src_count.values[i] = 9_000;
    columns.src_registers.ends[i] = 4_096 * (i + 1);
  }
  columns.src_registers.values = Uint8Array.from({ length: 4_096 * aggregates }, () => any(6));
  return { count: aggregates, columns };
};

export const makeBatch = (shape: Shape = {}): FlowBatch => ({
  sensor: shape.sensor ?? "test-one",
  realm: "",
  exercise: "",
  interval: shape.interval ?? HOUR_ZERO,
  intervalLength: 1_000_000,
  flows: flowRows(shape),
  aggregates: aggregateRows(shape),
  degraded: (shape.aggregates ?? 0) > 0,
});

export const makeReport = (counted: number, change: Partial<SensorReport> = {}): SensorReport => ({
  watermark: HOUR_ZERO + 1_000_000,
  closedAt: HOUR_ZERO + 1_010_000,
  clockOffset: -1_200,
  read: counted + 7 + 3 + 0,
  counted,
  notDark: 7,
  undecoded: { not_ip: 3 },
  retired: 0,
  droppedByKernel: 0,
  droppedByInterface: 0,
  darkAddresses: 256,
  spoolBytes: 0,
  spoolLost: 0,
  degraded: false,
  ...change,
});
