// SPDX-License-Identifier: Apache-2.0
import { hoursAhead, infectedFactor } from "./countries.ts";
import { hopsFrom } from "./paths.ts";
import { hostIn } from "./plan.ts";
import type { Network, Plan } from "./plan.ts";
import { aims, surveyed, wholePorts } from "./ports.ts";
import type { Aims } from "./ports.ts";
import { Alias, mix, mix3, unit } from "./random.ts";
import { DAY, HOUR } from "./scenario.ts";
import type { HostKind } from "./scenario.ts";
import { tools } from "./tools.ts";
import type { Tool, ToolName } from "./tools.ts";

/** How the hosts of one kind live. */
interface Life {
  /** A place is taken by one device after the other; this is the mean time of one, in days. */
  readonly days: number;
  /** Share of that time in which the device is infected or at work. */
  readonly duty: number;
  /** Depth of the daily rhythm, 0 (none) to 1. */
  readonly rhythm: number;
  /** Days that a device keeps an address, drawn evenly from these; 0 is for ever. */
  readonly leases: readonly number[];
  readonly tools: readonly (readonly [ToolName, number])[];
  readonly aims: readonly Aims[];
  /** Skew of rates among the hosts: the exponent of a Pareto distribution, and the largest rate against the smallest. */
  readonly skew: number;
  readonly spread: number;
  /** Neighbouring addresses that belong together. */
  readonly fleet: number;
  favour(network: Network, cc: number, addresses: number): number;
}

const favourAccess = (network: Network, cc: number): number =>
  (network.kind === "access" ? 1 : network.kind === "mobile" ? 0.7 : 0.01) * infectedFactor(cc);
const favourHosting = (network: Network, _cc: number, addresses: number): number =>
  network.kind === "hosting" && addresses >= 64 ? 1 / Math.sqrt(addresses) : 0;

export const lives: Readonly<Record<HostKind, Life>> = {
  research: {
    days: 5,
    duty: 0.85,
    rhythm: 0,
    leases: [0],
    skew: 1.3,
    spread: 40,
    fleet: 4,
    favour: favourHosting,
    tools: [
      ["zmap", 55],
      ["masscan", 15],
      ["zmapQuiet", 30],
    ],
    aims: wholePorts,
  },
  scanners: {
    days: 2,
    duty: 0.6,
    rhythm: 0,
    leases: [0],
    skew: 0.9,
    spread: 200,
    fleet: 1,
    favour: favourHosting,
    tools: [
      ["masscan", 50],
      ["zmap", 10],
      ["rawBotWide", 20],
      ["nmap", 5],
      ["linux", 15],
    ],
    aims: aims.scanners,
  },
  mirai: {
    days: 2.5,
    duty: 0.7,
    rhythm: 0.35,
    leases: [0, 0, 1, 1, 3, 7],
    skew: 1.4,
    spread: 30,
    fleet: 1,
    favour: favourAccess,
    tools: [["mirai", 1]],
    aims: aims.mirai,
  },
  iot: {
    days: 4,
    duty: 0.7,
    rhythm: 0.45,
    leases: [0, 0, 1, 1, 3, 7],
    skew: 1.4,
    spread: 30,
    fleet: 1,
    favour: favourAccess,
    tools: [
      ["rawBot", 45],
      ["embeddedLinux", 30],
      ["oldLinux", 25],
    ],
    aims: aims.iot,
  },
  slow: {
    days: 10,
    duty: 0.8,
    rhythm: 0.3,
    leases: [0, 0, 0, 1, 7],
    skew: 1.6,
    spread: 20,
    fleet: 1,
    favour: (network, cc) => favourAccess(network, cc) + (network.kind === "hosting" ? 0.6 : 0.05),
    tools: [
      ["windows", 25],
      ["windowsNew", 15],
      ["windowsOld", 5],
      ["linux", 25],
      ["linuxNew", 20],
      ["nmap", 10],
    ],
    aims: aims.slow,
  },
  amplification: {
    days: 3,
    duty: 0.5,
    rhythm: 0,
    leases: [0],
    skew: 1,
    spread: 50,
    fleet: 1,
    favour: favourHosting,
    tools: [
      ["zmap", 20],
      ["rawBotWide", 60],
      ["masscan", 20],
    ],
    aims: aims.amplification,
  },
};

/** The share of a kind's largest rate that its hosts send in the mean. */
export const meanActivity = (kind: HostKind): number => lives[kind].duty / (1 + lives[kind].rhythm);

/** Activity in each hour of local time, largest 1: awake in the evening, asleep before dawn. */
export const rhythmOf = (depth: number, localHour: number): number =>
  (1 + depth * Math.cos(((localHour - 19) / 24) * 2 * Math.PI)) / (1 + depth);

/** What a place of the population is at a time. Fields are valid for the place asked for last. */
export interface Device {
  src: number;
  tool: Tool;
  aims: Uint32Array;
  text: string;
  piece: number;
  /** Distinguishes devices of one place; with the place it names the device. */
  turn: number;
  hash: number;
  hops: number;
}

const pickTool = (list: readonly (readonly [ToolName, number])[], word: number): Tool => {
  let left = unit(word) * list.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [name, weight] of list) {
    left -= weight;
    if (left < 0) return tools[name];
  }
  return tools[list[0]![0]];
};

const few = (hash: number, turn: number): Aims => {
  const count = 1 + (mix3(hash, turn, 11) % 6);
  const chosen = new Uint32Array(128);
  const words: string[] = [];
  for (let i = 0; i < count; i++) {
    // Squaring prefers the front of the list: everybody looks at 443, few at 47808.
    const u = unit(mix3(hash, turn, 100 + i));
    const aim = surveyed[Math.floor(u * u * surveyed.length)]!;
    words.push(aim >>> 16 === 1 ? "echo" : aim >>> 16 === 17 ? `${aim & 0xffff}/udp` : String(aim & 0xffff));
    for (let j = i; j < 128; j += count) chosen[j] = aim;
  }
  return { text: words.join(" "), table: chosen };
};

/**
 * The hosts of one kind, everywhere. Everything about a place at a time follows from the seed, so no order of asking
 * changes an answer; what was worked out last is kept a place.
 */
export class Population {
  readonly kind: HostKind;
  readonly life: Life;
  readonly rates: Alias;
  readonly #seed: number;
  readonly #plan: Plan;
  readonly #pieces: Alias;
  readonly #period: Float64Array;
  readonly #phase: Float64Array;
  readonly #devices: (Device | undefined)[];
  readonly #leaseOf: Float64Array;
  readonly #lease: Float64Array;
  readonly #zone: Int8Array;
  readonly #whole: boolean;
  /** Activity by hours ahead of UTC + 12, for the present slice. */
  readonly #awake = new Float64Array(32);

  constructor(kind: HostKind, count: number, seed: number, plan: Plan, pieces: Alias) {
    this.kind = kind;
    this.life = lives[kind];
    this.#seed = mix(seed, 0x706f70 + kind.length * 257 + kind.charCodeAt(0));
    this.#plan = plan;
    this.#pieces = pieces;
    this.#whole = kind === "research";
    const { skew, spread, days, fleet } = this.life;
    const weights = new Float64Array(count);
    this.#period = new Float64Array(count);
    this.#phase = new Float64Array(count);
    this.#lease = new Float64Array(count).fill(Number.NaN);
    this.#leaseOf = new Float64Array(count);
    this.#zone = new Int8Array(count);
    this.#devices = Array.from({ length: count }, () => undefined);
    for (let i = 0; i < count; i++) {
      const group = Math.floor(i / fleet);
      const u = unit(mix3(this.#seed, group, 1));
      // Pareto, bounded: rate from 1 to `spread`.
      weights[i] = (1 - u * (1 - spread ** -skew)) ** (-1 / skew);
      this.#period[i] = days * (0.5 + unit(mix3(this.#seed, group, 2))) * DAY;
      this.#phase[i] = unit(mix3(this.#seed, group, 3)) * this.#period[i]!;
    }
    this.rates = new Alias(weights);
  }

  /** Sets the hour that `active` reads the daily rhythm for. */
  enter(time: number): void {
    if (this.life.rhythm === 0) return;
    const hour = (time % DAY) / HOUR;
    for (let zone = -12; zone < 20; zone++) this.#awake[zone + 12] = rhythmOf(this.life.rhythm, hour + zone);
  }

  #deviceAt(place: number, turn: number): Device {
    const known = this.#devices[place];
    if (known !== undefined && known.turn === turn) return known;
    const { fleet, tools: list, aims: choice, leases } = this.life;
    const group = Math.floor(place / fleet);
    // A research fleet stays where it is; other places go to another device in another network.
    const hash = mix3(this.#seed, place, turn);
    const home = this.#whole ? mix3(this.#seed, group, 5) : mix(hash, 5);
    const piece = this.#pieces.pick(unit(home));
    const survey = this.#whole && unit(mix(home, 6)) < 0.5;
    const chosen = survey ? few(home, turn) : choice[mix(this.#whole ? home : hash, 7) % choice.length]!;
    const start = this.#plan.starts[piece]!;
    const size = this.#plan.ends[piece]! - start + 1;
    const src = this.#whole
      ? start + 1 + (((mix(home, 8) % Math.max(1, size - fleet - 1)) + (place % fleet)) % Math.max(1, size - 2))
      : hostIn(this.#plan, piece, mix(hash, 8));
    const device: Device = {
      src: src >>> 0,
      tool: pickTool(list, mix(this.#whole ? home : hash, 9)),
      aims: chosen.table,
      text: chosen.text,
      piece,
      turn,
      hash,
      hops: hopsFrom(src >>> 0),
    };
    this.#devices[place] = device;
    this.#leaseOf[place] = leases[mix(hash, 12) % leases.length]! * DAY;
    this.#lease[place] = Number.NaN;
    this.#zone[place] = hoursAhead(this.#plan.ccs[piece]!);
    return device;
  }

  /** The device at a place and time, or undefined when it is not at work; `word` decides about the hours of sleep. */
  active(place: number, time: number, word: number): Device | undefined {
    const x = (time + this.#phase[place]!) / this.#period[place]!;
    const turn = Math.floor(x);
    if (x - turn >= this.life.duty) return undefined;
    const device = this.#deviceAt(place, turn);
    if (this.life.rhythm > 0 && unit(word) >= this.#awake[this.#zone[place]! + 12]!) return undefined;
    const length = this.#leaseOf[place]!;
    if (length > 0) {
      const lease = Math.floor((time + this.#phase[place]!) / length);
      if (lease !== this.#lease[place]) {
        this.#lease[place] = lease;
        device.src = hostIn(this.#plan, device.piece, mix3(device.hash, 13, lease));
        device.hops = hopsFrom(device.src);
      }
    }
    return device;
  }
}
