// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { Worker } from "node:worker_threads";
import type { FlowBatch } from "../model/flows.ts";
import type { AttackRecord, OutbreakRecord, SourceTruth } from "../simulate/census.ts";
import type { SimulatedOrganisation } from "../simulate/constituency.ts";
import { DAY, HOUR } from "../simulate/scenario.ts";
import type { Scenario } from "../simulate/scenario.ts";
import type { FlowStore } from "../store/flows/store.ts";
import { openScenario } from "./scenario.ts";

/** A scenario with a beginning, an end and a seed: played again, it gives the same flows and the same truth. */
export interface World {
  readonly scenario: Scenario;
  readonly seed: number;
  /** Microseconds UTC; the scenario's hours count from `from`. */
  readonly from: number;
  readonly to: number;
  /** Flow interval, microseconds. */
  readonly interval: number;
}

/** What one sensor saw in [from, to), kept as one batch. Cut where the sensor fails or its dark addresses change. */
export interface WorldChunk {
  readonly sensor: string;
  readonly sequence: number;
  readonly from: number;
  readonly to: number;
  /** In force all the time. */
  readonly darkAddresses: number;
}

/** What is true of a played world, as far as it was played. */
export interface WorldTruth {
  readonly packets: number;
  /** Packets by kind of actor. */
  readonly kinds: Readonly<Record<string, number>>;
  /** Distinct forged sources of one-packet storms, by kind of storm. */
  readonly storms: Readonly<Record<string, number>>;
  readonly organisations: readonly SimulatedOrganisation[];
  readonly sources: readonly SourceTruth[];
  readonly attacks: readonly AttackRecord[];
  readonly outbreaks: readonly OutbreakRecord[];
}

export interface WorldWork {
  readonly world: World;
  readonly steps: readonly (readonly WorldChunk[])[];
  readonly everybody: boolean;
  readonly flows: boolean;
}
export type WorldMessage =
  | { readonly what: "organisations"; readonly organisations: readonly SimulatedOrganisation[] }
  | {
      readonly what: "chunk";
      readonly chunk: WorldChunk;
      readonly batch: FlowBatch;
      readonly read: number;
      readonly counted: number;
    }
  | { readonly what: "step" }
  | { readonly what: "truth"; readonly truth: WorldTruth };

/** A Monday. */
export const EVALUATION_EPOCH = Date.UTC(2026, 2, 2) * 1000;

/** Opens a scenario by name or path; `days` and `seed` are its own unless given. @throws AppError of the scenario. */
export const openWorld = (
  which: string,
  { days, seed, interval = 10e6 }: { days?: number; seed?: number; interval?: number } = {},
): World => {
  const scenario = openScenario(which);
  const from = EVALUATION_EPOCH;
  const length = days ?? scenario.days ?? 1;
  return { scenario, seed: seed ?? scenario.seed ?? 1, from, to: from + length * DAY, interval };
};

/** Steps of `length` microseconds, each with the chunks of all sensors that were up in it. */
export const worldSteps = ({ scenario, from, to }: World, length: number): WorldChunk[][] => {
  const sequences = new Map<string, number>();
  const steps: WorldChunk[][] = [];
  for (let start = from; start < to; start += length) {
    const end = Math.min(to, start + length);
    const step: WorldChunk[] = [];
    for (const { name, dark, outages, changes = [] } of scenario.sensors) {
      const at = (hours: number): number => from + Math.round(hours * HOUR);
      const parts = dark.map((text) => {
        const change = changes.find((one) => one.dark === text);
        return {
          size: 2 ** (32 - Number(text.split("/")[1] ?? 32)),
          from: change?.fromHours === undefined ? -Infinity : at(change.fromHours),
          until: change?.untilHours === undefined ? Infinity : at(change.untilHours),
        };
      });
      const cuts = [
        start,
        ...outages.flatMap(({ startHours, hours }) => [at(startHours), at(startHours + hours)]),
        ...parts.flatMap((part) => [part.from, part.until]),
        end,
      ]
        .filter((time) => time >= start && time <= end)
        .toSorted((a, b) => a - b);
      for (const [i, a] of cuts.entries()) {
        const b = cuts[i + 1] ?? a;
        const size = parts.reduce((sum, part) => (a >= part.from && b <= part.until ? sum + part.size : sum), 0);
        const away = outages.some(({ startHours, hours }) => a >= at(startHours) && b <= at(startHours + hours));
        if (b <= a || size === 0 || away) continue;
        const sequence = (sequences.get(name) ?? 0) + 1;
        sequences.set(name, sequence);
        step.push({ sensor: name, sequence, from: a, to: b, darkAddresses: size });
      }
    }
    steps.push(step);
  }
  return steps;
};

/** The key of a sensor's tokens in a world: anybody may know it, since nobody is there to be hidden. */
export const worldKey = (world: World, sensor: string): Uint8Array =>
  createHash("sha256").update(`evaluation ${world.seed} ${sensor}`).digest().subarray(0, 16);

export interface PlayOptions {
  /** Where the flows go; without one only the truth is made. */
  readonly store?: Pick<FlowStore, "append">;
  /** Length of a step, microseconds, a multiple of the flow interval; 6 hours by default. */
  readonly step?: number;
  /** Also name the many small hosts of the background in the truth. */
  readonly everybody?: boolean;
  readonly signal?: AbortSignal;
  /** Told before the first step who the world's organisations are. */
  readonly onOrganisations?: (organisations: readonly SimulatedOrganisation[]) => void | Promise<void>;
  /** After all that was sent before `now` (event time) is in the store; the next step waits for it. */
  readonly onStep?: (now: number) => void | Promise<void>;
}

/**
 * Plays a world into a store, in order of time, and tells the truth at its end. Made on a thread of its own that runs two
 * steps ahead at most, so that memory stays bounded. @throws what the store and the callbacks throw.
 */
export const playWorld = async (world: World, options: PlayOptions): Promise<WorldTruth> => {
  const { store, step = 6 * HOUR, everybody = false, signal } = options;
  const steps = worldSteps(world, step);
  const work: WorldWork = { world, steps, everybody, flows: store !== undefined };
  const worker = new Worker(new URL("./evaluate-world-worker.ts", import.meta.url), { workerData: work });
  const hash = createHash("sha256").update(JSON.stringify(world)).digest("hex");
  let truth: WorldTruth | undefined;
  let done = 0;
  const take = async (message: WorldMessage): Promise<void> => {
    signal?.throwIfAborted();
    if (message.what === "organisations") await options.onOrganisations?.(message.organisations);
    else if (message.what === "truth") truth = message.truth;
    else if (message.what === "step") {
      const now = Math.min(world.to, world.from + ++done * step);
      await options.onStep?.(now);
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      worker.postMessage("more");
    } else {
      const { chunk, batch, read, counted } = message;
      const { sensor, sequence, darkAddresses, to } = chunk;
      await store!.append({
        identity: {
          sensor,
          sequence,
          hash: createHash("sha256").update(`${hash} ${sensor} ${sequence}`).digest("hex"),
        },
        batch,
        report: {
          watermark: to,
          closedAt: to,
          clockOffset: 0,
          read,
          counted,
          notDark: read - counted,
          undecoded: {},
          retired: 0,
          droppedByKernel: 0,
          droppedByInterface: 0,
          darkAddresses,
          spoolBytes: 0,
          spoolLost: 0,
          degraded: batch.degraded,
        },
        received: to,
      });
    }
  };
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const stop = (): void => reject(signal?.reason as Error);
  signal?.addEventListener("abort", stop);
  let taking: Promise<void> = Promise.resolve();
  worker.on("message", (message: WorldMessage) => {
    taking = taking.then(() => take(message));
    taking.catch(reject);
  });
  worker.on("error", reject);
  worker.on("exit", () => resolve());
  try {
    await promise;
    await taking;
  } finally {
    signal?.removeEventListener("abort", stop);
    await worker.terminate();
  }
  if (truth === undefined) throw new Error("the world ended before its truth was told");
  return truth;
};
