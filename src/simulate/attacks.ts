// SPDX-License-Identifier: Apache-2.0
import { parseV4 } from "../net/ip.ts";
import { hostOf } from "./constituency.ts";
import type { SimulatedConstituency } from "./constituency.ts";
import { ccCode, hostIn, pieceOf } from "./plan.ts";
import type { Plan } from "./plan.ts";
import { Rng, mix3, poisson, unit } from "./random.ts";
import type { Alias } from "./random.ts";
import { DAY, HOUR } from "./scenario.ts";
import type { AttackSpec, Scenario } from "./scenario.ts";

/** A denial-of-service attack with forged sources, as its echo shows it. */
export interface Attack {
  readonly id: string;
  readonly kind: AttackSpec["kind"];
  readonly victim: number;
  readonly piece: number;
  readonly port: number;
  readonly start: number;
  readonly end: number;
  /** Answers a second to the whole address space. */
  readonly answered: number;
  readonly background: boolean;
  readonly hash: number;
}

const LARGEST = 60;
const SKEW = 1.4;
/** Mean of the bounded Pareto distribution from 1 to LARGEST. */
const meanRate = ((SKEW / (SKEW - 1)) * (1 - LARGEST ** (1 - SKEW))) / (1 - LARGEST ** -SKEW);
const MEAN_MINUTES = 25;
const LONGEST = DAY;
const synPorts = [443, 443, 443, 80, 80, 80, 22, 25565, 3389, 30120, 8080, 53] as const;
const udpPorts = [443, 53, 123, 27015, 9987, 30120, 5060, 80] as const;

/** Background attacks of a day and those that the scenario states, for any time asked. */
export class Attacks {
  readonly #seed: number;
  readonly #plan: Plan;
  readonly #pieces: Alias;
  readonly #perDay: number;
  readonly #unitRate: number;
  readonly #stated: Attack[];
  readonly #days = new Map<number, Attack[]>();
  #hour = Number.NaN;
  #ofHour: Attack[] = [];

  readonly #constituency: SimulatedConstituency;

  constructor(
    seed: number,
    scenario: Scenario,
    epoch: number,
    plan: Plan,
    pieces: Alias,
    constituency: SimulatedConstituency,
  ) {
    this.#constituency = constituency;
    this.#seed = mix3(seed, 0x61747461, 1);
    this.#plan = plan;
    this.#pieces = pieces;
    this.#perDay = scenario.attacksPerDay;
    const atOnce = (scenario.attacksPerDay * MEAN_MINUTES) / 1440;
    const answered = scenario.shares.backscatter * scenario.intensity * 4294967296;
    this.#unitRate = atOnce > 0 ? answered / atOnce / meanRate : 0;
    this.#stated = scenario.attacks.map((spec, i) => this.#state(spec, i, epoch));
  }

  #state(spec: AttackSpec, i: number, epoch: number): Attack {
    const hash = mix3(this.#seed, 0x73746174, i);
    let victim = spec.victim === undefined ? undefined : parseV4(spec.victim);
    let piece = victim === undefined ? -1 : pieceOf(this.#plan, victim);
    if (spec.in !== undefined) {
      const places = this.#constituency.organisations.filter(({ group }) => group === spec.in);
      if (places.length > 0) victim = hostOf(places[mix3(hash, 5, 5) % places.length]!, mix3(hash, 6, 6));
    }
    if (victim === undefined) {
      piece = this.#pieces.pick(unit(hash));
      if (spec.country !== undefined) {
        const wanted = ccCode(spec.country);
        for (let tries = 0; tries < 20_000 && this.#plan.ccs[piece] !== wanted; tries++) {
          piece = this.#pieces.pick(unit(mix3(hash, tries, 3)));
        }
      }
      victim = hostIn(this.#plan, piece, mix3(hash, 1, 4));
    }
    const start = epoch + spec.startHours * HOUR;
    const { kind, port, answered } = spec;
    return {
      id: `stated ${i}`,
      kind,
      port,
      answered,
      victim,
      piece,
      start,
      hash,
      end: start + spec.minutes * 60e6,
      background: false,
    };
  }

  #ofDay(day: number): Attack[] {
    const known = this.#days.get(day);
    if (known !== undefined) return known;
    const rng = new Rng(this.#seed, day, 1);
    const list: Attack[] = [];
    const count = this.#unitRate > 0 ? poisson(rng, this.#perDay) : 0;
    for (let i = 0; i < count; i++) {
      const start = Math.floor((day + rng.unit()) * DAY);
      const minutes = MEAN_MINUTES * rng.gap();
      const rate = (1 - rng.unit() * (1 - LARGEST ** -SKEW)) ** (-1 / SKEW);
      const piece = this.#pieces.pick(rng.unit());
      const which = rng.unit();
      const kind = which < 0.72 ? "syn" : which < 0.94 ? "udp" : "ping";
      const ports = kind === "syn" ? synPorts : udpPorts;
      list.push({
        id: `${day} ${i}`,
        kind,
        victim: hostIn(this.#plan, piece, rng.next()),
        piece,
        port: rng.unit() < 0.85 ? ports[rng.below(ports.length)]! : 1 + rng.below(65535),
        start,
        end: start + Math.floor(Math.min(LONGEST, minutes * 60e6)),
        answered: this.#unitRate * rate,
        background: true,
        hash: rng.next(),
      });
    }
    if (this.#days.size > 8) this.#days.clear();
    this.#days.set(day, list);
    return list;
  }

  /** Attacks that are under way at some time in [from, to). */
  during(from: number, to: number): Attack[] {
    // Asked for every ten seconds of a sensor: those of the hour are picked out once.
    const hour = Math.floor(from / HOUR);
    if (to > (hour + 1) * HOUR) return this.#between(from, to);
    if (hour !== this.#hour) {
      this.#ofHour = this.#between(hour * HOUR, (hour + 1) * HOUR);
      this.#hour = hour;
    }
    return this.#ofHour.filter(({ start, end }) => start < to && end > from);
  }
  #between(from: number, to: number): Attack[] {
    const list = this.#stated.filter(({ start, end }) => start < to && end > from);
    for (let day = Math.floor((from - LONGEST) / DAY); day <= Math.floor(to / DAY); day++) {
      for (const attack of this.#ofDay(day)) if (attack.start < to && attack.end > from) list.push(attack);
    }
    return list;
  }

  /** Attacks that the scenario states. */
  get stated(): readonly Attack[] {
    return this.#stated;
  }
}
