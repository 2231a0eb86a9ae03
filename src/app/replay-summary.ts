// SPDX-License-Identifier: Apache-2.0
import type { FlowBatch } from "../model/flows.ts";
import { CLASS, classes, marks } from "../model/traffic.ts";
import type { Mark, TrafficClass } from "../model/traffic.ts";
import { compareIp, V4_MAPPED } from "../net/ip.ts";
import type { IpWords } from "../net/ip.ts";
import { DistinctSet } from "./distinct-set.ts";
import { SourceTable } from "./source-table.ts";

const cut = (sources: readonly SourceCount[], most: number): SourceCount[] =>
  sources.toSorted((a, b) => b.packets - a.packets || compareIp(a.src, 0, b.src, 0)).slice(0, most);

export interface PortCount {
  readonly protocol: number;
  readonly port: number;
  packets: number;
  sources: number;
}

/** A source among the busiest. */
export interface SourceCount {
  readonly src: IpWords;
  readonly packets: number;
}

/** Adds up flow batches into the answers of `layang replay`. Sources are counted exactly, but for those a storm folded away. */
export class ReplaySummary {
  flows = 0;
  packets = 0;
  /** Sources that only aggregate rows know, estimated; 0 without a storm. */
  stormSources = 0;
  readonly classes = new Float64Array(classes.length);
  readonly marks: Record<Mark, number> = { mirai: 0, zmap: 0, masscan: 0, stateless: 0 };
  readonly #v4 = new SourceTable();
  readonly #v6 = new SourceTable();
  readonly #v6Addresses = new DistinctSet();
  readonly #ports = new Map<number, PortCount>();
  /** The port last looked up: rows of one port often follow each other. */
  #recent: PortCount = { protocol: -1, port: -1, packets: 0, sources: 0 };

  get sources(): number {
    return this.#v4.size + this.#v6.size;
  }

  #port(protocol: number, port: number): PortCount {
    if (this.#recent.port === port && this.#recent.protocol === protocol) return this.#recent;
    const key = protocol * 65536 + port;
    let found = this.#ports.get(key);
    if (found === undefined) {
      found = { protocol, port, packets: 0, sources: 0 };
      this.#ports.set(key, found);
    }
    this.#recent = found;
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
    const syn = CLASS["tcp-syn"];
    const { udp } = CLASS;
    this.flows += count;
    for (let i = 0; i < count; i++) {
      const n = packets[i]!;
      const type = kind[i]!;
      const asks = hasPort[i] === 1 && (type === syn || type === udp);
      this.packets += n;
      this.classes[type]! += n;
      const at = 4 * i;
      const v4 = src[at] === 0 && src[at + 1] === 0 && src[at + 2] === V4_MAPPED;
      const table = v4 ? this.#v4 : this.#v6;
      const key = v4 ? src[at + 3]! : this.#v6Addresses.add(src[at]!, src[at + 1]!, src[at + 2]!, src[at + 3]!);
      const first = table.add(key, asks ? (protocol[i]! << 16) + port[i]! : 0, n);
      if (asks) {
        const entry = this.#port(protocol[i]!, port[i]!);
        entry.packets += n;
        if (first) entry.sources++;
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

  /** Calls `visit` for each source, in no order. */
  eachSource(visit: (src: IpWords, packets: number) => void): void {
    this.#v4.each((key, packets) => visit([0, 0, V4_MAPPED, key], packets));
    const { keys } = this.#v6Addresses;
    this.#v6.each((id, packets) =>
      visit([keys[4 * id]!, keys[4 * id + 1]!, keys[4 * id + 2]!, keys[4 * id + 3]!], packets),
    );
  }

  /** Busiest sources, most packets first; equal ones by address. */
  topSources(most: number): SourceCount[] {
    let best: SourceCount[] = [];
    let floor = 0;
    this.eachSource((src, packets) => {
      if (packets < floor) return;
      best.push({ src, packets });
      if (best.length < 50 * most) return;
      best = cut(best, most);
      floor = best.at(-1)?.packets ?? 0;
    });
    return cut(best, most);
  }

  classPackets(): Partial<Record<TrafficClass, number>> {
    return Object.fromEntries(classes.map((name, code) => [name, this.classes[code]!]).filter(([, n]) => n !== 0));
  }
}
