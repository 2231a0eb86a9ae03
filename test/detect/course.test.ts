// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { Course } from "../../src/app/detection-course.ts";
import { inSpan } from "../../src/detect/detector.ts";
import type { Detector, Scope } from "../../src/detect/detector.ts";
import { infectedHost } from "../../src/detect/infected.ts";
import { systemActor } from "../../src/model/actor.ts";
import { ip, syn } from "../flow/packets.ts";
import type { Packet } from "../flow/packets.ts";
import { take } from "./take.ts";
import { houseFor } from "./house.ts";
import { HOUR, SECOND, START, batchesOf, ownersOf, presence } from "./world.ts";

const MINUTE = 60 * SECOND;
const jakarta = { name: "jakarta", dark: ["192.0.2.0/24"], country: "ID" };
const tokyo = { name: "tokyo", dark: ["198.51.100.0/24"], country: "JP" };
const owners = ownersOf("organisation,prefix,country\nisp,36.64.0.0/10,ID\n");

const bot = (src: string, from: number, packets: number, gap = 20 * SECOND): Packet[] =>
  Array.from({ length: packets }, (_, i) => {
    const dst = ip(`${i % 2 === 0 ? "192.0.2." : "198.51.100."}${10 + i}`);
    return syn({ time: from + i * gap, src: ip(src), dst, tcpSeq: dst[3], ttl: 50 });
  });
/** As many packets to one sensor in one minute. */
const burst = (from: number, packets: number): Packet[] =>
  Array.from({ length: packets }, (_, i) =>
    syn({ time: from + i * SECOND, src: ip(`36.70.0.${i + 1}`), dst: ip(`192.0.2.${i + 1}`) }),
  );

/** Remembers in order: a minute with ten packets is a surge; the hundreds of its packets say the how many-th. */
const busyMinutes: Detector<{ surges: number }> = {
  name: "busy-minutes",
  version: 1,
  about: "minutes with ten packets",
  kinds: ["surge"],
  parameters: {},
  cadence: { step: MINUTE, longest: HOUR },
  late: "rewind",
  begin: () => ({ surges: 0 }),
  *examine(span, memory, { scope }) {
    const rows = yield {
      sql: `SELECT toInt64(intDiv(toUnixTimestamp64Micro(first_seen), ${MINUTE})) AS minute, toInt64(sum(packets)) AS n FROM flows WHERE ${inSpan} GROUP BY minute HAVING n >= 10 ORDER BY minute`,
    };
    let { surges } = memory;
    const detections = rows.map((row) => {
      const first = Number(row["minute"]) * MINUTE;
      surges++;
      return {
        id: `${scope.exercise.padEnd(12, "-")}${String(first / MINUTE).padStart(20, "0")}`,
        detector: "busy-minutes",
        version: 1,
        kind: "surge" as const,
        ...scope,
        source: null,
        protocol: "tcp",
        port: 23,
        first,
        last: first,
        packets: 100 * surges + Number(row["n"]),
        darkAddresses: 1,
        sensors: [],
        confidence: 1,
        family: null,
        held: [],
        evidence: {},
        samples: [],
      };
    });
    return { memory: { surges }, detections };
  },
};

const house = houseFor();

interface Clock {
  now: number;
  /** How much passes between two looks at it. */
  ticks?: number;
}
const courseOf = (detector: Detector, scope: Scope, clock: Clock, begin = START): Course =>
  new Course(detector, scope, {
    store: house.world.store,
    desk: house.desk,
    around: { owners: () => owners, home: null, researcher: () => null },
    take,
    now: () => (clock.now += clock.ticks ?? 0),
    sensors: async () =>
      [jakarta, tokyo].map(({ name, country }) => ({
        name,
        country,
        darkAddresses: 256,
        since: START - HOUR,
        until: Infinity,
        clockError: null,
      })),
    begin: async () => begin,
  });
const feed = async (scope: Scope, packets: readonly Packet[], received?: number, course?: Course): Promise<void> => {
  for (const sensor of [jakarta, tokyo]) {
    for (const batch of batchesOf(scope, sensor, packets, { interval: SECOND })) {
      await house.world.store.append({ ...batch, received: received ?? batch.received });
      course?.arrived(batch.batch.interval, batch.batch.intervalLength);
    }
  }
};
const standing = (exercise: string): Promise<{ kind: string; packets: number; first: number }[]> =>
  house.desk.as(systemActor, (trx) =>
    trx
      .selectFrom("detections")
      .select(["kind", "packets", "first"])
      .where("exercise", "=", exercise)
      .where("withdrawn", "=", false)
      .orderBy("first")
      .execute(),
  );

describe("a detector that remembers in order", { timeout: 120_000 }, () => {
  it("takes back what rested on rows that left, and tells the others anew", async () => {
    const scope = house.world.scope();
    const clock = { now: START + 3 * HOUR };
    await feed(scope, [...burst(START + 10 * MINUTE, 12), ...burst(START + 2 * HOUR, 15)]);
    const course = courseOf(busyMinutes as Detector, scope, clock);
    await course.advance(clock.now, Infinity);
    expect(await standing(scope.exercise)).toMatchObject([{ packets: 112 }, { packets: 215 }]);
    // Rows that come late: the second is the third now.
    clock.now += 2 * MINUTE;
    await feed(scope, burst(START + HOUR + 5 * MINUTE, 11), clock.now, course);
    for (let i = 0; i < 4; i++) await course.advance(clock.now, Infinity);
    expect(await standing(scope.exercise)).toMatchObject([{ packets: 112 }, { packets: 211 }, { packets: 315 }]);
    // The sensor is revoked from half past the first hour on, and then from long before anything is remembered.
    await house.world.store.revoke("jakarta", START + 90 * MINUTE);
    const half = course.withdrew("jakarta", START + 90 * MINUTE);
    for (let i = 0; i < 4; i++) await course.advance(clock.now, Infinity);
    await half;
    expect(await standing(scope.exercise)).toMatchObject([{ packets: 112 }, { packets: 211 }]);
    await house.world.store.revoke("jakarta", START - 100 * HOUR);
    const all = course.withdrew("jakarta", START - 100 * HOUR);
    for (let i = 0; i < 4; i++) await course.advance(clock.now, Infinity);
    await all;
    expect(await standing(scope.exercise)).toEqual([]);
  });
});

describe("rows that came late", { timeout: 120_000 }, () => {
  it("are judged although the node is killed twice before it comes to them", async () => {
    const scope = house.world.scope();
    const clock: Clock = { now: START + 20 * MINUTE };
    await feed(scope, bot("36.70.0.1", START + MINUTE, 12));
    const before = courseOf(infectedHost as Detector, scope, clock);
    await before.advance(clock.now, Infinity);
    clock.now += 2 * MINUTE;
    await before.advance(clock.now, Infinity);
    expect(await standing(scope.exercise)).toMatchObject([{ kind: "infected-host", packets: 12 }]);
    // Received, and the node is killed at once.
    await feed(scope, bot("36.70.0.1", START + 10 * SECOND, 2), clock.now + SECOND);
    // It comes back after hours, catches up for minutes, and is killed again.
    clock.now += 5 * HOUR;
    clock.ticks = 0.5 * SECOND;
    const between = courseOf(infectedHost as Detector, scope, clock);
    await between.advance(clock.now, clock.now + SECOND);
    clock.now += 2 * MINUTE;
    await between.advance(clock.now, clock.now + SECOND);
    expect(between.position).toBeLessThan(clock.now - HOUR);
    expect(between.late).toBeGreaterThan(0);
    clock.ticks = 0;
    const after = courseOf(infectedHost as Detector, scope, clock);
    await after.advance(clock.now, Infinity);
    expect(await standing(scope.exercise)).toMatchObject([
      { kind: "infected-host", packets: 14, first: START + 10 * SECOND },
    ]);
  });

  it("are judged also where they are the first of their realm or exercise", async () => {
    const scope = house.world.scope();
    const clock = { now: START + 6 * HOUR };
    const course = courseOf(infectedHost as Detector, scope, clock, clock.now - HOUR);
    // A sensor that had to wait for its node sends what it has kept; the runner comes to it a little later.
    await feed(scope, bot("36.70.0.4", START + MINUTE, 12), clock.now, course);
    await course.advance(clock.now, Infinity);
    expect(await standing(scope.exercise)).toMatchObject([{ kind: "infected-host", packets: 12 }]);
  });
});

describe("a clock that was ahead", { timeout: 120_000 }, () => {
  for (const detector of [infectedHost, busyMinutes] as Detector[]) {
    it(`is not waited for: ${detector.name}`, async () => {
      const scope = house.world.scope();
      const clock = { now: START + 10 * MINUTE };
      await house.world.store.append(presence(scope, jakarta, START));
      const course = courseOf(detector, scope, clock);
      await course.advance(clock.now, Infinity);
      // For a moment the node takes it for two days later.
      clock.now += 48 * HOUR;
      await course.advance(clock.now, Infinity);
      clock.now -= 48 * HOUR;
      await course.present(clock.now);
      const packets =
        detector.late === "rewind" ? burst(START + 15 * MINUTE, 12) : bot("36.70.0.5", START + 11 * MINUTE, 12);
      const told = detector.late === "rewind" ? 112 : 12;
      await feed(scope, packets, clock.now, course);
      clock.now += 20 * MINUTE;
      await course.present(clock.now);
      await course.advance(clock.now, Infinity);
      expect(await standing(scope.exercise)).toMatchObject([{ packets: told }]);
      expect(course.position).toBeLessThanOrEqual(clock.now);
      // Who starts again does not stand beyond the present either, and tells nothing twice.
      const again = courseOf(detector, scope, clock);
      await again.present(clock.now);
      await again.advance(clock.now, Infinity);
      expect(again.position).toBeLessThanOrEqual(clock.now);
      expect(await standing(scope.exercise)).toMatchObject([{ packets: told }]);
    });
  }
});
