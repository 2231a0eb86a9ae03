// SPDX-License-Identifier: Apache-2.0
import { formatV4 } from "../net/ip.ts";
import { DarkSpace } from "./dark.ts";
import type { Region } from "./region.ts";
import { timeOfShare } from "./scenario.ts";
import type { Frames } from "./frames.ts";
import type { TruthKind } from "./truth.ts";

/** What reached one sensor of one source. */
export interface SensorTruth {
  readonly sensor: string;
  readonly packets: number;
  /** Distinct dark addresses. */
  readonly dark: number;
}

/** One actor at one address. Times are microseconds UTC. */
export interface SourceTruth {
  readonly source: string;
  /** "" is the shared realm. */
  readonly realm: string;
  readonly organisation: string | null;
  readonly kind: TruthKind;
  /** Malware family, program, or what the host is. */
  readonly name: string;
  /** The machine behind the address at that time is infected: what its owner should be told. */
  readonly infected: boolean;
  /** Infected, but by its packets no different from hosts that mean no harm. */
  readonly mimics: boolean;
  /** Tells hosts apart: a host with several addresses has several rows. */
  readonly host: string;
  /** When the host had the address, where the scenario knows; else first and last packet. */
  readonly from: number;
  readonly to: number;
  /** An infected host had the address before. */
  readonly recycled: boolean;
  /** Null where nothing reached any sensor. */
  readonly first: number | null;
  readonly last: number | null;
  readonly packets: number;
  readonly dark: number;
  /** When at least 10 packets to at least 3 dark addresses had arrived; null: never. */
  readonly plain: number | null;
  readonly ports: string;
  readonly sensors: readonly SensorTruth[];
}

export interface AttackRecord {
  readonly victim: string;
  readonly organisation: string | null;
  readonly kind: string;
  readonly port: number;
  readonly start: number;
  readonly end: number;
  readonly background: boolean;
  /** Packets a minute into the dark addresses that the shared sensors watched meanwhile, in the mean, as the scenario has them. */
  readonly perMinute: number;
  /** That arrived. */
  readonly packets: number;
  readonly first: number | null;
  readonly last: number | null;
  readonly sensors: Readonly<Record<string, number>>;
}

export interface OutbreakRecord {
  readonly family: string;
  readonly protocol: string;
  readonly port: number;
  readonly start: number;
  /** N(t) = hosts / (1 + (hosts / first - 1) * 2^(-t / doubling)). */
  readonly first: number;
  readonly hosts: number;
  readonly doublingMinutes: number;
  readonly rate: number;
  readonly mirai: boolean;
  /** When it has 1 % of its final hosts. */
  readonly onePercent: number;
  /** Distinct hosts that had reached a sensor by then, and that ever did. */
  readonly reachedByOnePercent: number;
  readonly reached: number;
  /** When the tenth of them did; null: never. */
  readonly tenth: number | null;
  readonly packets: number;
}

/** Kinds of the background whose hosts, each seen a few times, are many. */
const nameless: ReadonlySet<TruthKind> = new Set(["mirai", "iot", "slow", "misconfiguration"]);

const FEW = 8;

/** What is counted of one actor at one address. */
interface Row {
  readonly actor: number;
  readonly src: number;
  first: number;
  last: number;
  packets: number;
  dark: number;
  plain: number;
  readonly perSensor: number[];
  /** Packets since `settle`, and what had come by then, until the row is plain. */
  pending: { readonly time: number; readonly place: number }[];
  settled: number;
  readonly marks: number[];
  /** Dark addresses by their place over all sensors: a list while there are few, then one bit each. */
  few: number[] | undefined;
  bits: Uint8Array | undefined;
}

interface SensorPlace {
  readonly name: string;
  readonly starts: readonly number[];
  readonly sizes: readonly number[];
  readonly at: number;
  readonly size: number;
}

/** The whole of what is true of a played scenario: give it every packet once, sensor by sensor in order of time. */
export class Census {
  readonly #region: Region;
  readonly #sensors: readonly SensorPlace[];
  readonly #rows = new Map<number, Row>();
  readonly #kinds: Record<string, number> = {};
  readonly #outbreaks: { packets: number; readonly seen: Map<number, number> }[];
  readonly #storms = new Map<string, Set<number>>();
  readonly #darkBytes: number;
  readonly #everybody: boolean;
  readonly #open = new Set<Row>();
  /** Registered prefixes by realm, in order. */
  readonly #ranges = new Map<string, { readonly start: number; readonly size: number; readonly name: string }[]>();
  packets = 0;

  /** `everybody`: also the sources of the background that only their number makes remarkable. */
  constructor(region: Region, everybody = false) {
    this.#region = region;
    this.#everybody = everybody;
    for (const { realm, name, prefixes } of region.constituency.organisations) {
      const list = this.#ranges.get(realm) ?? [];
      this.#ranges.set(realm, [...list, ...prefixes.map(({ start, size }) => ({ start, size, name }))]);
    }
    for (const list of this.#ranges.values()) list.sort((a, b) => a.start - b.start);
    let at = 0;
    this.#sensors = region.scenario.sensors.map(({ name, dark }) => {
      const parts = dark.map((text) => {
        const [address = "", length = "32"] = text.split("/");
        return { start: ipNumber(address), size: 2 ** (32 - Number(length)) };
      });
      const size = parts.reduce((sum, part) => sum + part.size, 0);
      const place = { name, starts: parts.map((p) => p.start), sizes: parts.map((p) => p.size), at, size };
      at += size;
      return place;
    });
    this.#darkBytes = Math.ceil(at / 8);
    this.#outbreaks = region.outbreaks.map(() => ({ packets: 0, seen: new Map() }));
  }

  /** Packets `from` up to, not including, `to` of what a sensor saw (its place in the scenario). */
  add(sensor: number, frames: Frames, from: number, to: number): void {
    const link = frames.link === "ethernet" ? 14 : 0;
    const b = frames.bytes;
    const { identities } = this.#region.registry;
    for (let i = from; i < to; i++) {
      const time = frames.times[i]!;
      const actor = frames.actors[i]!;
      const at = frames.offsets[i]! + link + 12;
      const src = ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0;
      const { kind, outbreak, tool } = identities[actor - 1]!;
      this.packets++;
      this.#kinds[kind] = (this.#kinds[kind] ?? 0) + 1;
      if (kind === "storm") {
        const seen = this.#storms.get(tool);
        if (seen === undefined) this.#storms.set(tool, new Set([src]));
        else seen.add(src);
        continue;
      }
      if (outbreak !== undefined) {
        const one = this.#outbreaks[outbreak.number]!;
        one.packets++;
        const known = one.seen.get(outbreak.host);
        if (known === undefined || time < known) one.seen.set(outbreak.host, time);
      }
      if (!this.#everybody) {
        if (nameless.has(kind)) continue;
        if (outbreak !== undefined && this.ownerOf("", src) === null) continue;
      }
      const key = actor * 4294967296 + src;
      let row = this.#rows.get(key);
      if (row === undefined) {
        row = {
          actor,
          src,
          first: time,
          last: time,
          packets: 0,
          dark: 0,
          plain: Number.NaN,
          perSensor: [],
          pending: [],
          settled: 0,
          marks: [],
          few: [],
          bits: undefined,
        };
        this.#rows.set(key, row);
      }
      const dst = ((b[at + 4]! << 24) | (b[at + 5]! << 16) | (b[at + 6]! << 8) | b[at + 7]!) >>> 0;
      this.#count(row, sensor, dst, time);
    }
  }

  #count(row: Row, sensor: number, dst: number, time: number): void {
    row.packets++;
    row.perSensor[sensor] = (row.perSensor[sensor] ?? 0) + 1;
    if (time < row.first) row.first = time;
    if (time > row.last) row.last = time;
    const { starts, sizes, at } = this.#sensors[sensor]!;
    let place = at;
    for (let i = 0; i < starts.length; i++) {
      if (dst >= starts[i]! && dst < starts[i]! + sizes[i]!) {
        place += dst - starts[i]!;
        break;
      }
      place += sizes[i]!;
    }
    if (row.few !== undefined) {
      if (!row.few.includes(place)) {
        row.few.push(place);
        row.dark++;
        if (row.few.length > FEW) {
          row.bits = new Uint8Array(this.#darkBytes);
          for (const one of row.few) row.bits[one >>> 3]! |= 1 << (one & 7);
          row.few = undefined;
        }
      }
    } else if ((row.bits![place >>> 3]! & (1 << (place & 7))) === 0) {
      row.bits![place >>> 3]! |= 1 << (place & 7);
      row.dark++;
    }
    if (Number.isNaN(row.plain)) {
      row.pending.push({ time, place });
      this.#open.add(row);
    }
  }

  /**
   * All sensors have handed in their packets up to one time: whatever comes now is later. The more often, the less is
   * remembered; the truth is the same.
   */
  settle(): void {
    for (const row of this.#open) {
      row.pending.sort((a, b) => a.time - b.time);
      for (const { time, place } of row.pending) {
        row.settled++;
        if (row.marks.length < 3 && !row.marks.includes(place)) row.marks.push(place);
        if (row.settled >= 10 && row.marks.length >= 3) {
          row.plain = time;
          break;
        }
      }
      row.pending = [];
    }
    this.#open.clear();
  }

  /** Packets by kind of actor. */
  kinds(): Readonly<Record<string, number>> {
    return this.#kinds;
  }

  /** Distinct forged sources of the one-packet storms, by kind of storm. */
  storms(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#storms].map(([kind, { size }]) => [kind, size]));
  }

  #darkOf(row: Row, sensor: number): number {
    const { at, size } = this.#sensors[sensor]!;
    if (row.few !== undefined) return row.few.filter((place) => place >= at && place < at + size).length;
    let count = 0;
    for (let place = at; place < at + size; place++) {
      if ((row.bits![place >>> 3]! & (1 << (place & 7))) !== 0) count++;
    }
    return count;
  }

  #seen(row: Row | undefined): Pick<SourceTruth, "first" | "last" | "packets" | "dark" | "plain" | "sensors"> {
    if (row === undefined) return { first: null, last: null, packets: 0, dark: 0, plain: null, sensors: [] };
    const sensors: SensorTruth[] = [];
    for (const [i, packets] of row.perSensor.entries()) {
      if (packets > 0) sensors.push({ sensor: this.#sensors[i]!.name, packets, dark: this.#darkOf(row, i) });
    }
    const { first, last, packets, dark, plain } = row;
    return { first, last, packets, dark, plain: Number.isNaN(plain) ? null : plain, sensors };
  }

  /**
   * Every source there is something to say about: all of the cast, seen or not; and of the rest whoever was seen, except
   * storms (a source a packet), outbreaks' hosts outside the constituency and, unless everybody is wanted, the many small
   * hosts of the background, which live outside it.
   */
  *sources(): Generator<SourceTruth> {
    this.settle();
    const { registry, cast } = this.#region;
    const ofTenancy = new Map<number, Row>();
    const others: Row[] = [];
    for (const row of this.#rows.values()) {
      const { tenancy } = registry.identities[row.actor - 1]!;
      if (tenancy === undefined) others.push(row);
      else ofTenancy.set(tenancy, row);
    }
    for (const one of cast.tenancies) {
      const { spec, src, organisation, realm, from, to, host, number } = one;
      yield {
        source: formatV4(src),
        realm,
        organisation: organisation?.name ?? null,
        kind: spec.role,
        name: spec.name,
        infected: spec.role === "infected",
        mimics: spec.mimics ?? false,
        host: `cast ${host}`,
        from,
        to,
        recycled: one.after >= 0,
        ports: one.aims.text,
        ...this.#seen(ofTenancy.get(number)),
      };
    }
    // Actors are numbered as they come by, which depends on the steps that a world is played in.
    others.sort((a, b) => a.src - b.src || a.first - b.first || a.packets - b.packets);
    for (const row of others) {
      const { kind, tool, ports, outbreak } = registry.identities[row.actor - 1]!;
      const organisation = this.ownerOf("", row.src);
      if (kind === "outbreak" && organisation === null && !this.#everybody) continue;
      yield {
        source: formatV4(row.src),
        realm: "",
        organisation,
        kind,
        name: tool,
        infected: ["mirai", "iot", "slow", "outbreak"].includes(kind),
        mimics: false,
        host: outbreak === undefined ? `${kind} ${formatV4(row.src)}` : `outbreak ${outbreak.number} ${outbreak.host}`,
        from: row.first,
        to: row.last,
        recycled: false,
        ports,
        ...this.#seen(row),
      };
    }
  }

  /** Name of the organisation that an address is registered to, or null. */
  ownerOf(realm: string, address: number): string | null {
    const ranges = this.#ranges.get(realm) ?? [];
    let low = 0;
    let high = ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ranges[middle]!.start <= address) low = middle + 1;
      else high = middle;
    }
    const range = ranges[low - 1];
    return range !== undefined && address < range.start + range.size ? range.name : null;
  }

  /** Stated attacks, seen or not, and those of the background that were seen. */
  *attacks(): Generator<AttackRecord> {
    const region = this.#region;
    const spaces = region.scenario.sensors
      .filter(({ realm = "" }) => realm === "")
      .map((sensor) => new DarkSpace(sensor, region.epoch));
    const seen = new Map<number, Row[]>();
    for (const row of this.#rows.values()) {
      const { actor } = row;
      if (region.registry.identities[actor - 1]!.attack === undefined) continue;
      seen.set(actor, [...(seen.get(actor) ?? []), row]);
    }
    const record = (attack: (typeof region.attacks.stated)[number], rows: readonly Row[]): AttackRecord => {
      const dark = spaces.reduce((sum, space) => sum + space.meanSize(attack.start, attack.end), 0);
      const sensors: Record<string, number> = {};
      for (const row of rows) {
        for (const [i, n] of row.perSensor.entries()) {
          if (n > 0) sensors[this.#sensors[i]!.name] = (sensors[this.#sensors[i]!.name] ?? 0) + n;
        }
      }
      return {
        victim: formatV4(attack.victim),
        organisation: this.ownerOf("", attack.victim),
        kind: attack.kind,
        port: attack.port,
        start: attack.start,
        end: attack.end,
        background: attack.background,
        perMinute: (attack.answered * dark * 60) / 2 ** 32,
        packets: rows.reduce((sum, row) => sum + row.packets, 0),
        first: rows.length === 0 ? null : Math.min(...rows.map((row) => row.first)),
        last: rows.length === 0 ? null : Math.max(...rows.map((row) => row.last)),
        sensors,
      };
    };
    for (const attack of region.attacks.stated) {
      const actor = region.numberOf(attack);
      yield record(attack, seen.get(actor) ?? []);
      seen.delete(actor);
    }
    // Actors are numbered as they come by: the order is that of what they are.
    const keyOf = (actor: number): string => {
      const { attack, ports } = region.registry.identities[actor - 1]!;
      return `${attack!.victim} ${attack!.start} ${attack!.kind} ${ports}`;
    };
    const order = [...seen].map(([actor, rows]) => ({ actor, rows, key: keyOf(actor) }));
    for (const { actor, rows } of order.toSorted((a, b) => (a.key < b.key ? -1 : 1))) {
      const { attack, ports } = region.registry.identities[actor - 1]!;
      const port = Number.parseInt(ports, 10) || 0;
      yield record({ ...attack!, id: "", port, piece: -1, hash: 0, kind: attack!.kind as "syn" }, rows);
    }
  }

  *outbreaks(): Generator<OutbreakRecord> {
    for (const [i, { spec, start }] of this.#region.outbreaks.entries()) {
      const { packets, seen } = this.#outbreaks[i]!;
      const onePercent = start + timeOfShare(spec, 0.01);
      const times = [...seen.values()].sort((a, b) => a - b);
      const { family, protocol, port, first, hosts, doublingMinutes, rate, mirai } = spec;
      yield {
        family,
        protocol,
        port,
        start,
        first,
        hosts,
        doublingMinutes,
        rate,
        mirai,
        onePercent,
        reachedByOnePercent: times.filter((time) => time <= onePercent).length,
        reached: times.length,
        tenth: times[9] ?? null,
        packets,
      };
    }
  }
}

const ipNumber = (text: string): number => text.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
