// SPDX-License-Identifier: Apache-2.0
import { formatV4 } from "../net/ip.ts";
import type { Frames } from "./frames.ts";
import { ccText } from "./plan.ts";
import type { Plan } from "./plan.ts";
import type { BackgroundKind, CastRole } from "./scenario.ts";

/** What a packet is, by who made it: the traffic type in the lower bits, the maker's mark above. */
export const packetTypes = [
  "tcp-syn",
  "tcp-syn-ack",
  "tcp-rst",
  "udp",
  "icmp-echo-request",
  "icmp-echo-reply",
  "icmp-unreachable",
  "icmp-time-exceeded",
] as const;
export const TYPE = { syn: 0, synAck: 1, rst: 2, udp: 3, ping: 4, pong: 5, unreachable: 6, exceeded: 7 } as const;
export const MADE_BY = { mirai: 16, zmap: 32, masscan: 64 } as const;

export type TruthKind = BackgroundKind | CastRole | "storm" | "outbreak";

/** What is known of an actor before its first packet. */
export interface Identity {
  readonly kind: TruthKind;
  /** The program that makes the packets, or the malware's family. */
  readonly tool: string;
  /** What it aims at, in the form of ports.ts; for backscatter the attacked port. */
  readonly ports: string;
  /** Place in the plan, or -1 where the source is forged or nobody's. */
  readonly piece: number;
  /** The cast's: number of the tenancy. */
  readonly tenancy?: number;
  /** Place of the outbreak in its scenario, and of the host in the outbreak. */
  readonly outbreak?: { readonly number: number; readonly host: number };
  /** Backscatter: the attack. */
  readonly attack?: {
    readonly kind: string;
    readonly victim: number;
    readonly start: number;
    readonly end: number;
    /** Answers a second to the whole address space. */
    readonly answered: number;
    readonly background: boolean;
  };
}

/** Hands out numbers for actors; 0 is nobody. */
export class Registry {
  readonly identities: Identity[] = [];
  readonly #known = new Map<string, number>();
  number(key: string, make: () => Identity): number {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const number = this.add(make());
    this.#known.set(key, number);
    return number;
  }
  /** A number for an actor that the caller knows to be new. */
  add(identity: Identity): number {
    return this.identities.push(identity);
  }
}

export interface ActorTruth {
  readonly kind: TruthKind;
  readonly tool: string;
  readonly sources: readonly string[];
  readonly network: { readonly asn: number; readonly name: string } | null;
  readonly cc: string | null;
  readonly first: string;
  readonly last: string;
  readonly packets: number;
  readonly ports: string;
}
export interface AttackTruth {
  readonly victim: string;
  readonly kind: string;
  readonly ports: string;
  readonly network: { readonly asn: number; readonly name: string } | null;
  readonly cc: string | null;
  /** Of the attack itself, whether or not an echo was seen. */
  readonly start: string;
  readonly end: string;
  readonly answered: number;
  readonly background: boolean;
  /** Packets of its echo in the capture; first and last are null where there are none. */
  readonly packets: number;
  readonly first: string | null;
  readonly last: string | null;
}

/** RFC 3339 with microseconds. */
export const formatTime = (time: number): string => {
  const seconds = Math.floor(time / 1e6);
  const micros = String(time - seconds * 1e6).padStart(6, "0");
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${micros}Z`;
};

/** Sums what was really written: give it every packet that leaves, once. */
export class Tally {
  packets = 0;
  bytes = 0;
  first = Number.NaN;
  last = Number.NaN;
  readonly #registry: Registry;
  readonly #plan: Plan;
  readonly #types = new Float64Array(16);
  readonly #marks = new Float64Array(3);
  #count = new Float64Array(1024);
  #firsts = new Float64Array(1024);
  #lasts = new Float64Array(1024);
  #source = new Uint32Array(1024);
  readonly #sources = new Map<number, Set<number>>();

  constructor(registry: Registry, plan: Plan) {
    this.#registry = registry;
    this.#plan = plan;
  }

  #grow(past: number): void {
    const capacity = Math.max(this.#count.length * 2, past + 1);
    const floats = (from: Float64Array): Float64Array<ArrayBuffer> => {
      const to = new Float64Array(capacity);
      to.set(from);
      return to;
    };
    this.#count = floats(this.#count);
    this.#firsts = floats(this.#firsts);
    this.#lasts = floats(this.#lasts);
    const source = new Uint32Array(capacity);
    source.set(this.#source);
    this.#source = source;
  }

  /** Packets `from` up to, not including, `to` of the frames, in order of time. */
  add(frames: Frames, from: number, to: number): void {
    const ip = frames.link === "ethernet" ? 14 : 0;
    for (let i = from; i < to; i++) {
      const time = frames.times[i]!;
      if (this.packets === 0) this.first = time;
      this.packets++;
      this.last = time;
      this.bytes += frames.lengths[i]! - ip;
      const what = frames.what[i]!;
      this.#types[what & 15]!++;
      if (what & MADE_BY.mirai) this.#marks[0]!++;
      if (what & MADE_BY.zmap) this.#marks[1]!++;
      if (what & MADE_BY.masscan) this.#marks[2]!++;
      const actor = frames.actors[i]!;
      if (actor >= this.#count.length) this.#grow(actor);
      if (this.#count[actor]!++ === 0) this.#firsts[actor] = time;
      this.#lasts[actor] = time;
      const at = frames.offsets[i]! + ip + 12;
      const b = frames.bytes;
      const src = ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0;
      if (src !== this.#source[actor]) this.#noteSource(actor, src);
    }
  }

  #noteSource(actor: number, src: number): void {
    this.#source[actor] = src;
    const known = this.#sources.get(actor);
    if (known === undefined) this.#sources.set(actor, new Set([src]));
    // A storm's sources are as many as its packets: only their number is kept.
    else if (this.#registry.identities[actor - 1]?.kind !== "storm") known.add(src);
  }

  types(): Record<string, number> {
    return Object.fromEntries(packetTypes.map((name, i) => [name, this.#types[i]!]).filter(([, n]) => n !== 0));
  }
  marks(): { mirai: number; zmap: number; masscan: number } {
    return { mirai: this.#marks[0]!, zmap: this.#marks[1]!, masscan: this.#marks[2]! };
  }

  #place(piece: number): { network: { asn: number; name: string } | null; cc: string | null } {
    if (piece < 0) return { network: null, cc: null };
    const network = this.#plan.networks[this.#plan.network[piece]!]!;
    return { network: { asn: network.asn, name: network.name }, cc: ccText(this.#plan.ccs[piece]!) || null };
  }

  kinds(): Record<string, { actors: number; packets: number }> {
    const sums: Record<string, { actors: number; packets: number }> = {};
    for (const [i, { kind }] of this.#registry.identities.entries()) {
      const packets = this.#count[i + 1] ?? 0;
      if (packets === 0) continue;
      const sum = (sums[kind] ??= { actors: 0, packets: 0 });
      sum.actors++;
      sum.packets += packets;
    }
    return sums;
  }

  /** Everybody who sent something: victims of stated attacks, then in the order of their first appearance. */
  *actors(): Generator<ActorTruth> {
    for (const [i, identity] of this.#registry.identities.entries()) {
      const packets = this.#count[i + 1] ?? 0;
      if (packets === 0) continue;
      const { kind, tool, ports, piece } = identity;
      const sources = kind === "storm" ? [] : [...(this.#sources.get(i + 1) ?? [])].map((src) => formatV4(src));
      const [first, last] = [formatTime(this.#firsts[i + 1]!), formatTime(this.#lasts[i + 1]!)];
      yield { kind, tool, sources, ...this.#place(piece), first, last, packets, ports };
    }
  }

  /** Stated attacks, seen or not, and those of the background that the sensors came by. */
  *attacks(): Generator<AttackTruth> {
    for (const [i, identity] of this.#registry.identities.entries()) {
      const attack = identity.attack;
      if (attack === undefined) continue;
      const packets = this.#count[i + 1] ?? 0;
      yield {
        victim: formatV4(attack.victim),
        kind: attack.kind,
        ports: identity.ports,
        ...this.#place(identity.piece),
        start: formatTime(attack.start),
        end: formatTime(attack.end),
        answered: attack.answered,
        background: attack.background,
        packets,
        first: packets === 0 ? null : formatTime(this.#firsts[i + 1]!),
        last: packets === 0 ? null : formatTime(this.#lasts[i + 1]!),
      };
    }
  }
}
