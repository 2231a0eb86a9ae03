// SPDX-License-Identifier: Apache-2.0
import type { Live } from "../api/live.ts";
import type { LettersStanding } from "../notify/letters.ts";
import { Counter, Gauge, createMetrics } from "../platform/metrics.ts";
import type { Registry } from "../platform/metrics.ts";
import type { Receiver, SensorStanding } from "../ship/receiver.ts";
import type { FlowStore } from "../store/flows/store.ts";
import type { DetectorState } from "./detection.ts";

export interface NodeMetrics {
  readonly standings: Receiver["standings"];
  readonly live: Live;
  readonly frontiers: FlowStore["frontiers"];
  /** Failed passes since the start, by the node's regular work. */
  readonly failures: ReadonlyMap<string, number>;
  readonly detectors: () => readonly Pick<
    DetectorState,
    "detector" | "remembered" | "position" | "late" | "failures"
  >[];
  readonly letters: () => Promise<LettersStanding>;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** The node's metrics, read from what runs when they are asked for. */
export const nodeMetrics = ({
  standings,
  live,
  frontiers,
  failures,
  detectors,
  letters,
  now = Date.now,
}: NodeMetrics): Registry => {
  const registry = createMetrics();
  const registers = [registry];
  const labelNames = ["sensor"] as const;
  const gauge = (name: string, help: string, value: (standing: SensorStanding) => number | null): Gauge =>
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect() {
        this.reset();
        for (const standing of standings()) {
          const read = value(standing);
          if (read !== null) this.set({ sensor: standing.name }, read);
        }
      },
    });
  const total = (name: string, help: string, value: (standing: SensorStanding) => number): Counter =>
    new Counter({
      name,
      help,
      labelNames,
      registers,
      collect() {
        this.reset();
        for (const standing of standings()) this.inc({ sensor: standing.name }, value(standing));
      },
    });
  gauge("layang_sensor_last_seen_seconds", "When the sensor was last heard, seconds since 1970.", ({ lastSeen }) =>
    lastSeen === null ? null : lastSeen / 1e6,
  );
  gauge("layang_sensor_lag_seconds", "Now minus the time up to which the sensor has reported.", ({ lag, lastSeen }) =>
    lag === null || lastSeen === null ? null : (lag + Math.max(0, now() * 1e3 - lastSeen)) / 1e6,
  );
  gauge("layang_sensor_clock_offset_seconds", "Sensor clock minus node clock.", ({ report }) =>
    report?.clockOffset == null ? null : report.clockOffset / 1e6,
  );
  gauge(
    "layang_sensor_spool_bytes",
    "Bytes waiting in the sensor's spool.",
    ({ report }) => report?.spoolBytes ?? null,
  );
  gauge("layang_sensor_missing_batches", "Batches that never arrived.", ({ gaps }) =>
    gaps.reduce((sum, { first, last }) => sum + last - first + 1, 0),
  );
  total("layang_batches_stored_total", "Batches stored since the start.", ({ stored }) => stored);
  total("layang_batches_repeated_total", "Batches that had been stored before.", ({ repeated }) => repeated);
  total(
    "layang_batches_quarantined_total",
    "Batches with times too far from the node's clock.",
    ({ quarantined }) => quarantined,
  );
  total(
    "layang_batches_late_total",
    "Batches whose interval was final when they came out of a spool: they count, detections stay.",
    ({ late }) => late,
  );
  total(
    "layang_quarantine_lost_total",
    "Quarantined batches given up for room.",
    ({ quarantineLost }) => quarantineLost,
  );
  new Gauge({
    name: "layang_rollup_age_seconds",
    help: "Now minus the time up to which flows are rolled up; it grows while nothing arrives, too.",
    labelNames: ["grain"],
    registers,
    collect() {
      this.reset();
      const found = frontiers();
      for (const grain of ["5m", "1h", "1d"] as const) {
        const until = found[grain];
        if (until > 0) this.set({ grain }, now() / 1e3 - until / 1e6);
      }
    },
  });
  new Gauge({
    name: "layang_detector_remembered",
    help: "Entries that a detector has in mind, over all realms and exercises.",
    labelNames: ["detector"],
    registers,
    collect() {
      this.reset();
      for (const { detector, remembered } of detectors()) this.inc({ detector }, remembered);
    },
  });
  new Gauge({
    name: "layang_detector_behind_seconds",
    help: "Now minus the time up to which a detector has judged, where it is furthest behind: it grows where one fails again and again.",
    labelNames: ["detector"],
    registers,
    collect() {
      this.reset();
      // One that was not opened yet stands nowhere.
      for (const [detector, all] of Map.groupBy(
        detectors().filter(({ position }) => position > 0),
        (one) => one.detector,
      )) {
        const least = all.reduce((until, { position }) => Math.min(until, position), Infinity);
        this.set({ detector }, Math.max(0, now() / 1e3 - least / 1e6));
      }
    },
  });
  new Gauge({
    name: "layang_detector_late",
    help: "Stretches of time that a detector has to judge again, over all realms and exercises.",
    labelNames: ["detector"],
    registers,
    collect() {
      this.reset();
      for (const { detector, late } of detectors()) this.inc({ detector }, late);
    },
  });
  new Counter({
    name: "layang_detector_failures_total",
    help: "How often a detector failed since the start, and went on from what the desk holds.",
    labelNames: ["detector"],
    registers,
    collect() {
      this.reset();
      for (const { detector, failures: count } of detectors()) this.inc({ detector }, count);
    },
  });
  new Gauge({
    name: "layang_memory_bytes",
    help: "Memory of the process by who holds it: objects (heap), what they hold outside it (external), all that is resident (resident).",
    labelNames: ["of"],
    registers,
    collect() {
      const { heapTotal, external, rss } = process.memoryUsage();
      this.set({ of: "heap" }, heapTotal);
      this.set({ of: "external" }, external);
      this.set({ of: "resident" }, rss);
    },
  });
  new Counter({
    name: "layang_failures_total",
    help: "Failed passes of the node's regular work.",
    labelNames: ["work"],
    registers,
    collect() {
      this.reset();
      for (const [work, count] of failures) this.inc({ work }, count);
    },
  });
  new Counter({
    name: "layang_batches_refused_total",
    help: "Batches and requests refused, by reason.",
    labelNames: ["sensor", "code"],
    registers,
    collect() {
      this.reset();
      for (const { name, refused } of standings()) {
        for (const [code, count] of Object.entries(refused)) this.inc({ sensor: name, code }, count);
      }
    },
  });
  // One scrape asks all three at once.
  let asked: Promise<LettersStanding> | undefined;
  const standing = (): Promise<LettersStanding> =>
    (asked ??= letters().finally(() => {
      asked = undefined;
    }));
  const letter = (name: string, help: string, value: (of: LettersStanding) => number): Gauge =>
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        this.set(value(await standing()));
      },
    });
  letter("layang_letters_waiting", "Letters that wait or are being sent.", ({ waiting }) => waiting);
  letter("layang_letters_dead", "Letters that were refused, given up or discarded.", ({ dead }) => dead);
  letter(
    "layang_letters_oldest_tried_seconds",
    "How long the oldest letter that waits has been tried in vain; 0: none has.",
    ({ tried }) => (tried === null ? 0 : Math.max(0, now() / 1e3 - tried / 1e6)),
  );
  new Gauge({
    name: "layang_live_clients",
    help: "Open live pages.",
    registers,
    collect() {
      this.set(live.clients);
    },
  });
  return registry;
};
