// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { startDetection } from "../../src/app/detection.ts";
import type { DetectorState, RunningDetection } from "../../src/app/detection.ts";
import { earlyWarning } from "../../src/detect/early-warning.ts";
import type { Detector } from "../../src/detect/detector.ts";
import { infectedHost } from "../../src/detect/infected.ts";
import { systemActor } from "../../src/model/actor.ts";
import { createLog } from "../../src/platform/log.ts";
import { ip, syn } from "../flow/packets.ts";
import { take } from "./take.ts";
import { houseFor } from "./house.ts";
import { HOUR, SECOND, START, batchesOf, ownersOf, presence } from "./world.ts";

const MINUTE = 60 * SECOND;
const DAY = 24 * HOUR;
const jakarta = { name: "jakarta", dark: ["192.0.2.0/24"], country: "ID" };
const owners = ownersOf("organisation,prefix,country\nisp,36.64.0.0/10,ID\n");

const house = houseFor();
const start = (clock: { now: number }, detector: Detector): RunningDetection =>
  startDetection({
    store: house.world.store,
    desk: house.desk,
    detectors: [detector],
    around: { owners: () => owners, home: null, researcher: () => null },
    take,
    log: createLog("silent"),
    now: () => clock.now,
    begin: START - HOUR,
    sensors: () => [],
  });
const until = async (holds: () => boolean): Promise<void> => {
  for (let i = 0; i < 1_200 && !holds(); i++) await sleep(50);
  expect(holds()).toBe(true);
};

it(
  "lets a drill rest when it is over, and judges it again when a sensor of it is revoked",
  { timeout: 240_000 },
  async () => {
    const drill = house.world.scope();
    const real = { realm: "", exercise: "" };
    const clock = { now: START + 10 * MINUTE };
    const bot = Array.from({ length: 12 }, (_, i) =>
      syn({ time: START + MINUTE + i * 20 * SECOND, src: ip("36.70.0.1"), dst: ip(`192.0.2.${10 + i}`), ttl: 50 }),
    );
    await house.world.store.append(presence(real, jakarta, START));
    for (const batch of batchesOf(drill, jakarta, bot)) await house.world.store.append(batch);
    const told = async (): Promise<string[]> =>
      (
        await house.desk.as(systemActor, (trx) =>
          trx
            .selectFrom("detections")
            .select("kind")
            .where("exercise", "=", drill.exercise)
            .where("withdrawn", "=", false)
            .execute(),
        )
      ).map(({ kind }) => kind);
    const running = start(clock, infectedHost as Detector);
    const of = (exercise: string): DetectorState | undefined =>
      running.states().find((state) => state.exercise === exercise);
    await until(() => (of(drill.exercise)?.position ?? 0) >= clock.now - MINUTE);
    expect(await told()).toEqual(["scanning-host"]);
    // A day later it is judged still, after two no more; what is real always is.
    clock.now = START + DAY;
    await until(() => (of(drill.exercise)?.position ?? 0) >= clock.now - MINUTE);
    clock.now = START + 3 * DAY;
    await until(() => of(drill.exercise) === undefined && (of("")?.position ?? 0) >= clock.now - MINUTE);
    await running.close();

    // Who starts again does not begin with it.
    clock.now = START + 4 * DAY;
    const again = start(clock, infectedHost as Detector);
    await until(() => again.states().some(({ exercise, position }) => exercise === "" && position > 0));
    expect(again.states().map(({ exercise }) => exercise)).toEqual([""]);
    await house.world.store.revoke("jakarta", START);
    await again.withdrew("jakarta", START);
    expect(await told()).toEqual([]);
    await again.close();
  },
);

it(
  "heeds what came late of minutes in which nobody sent anything, where it says how long was looked",
  { timeout: 240_000 },
  async () => {
    for (const detector of [earlyWarning, infectedHost] as Detector[]) {
      const scope = house.world.scope();
      const clock = { now: START + 3 * HOUR };
      await house.world.store.append(presence(scope, jakarta, START, HOUR));
      const running = start(clock, detector);
      const late = (): number => running.states().find(({ exercise }) => exercise === scope.exercise)?.late ?? -1;
      await until(() =>
        running.states().some(({ exercise, position }) => exercise === scope.exercise && position > clock.now - HOUR),
      );
      const quiet = presence(scope, jakarta, START + 2 * HOUR, MINUTE);
      await house.world.store.append({ ...quiet, received: clock.now });
      running.arrived(quiet.batch);
      expect(late()).toBe(detector.late === "rewind" ? 1 : 0);
      await running.close();
    }
  },
);
