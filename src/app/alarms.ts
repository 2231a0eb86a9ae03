// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "../platform/log.ts";
import { Duplicates } from "../ship/duplicates.ts";
import type { ReceivedBatch } from "../ship/receiver.ts";

/** What the node itself sees of its sensors, beside what their reports tell. */
export interface NodeAlarm {
  /** Milliseconds since 1970 UTC, when it was last seen. */
  readonly time: number;
  readonly sensor: string;
  readonly kind: "duplicate";
  readonly text: string;
}
export interface Alarms {
  /** Looks at a batch that was just stored. */
  look(received: ReceivedBatch): void;
  /** Forgets what a sensor reported, and alarms about it: it was revoked. */
  forget(sensor: string): void;
  /** Compares what came last; called every few seconds. */
  check(): void;
  /** Alarms of the last ten minutes. */
  standing(): readonly NodeAlarm[];
}

const STANDS = 600_000;

export const openAlarms = (log: Logger, clock: () => number = Date.now): Alarms => {
  // An exercise may well play back what a real sensor saw: only what is added up together is compared.
  const compared = new Map<string, Duplicates>();
  const standing = new Map<string, NodeAlarm>();
  return {
    look: ({ identity, batch, report }) => {
      const whose = `${batch.realm} ${batch.exercise}`;
      const duplicates = compared.get(whose) ?? new Duplicates();
      compared.set(whose, duplicates);
      duplicates.add(identity.sensor, batch.flows, report.clockOffset ?? 0);
    },
    forget: (sensor) => {
      for (const one of compared.values()) one.forget(sensor);
      for (const key of standing.keys()) if (key.split(" ").includes(sensor)) standing.delete(key);
    },
    check: () => {
      const now = clock();
      for (const { sensors, rows, matched, sources } of [...compared.values()].flatMap((one) => one.find())) {
        const [one, other] = sensors;
        const text = `Sensors ${one} and ${other} report the same packets: ${matched} of ${rows} rows in the last minute, from ${sources} sources; their counts add up to too much`;
        for (const sensor of sensors) {
          const key = `${sensor} ${one} ${other}`;
          if (!standing.has(key)) log.warn({ sensors, rows, matched, sources }, text);
          standing.set(key, { time: now, sensor, kind: "duplicate", text });
        }
      }
      for (const [key, { time }] of standing) if (now - time > STANDS) standing.delete(key);
    },
    standing: () => [...standing.values()],
  };
};
