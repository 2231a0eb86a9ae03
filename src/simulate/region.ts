// SPDX-License-Identifier: Apache-2.0
import { Attacks } from "./attacks.ts";
import type { Attack } from "./attacks.ts";
import { Cast } from "./cast.ts";
import { drawConstituency } from "./constituency.ts";
import type { SimulatedConstituency } from "./constituency.ts";
import { DarkSpace } from "./dark.ts";
import type { Link } from "./frames.ts";
import { pieceAlias } from "./plan.ts";
import type { Plan } from "./plan.ts";
import { Population, lives } from "./population.ts";
import { TCP, UDP, aim as aimOf } from "./ports.ts";
import { mix, mix3 } from "./random.ts";
import type { Alias } from "./random.ts";
import { HOUR, hostKinds, infectedAt } from "./scenario.ts";
import type { OutbreakSpec, Scenario, StormSpec } from "./scenario.ts";
import { tools } from "./tools.ts";
import type { Tool } from "./tools.ts";
import { Registry } from "./truth.ts";

const SPACE = 4294967296;

export interface RegionOptions {
  /** A whole number; with the scenario, the plan and the epoch it decides every byte. */
  readonly seed: number;
  readonly scenario: Scenario;
  readonly plan: Plan;
  /** The time that the scenario's hours count from, microseconds UTC. */
  readonly epoch: number;
  readonly link?: Link;
  /** Label packets with their actors, so that a `Tally` can say what was written. */
  readonly truth?: boolean;
}

export interface Outbreak {
  readonly spec: OutbreakSpec;
  readonly start: number;
  readonly seed: number;
  readonly tool: Tool;
  readonly aim: number;
  /** Actors' numbers by host. */
  readonly actors: Map<number, number>;
}
export interface Storm {
  readonly spec: StormSpec;
  readonly start: number;
  readonly end: number;
}
/** One world: its hosts, attacks and outbreaks. Sensors look at it through a `Stream`; all of them see the same actors. */
export class Region {
  readonly scenario: Scenario;
  readonly plan: Plan;
  readonly epoch: number;
  readonly registry = new Registry();
  readonly seed: number;
  readonly link: Link;
  readonly truth: boolean;
  readonly populations: readonly Population[];
  readonly attacks: Attacks;
  readonly outbreaks: readonly Outbreak[];
  readonly storms: readonly Storm[];
  readonly constituency: SimulatedConstituency;
  readonly cast: Cast;
  /** Actors' numbers of the cast's tenancies; 0 where there is none yet. */
  readonly castActors: Uint32Array;
  /** Organisations of the shared realm. */
  readonly publicOrganisations: SimulatedConstituency["organisations"];
  /** Where infected devices live. */
  readonly homes: Alias;

  constructor({ seed, scenario, plan, epoch, link = "ethernet", truth = false }: RegionOptions) {
    this.scenario = scenario;
    this.plan = plan;
    this.epoch = epoch;
    this.link = link;
    this.truth = truth;
    this.seed = mix(seed % SPACE, Math.floor(seed / SPACE) + 0x6c6179);
    this.constituency = drawConstituency(plan, scenario.organisations, mix(this.seed, 0x6f7267));
    const own = this.constituency.pieces;
    this.publicOrganisations = this.constituency.organisations.filter(({ realm }) => realm === "");
    const pieces = new Map(
      hostKinds.map((kind) => [lives[kind].favour, pieceAlias(plan, lives[kind].favour, own)] as const),
    );
    this.homes = pieces.get(lives.mirai.favour)!;
    this.populations = hostKinds.map(
      (kind) => new Population(kind, scenario.hosts[kind], this.seed, plan, pieces.get(lives[kind].favour)!),
    );
    const victims = pieceAlias(plan, ({ kind }, _cc, size) => (kind === "hosting" ? 3 : 1) / Math.sqrt(size), own);
    this.attacks = new Attacks(this.seed, scenario, epoch, plan, victims, this.constituency);
    this.outbreaks = scenario.outbreaks.map((spec, i) => ({
      spec,
      start: epoch + spec.startHours * HOUR,
      seed: mix3(this.seed, 0x6f757462, i),
      tool: spec.mirai ? tools.mirai : tools.rawBot,
      aim: aimOf(spec.protocol === "udp" ? UDP : TCP, spec.port),
      actors: new Map(),
    }));
    this.storms = scenario.storms.map((spec) => {
      const start = epoch + spec.startHours * HOUR;
      return { spec, start, end: start + spec.minutes * 60e6 };
    });
    this.cast = new Cast(
      scenario.cast,
      this.constituency,
      scenario.sensors.map(({ name, realm = "", dark }) => ({
        name,
        realm,
        size: new DarkSpace({ dark }, epoch).size,
      })),
      { seed: this.seed, plan, homes: this.homes, epoch },
    );
    this.castActors = new Uint32Array(this.cast.tenancies.length);
    // What the scenario states is true whether or not an echo is seen.
    if (truth) for (const attack of this.attacks.stated) this.numberOf(attack);
  }

  /** The number of an attack's victim as an actor. */
  numberOf(attack: Attack): number {
    const { id, kind, port, piece } = attack;
    return this.registry.number(`attack ${id}`, () => ({
      kind: "backscatter",
      tool: kind,
      ports: kind === "ping" ? "echo" : `${port}${kind === "udp" ? "/udp" : ""}`,
      piece,
      attack,
    }));
  }
}

/** Hosts of an outbreak as the scenario's curve has them, one value an hour from its start (or `from`) to `to`. */
export const outbreakCurve = (
  region: Region,
  spec: OutbreakSpec,
  from: number,
  to: number,
): { time: number; hosts: number }[] => {
  const start = region.epoch + spec.startHours * HOUR;
  const curve: { time: number; hosts: number }[] = [];
  const step = Math.max(60e6, Math.min(HOUR, (to - from) / 100));
  for (let time = Math.max(start, from); time <= to; time += step) {
    curve.push({ time, hosts: Math.round(infectedAt(spec, time - start)) });
  }
  return curve;
};
