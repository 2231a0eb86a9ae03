// SPDX-License-Identifier: Apache-2.0
import type { AggregateRows } from "../model/flows.ts";
import { CLASS, classes, marks, protocols } from "../model/traffic.ts";
import type { Mark, TrafficClass } from "../model/traffic.ts";
import { compareIp, V4_MAPPED } from "../net/ip.ts";
import type { IpWords } from "../net/ip.ts";
import { DistinctSet } from "./distinct-set.ts";
import type { SummedBatch } from "./replay-summed.ts";
import { SourceTable } from "./source-table.ts";

const { "tcp-syn": SYN, udp: UDP } = CLASS;
const PORTS = 65_536;

const cut = (sources: readonly SourceCount[], most: number): SourceCount[] =>
  sources.toSorted((a, b) => b.packets - a.packets || compareIp(a.src, 0, b.src, 0)).slice(0, most);

export interface PortCount {
  readonly protocol: number;
  readonly port: number;
  readonly packets: number;
  readonly sources: number;
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
  /** Of TCP's ports and then UDP's: packets, and sources. */
  readonly #portPackets = new Float64Array(2 * PORTS);
  readonly #portSources = new Float64Array(2 * PORTS);

  get sources(): number {
    return this.#v4.size + this.#v6.size;
  }

  add({ flows, aggregates }: SummedBatch): void {
    const { columns, count } = flows;
    const src = columns.src.values;
    const kind = columns.class.values;
    const packets = columns.packets.values;
    const hasPort = columns.dst_port.present;
    const port = columns.dst_port.values;
    const v4 = this.#v4;
    let total = 0;
    let near = 0;
    this.flows += count;
    for (let i = 0; i < count;) {
      if (i >= near) v4.approach(src, i, (near = Math.min(count, i + 64)));
      const at = 4 * i;
      const isV4 = src[at] === 0 && src[at + 1] === 0 && src[at + 2] === V4_MAPPED;
      const table = isV4 ? v4 : this.#v6;
      const slot = table.find(
        isV4 ? src[at + 3]! : this.#v6Addresses.add(src[at]!, src[at + 1]!, src[at + 2]!, src[at + 3]!),
      );
      let sum = 0;
      // All rows of this source that follow one another.
      let next = at;
      do {
        const n = packets[i]!;
        const type = kind[i]!;
        sum += n;
        this.classes[type]! += n;
        if (hasPort[i] === 1 && (type === SYN || type === UDP)) {
          const place = (type === UDP ? PORTS : 0) + port[i]!;
          this.#portPackets[place]! += n;
          if (table.asks(slot, place + 1)) this.#portSources[place]!++;
        }
        i++;
        next += 4;
      } while (
        i < count &&
        src[next + 3] === src[at + 3] &&
        src[next + 2] === src[at + 2] &&
        src[next + 1] === src[at + 1] &&
        src[next] === src[at]
      );
      table.add(slot, sum);
      total += sum;
    }
    this.packets += total;
    for (const mark of marks) {
      const column = columns[mark].values;
      let sum = 0;
      for (let i = 0; i < count; i++) sum += column[i]!;
      this.marks[mark] += sum;
    }
    this.#addAggregates(aggregates);
  }

  #addAggregates({ columns, count }: AggregateRows): void {
    for (let i = 0; i < count; i++) {
      const n = columns.packets.values[i]!;
      const kind = columns.class.values[i]!;
      this.packets += n;
      this.classes[kind]! += n;
      this.stormSources += columns.src_count.values[i]!;
      if (columns.dst_port.present[i] === 1 && (kind === SYN || kind === UDP)) {
        const place = (kind === UDP ? PORTS : 0) + columns.dst_port.values[i]!;
        this.#portPackets[place]! += n;
        this.#portSources[place]! += columns.src_count.values[i]!;
      }
    }
  }

  /** Busiest ports of SYN and UDP packets, most packets first; equal ones by protocol and port. */
  topPorts(most: number): PortCount[] {
    const found: PortCount[] = [];
    for (const [place, packets] of this.#portPackets.entries()) {
      if (packets === 0) continue;
      const protocol = place < PORTS ? protocols.tcp : protocols.udp;
      found.push({ protocol, port: place % PORTS, packets, sources: this.#portSources[place]! });
    }
    return found.sort((a, b) => b.packets - a.packets || a.protocol - b.protocol || a.port - b.port).slice(0, most);
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
