// SPDX-License-Identifier: Apache-2.0
import { hostOf } from "./constituency.ts";
import type { SimulatedConstituency, SimulatedOrganisation } from "./constituency.ts";
import { hoursAhead } from "./countries.ts";
import { hopsFrom } from "./paths.ts";
import { hostIn } from "./plan.ts";
import type { Plan } from "./plan.ts";
import { rhythmOf } from "./population.ts";
import { parseAims } from "./ports.ts";
import type { Aims } from "./ports.ts";
import { Rng, mix, mix3, poisson, unit } from "./random.ts";
import type { Alias } from "./random.ts";
import { DAY, HOUR } from "./scenario.ts";
import type { CastSpec } from "./scenario.ts";
import { tools } from "./tools.ts";
import type { Tool } from "./tools.ts";

/** A host at one address for a time. A host that changes its address is one tenancy after the other. */
export interface Tenancy {
  /** Place in the cast: the truth's name for it. */
  readonly number: number;
  readonly spec: CastSpec;
  /** Distinguishes hosts; tenancies of one host share it. */
  readonly host: number;
  readonly src: number;
  /** Null abroad. */
  readonly organisation: SimulatedOrganisation | null;
  readonly realm: string;
  /** Plan piece, or -1. */
  readonly piece: number;
  readonly from: number;
  readonly to: number;
  /** Packets a second in its busiest hour: to each dark address of its sensors, or to all of its few targets at one. */
  readonly rate: number;
  readonly aims: Aims;
  readonly tool: Tool;
  readonly hash: number;
  readonly hops: number;
  /** Dark addresses of a sensor that it sends to; 0: all. */
  readonly targets: number;
  readonly zone: number;
  /** Number of the tenancy whose address it took over, or -1. */
  readonly after: number;
}

/** Whose way the packets of a host come: its own, where nobody makes it up and where the forger knows it. */
export const hasOwnWay = ({ role, hops }: CastSpec): boolean =>
  hops === "known" || (hops === undefined && role !== "forged" && role !== "framed");

const hopsOf = (spec: CastSpec, src: number, hash: number, forger: number): number =>
  hasOwnWay(spec) ? hopsFrom(src) : 6 + ((spec.hops === "forger" ? forger : mix(hash, 13)) & 15);

/** Tenancies are looked up by blocks of time. */
export const BLOCK = 3 * HOUR;

const drawn = ([low, high]: readonly [number, number], u: number): number => low * (high / low) ** u;
const even = ([low, high]: readonly [number, number], u: number): number => low + (high - low) * u;

/** Packets of a block for one sensor, in order of time. */
export interface Events {
  readonly times: Float64Array;
  /** Tenancies, by place in the cast. */
  readonly who: Uint32Array;
  readonly words: Uint32Array;
}

/** Most packets of the cast in one block at one sensor: what the sort key holds. */
const MOST = 2 ** 19;

/** The hosts whose every address and hour is known: the constituency's, and who plays tricks on it. */
export class Cast {
  readonly tenancies: readonly Tenancy[];
  readonly #blocks = new Map<number, number[]>();

  constructor(
    specs: readonly CastSpec[],
    constituency: SimulatedConstituency,
    sensors: readonly { readonly name: string; readonly realm: string; readonly size: number }[],
    { seed, plan, homes, epoch }: { seed: number; plan: Plan; homes: Alias; epoch: number },
  ) {
    const all: Tenancy[] = [];
    const infected: Tenancy[] = [];
    // Infected hosts first, so that others can take over their addresses.
    const order = [...specs.entries()].sort(
      ([a, one], [b, two]) => Number(two.role === "infected") - Number(one.role === "infected") || a - b,
    );
    let host = 0;
    for (const [s, spec] of order) {
      const places = constituency.organisations.filter(({ group }) => spec.in.includes(group));
      const abroad = spec.in.includes("abroad");
      const choices = spec.aims.map(parseAims);
      const tool = tools[spec.tool];
      const forger = mix3(seed, 0x666f72, s);
      for (let h = 0; h < spec.hosts; h++) {
        const hash = mix3(mix(seed, 0x63617374 + s), h, host++);
        let from = epoch + even(spec.startHours, unit(mix(hash, 1))) * HOUR;
        let left = drawn(spec.hours, unit(mix(hash, 2))) * HOUR;
        const place = mix(hash, 3) % (places.length + (abroad ? 1 : 0));
        const organisation = places[place] ?? null;
        const piece = organisation === null ? homes.pick(unit(mix(hash, 4))) : -1;
        const realm = organisation?.realm ?? "";
        const leases = spec.leaseHours ?? [0];
        const lease = leases[mix(hash, 5) % leases.length]! * HOUR;
        const seen = sensors.filter(
          (one) => one.realm === realm && (spec.sensors === undefined || spec.sensors.includes(one.name)),
        );
        const size = seen.reduce((sum, one) => sum + one.size, 0);
        const rate =
          spec.packets === undefined
            ? drawn(spec.rate!, unit(mix(hash, 6))) / (spec.targets === undefined ? (spec.space ?? 2 ** 32) : 1)
            : even(spec.packets, unit(mix(hash, 6))) / Math.max(1, size) / (left / 1e6);
        const targets = spec.targets === undefined ? 0 : Math.round(even(spec.targets, unit(mix(hash, 7))));
        const cc =
          organisation === null
            ? plan.ccs[piece]!
            : (organisation.country.charCodeAt(0) << 8) | organisation.country.charCodeAt(1);
        for (let turn = 0; left > 0; turn++) {
          const time =
            lease === 0 ? left : Math.min(left, turn === 0 ? lease * (0.2 + 0.8 * unit(mix(hash, 8))) : lease);
          let after = -1;
          let src =
            organisation === null
              ? hostIn(plan, piece, mix3(hash, 9, turn))
              : hostOf(organisation, mix3(hash, 9, turn));
          if (organisation !== null && unit(mix(hash, 10)) < (spec.recycled ?? 0)) {
            // An address of the same group that an infected host had and left an hour before at the latest.
            for (let tries = 0; tries < 64 && after < 0; tries++) {
              const past = infected[mix3(hash, 11, tries) % infected.length];
              if (past === undefined || past.to + HOUR > from || past.organisation?.group !== organisation.group)
                continue;
              if (infected.some((one) => one.src === past.src && one.to > from - HOUR)) continue;
              after = past.number;
              src = past.src;
            }
          }
          const tenancy: Tenancy = {
            number: all.length,
            spec,
            host,
            src,
            organisation: after < 0 ? organisation : all[after]!.organisation,
            realm,
            piece,
            from: Math.floor(from),
            to: Math.floor(from + time),
            rate,
            aims: choices[mix(hash, 12) % choices.length]!,
            tool,
            hash,
            hops: hopsOf(spec, src, hash, forger),
            targets,
            zone: hoursAhead(cc),
            after,
          };
          all.push(tenancy);
          if (spec.role === "infected" && realm === "") infected.push(tenancy);
          from += time;
          left -= time;
        }
      }
    }
    this.tenancies = all;
    for (const { number, from, to } of all) {
      for (let block = Math.floor(from / BLOCK); block * BLOCK < to; block++) {
        const list = this.#blocks.get(block);
        if (list === undefined) this.#blocks.set(block, [number]);
        else list.push(number);
      }
    }
  }

  /** What reaches a sensor of `size` dark addresses in a block (a number; times are `block * BLOCK` and on). */
  events(block: number, sensor: { name: string; hash: number; realm: string; size: number }): Events | undefined {
    const list = this.#blocks.get(block);
    if (list === undefined) return undefined;
    const begin = block * BLOCK;
    const keys: number[] = [];
    const who: number[] = [];
    const words: number[] = [];
    const rng = new Rng();
    for (const number of list) {
      const { spec, from, to, rate, hash, realm, zone } = this.tenancies[number]!;
      if (realm !== sensor.realm || spec.sensors?.includes(sensor.name) === false) continue;
      const start = Math.max(from, begin);
      const length = Math.min(to, begin + BLOCK) - start;
      rng.seed(mix3(hash, sensor.hash, number), Math.floor(block / 65536), block);
      const aimed = spec.targets !== undefined && spec.rate !== undefined;
      const count = poisson(rng, (rate * (aimed ? 1 : sensor.size) * length) / 1e6);
      for (let i = 0; i < count; i++) {
        const time = Math.floor(start + rng.unit() * length);
        const word = rng.next();
        const depth = spec.rhythm ?? 0;
        if (depth > 0 && rng.unit() >= rhythmOf(depth, (time % DAY) / HOUR + zone)) continue;
        if (who.length === MOST) break;
        keys.push((time - begin) * MOST + who.length);
        who.push(number);
        words.push(word);
      }
    }
    if (who.length === 0) return undefined;
    const sorted = Float64Array.from(keys).sort();
    const times = new Float64Array(sorted.length);
    const players = new Uint32Array(sorted.length);
    const chosen = new Uint32Array(sorted.length);
    for (let i = 0; i < sorted.length; i++) {
      const offset = Math.floor(sorted[i]! / MOST);
      const at = sorted[i]! - offset * MOST;
      times[i] = begin + offset;
      players[i] = who[at]!;
      chosen[i] = words[at]!;
    }
    return { times, who: players, words: chosen };
  }
}
