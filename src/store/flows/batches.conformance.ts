// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { aggregateColumns, emptyColumns, flowColumns } from "../../model/flows.ts";
import type { FlowBatch } from "../../model/flows.ts";
import { CLASS } from "../../model/traffic.ts";
import type { ArrivedBatch } from "./store.ts";

/** Batches for tests: the same seed gives the same batch, and every number in it can be told beforehand. */
export interface BatchPlan {
  readonly sensor?: string;
  readonly sequence: number;
  /** Start of the flow interval, microseconds. */
  readonly interval: number;
  readonly intervalLength?: number;
  readonly flows?: number;
  readonly aggregates?: number;
  readonly realm?: string;
  readonly exercise?: string;
}

/** A small generator of its own (mulberry32), so that tests need no clock and no chance. */
export const chance = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

const ports = [23, 22, 445, 3389, 8080, 53];

export const inventBatch = (plan: BatchPlan): ArrivedBatch => {
  const { sensor = "s1", sequence, interval, intervalLength = 10e6, flows = 100, aggregates = 0 } = plan;
  const random = chance(sequence * 7919 + sensor.length * 31 + interval / 1e6);
  const columns = emptyColumns(flowColumns, flows, flows * 2);
  let tokens = 0;
  for (let i = 0; i < flows; i++) {
    const first = interval + Math.floor(random() * intervalLength);
    columns.first_seen.values[i] = first;
    columns.last_seen.values[i] = Math.min(first + Math.floor(random() * 1e6), interval + intervalLength - 1);
    const v6 = random() < 0.1;
    const host = Math.floor(random() * 500);
    columns.src.values.set(v6 ? [0x20010db8, 0, 0, host] : [0, 0, 0xffff, 0xc6336400 + host], 4 * i);
    const kind = random();
    columns.packets.values[i] = 1 + Math.floor(random() * 5);
    columns.bytes.values[i] = columns.packets.values[i]! * 60;
    columns.dst_count.values[i] = 1 + (i % 2);
    for (let k = 0; k <= i % 2; k++) columns.dst_tokens.values[tokens++] = Math.floor(random() * 2 ** 32);
    columns.dst_tokens.ends[i] = tokens;
    columns.sample_offsets.values[i] = i;
    columns.sample_offsets.ends[i] = i + 1;
    columns.sample_ports.values[i] = 1_024 + i;
    columns.sample_ports.ends[i] = i + 1;
    columns.ttl_min.values[i] = columns.ttl_max.values[i] = 50;
    if (kind < 0.7) {
      columns.protocol.values[i] = 6;
      columns.class.values[i] = CLASS["tcp-syn"];
      columns.dst_port.values[i] = ports[Math.floor(random() * ports.length)]!;
      columns.dst_port.present[i] = 1;
      columns.signature.values.set([0xfaf005b4, 0x07123456], 2 * i);
      columns.signature.present[i] = 1;
      columns.tcp_flags.values[i] = 2;
      if (kind < 0.2) columns.mirai.values[i] = columns.packets.values[i]!;
    } else if (kind < 0.9) {
      columns.protocol.values[i] = 17;
      columns.class.values[i] = CLASS.udp;
      columns.dst_port.values[i] = 53;
      columns.dst_port.present[i] = 1;
      columns.udp_length_min.values[i] = columns.udp_length_max.values[i] = 30;
      columns.udp_length_min.present[i] = columns.udp_length_max.present[i] = 1;
    } else {
      columns.protocol.values[i] = 1;
      columns.class.values[i] = CLASS["icmp-unreachable"];
      columns.victim.values.set([0, 0, 0xffff, 0xcb007100 + host], 4 * i);
      columns.victim.present[i] = 1;
      // Where a value is absent, what stands in its place means nothing: a store that keeps it fails.
      columns.dst_port.values[i] = 9;
    }
  }
  const storm = emptyColumns(aggregateColumns, aggregates, aggregates);
  storm.src_registers.values = new Uint8Array(aggregates * 16).fill(3);
  for (let i = 0; i < aggregates; i++) {
    storm.first_seen.values[i] = storm.last_seen.values[i] = interval + i;
    storm.protocol.values[i] = 6;
    storm.class.values[i] = CLASS["tcp-syn"];
    storm.dst_port.values[i] = 23;
    storm.dst_port.present[i] = 1;
    storm.packets.values[i] = 1_000 + i;
    storm.bytes.values[i] = 40_000;
    storm.src_count.values[i] = 900;
    storm.src_registers.ends[i] = (i + 1) * 16;
  }
  const batch: FlowBatch = {
    sensor,
    realm: plan.realm ?? "",
    exercise: plan.exercise ?? "",
    interval,
    intervalLength,
    flows: { count: flows, columns },
    aggregates: { count: aggregates, columns: storm },
    degraded: aggregates > 0,
  };
  const packets = packetsOf(batch);
  return {
    identity: { sensor, sequence, hash: createHash("sha256").update(JSON.stringify(plan)).digest("hex") },
    batch,
    report: {
      watermark: interval + intervalLength,
      closedAt: interval + intervalLength + 1_000,
      clockOffset: sequence % 2 === 0 ? null : -1_500,
      read: packets + 3,
      counted: packets,
      notDark: 1,
      undecoded: { truncated: 2 },
      retired: 0,
      droppedByKernel: 0,
      droppedByInterface: 0,
      darkAddresses: 256,
      spoolBytes: 0,
      spoolLost: 0,
      degraded: aggregates > 0,
    },
    received: interval + intervalLength + 2_000,
  };
};

/** Packets of a batch, its storms included. */
export const packetsOf = ({ flows, aggregates }: FlowBatch): number =>
  flows.columns.packets.values.subarray(0, flows.count).reduce((sum, one) => sum + one, 0) +
  aggregates.columns.packets.values.subarray(0, aggregates.count).reduce((sum, one) => sum + one, 0);
