// SPDX-License-Identifier: Apache-2.0
import type { RawBatch } from "../model/packets.ts";

export interface SensorTimeOptions {
  /** So much later than their time packets reach us at most, microseconds: live time stands behind the clock by this. Null when a file is read. */
  readonly latency: number | null;
  /** Event time by a pacer, where one lets packets through. */
  readonly paced?: () => number | undefined;
  /** Microseconds UTC. */
  readonly clock?: () => number;
}

/** Which time a sensor has passed. All times are microseconds UTC. */
export interface SensorTime {
  /** The newest packet that was seen, not of the future: one with a damaged time is none that others wait for. */
  readonly newest: number;
  see(raw: Pick<RawBatch, "times" | "count">): void;
  /**
   * Time that has passed in the packets: by the clock when live or paced, by the packets when read at full speed. Never ahead of the clock:
   * one packet with a damaged time must not put all that follow it into the node's quarantine, nor must an hour in which the clock was wrong.
   * A capture that is down (`captured` false) has seen nothing: live time stands still, and the node shows an outage.
   */
  passed(captured: boolean): number;
}

export const createSensorTime = ({
  latency,
  paced = () => undefined,
  clock = () => Date.now() * 1_000,
}: SensorTimeOptions): SensorTime => {
  let newest = 0;
  // Until the capture is up, time stands where the sensor began: not in 1970.
  let watermark = latency === null ? 0 : clock() - latency;
  return {
    get newest() {
      return newest;
    },
    see: ({ times, count }) => {
      const present = clock();
      for (let i = 0; i < count; i++) {
        const time = times[i] ?? 0;
        if (time <= present && time > newest) newest = time;
      }
    },
    passed: (captured) => {
      const present = clock();
      // The clock was set back: what was passed while it was ahead is yet to come.
      newest = Math.min(newest, present);
      if (watermark > present) watermark = Math.floor(present - (latency ?? 0));
      const now = latency === null ? Math.min(present, paced() ?? newest) : present - latency;
      if (captured || latency === null) watermark = Math.max(watermark, Math.floor(now));
      return watermark;
    },
  };
};
