// SPDX-License-Identifier: Apache-2.0
import type { FlowBatch } from "../model/flows.ts";
import { CLASS, classes, marks } from "../model/traffic.ts";
import type { Mark, TrafficClass } from "../model/traffic.ts";
import { DistinctSet } from "./distinct-set.ts";

export interface PortCount {
  readonly protocol: number;
  readonly port: number;
  packets: number;
  sources: number;
}

/** Adds up flow batches into the answers of `layang replay`. Sources are counted exactly, but for those a storm folded away. */
export class ReplaySummary {
  flows = 0;
  packets = 0;
  /** Sources that only aggregate rows know, estimated; 0 without a storm. */
  stormSources = 0;
  readonly classes = new Float64Array(classes.length);
  readonly marks: Record<Mark, number> = { mirai: 0, zmap: 0, masscan: 0, stateless: 0 };
  readonly sources = new DistinctSet();
  sourcePackets = new Float64Array(1024);
  readonly #ports = new Map<number, PortCount>();
  readonly #pairs = new DistinctSet();

  #port(protocol: number, port: number): PortCount {
    const key = protocol * 65536 + port;
    let found = this.#ports.get(key);
    if (found === undefined) {
      found = { protocol, port, packets: 0, sources: 0 };
      this.#ports.set(key, found);
    }
    return found;
  }

  add(batch: FlowBatch): void {
    const { columns, count } = batch.flows;
    const src = columns.src.values;
    const kind = columns.class.values;
    const packets = columns.packets.values;
    const hasPort = columns.dst_port.present;
    const port = columns.dst_port.values;
    const protocol = columns.protocol.values;
    this.flows += count;
    for (let i = 0; i < count; i++) {
      const n = packets[i]!;
      this.packets += n;
      this.classes[kind[i]!]! += n;
      const id = this.sources.add(src[4 * i]!, src[4 * i + 1]!, src[4 * i + 2]!, src[4 * i + 3]!);
      if (id >= this.sourcePackets.length) {
        const grown = new Float64Array(2 * this.sourcePackets.length);
        grown.set(this.sourcePackets);
        this.sourcePackets = grown;
      }
      this.sourcePackets[id]! += n;
      if (hasPort[i] === 1 && (kind[i] === CLASS["tcp-syn"] || kind[i] === CLASS.udp)) {
        const entry = this.#port(protocol[i]!, port[i]!);
        entry.packets += n;
        const known = this.#pairs.size;
        this.#pairs.add(0, id, protocol[i]!, port[i]!);
        if (this.#pairs.size > known) entry.sources++;
      }
    }
    for (const mark of marks) {
      const column = columns[mark].values;
      let sum = 0;
      for (let i = 0; i < count; i++) sum += column[i]!;
      this.marks[mark] += sum;
    }
    this.#addAggregates(batch);
  }

  #addAggregates({ aggregates: { columns, count } }: FlowBatch): void {
    for (let i = 0; i < count; i++) {
      const n = columns.packets.values[i]!;
      const kind = columns.class.values[i]!;
      this.packets += n;
      this.classes[kind]! += n;
      this.stormSources += columns.src_count.values[i]!;
      if (columns.dst_port.present[i] === 1 && (kind === CLASS["tcp-syn"] || kind === CLASS.udp)) {
        const entry = this.#port(columns.protocol.values[i]!, columns.dst_port.values[i]!);
        entry.packets += n;
        entry.sources += columns.src_count.values[i]!;
      }
    }
  }

  /** Busiest ports of SYN and UDP packets, most packets first; equal ones by protocol and port. */
  topPorts(most: number): PortCount[] {
    return [...this.#ports.values()]
      .sort((a, b) => b.packets - a.packets || a.protocol - b.protocol || a.port - b.port)
      .slice(0, most);
  }

  /** Numbers of the busiest sources (see `sources.keys`). */
  topSources(most: number): number[] {
    let best: number[] = [];
    for (let id = 0; id < this.sources.size; id++) {
      const last = best.at(-1);
      if (best.length === most && last !== undefined && this.sourcePackets[id]! <= this.sourcePackets[last]!) continue;
      best.push(id);
      best = best.sort((a, b) => this.sourcePackets[b]! - this.sourcePackets[a]! || a - b).slice(0, most);
    }
    return best;
  }

  classPackets(): Partial<Record<TrafficClass, number>> {
    return Object.fromEntries(classes.map((name, code) => [name, this.classes[code]!]).filter(([, n]) => n !== 0));
  }
}
