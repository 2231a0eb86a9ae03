// SPDX-License-Identifier: Apache-2.0
import type { LiveEvent } from "../api/contract/index.ts";
import type { FlowBatch } from "../model/flows.ts";
import { classes, protocolName } from "../model/traffic.ts";
import { formatIp } from "../net/ip.ts";
import { DistinctSet } from "./distinct-set.ts";
import type { Origins } from "../store/flows/origins.ts";

const ROWS = 12;

/**
 * What every open page is told of a batch: its sums, and its busiest rows that ask for a port. Null for a batch of an exercise
 * or of a member's own realm, which is not everyone's.
 */
export const liveEvent = (batch: FlowBatch, origins: Origins, names: ReadonlyMap<number, string>): LiveEvent | null => {
  if (batch.realm !== "" || batch.exercise !== "") return null;
  const { columns, count } = batch.flows;
  const { packets, src } = { packets: columns.packets.values, src: columns.src.values };
  let sum = 0;
  const sources = new DistinctSet();
  /** The busiest rows so far, busiest first; of equals the earlier. */
  const best: number[] = [];
  for (let i = 0; i < count; i++) {
    sum += packets[i]!;
    sources.add(src[4 * i]!, src[4 * i + 1]!, src[4 * i + 2]!, src[4 * i + 3]!);
    if (columns.dst_port.present[i] !== 1) continue;
    let place = best.length;
    while (place > 0 && packets[best[place - 1]!]! < packets[i]!) place--;
    if (place === ROWS) continue;
    best.splice(place, 0, i);
    if (best.length > ROWS) best.pop();
  }
  let folded = 0;
  for (let i = 0; i < batch.aggregates.count; i++) {
    sum += batch.aggregates.columns.packets.values[i]!;
    folded += batch.aggregates.columns.src_count.values[i]!;
  }
  return {
    sensor: batch.sensor,
    interval: new Date(batch.interval / 1000).toISOString(),
    packets: sum,
    flows: count,
    sources: sources.size + folded,
    degraded: batch.degraded,
    rows: best.map((i) => {
      const segment = origins.table.find(src, 4 * i);
      const asn = segment < 0 ? 0 : origins.table.asnOf(segment);
      return {
        src: formatIp(src, 4 * i),
        country: segment < 0 ? null : (origins.table.countries[origins.table.countryOf(segment) - 1] ?? null),
        asn: asn === 0 ? null : asn,
        network: names.get(asn) ?? null,
        protocol: protocolName(columns.protocol.values[i]!),
        port: columns.dst_port.values[i]!,
        class: classes[columns.class.values[i]!]!,
        packets: packets[i]!,
        mirai: columns.mirai.values[i]!,
      };
    }),
  };
};
