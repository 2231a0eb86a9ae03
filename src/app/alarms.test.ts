// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { createLog } from "../platform/log.ts";
import type { ReceivedBatch } from "../ship/receiver.ts";
import { inventBatch } from "../store/flows/batches.conformance.ts";
import { openAlarms } from "./alarms.ts";

/** The same packets, by whomever. */
const received = (sensor: string, exercise: string): ReceivedBatch => {
  const arrived = inventBatch({ sensor: "any", sequence: 1, interval: 1.7e15, exercise });
  return { ...arrived, identity: { ...arrived.identity, sensor }, size: 1, version: 1 };
};

it("compares sensors whose counts are added up, and no exercise with what is real", () => {
  const alarmed = (first: string, second: string): string[] => {
    const alarms = openAlarms(createLog("silent"));
    alarms.look(received("real-1", first));
    alarms.look(received("other-1", second));
    alarms.check();
    return alarms.standing().map(({ sensor }) => sensor);
  };
  expect(alarmed("", "").toSorted()).toEqual(["other-1", "real-1"]);
  expect(alarmed("", "drill-1")).toEqual([]);
});

it("forgets a sensor that was revoked: one that takes its place is no duplicate of it", () => {
  const alarms = openAlarms(createLog("silent"));
  alarms.look(received("old-1", ""));
  alarms.look(received("new-1", ""));
  alarms.check();
  expect(alarms.standing()).toHaveLength(2);
  alarms.forget("old-1");
  alarms.check();
  expect(alarms.standing()).toEqual([]);
});
