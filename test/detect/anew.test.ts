// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { Course } from "../../src/app/detection-course.ts";
import { tookOver } from "../../src/app/detection-desk.ts";
import { amplification } from "../../src/detect/amplification.ts";
import { campaign } from "../../src/detect/campaign.ts";
import type { Detector, Scope } from "../../src/detect/detector.ts";
import { dosVictim } from "../../src/detect/dos.ts";
import { earlyWarning } from "../../src/detect/early-warning.ts";
import { infectedHost } from "../../src/detect/infected.ts";
import { systemActor } from "../../src/model/actor.ts";
import type { Detection } from "../../src/model/detection.ts";
import { ip, syn, udp } from "../flow/packets.ts";
import type { Packet } from "../flow/packets.ts";
import { take } from "./take.ts";
import { houseFor } from "./house.ts";
import { HOUR, SECOND, START, batchesOf, ownersOf, presence, presences } from "./world.ts";
import type { SensorSpec } from "./world.ts";

/* The real detectors, with rows that come after they were judged and rows that leave. */

const MINUTE = 60 * SECOND;
const DAY = 24 * HOUR;
const jakarta: SensorSpec = { name: "jakarta", dark: ["192.0.2.0/24"], country: "ID" };
const tokyo: SensorSpec = { name: "tokyo", dark: ["198.51.100.0/24"], country: "JP" };
const both = [jakarta, tokyo];
const owners = ownersOf("organisation,prefix,country\nisp,36.64.0.0/10,ID\n");
/** Forty networks of a /16 each: AS 1000 to 1039. */
const networks = Array.from({ length: 40 }, (_, i) => {
  const first = 40 * 2 ** 24 + i * 65_536;
  return `${first},${first + 65_535},${1000 + i},Network ${i}`;
}).join("\n");
/** Numbers that look drawn at random, the same each time. */
const drawn = (i: number): number => Math.imul(i + 17, 0x9e3779b1) >>> 8;
const dark = ({ dark: [prefix = ""] }: SensorSpec, i: number) =>
  ip(prefix.replace("0/24", String(1 + (drawn(i) % 250))));

const house = houseFor(networks);

interface Run {
  readonly scope: Scope;
  readonly clock: { now: number };
  readonly course: Course;
  /** Stores what sensors see, and tells the course. */
  feed(packets: readonly Packet[], sensors?: readonly SensorSpec[]): Promise<void>;
  /** Judges up to a time: by long spans, or as a node would. */
  reach(time: number, whole?: boolean): Promise<void>;
  /** Rows of a sensor leave, and it is judged again. */
  withdraw(sensor: string, since: number): Promise<void>;
  standing(): Promise<{ id: string; kind: string; source: string | null; first: number; packets: number }[]>;
}
const start = (detector: Detector): Run => {
  const scope = house.world.scope();
  const clock = { now: START };
  const course = new Course(detector, scope, {
    store: house.world.store,
    desk: house.desk,
    around: { owners: () => owners, home: null, researcher: () => null },
    take,
    now: () => clock.now,
    sensors: async () =>
      both.map(({ name, country }) => ({
        name,
        country: country!,
        darkAddresses: 256,
        since: START - HOUR,
        until: START + 30 * DAY,
        clockError: null,
      })),
    begin: async () => START,
  });
  return {
    scope,
    clock,
    course,
    feed: async (packets, sensors = both) => {
      for (const sensor of sensors) {
        for (const batch of batchesOf(scope, sensor, packets)) {
          await house.world.store.append({ ...batch, received: clock.now });
          course.arrived(batch.batch.interval, batch.batch.intervalLength);
        }
      }
    },
    reach: async (time, whole = true) => {
      clock.now = Math.max(clock.now, time);
      await course.advance(time, Infinity, whole);
      // What went back goes on with the next turn.
      await course.advance(time, Infinity);
    },
    withdraw: async (sensor, since) => {
      await house.world.store.revoke(sensor, since);
      const position = course.position;
      const done = course.withdrew(sensor, since);
      for (let i = 0; i < 3; i++) {
        clock.now += 2 * MINUTE;
        await course.advance(position, Infinity);
      }
      await done;
    },
    standing: () =>
      house.desk.as(systemActor, (trx) =>
        trx
          .selectFrom("detections")
          .select(["id", "kind", "source", "first", "packets"])
          .where("exercise", "=", scope.exercise)
          .where("withdrawn", "=", false)
          .orderBy("first")
          .orderBy("kind")
          .execute(),
      ),
  };
};

/** SYN-ACKs of an attacked host to addresses that forged packets came from: one in ten seconds. */
const echo = (victim: string, from: number, length: number, sensors: readonly SensorSpec[] = both): Packet[] =>
  Array.from({ length: Math.floor(length / (10 * SECOND)) }, (_, i) =>
    syn({
      time: from + i * 10 * SECOND,
      src: ip(victim),
      dst: dark(sensors[i % sensors.length]!, i),
      srcPort: 443,
      dstPort: 1_024 + (drawn(i * 7) % 60_000),
      tcpFlags: 18,
      ttl: 50,
    }),
  );
const within = (packets: readonly Packet[], from: number, to: number): Packet[] =>
  packets.filter(({ time }) => time >= from && time < to);
const but = (packets: readonly Packet[], from: number, to: number): Packet[] =>
  packets.filter(({ time }) => time < from || time >= to);

describe("an attack", { timeout: 240_000 }, () => {
  it("that has ended is one claim still when a part of it comes late", async () => {
    const { feed, reach, standing, clock } = start(dosVictim as Detector);
    const attack = echo("36.70.9.9", START + 2 * HOUR, 2 * HOUR);
    const [missing, until] = [START + 3 * HOUR + 50 * MINUTE, START + 3 * HOUR + 55 * MINUTE];
    // Another goes on all the time since.
    const other = echo("36.70.9.10", START + 3.5 * HOUR, 3.5 * HOUR);
    await feed([...but(attack, missing, until), ...other]);
    await reach(START + 7 * HOUR);
    const before = await standing();
    expect(before.map(({ source }) => source)).toEqual(["36.70.9.9", "36.70.9.10"]);
    expect(before[0]!.packets).toBe(attack.length - 30);
    clock.now += MINUTE;
    await feed(within(attack, missing, until));
    await reach(START + 7 * HOUR);
    const after = await standing();
    expect(after.map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    expect(after[0]).toMatchObject({ packets: attack.length, first: START + 2 * HOUR });
  });
  it("begins earlier when its beginning comes late", async () => {
    const { feed, reach, standing, clock } = start(dosVictim as Detector);
    const attack = echo("36.70.9.9", START + 2 * HOUR, 2 * HOUR);
    await feed(within(attack, START + 2.5 * HOUR, START + DAY));
    await reach(START + 4 * HOUR);
    expect((await standing()).map(({ first }) => first)).toEqual([START + 2.5 * HOUR]);
    clock.now += MINUTE;
    await feed(within(attack, START, START + 2.5 * HOUR));
    await reach(START + 4 * HOUR);
    expect(await standing()).toMatchObject([{ first: START + 2 * HOUR, packets: attack.length }]);
  });
  it("that a sensor made up is taken back although it is over and nobody remembers it", async () => {
    const { feed, reach, standing, withdraw, course } = start(dosVictim as Detector);
    await feed([
      ...echo("36.70.9.9", START + 2 * HOUR, HOUR, [tokyo]),
      ...echo("36.70.9.10", START + HOUR, HOUR, [jakarta]),
    ]);
    await reach(START + 8 * HOUR);
    expect(course.remembered).toBe(0);
    expect((await standing()).map(({ source }) => source)).toEqual(["36.70.9.10", "36.70.9.9"]);
    await withdraw("tokyo", START);
    expect((await standing()).map(({ source }) => source)).toEqual(["36.70.9.10"]);
  });
});

describe("a scan for amplifiers", { timeout: 240_000 }, () => {
  const scan = (src: string, from: number, packets: number): Packet[] =>
    Array.from({ length: packets }, (_, i) =>
      udp({ time: from + i * MINUTE, src: ip(src), dst: dark(both[i % 2]!, i), dstPort: 123, srcPort: 4_000 + i }),
    );
  it("is made anew from its own beginning, whoever else sent something late", async () => {
    const { feed, reach, standing, clock } = start(amplification as Detector);
    // The second host has a scan that ended, in the midst of which the first began.
    const scans = [
      ...scan("36.70.1.1", START + 5 * HOUR, 80),
      ...scan("36.70.1.1", START + 25 * HOUR, 120),
      ...scan("36.70.1.2", START + 4 * HOUR, 100),
      ...scan("36.70.1.2", START + 30 * HOUR, 40),
    ];
    const [missing, until] = [START + 30 * HOUR + 10 * MINUTE, START + 30 * HOUR + 20 * MINUTE];
    await feed([...but(scans, missing, until), ...within(scan("36.70.1.1", START + 30 * HOUR, 10), 0, missing)]);
    await reach(START + 31 * HOUR);
    const before = await standing();
    expect(before.map(({ source, first }) => [source, first - START])).toEqual([
      ["36.70.1.2", 4 * HOUR],
      ["36.70.1.1", 5 * HOUR],
      ["36.70.1.2", 30 * HOUR],
    ]);
    clock.now += MINUTE;
    await feed([...within(scans, missing, until), ...scan("36.70.1.1", missing, 5)]);
    await reach(START + 31 * HOUR);
    const after = await standing();
    expect(after.map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    expect(after.map(({ packets }) => packets)).toEqual([100, 80 + 120 + 10 + 5, 40]);
  });
});

describe("an infected host", { timeout: 240_000 }, () => {
  it("of a sensor that lied is taken back although it was silent for longer than is remembered", async () => {
    const { feed, reach, standing, withdraw, course } = start(infectedHost as Detector);
    const bot = (src: string, at: readonly SensorSpec[]): Packet[] =>
      Array.from({ length: 12 }, (_, i) =>
        syn({ time: START + HOUR + i * 20 * SECOND, src: ip(src), dst: dark(at[i % at.length]!, i), ttl: 50 }),
      );
    await feed([...bot("36.70.0.1", [tokyo]), ...bot("36.70.0.2", both)]);
    await reach(START + 8 * DAY + 2 * HOUR);
    expect(course.remembered).toBe(0);
    expect(await standing()).toHaveLength(2);
    await withdraw("tokyo", START);
    expect((await standing()).map(({ source }) => source)).toEqual(["36.70.0.2"]);
  });
});

describe("early warning", { timeout: 480_000 }, () => {
  const asks = (from: number, hosts: number, gap: number, begin = 0, at = both): Packet[] =>
    Array.from({ length: hosts }, (_, i) =>
      syn({
        time: from + i * gap,
        src: ip(`40.${(begin + i) % 40}.7.${1 + begin + i}`),
        dst: dark(at[i % at.length]!, begin + i),
        dstPort: 7001,
      }),
    );
  const present = async (scope: Scope, days: number): Promise<void> => {
    await house.world.append(both.flatMap((sensor) => presences(scope, sensor, START, START + days * DAY)));
  };
  it("has no finding twice when one is found earlier than before, long after it began", async () => {
    const { scope, feed, reach, standing, clock } = start(earlyWarning as Detector);
    await present(scope, 3.25);
    const from = START + 3 * DAY;
    // Three in the first hour, and many from half past the second on.
    await feed([...asks(from + 10 * MINUTE, 3, 10 * MINUTE), ...asks(from + 90 * MINUTE, 24, MINUTE, 10)]);
    await reach(from);
    for (let hour = 1; hour <= 4; hour++) await reach(from + hour * HOUR, false);
    const before = (await standing()).filter(({ kind }) => kind === "surge");
    expect(before).toHaveLength(1);
    expect(before[0]!.first).toBe(from);
    clock.now += MINUTE;
    await feed(asks(from + 65 * MINUTE, 14, MINUTE, 50));
    await reach(from + 4 * HOUR, false);
    const after = (await standing()).filter(({ kind }) => kind === "surge");
    expect(after).toHaveLength(1);
    expect(after[0]!.id).not.toBe(before[0]!.id);
    expect(after[0]!.first).toBe(from);
    const all = await standing();
    expect(new Set(all.map(({ kind }) => kind)).size).toBe(all.length);
  });
  it("takes a finding back that began before all that is judged again", async () => {
    const { scope, feed, reach, standing, withdraw } = start(earlyWarning as Detector);
    await present(scope, 3.25);
    const from = START + 3 * DAY;
    await feed([...asks(from + 10 * MINUTE, 3, 10 * MINUTE), ...asks(from + 90 * MINUTE, 24, MINUTE, 10, [tokyo])]);
    await reach(from);
    for (let hour = 1; hour <= 4; hour++) await reach(from + hour * HOUR, false);
    expect((await standing()).map(({ kind }) => kind)).toContain("surge");
    await withdraw("tokyo", from + HOUR);
    expect(await standing()).toEqual([]);
  });
  it("knows what it only remembers of a sensor that lied", () => {
    const claim = { source: null, sensors: ["tokyo"], first: 5, last: 90, evidence: { claimed: 20, found: 10 } };
    const over = (change: object, since = 15): boolean =>
      tookOver({ ...claim, ...change } as unknown as Detection, 50, [{ sensor: "tokyo", since }]);
    expect(over({})).toBe(true);
    // Before it lied; with another; found in what was judged again.
    expect(over({}, 25)).toBe(false);
    expect(over({ sensors: ["jakarta", "tokyo"] })).toBe(false);
    expect(over({ evidence: { claimed: 60, found: 10 } })).toBe(false);
  });
});

describe("a campaign", { timeout: 240_000 }, () => {
  it("is taken back when it does not hold any more, though its first sources are older than what is judged again", async () => {
    const { scope, feed, reach, standing, withdraw } = start(campaign as Detector);
    const bots = (from: number, begin: number, hosts: number, at: SensorSpec): Packet[] =>
      Array.from({ length: hosts }, (_, i) =>
        syn({
          time: from + i * MINUTE,
          src: ip(`40.${(begin + i) % 40}.7.${1 + begin + i}`),
          dst: dark(at, i),
          dstPort: 23,
          signature: [0x5b40_05b4, 0x0402_0303],
        }),
      );
    for (const sensor of both) await house.world.store.append(presence(scope, sensor, START));
    await feed([...bots(START + 5 * HOUR, 0, 4, jakarta), ...bots(START + 8 * HOUR, 20, 8, tokyo)]);
    await reach(START + 18 * HOUR);
    expect(await standing()).toMatchObject([{ kind: "campaign", first: START + 5 * HOUR }]);
    await withdraw("tokyo", START + 7 * HOUR);
    expect(await standing()).toEqual([]);
  });
});
