// SPDX-License-Identifier: Apache-2.0
import { open } from "node:fs/promises";
import { once } from "node:events";
import { pcapHeader } from "../simulate/frames.ts";
import type { Frames, Link } from "../simulate/frames.ts";
import { Region, outbreakCurve } from "../simulate/region.ts";
import { Stream } from "../simulate/stream.ts";
import type { SensorStream } from "../simulate/stream.ts";
import { HOUR } from "../simulate/scenario.ts";
import type { Scenario, SimulatedSensor } from "../simulate/scenario.ts";
import { Tally, formatTime } from "../simulate/truth.ts";
import { simulatedPlan } from "./simulated-plan.ts";

export interface SimulateOptions {
  readonly seed: number;
  readonly scenario: Scenario;
  /** Microseconds UTC; the scenario's hours count from here. */
  readonly from: number;
  /** Stop after so many packets. */
  readonly packets: number;
  /** Stop before this time, microseconds UTC. */
  readonly until: number;
  readonly sensors: readonly SimulatedSensor[];
  readonly link: Link;
  /** Path of the capture, or "-" for standard output. */
  readonly out: string;
  readonly truth: string | undefined;
}
export interface Simulated {
  readonly packets: number;
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
  readonly kinds: Record<string, { actors: number; packets: number }>;
  readonly seconds: number;
}

/** Takes bytes in pieces of about a megabyte; what is given is copied. */
export interface Sink {
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

const BLOCK = 1 << 20;

export const openSink = async (path: string): Promise<Sink> => {
  if (path === "-") {
    return {
      write: async (bytes) => {
        // The stream keeps what it is given until it is written.
        if (!process.stdout.write(bytes.slice())) await once(process.stdout, "drain");
      },
      close: async () => undefined,
    };
  }
  const file = await open(path, "w");
  return {
    write: async (bytes) => {
      for (let done = 0; done < bytes.length;) {
        done += (await file.write(bytes, done, bytes.length - done)).bytesWritten;
      }
    },
    close: async () => file.close(),
  };
};

const recordStart = (frames: Frames, i: number): number => (i === frames.count ? frames.used : frames.offsets[i]! - 16);

/** Hands on the packets of several streams in order of time, in runs that lie together in one stream's frames. */
export function* merged(
  streams: readonly SensorStream[],
  until: number,
): Generator<{ frames: Frames; from: number; to: number }> {
  const heads = streams.map((stream) => {
    const { frames, from, to } = stream.read(until);
    return { stream, frames, from, to };
  });
  const runs = heads.length;
  for (;;) {
    let least = -1;
    let time = Infinity;
    let second = Infinity;
    for (let i = 0; i < runs; i++) {
      const head = heads[i]!;
      if (head.from === head.to) continue;
      const mine = head.frames.times[head.from]!;
      if (mine < time) [second, time, least] = [time, mine, i];
      else if (mine < second) second = mine;
    }
    const head = heads[least];
    if (head === undefined) return;
    let end = head.from + 1;
    const { times } = head.frames;
    if (second === Infinity || times[head.to - 1]! <= second) end = head.to;
    else while (end < head.to && times[end]! <= second) end++;
    yield { frames: head.frames, from: head.from, to: end };
    head.from = end;
    if (end === head.to) {
      const next = head.stream.read(until);
      head.from = next.from;
      head.to = next.to;
    }
  }
}

/** Writes the truth as JSON, an actor a line. */
const writeTruth = async (sink: Sink, options: SimulateOptions, region: Region, tally: Tally): Promise<void> => {
  const lines: string[] = [];
  let length = 0;
  const encoder = new TextEncoder();
  const flush = async (): Promise<void> => {
    await sink.write(encoder.encode(lines.join("")));
    lines.length = length = 0;
  };
  const line = async (text: string): Promise<void> => {
    lines.push(text);
    length += text.length;
    if (length > BLOCK) await flush();
  };
  const list = async (name: string, items: Iterable<object>): Promise<void> => {
    await line(`,\n"${name}":[`);
    let separator = "\n";
    for (const item of items) {
      await line(`${separator}${JSON.stringify(item)}`);
      separator = ",\n";
    }
    await line("]");
  };
  const end = Math.max(tally.last, options.from);
  const head = {
    simulated: true,
    seed: options.seed,
    scenario: options.scenario.name,
    from: formatTime(options.from),
    first: tally.packets === 0 ? null : formatTime(tally.first),
    last: tally.packets === 0 ? null : formatTime(tally.last),
    packets: tally.packets,
    bytes: tally.bytes,
    sensors: options.sensors,
    kinds: tally.kinds(),
    types: tally.types(),
    marks: tally.marks(),
  };
  await line(JSON.stringify(head).slice(0, -1));
  await list("attacks", tally.attacks());
  await list(
    "outbreaks",
    options.scenario.outbreaks.map((spec) => ({
      ...spec,
      start: formatTime(options.from + spec.startHours * HOUR),
      curve: outbreakCurve(region, spec, options.from, end).map(({ time, hosts }) => ({
        time: formatTime(Math.floor(time)),
        hosts,
      })),
    })),
  );
  await list(
    "storms",
    options.scenario.storms.map((spec) => ({
      ...spec,
      start: formatTime(options.from + spec.startHours * HOUR),
      end: formatTime(options.from + spec.startHours * HOUR + spec.minutes * 60e6),
    })),
  );
  await list("actors", tally.actors());
  await line("}\n");
  await flush();
};

/** Writes a capture, and what is true of it. The same options give the same bytes. */
export const simulate = async (options: SimulateOptions): Promise<Simulated> => {
  const began = process.hrtime.bigint();
  // Both are opened before the work: a path that cannot be written is told at once.
  const sink = await openSink(options.out);
  const truth = options.truth === undefined ? undefined : await openSink(options.truth);
  const plan = simulatedPlan(options.seed);
  const { seed, scenario, from, link, sensors } = options;
  const region = new Region({ seed, scenario, plan, epoch: from, link, truth: true });
  const streams = sensors.map((sensor) => new Stream(region, sensor, from));
  const tally = new Tally(region.registry, plan);
  const block = new Uint8Array(BLOCK);
  let filled = 0;
  const put = async (bytes: Uint8Array, start: number, end: number): Promise<void> => {
    for (let at = start; at < end;) {
      const take = Math.min(end - at, BLOCK - filled);
      block.set(bytes.subarray(at, at + take), filled);
      filled += take;
      at += take;
      if (filled === BLOCK) {
        await sink.write(block);
        filled = 0;
      }
    }
  };
  try {
    await put(pcapHeader(link), 0, 24);
    for (const run of merged(streams, options.until)) {
      const { frames, from: first } = run;
      const to = Math.min(run.to, first + options.packets - tally.packets);
      tally.add(frames, first, to);
      await put(frames.bytes, recordStart(frames, first), recordStart(frames, to));
      if (tally.packets >= options.packets) break;
    }
    await sink.write(block.subarray(0, filled));
  } finally {
    await sink.close();
  }
  if (truth !== undefined) {
    await writeTruth(truth, options, region, tally);
    await truth.close();
  }
  const { packets, bytes, first, last } = tally;
  return { packets, bytes, first, last, kinds: tally.kinds(), seconds: Number(process.hrtime.bigint() - began) / 1e9 };
};
