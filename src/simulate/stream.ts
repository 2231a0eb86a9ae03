// SPDX-License-Identifier: Apache-2.0
import type { Attack } from "./attacks.ts";
import { BLOCK, hasOwnWay } from "./cast.ts";
import type { Events } from "./cast.ts";
import { hostOf } from "./constituency.ts";
import { DarkSpace } from "./dark.ts";
import { echo } from "./echo.ts";
import { Frames } from "./frames.ts";
import { hopsFrom, pathTo } from "./paths.ts";
import { hostIn } from "./plan.ts";
import { meanActivity } from "./population.ts";
import { aims } from "./ports.ts";
import { probe } from "./probe.ts";
import { Rng, hashText, mix, mix3, poisson, unit } from "./random.ts";
import type { Outbreak, Region, Storm } from "./region.ts";
import { DAY, infectedAt } from "./scenario.ts";
import type { SimulatedSensor } from "./scenario.ts";
import { dhtPing, noOptions, tools } from "./tools.ts";
import type { Tool } from "./tools.ts";
import { TYPE } from "./truth.ts";

const SPACE = 4294967296;

/** Packets of one sensor in order of time: those from `from` up to, not including, `to` of `frames`. */
export interface Piece {
  readonly frames: Frames;
  from: number;
  to: number;
}

export interface SensorStream {
  readonly sensor: SimulatedSensor;
  readonly darkAddresses: number;
  /** The sensor is down at this time and sees nothing. */
  isAway(time: number): boolean;
  /** Dark addresses in force at this time. */
  darkAt(time: number): number;
  /** Goes on from this time. */
  seek(time: number): void;
  /**
   * The next packets before `until`, or an empty piece when there are no more; call again until it is empty. The frames
   * are reused: they are valid until the next call.
   */
  read(until: number): Piece;
}

interface Misconfigured {
  readonly src: number;
  readonly dst: number;
  readonly piece: number;
  readonly aim: number;
  readonly text: string;
  readonly tool: Tool;
  readonly hash: number;
}

/** Hosts that bound an outbreak's in [begin, end). */
const mostInfected = ({ spec, start }: Outbreak, begin: number, end: number): number => {
  const last = Math.ceil(infectedAt(spec, end - start));
  return spec.decline === undefined ? last : Math.max(last, Math.ceil(infectedAt(spec, Math.max(0, begin - start))));
};

/** What one sensor gets of a region. */
export class Stream implements SensorStream {
  readonly sensor: SimulatedSensor;
  readonly darkAddresses: number;
  readonly #region: Region;
  readonly #rng = new Rng();
  readonly #frames: Frames;
  readonly #hash: number;
  readonly #dark: DarkSpace;
  readonly #misconfigured: Misconfigured[] = [];
  readonly #slice: number;
  readonly #piece: { frames: Frames; from: number; to: number };
  readonly #numbers: Float64Array[];
  readonly #turns: Int32Array[];
  readonly #castRng = new Rng();
  readonly #shared: boolean;
  #next: number;
  #floor: number;
  #read = 0;
  #block = Number.NaN;
  #events: Events | undefined;

  constructor(region: Region, sensor: SimulatedSensor, from: number) {
    this.#region = region;
    this.sensor = sensor;
    this.#hash = hashText(sensor.name);
    this.#dark = new DarkSpace(sensor, region.epoch);
    const { size } = this.#dark;
    this.darkAddresses = size;
    this.#shared = (sensor.realm ?? "") === "";
    this.#frames = new Frames(region.link, 4096);
    this.#piece = { frames: this.#frames, from: 0, to: 0 };
    this.#numbers = region.populations.map(({ rates }) => new Float64Array(rates.length));
    this.#turns = region.populations.map(({ rates }) => new Int32Array(rates.length).fill(-1));
    // A slice holds some thousands of packets at most, and lasts 10 ms to 10 s; a power of ten, so that slices fit days.
    const rate = region.scenario.intensity * size;
    this.#slice = rate * 10 < 8192 ? 10e6 : rate < 8192 ? 1e6 : rate / 10 < 8192 ? 1e5 : 1e4;
    this.#misconfigure();
    this.#next = 0;
    this.#floor = 0;
    this.seek(from);
  }

  seek(time: number): void {
    this.#floor = time;
    this.#next = Math.floor(time / this.#slice);
    this.#frames.clear();
    this.#read = 0;
  }

  read(until: number): Piece {
    const piece = this.#piece;
    const { times } = this.#frames;
    if (this.#read < this.#frames.count && times[this.#read]! < until) {
      return this.#hand(until);
    }
    while (this.#read >= this.#frames.count && this.#next * this.#slice < until) {
      this.#fill(this.#next++);
      this.#read = 0;
      while (this.#read < this.#frames.count && this.#frames.times[this.#read]! < this.#floor) this.#read++;
      if (this.#read < this.#frames.count && this.#frames.times[this.#read]! < until) return this.#hand(until);
    }
    piece.from = piece.to = this.#read;
    return piece;
  }

  #hand(until: number): Piece {
    const { times, count } = this.#frames;
    const piece = this.#piece;
    piece.from = this.#read;
    if (times[count - 1]! < until) this.#read = count;
    else while (this.#read < count && times[this.#read]! < until) this.#read++;
    piece.to = this.#read;
    return piece;
  }

  #misconfigure(): void {
    const { seed, plan, scenario, homes } = this.#region;
    // Each sends a packet every two minutes in the mean; as many as the share asks for.
    const count = Math.min(
      200_000,
      poisson(
        new Rng(seed, this.#hash, 0x6d697363),
        scenario.shares.misconfiguration * scenario.intensity * 120 * this.darkAddresses,
      ),
    );
    const kinds = [tools.linux, tools.linuxNew, tools.windowsNew, tools.embeddedLinux];
    for (let i = 0; i < count; i++) {
      const hash = mix3(mix(seed, this.#hash), 0x6d69, i);
      const piece = homes.pick(unit(mix(hash, 1)));
      const choice = aims.misconfiguration[mix(hash, 2) % aims.misconfiguration.length]!;
      this.#misconfigured.push({
        src: hostIn(plan, piece, mix(hash, 3)),
        dst: this.#dark.address(mix(hash, 4) % this.darkAddresses),
        piece,
        aim: choice.table[0]!,
        text: choice.text,
        tool: kinds[mix(hash, 5) % kinds.length]!,
        hash,
      });
    }
  }

  /** Packets of slice `number`: a Poisson process of all actors together, each packet then given to one of them. */
  #fill(number: number): void {
    const region = this.#region;
    const { scenario, populations } = region;
    const rng = this.#rng;
    const begin = number * this.#slice;
    const end = begin + this.#slice;
    this.#frames.clear();
    rng.seed(region.seed, mix(this.#hash, Math.floor(number / SPACE)), number | 0);

    const rates: number[] = [];
    let total = 0;
    const add = (rate: number): void => {
      total += rate * this.darkAddresses;
      rates.push(total);
    };
    const [attacks, storms, outbreaks] = this.#shared ? this.#underWay(begin, end) : [[], [], []];
    for (const population of this.#shared ? populations : []) {
      population.enter(begin);
      add((scenario.shares[population.kind] * scenario.intensity) / meanActivity(population.kind));
    }
    for (const attack of attacks) add(attack.answered / SPACE);
    for (const storm of storms) add(storm.spec.intensity);
    // The rate of a growing outbreak at the slice's end bounds it; hosts that come later are left out one by one.
    for (const outbreak of outbreaks) add((mostInfected(outbreak, begin, end) * outbreak.spec.rate) / SPACE);
    const misconfigured =
      total + (scenario.shares.misconfiguration > 0 && this.#shared ? this.#misconfigured.length / 120 : 0);

    const scale = 1e6 / misconfigured;
    const away = this.isAway(begin) || this.isAway(end - 1);
    let played = this.#enterBlock(begin);
    let t = begin;
    for (;;) {
      t += rng.gap() * scale;
      if (this.#events !== undefined) played = this.#play(this.#events, played, Math.min(t, end), away);
      if (!(t < end)) break;
      const time = Math.floor(t);
      if (away && this.isAway(time)) continue;
      const u = rng.unit() * misconfigured;
      if (u >= total) {
        this.#stray(this.#misconfigured[rng.below(this.#misconfigured.length)]!, time);
        continue;
      }
      let which = 0;
      while (u >= rates[which]!) which++;
      // Where there is a total, the sensor is in the shared realm.
      if (which < populations.length) this.#scan(which, time);
      else if ((which -= populations.length) < attacks.length) {
        const attack = attacks[which]!;
        if (time >= attack.start && time < attack.end) this.#echo(attack, time);
      } else if ((which -= attacks.length) < storms.length) {
        const storm = storms[which]!;
        if (time >= storm.start && time < storm.end) this.#storm(storm, time);
      } else this.#outbreak(outbreaks[which - storms.length]!, begin, end, time);
    }
  }

  #underWay(begin: number, end: number): [Attack[], Storm[], Outbreak[]] {
    const region = this.#region;
    return [
      region.attacks.during(begin, end),
      region.storms.filter((storm) => storm.start < end && storm.end > begin),
      region.outbreaks.filter((outbreak) => outbreak.start < end),
    ];
  }

  /** Makes the cast's packets of the block that holds `time`; gives the place of the first one not before it. */
  #enterBlock(time: number): number {
    const block = Math.floor(time / BLOCK);
    if (block !== this.#block) {
      this.#block = block;
      const { sensor, darkAddresses: size } = this;
      this.#events = this.#region.cast.events(block, {
        name: sensor.name,
        hash: this.#hash,
        realm: sensor.realm ?? "",
        size,
      });
    }
    if (this.#events === undefined) return 0;
    const { times } = this.#events;
    let low = 0;
    let high = times.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (times[middle]! < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The cast's packets from place `at` that come before `until`; gives the place of the next one. */
  #play({ times, who, words }: Events, at: number, until: number, away: boolean): number {
    const { cast, castActors: actors, registry, truth } = this.#region;
    for (; at < times.length && times[at]! < until; at++) {
      const time = times[at]!;
      if (away && this.isAway(time)) continue;
      const one = cast.tenancies[who[at]!]!;
      const { spec, src, tool, hash, hops, targets } = one;
      const rng = this.#castRng;
      rng.seed(words[at]!, hash, this.#hash);
      const place =
        targets === 0 ? rng.below(this.darkAddresses) : mix3(hash, this.#hash, rng.below(targets)) % this.darkAddresses;
      const dst = this.#dark.address(place);
      if (!this.#dark.isDark(dst, time)) continue;
      const actor = truth
        ? (actors[one.number] ||= registry.add({
            kind: spec.role,
            tool: spec.name,
            ports: one.aims.text,
            piece: one.piece,
            tenancy: one.number,
          }))
        : 0;
      const way =
        spec.hops === "random"
          ? rng.below(40)
          : hops +
            (hasOwnWay(spec)
              ? pathTo(src, this.#hash)
              : spec.hops === "forger"
                ? mix(hops, this.#hash) & 1
                : mix(hash, this.#hash) & 3);
      const port = one.aims.table[rng.next() & 127]!;
      const frames = this.#frames;
      if (spec.form === "syn-ack") {
        const [id, sport] = [rng.next() & 0xffff, spec.sourcePort ?? 1024 + (mix(hash, 21) % 64512)];
        const [seq, ack] = [rng.next(), rng.next()];
        const { options } = tool;
        const window = tool.window || 1024;
        const ttl = tool.ttl - way;
        frames.tcp(
          time,
          src,
          dst,
          ttl,
          id,
          0,
          sport,
          port & 0xffff,
          seq,
          ack,
          0x12,
          window,
          options,
          0,
          actor,
          TYPE.synAck,
        );
      } else if (spec.form === "p2p") {
        const [id, sport] = [rng.next() & 0xffff, spec.sourcePort ?? 1024 + (mix(hash, 21) % 64512)];
        // What a neighbour list remembers of an address: always the same port.
        const dport = 1024 + (mix(dst, 0x703270) % 64512);
        frames.udp(time, src, dst, tool.ttl - way, id, tool.fragment, sport, dport, dhtPing, actor, TYPE.udp);
      } else probe(frames, rng, time, src, dst, port, tool, hash, way, actor, spec.sourcePort);
    }
    return at;
  }

  darkAt(time: number): number {
    return this.#dark.sizeAt(time);
  }

  /** The sensor sees nothing at this time. */
  isAway(time: number): boolean {
    return this.#dark.isAway(time);
  }

  #target(): number {
    return this.#dark.address(this.#rng.below(this.darkAddresses));
  }

  #scan(which: number, time: number): void {
    const rng = this.#rng;
    const region = this.#region;
    const population = region.populations[which]!;
    const place = population.rates.pick(rng.unit());
    const device = population.active(place, time, rng.next());
    if (device === undefined) return;
    let actor = 0;
    if (region.truth) {
      if (this.#turns[which]![place] === device.turn) actor = this.#numbers[which]![place]!;
      else {
        actor = region.registry.number(`${population.kind} ${place} ${device.turn}`, () => ({
          kind: population.kind,
          tool: device.tool.name,
          ports: device.text,
          piece: device.piece,
        }));
        this.#turns[which]![place] = device.turn;
        this.#numbers[which]![place] = actor;
      }
    }
    const hops = device.hops + pathTo(device.src, this.#hash);
    const dst = this.#target();
    if (!this.#dark.isDark(dst, time)) return;
    probe(
      this.#frames,
      this.#rng,
      time,
      device.src,
      dst,
      device.aims[rng.next() & 127]!,
      device.tool,
      device.hash,
      hops,
      actor,
    );
  }

  #echo(attack: Attack, time: number): void {
    const actor = this.#region.truth ? this.#region.numberOf(attack) : 0;
    const dst = this.#target();
    if (!this.#dark.isDark(dst, time)) return;
    echo(this.#frames, this.#rng, time, attack, dst, pathTo(attack.victim, this.#hash), actor);
  }

  #storm({ spec }: Storm, time: number): void {
    const rng = this.#rng;
    const actor = this.#region.truth
      ? this.#region.registry.number(`storm ${spec.kind} ${spec.port} ${spec.startHours}`, () => ({
          kind: "storm",
          tool: spec.kind,
          ports: String(spec.port),
          piece: -1,
        }))
      : 0;
    // Forged evenly over the unicast space, reserved and unassigned addresses among them.
    const src = 0x01000000 + rng.below(0xdf000000);
    const dst = this.#target();
    if (!this.#dark.isDark(dst, time)) return;
    const other = 1024 + rng.below(64512);
    const ttl = 40 + rng.below(200);
    const id = rng.next() & 0xffff;
    const syn = spec.kind === "syn";
    const [sport, dport] = syn ? [other, spec.port] : [spec.port, other];
    const ack = syn ? 0 : rng.next();
    const window = syn ? 512 + rng.below(65024) : 29200;
    const type = syn ? TYPE.syn : TYPE.synAck;
    this.#frames.tcp(
      time,
      src,
      dst,
      ttl,
      id,
      0,
      sport,
      dport,
      rng.next(),
      ack,
      syn ? 2 : 0x12,
      window,
      noOptions,
      0,
      actor,
      type,
    );
  }

  #outbreak(outbreak: Outbreak, begin: number, end: number, time: number): void {
    const rng = this.#rng;
    const region = this.#region;
    const { spec, seed, start } = outbreak;
    const place = rng.below(mostInfected(outbreak, begin, end));
    if (place >= infectedAt(spec, time - start)) return;
    const hash = mix(seed, place);
    const lease = mix3(hash, 2, unit(mix(hash, 3)) < 0.3 ? Math.floor(time / DAY) : 0);
    const organisations = region.publicOrganisations;
    const inside =
      spec.inside !== undefined && organisations.length > 0 && unit(mix(hash, 6)) < spec.inside
        ? organisations[mix(hash, 7) % organisations.length]!
        : undefined;
    const piece = inside === undefined ? region.homes.pick(unit(mix(hash, 1))) : -1;
    const src = inside === undefined ? hostIn(region.plan, piece, lease) : hostOf(inside, lease);
    let actor = 0;
    if (region.truth) {
      actor = outbreak.actors.get(place) ?? 0;
      if (actor === 0) {
        actor = region.registry.add({
          kind: "outbreak",
          outbreak: { number: region.outbreaks.indexOf(outbreak), host: place },
          tool: spec.family,
          ports: `${spec.port}${spec.protocol === "udp" ? "/udp" : ""}`,
          piece,
        });
        outbreak.actors.set(place, actor);
      }
    }
    const hops = hopsFrom(src) + pathTo(src, this.#hash);
    const dst = this.#target();
    if (!this.#dark.isDark(dst, time)) return;
    probe(this.#frames, this.#rng, time, src, dst, outbreak.aim, outbreak.tool, hash, hops, actor);
  }

  #stray(one: Misconfigured, time: number): void {
    const region = this.#region;
    if (!this.#dark.isDark(one.dst, time)) return;
    const actor = region.truth
      ? region.registry.number(`misconfiguration ${this.sensor.name} ${one.hash}`, () => ({
          kind: "misconfiguration",
          tool: one.tool.name,
          ports: one.text,
          piece: one.piece,
        }))
      : 0;
    probe(
      this.#frames,
      this.#rng,
      time,
      one.src,
      one.dst,
      one.aim,
      one.tool,
      one.hash,
      hopsFrom(one.src) + pathTo(one.src, this.#hash),
      actor,
    );
  }
}
