// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { emptyColumns, flowColumns } from "../src/model/flows.ts";
import type { FlowRows } from "../src/model/flows.ts";
import { Duplicates } from "../src/ship/duplicates.ts";
import { HOUR_ZERO, numbers } from "./ship/rows.ts";

interface Seen {
  readonly time: number;
  readonly src: number;
  readonly port: number;
  readonly from: number;
  readonly packets?: number;
}
const rowsOf = (seen: readonly Seen[]): FlowRows => {
  const columns = emptyColumns(flowColumns, seen.length);
  for (const [i, { time, src, port, from, packets = 1 }] of seen.entries()) {
    columns.first_seen.values[i] = time;
    columns.src.values.set([0, 0, 0xffff, src], 4 * i);
    columns.protocol.values[i] = 6;
    columns.packets.values[i] = packets;
    columns.dst_port.values[i] = port;
    columns.dst_port.present[i] = 1;
    columns.sample_ports.values[i] = from;
    columns.sample_ports.ends[i] = i + 1;
  }
  return { count: seen.length, columns };
};
/** Bots with ports and times of their own, as a sensor sees them in one second. */
const radiation = (seed: number, count: number, second: number): Seen[] => {
  const any = numbers(seed * 1_000 + second);
  return Array.from({ length: count }, () => ({
    time: HOUR_ZERO + second * 1_000_000 + any(1_000_000),
    src: 0x05000000 + any(2 ** 24),
    port: [23, 2_323, 22, 445][any(4)] ?? 23,
    from: 1_024 + any(60_000),
  }));
};
const late = (seen: readonly Seen[], by: number): Seen[] =>
  seen.map(({ time, ...rest }) => ({ time: time + by, ...rest }));

describe("sensors that report the same packets", () => {
  it("are found when one mirrors the other, whatever their clocks say", () => {
    const duplicates = new Duplicates();
    for (let second = 0; second < 20; second++) {
      const seen = radiation(1, 50, second);
      duplicates.add("first", rowsOf(seen), 0);
      duplicates.add("second", rowsOf(late(seen, 3_000_000 + 1_500)), 3_000_000);
      duplicates.add("third", rowsOf(radiation(2, 50, second)), 0);
    }
    expect(duplicates.find()).toEqual([
      { sensors: ["first", "second"], rows: 1_000, matched: 1_000, sources: expect.any(Number) },
    ]);
    duplicates.forget("second");
    expect(duplicates.find()).toEqual([]);
  });

  it("are found in a part of the traffic, when it is most of the smaller one's", () => {
    const duplicates = new Duplicates();
    const seen = radiation(3, 500, 0);
    duplicates.add("large", rowsOf(seen), 0);
    duplicates.add("small", rowsOf([...late(seen.slice(0, 60), 900), ...radiation(4, 50, 0)]), 0);
    expect(duplicates.find()).toMatchObject([{ matched: 60, rows: 110 }]);
    const other = new Duplicates();
    other.add("large", rowsOf(seen), 0);
    other.add("small", rowsOf([...late(seen.slice(0, 50), 900), ...radiation(4, 60, 0)]), 0);
    expect(other.find()).toEqual([]);
  });

  it("are not what scanners make that walk through both, even with one source port and at speed", () => {
    const duplicates = new Duplicates();
    const any = numbers(9);
    for (let second = 0; second < 30; second++) {
      // masscan keeps one source port for a whole scan: 12 of them, each hitting both sensors at times of their own.
      const scan = (): Seen[] =>
        Array.from({ length: 12 }, (_, i) => ({
          time: HOUR_ZERO + second * 1_000_000 + any(1_000_000),
          src: 0x0a000000 + i,
          port: 443,
          from: 61_000,
        }));
      duplicates.add("first", rowsOf(scan()), 0);
      duplicates.add("second", rowsOf(scan()), 0);
    }
    expect(duplicates.find()).toEqual([]);
  });

  it("are not what scanners make that are so fast that each row begins at a full second", () => {
    const duplicates = new Duplicates();
    const any = numbers(10);
    for (let second = 0; second < 30; second++) {
      for (const sensor of ["first", "second"]) {
        const scan = Array.from({ length: 40 }, (_, i) => ({
          time: HOUR_ZERO + second * 1_000_000 + any(20_000),
          src: 0x0a000000 + i,
          port: 443,
          from: 61_000,
          packets: 90 + any(20),
        }));
        duplicates.add(sensor, rowsOf(scan), 0);
      }
    }
    expect(duplicates.find()).toEqual([]);
  });

  it("are looked for in the last minute alone, whatever stands before it in the queue", () => {
    const duplicates = new Duplicates();
    // A clock that is ahead: its rows count until the others are a minute past them.
    duplicates.add("ahead", rowsOf(late(radiation(6, 5, 0), 2_000_000)), 0);
    const seen = radiation(7, 50, 0);
    duplicates.add("first", rowsOf(seen), 0);
    duplicates.add("second", rowsOf(late(seen, 100)), 0);
    duplicates.add("clock", rowsOf(radiation(8, 5, 58)), 0);
    expect(duplicates.find()).toHaveLength(1);
    duplicates.add("clock", rowsOf(radiation(8, 5, 61)), 0);
    expect(duplicates.find()).toEqual([]);
    // What comes out of a spool is over before it comes, and takes the place of nothing.
    duplicates.add("first", rowsOf(seen), 0);
    duplicates.add("second", rowsOf(late(seen, 100)), 0);
    expect(duplicates.find()).toEqual([]);
  });

  it("are found among three hundred that send a row a second, in their last minute as in their first", () => {
    const duplicates = new Duplicates();
    for (let second = 0; second < 75; second++) {
      for (let sensor = 0; sensor < 298; sensor++)
        duplicates.add(`sensor-${sensor}`, rowsOf(radiation(100 + sensor, 1, second)), 0);
      const seen = radiation(7, 1, second).map((one) => ({ ...one, time: HOUR_ZERO + second * 1_000_000 }));
      duplicates.add("first", rowsOf(seen), 0);
      duplicates.add("second", rowsOf(late(seen, 100)), 0);
      if (second === 30)
        expect(duplicates.find()).toMatchObject([{ sensors: ["first", "second"], rows: 31, matched: 31 }]);
    }
    expect(duplicates.find()).toMatchObject([{ sensors: ["first", "second"], rows: 60, matched: 60 }]);
  });

  it("need ten sources: one loud host proves nothing", () => {
    const duplicates = new Duplicates();
    const seen = radiation(5, 200, 0).map(({ time, src, port, from }) => ({
      time,
      src: 0x06000000 + (src % 9),
      port,
      from,
    }));
    duplicates.add("first", rowsOf(seen), 0);
    duplicates.add("second", rowsOf(late(seen, 100)), 0);
    expect(duplicates.find()).toEqual([]);
  });

  it("are found when a small one's packets are all in a large one's flood", () => {
    const duplicates = new Duplicates();
    const flood = radiation(8, 8_000, 0);
    duplicates.add("large", rowsOf(flood), 0);
    duplicates.add("small", rowsOf(late(flood.slice(0, 400), 200)), 0);
    const [alarm] = duplicates.find();
    expect(alarm).toMatchObject({ sensors: ["large", "small"] });
    expect(alarm?.matched).toBe(alarm?.rows);
  });

  it("are found in a flood too, of which a part is kept, and forgotten after a minute", () => {
    const duplicates = new Duplicates();
    const flood = radiation(6, 30_000, 0);
    duplicates.add("first", rowsOf(flood), 0);
    duplicates.add("second", rowsOf(late(flood, 200)), 0);
    expect(duplicates.find()).toHaveLength(1);
    duplicates.add("third", rowsOf(radiation(7, 10, 90)), 0);
    expect(duplicates.find()).toEqual([]);
  });
});
