// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { closedAt, startDetection } from "../../src/app/detection.ts";
import type { RunningDetection } from "../../src/app/detection.ts";
import { infectedHost } from "../../src/detect/infected.ts";
import type { Detector } from "../../src/detect/detector.ts";
import { systemActor } from "../../src/model/actor.ts";
import { createLog } from "../../src/platform/log.ts";
import type { ArrivedBatch } from "../../src/store/flows/store.ts";
import { ip, syn } from "../flow/packets.ts";
import type { Packet } from "../flow/packets.ts";
import { take } from "./take.ts";
import { houseFor } from "./house.ts";
import { SECOND, START, batchesOf, ownersOf, presence } from "./world.ts";

const sensors = [
  { name: "jakarta", dark: ["192.0.2.0/24"], country: "ID" },
  { name: "tokyo", dark: ["198.51.100.0/24"], country: "JP" },
];
const owners = ownersOf("organisation,prefix,country\nisp,36.64.0.0/10,ID\n");
const MINUTE = 60 * SECOND;

const bot = (src: string, from: number, packets: number, gap = 20 * SECOND): Packet[] =>
  Array.from({ length: packets }, (_, i) => {
    const dst = ip(`${i % 2 === 0 ? "192.0.2." : "198.51.100."}${10 + i}`);
    return syn({ time: from + i * gap, src: ip(src), dst, tcpSeq: dst[3], ttl: 50 });
  });

it("closes an interval when every sensor that is up has passed it, or two seconds later", () => {
  const one = { name: "a", country: null, lastSeen: 99.9e6, watermark: 99.5e6 };
  expect(closedAt([], 100e6)).toBe(98e6);
  expect(closedAt([one], 100e6)).toBe(99.5e6);
  expect(closedAt([one, { ...one, watermark: 99e6 }], 100e6)).toBe(99e6);
  expect(closedAt([one, { ...one, watermark: 20e6 }], 100e6)).toBe(98e6);
  expect(closedAt([one, { ...one, watermark: 20e6, lastSeen: 80e6 }], 100e6)).toBe(99.5e6);
  expect(closedAt([{ ...one, watermark: 105e6 }], 100e6)).toBe(100e6);
});

describe("the runner", () => {
  const house = houseFor();

  /** A node whose clock is the test's. */
  const start = (clock: { now: number }, failing?: () => boolean): RunningDetection =>
    startDetection({
      store: house.world.store,
      desk: house.desk,
      detectors: [infectedHost as Detector],
      around: { owners: () => owners, home: null, researcher: () => null },
      take: async (trx, detections, context) => {
        await take(trx, detections, context);
        if (failing?.() === true) throw new Error("the cases room failed");
      },
      log: createLog("silent"),
      now: () => clock.now,
      begin: START - MINUTE,
      sensors: () => sensors.map(({ name, country }) => ({ name, country, lastSeen: clock.now, watermark: clock.now })),
    });
  const reach = async (running: RunningDetection, exercise: string, position: number): Promise<void> => {
    for (let i = 0; i < 600; i++) {
      const state = running.states().find((one) => one.exercise === exercise);
      if (state !== undefined && state.position >= position && state.late === 0) return;
      await sleep(50);
    }
    throw new Error(`the runner did not reach ${position}: ${JSON.stringify(running.states())}`);
  };
  /** Into the store, and told to the runner where there is one: before it, nothing of it can be late. */
  const append = async (running: RunningDetection | null, batches: readonly ArrivedBatch[]): Promise<void> => {
    for (const batch of batches) {
      await house.world.store.append(batch);
      running?.arrived(batch.batch);
    }
  };
  interface Kept {
    kind: string;
    source: string;
    packets: number;
    first: number;
    held: string[];
    withdrawn: boolean;
    revision: number;
  }
  const kept = (exercise: string): Promise<Kept[]> =>
    house.desk.as(systemActor, async (trx) => {
      const rows = await trx
        .selectFrom("detections")
        .selectAll()
        .where("exercise", "=", exercise)
        .orderBy("first")
        .orderBy("kind")
        .execute();
      return rows.map(({ kind, source, packets, first, held, withdrawn, revision }) => ({
        kind,
        source: source ?? "",
        packets,
        first,
        held,
        withdrawn,
        revision,
      }));
    });

  it(
    "tells as soon as the interval of the completing packet has closed, once, and later what changed",
    { timeout: 120_000 },
    async () => {
      const scope = house.world.scope();
      const clock = { now: START };
      const running = start(clock);
      const packets = bot("36.70.0.1", START + 5 * SECOND, 30, 3 * SECOND);
      for (const sensor of sensors) await append(running, [presence(scope, sensor, START - 2 * MINUTE)]);
      const batches = sensors
        .flatMap((sensor) => batchesOf(scope, sensor, packets, { interval: SECOND, join: 1 }))
        .toSorted((a, b) => a.batch.interval - b.batch.interval);
      const seen: number[] = [];
      for (let second = START; second < START + 6 * MINUTE; second += SECOND) {
        const due = batches.filter(({ batch }) => batch.interval === second);
        if (due.length === 0 && second > START + 100 * SECOND && second % (30 * SECOND) !== 0) continue;
        await append(running, due);
        clock.now = second + SECOND;
        await reach(running, scope.exercise, second + SECOND);
        if ((await kept(scope.exercise)).some(({ kind }) => kind === "infected-host")) seen.push(second);
      }
      await running.close();
      // The third marked packet falls into the twelfth second.
      expect(seen[0]).toBe(START + 11 * SECOND);
      const [one, ...more] = await kept(scope.exercise);
      expect(more).toEqual([]);
      expect(one).toMatchObject({ kind: "infected-host", packets: 30, withdrawn: false });
      // Told at once, then at the five minutes.
      expect(one!.revision).toBe(1);
    },
  );

  it(
    "judges late rows again at most once a minute, and takes back what does not hold any more",
    { timeout: 120_000 },
    async () => {
      const scope = house.world.scope();
      const clock = { now: START + 10 * MINUTE };
      for (const sensor of sensors) await append(null, [presence(scope, sensor, START - 2 * MINUTE)]);
      const early = bot("36.70.0.2", START + MINUTE, 12);
      for (const sensor of sensors) await append(null, batchesOf(scope, sensor, early, { interval: SECOND }));
      const running = start(clock);
      await reach(running, scope.exercise, clock.now);
      const before = await kept(scope.exercise);
      expect(before).toMatchObject([{ kind: "infected-host", packets: 12, withdrawn: false }]);

      // A batch that a sensor's spool held back: packets before the first, so the claim has another opening.
      const late = bot("36.70.0.2", START + 10 * SECOND, 2);
      await append(running, batchesOf(scope, sensors[0]!, late, { interval: SECOND }));
      clock.now += 2 * MINUTE;
      await reach(running, scope.exercise, clock.now);
      await sleep(500);
      const after = await kept(scope.exercise);
      expect(after.filter(({ withdrawn }) => !withdrawn)).toMatchObject([
        { kind: "infected-host", packets: 13, first: START + 10 * SECOND },
      ]);
      expect(after.filter(({ withdrawn }) => withdrawn)).toMatchObject([{ packets: 12 }]);

      // The sensor that lied is revoked, its rows leave the store: only the other's are left, and the claim says no more than they do.
      await house.world.store.revoke("jakarta", START);
      clock.now += 2 * MINUTE;
      await running.withdrew("jakarta", START);
      const standing = (await kept(scope.exercise)).filter(({ withdrawn }) => !withdrawn);
      await running.close();
      expect(standing).toMatchObject([{ kind: "infected-host", packets: 6 }]);
    },
  );

  it(
    "looks again after a withdrawal that a killed node could not finish, and says when it has",
    { timeout: 120_000 },
    async () => {
      const scope = house.world.scope();
      const clock = { now: START + 10 * MINUTE };
      for (const sensor of sensors) await append(null, [presence(scope, sensor, START - 2 * MINUTE)]);
      const packets = bot("36.70.0.9", START + MINUTE, 12);
      for (const sensor of sensors) await append(null, batchesOf(scope, sensor, packets, { interval: SECOND }));
      const killed = start(clock);
      await reach(killed, scope.exercise, clock.now);
      expect(await kept(scope.exercise)).toMatchObject([{ kind: "infected-host", withdrawn: false }]);
      // The rows left the store, and nobody was told.
      await house.world.store.revoke("jakarta", START);
      await killed.close();

      const running = start(clock);
      const judged = running.withdrew("jakarta", START);
      clock.now += 2 * MINUTE;
      await judged;
      const standing = (await kept(scope.exercise)).filter(({ withdrawn }) => !withdrawn);
      await running.close();
      expect(standing).toMatchObject([{ kind: "infected-host", packets: 6 }]);
    },
  );

  it("keeps cursor and claims together when a transaction fails, and goes on", { timeout: 120_000 }, async () => {
    const scope = house.world.scope();
    const clock = { now: START + 10 * MINUTE };
    let failures = 2;
    for (const sensor of sensors) await append(null, [presence(scope, sensor, START - 2 * MINUTE)]);
    for (const sensor of sensors)
      await append(null, batchesOf(scope, sensor, bot("36.70.0.3", START + MINUTE, 12), { interval: SECOND }));
    const running = start(clock, () => failures-- > 0);
    const behind = (): boolean =>
      !running
        .states()
        .some(({ exercise, position }) => exercise === scope.exercise && position >= START + 10 * MINUTE);
    for (let i = 0; i < 60 && behind(); i++) {
      await sleep(300);
      clock.now += 2 * SECOND;
    }
    await reach(running, scope.exercise, START + 10 * MINUTE);
    expect(running.states().find(({ exercise }) => exercise === scope.exercise)?.failures).toBe(2);
    await running.close();
    const told = await kept(scope.exercise);
    expect(told).toMatchObject([{ kind: "infected-host", packets: 12, withdrawn: false }]);
    // A second start finds nothing to tell.
    const again = start(clock);
    await reach(again, scope.exercise, START + 10 * MINUTE);
    await again.close();
    expect(await kept(scope.exercise)).toEqual(told);
  });
});
