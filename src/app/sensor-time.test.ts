// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { createSensorTime } from "./sensor-time.ts";

const [LATENCY, HOUR, START] = [1_200_000, 3_600_000_000, 1_700_000_000_000_000];
const packets = (...times: number[]) => ({ times: Float64Array.from(times), count: times.length });

describe("the time a live sensor has passed", () => {
  let present = START;
  const live = () => {
    present = START;
    return createSensorTime({ latency: LATENCY, clock: () => present });
  };

  it("stands behind the clock, and still while nothing is captured", () => {
    const time = live();
    expect(time.passed(false)).toBe(START - LATENCY);
    present += 5_000_000;
    expect(time.passed(false)).toBe(START - LATENCY);
    expect(time.passed(true)).toBe(present - LATENCY);
    // Slewed by a little it waits.
    present -= 1_000_000;
    expect(time.passed(true)).toBe(present + 1_000_000 - LATENCY);
  });

  it.each([true, false])("comes back with a clock that was ahead (captured: %s)", (captured) => {
    const time = live();
    present += HOUR;
    time.see(packets(present));
    expect(time.passed(true)).toBe(START + HOUR - LATENCY);
    present = START + 2_000_000;
    expect(time.passed(captured)).toBe(present - LATENCY);
    expect(time.newest).toBeLessThanOrEqual(present);
    present += 1_000_000;
    time.see(packets(present - 1_000));
    expect(time.passed(true)).toBe(present - LATENCY);
    expect(time.newest).toBe(present - 1_000);
  });

  it("goes on with a clock that was behind", () => {
    const time = live();
    present += HOUR;
    expect(time.passed(true)).toBe(present - LATENCY);
  });
});

describe("the time of a file that is read", () => {
  it("is that of its packets, never of the future", () => {
    const time = createSensorTime({ latency: null, clock: () => START });
    expect(time.passed(true)).toBe(0);
    time.see(packets(START - HOUR, START + HOUR, START - 2 * HOUR));
    expect(time.passed(true)).toBe(START - HOUR);
    time.see(packets(START - 2 * HOUR));
    expect(time.passed(true)).toBe(START - HOUR);
  });

  it("is the pacer's, where there is one, and comes back with the clock", () => {
    let present = START;
    let paced: number | undefined;
    const time = createSensorTime({ latency: null, paced: () => paced, clock: () => present });
    paced = START - HOUR;
    expect(time.passed(true)).toBe(START - HOUR);
    paced = START + HOUR;
    expect(time.passed(true)).toBe(START);
    present -= 10_000_000;
    expect(time.passed(true)).toBe(present);
  });
});
