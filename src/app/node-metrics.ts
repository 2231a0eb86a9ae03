// SPDX-License-Identifier: Apache-2.0
import type { Live } from "../api/live.ts";
import { Counter, Gauge, createMetrics } from "../platform/metrics.ts";
import type { Registry } from "../platform/metrics.ts";
import type { Receiver, SensorStanding } from "../ship/receiver.ts";

/** The node's metrics, read from what runs when they are asked for. */
export const nodeMetrics = ({ receiver, live }: { receiver: Receiver; live: Live }): Registry => {
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
        for (const standing of receiver.standings()) {
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
        for (const standing of receiver.standings()) this.inc({ sensor: standing.name }, value(standing));
      },
    });
  gauge("layang_sensor_last_seen_seconds", "When the sensor was last heard, seconds since 1970.", ({ lastSeen }) =>
    lastSeen === null ? null : lastSeen / 1e6,
  );
  gauge("layang_sensor_lag_seconds", "Arrival minus the sensor's watermark.", ({ lag }) =>
    lag === null ? null : lag / 1e6,
  );
  gauge("layang_sensor_clock_offset_seconds", "Sensor clock minus node clock.", ({ report }) =>
    report?.clockOffset == null ? null : report.clockOffset / 1e6,
  );
  gauge(
    "layang_sensor_spool_bytes",
    "Bytes waiting in the sensor's spool.",
    ({ report }) => report?.spoolBytes ?? null,
  );
  gauge("layang_sensor_missing_batches", "Runs of batches that never arrived.", ({ gaps }) => gaps.length);
  total("layang_batches_stored_total", "Batches stored since the start.", ({ stored }) => stored);
  total("layang_batches_repeated_total", "Batches that had been stored before.", ({ repeated }) => repeated);
  total(
    "layang_batches_quarantined_total",
    "Batches with times ahead of the node's clock.",
    ({ quarantined }) => quarantined,
  );
  new Counter({
    name: "layang_batches_refused_total",
    help: "Batches and requests refused, by reason.",
    labelNames: ["sensor", "code"],
    registers,
    collect() {
      this.reset();
      for (const { name, refused } of receiver.standings()) {
        for (const [code, count] of Object.entries(refused)) this.inc({ sensor: name, code }, count);
      }
    },
  });
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
