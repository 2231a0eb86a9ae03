// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openCapture } from "../../src/capture/capture.ts";
import { detectHistory } from "../../src/app/detection-history.ts";
import { joinBatches } from "../../src/app/join-batches.ts";
import { createOwners } from "../../src/constituency/owners.ts";
import { parseNetworksCsv } from "../../src/constituency/networks-csv.ts";
import type { Detector, Owners, Scope } from "../../src/detect/detector.ts";
import { decode } from "../../src/decode/decode.ts";
import { DarkSet } from "../../src/flow/dark.ts";
import { createFlowTable } from "../../src/flow/table.ts";
import type { FlowTable } from "../../src/flow/table.ts";
import { decodeCounters, packetBatch } from "../../src/model/packets.ts";
import type { Detection } from "../../src/model/detection.ts";
import { aggregateColumns, copyBatch, emptyColumns, flowColumns } from "../../src/model/flows.ts";
import type { FlowBatch } from "../../src/model/flows.ts";
import { parsePrefix } from "../../src/net/prefix.ts";
import { openEmbedded } from "../../src/store/flows/embedded/index.ts";
import { Origins, originsIn } from "../../src/store/flows/origins.ts";
import type { ArrivedBatch, FlowStore } from "../../src/store/flows/store.ts";
import { batchOf } from "../flow/packets.ts";
import type { Packet } from "../flow/packets.ts";

/** The start of a day, so that hours of a test are hours of a day. */
export const START = Date.UTC(2026, 2, 2) * 1000;
export const SECOND = 1e6;
export const HOUR = 3_600e6;

export interface SensorSpec {
  readonly name: string;
  readonly dark: readonly string[];
  readonly country?: string;
  /** It does not say how many dark addresses it has: every destination was taken for dark. */
  readonly undeclared?: boolean;
}
export const ownersOf = (csv: string): Owners => {
  const { networks, errors } = parseNetworksCsv(csv);
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  return createOwners(networks.map(({ network }) => network));
};
export const noOwners = ownersOf("organisation,prefix\n");

export interface Cut {
  /** Flow interval, microseconds. */
  readonly interval?: number;
  /** Rows the flow table holds: few make it flush early. */
  readonly capacity?: number;
  /** Batches joined into one before they are stored. */
  readonly join?: number;
}

const sizeOf = ({ dark, undeclared = false }: SensorSpec): number =>
  undeclared ? 0 : new DarkSet(dark.flatMap((text) => parsePrefix(text) ?? [])).reported;

let sequence = 0;
const seal = (batch: FlowBatch, dark: number): ArrivedBatch => {
  const end = batch.interval + batch.intervalLength;
  const packets = batch.flows.columns.packets.values.subarray(0, batch.flows.count).reduce((sum, n) => sum + n, 0);
  sequence++;
  return {
    identity: { sensor: batch.sensor, sequence, hash: createHash("sha256").update(String(sequence)).digest("hex") },
    batch,
    report: {
      watermark: end,
      closedAt: end,
      clockOffset: null,
      read: packets,
      counted: packets,
      notDark: 0,
      undecoded: {},
      retired: 0,
      droppedByKernel: 0,
      droppedByInterface: 0,
      darkAddresses: dark,
      spoolBytes: 0,
      spoolLost: 0,
      degraded: batch.degraded,
    },
    received: end,
  };
};

const tableOf = (scope: Scope, sensor: SensorSpec, made: FlowBatch[], interval: number, capacity: number): FlowTable =>
  createFlowTable({
    sensor: sensor.name,
    ...scope,
    intervalLength: interval,
    key: createHash("sha256").update(sensor.name).digest().subarray(0, 16),
    dark: new DarkSet(sensor.dark.flatMap((text) => parsePrefix(text) ?? [])),
    capacity,
    batchRows: capacity,
    earlyFlushes: 1e9,
    onFlush: (batch) => made.push(copyBatch(batch)),
  });

/** Joined by so many at most, none over more than an hour. */
const sealAll = (made: readonly FlowBatch[], sensor: SensorSpec, joined: number): ArrivedBatch[] => {
  const batches: ArrivedBatch[] = [];
  for (let at = 0; at < made.length;) {
    let next = at + 1;
    while (next < made.length && next - at < joined && made[next]!.interval - made[at]!.interval < HOUR) next++;
    const part = made.slice(at, next);
    at = next;
    const start = Math.min(...part.map((one) => one.interval));
    const end = Math.max(...part.map((one) => one.interval + one.intervalLength));
    batches.push(seal(part.length === 1 ? part[0]! : joinBatches(part, start, end - start), sizeOf(sensor)));
  }
  return batches;
};

/** Batches that a sensor makes of a capture file, through the real decoder and flow table. */
export const captureBatches = async (scope: Scope, sensor: SensorSpec, path: string): Promise<ArrivedBatch[]> => {
  const made: FlowBatch[] = [];
  const table = tableOf(scope, sensor, made, 10e6, 1 << 14);
  const packets = packetBatch(4_096);
  const counters = decodeCounters();
  for await (const raw of openCapture({ path })) {
    for (let at = 0; at < raw.count;) {
      packets.count = 0;
      at = decode(raw, at, packets, counters);
      table.add(packets);
    }
  }
  table.flush();
  return sealAll(made, sensor, 1_000);
};

/** Batches that a sensor makes of packets (those to its dark prefixes), through the real flow table. */
export const batchesOf = (
  scope: Scope,
  sensor: SensorSpec,
  packets: readonly Packet[],
  cut: Cut = {},
): ArrivedBatch[] => {
  const { interval = 10e6, capacity = 1 << 14, join: joined = 64 } = cut;
  const made: FlowBatch[] = [];
  const table = tableOf(scope, sensor, made, interval, capacity);
  const sorted = packets.toSorted((a, b) => a.time - b.time);
  for (let at = 0; at < sorted.length; at += 4096) table.add(batchOf(sorted.slice(at, at + 4096)));
  table.flush();
  return sealAll(made, sensor, joined);
};

/** A report without rows: the sensor was there, for so long. */
export const presence = (scope: Scope, sensor: SensorSpec, time: number, length = 1e6): ArrivedBatch =>
  seal(
    {
      sensor: sensor.name,
      ...scope,
      interval: time,
      intervalLength: length,
      flows: { count: 0, columns: emptyColumns(flowColumns, 0) },
      aggregates: { count: 0, columns: emptyColumns(aggregateColumns, 0) },
      degraded: false,
    },
    sizeOf(sensor),
  );

/** Reports without rows from one time to another, `each` long: the sensor was there all the while. */
export const presences = (scope: Scope, sensor: SensorSpec, from: number, to: number, each = HOUR): ArrivedBatch[] =>
  Array.from({ length: Math.max(0, Math.ceil((to - from) / each)) }, (_, i) =>
    presence(scope, sensor, from + i * each, Math.min(each, to - from - i * each)),
  );

export interface World {
  readonly store: FlowStore;
  /** Stores batches at once: those that wait are inserted together, and an insert costs much more than its rows. */
  append(batches: readonly ArrivedBatch[]): Promise<void>;
  /** A scope of its own (an exercise) for one case. */
  scope(realm?: string): Scope;
  /** Stores what these sensors see of the packets, through the real flow table. They were there two hours before. */
  feed(scope: Scope, sensors: readonly SensorSpec[], packets: readonly Packet[], cut?: Cut): Promise<void>;
  detect(scope: Scope, detectors: readonly Detector[], asked?: Asked): Promise<Detection[]>;
  close(): Promise<void>;
}
export interface Asked {
  readonly owners?: Owners;
  readonly home?: string;
  readonly sensors?: readonly SensorSpec[];
  readonly step?: number;
  readonly researchers?: ReadonlyMap<string, string>;
}

/** A real store (chDB) in a folder that is gone afterwards. With `asnV4` (lines of `first,last,asn,name`) sources have origin ASes. */
export const openWorld = async (asnV4?: string): Promise<World> => {
  const folder = mkdtempSync(join(tmpdir(), "layang-detect-"));
  if (asnV4 !== undefined) {
    mkdirSync(join(folder, "prefixes"));
    writeFileSync(join(folder, "prefixes/asn-ipv4-num.csv"), asnV4);
  }
  const store = await openEmbedded({
    folder,
    retention: { sources: null, fine: null, coarse: null },
    ...(asnV4 === undefined ? {} : { origins: new Origins(() => originsIn(join(folder, "prefixes")), null) }),
  });
  let scopes = 0;
  const append = async (batches: readonly ArrivedBatch[]): Promise<void> => {
    await Promise.all(batches.map((batch) => store.append(batch)));
  };
  return {
    store,
    append,
    scope: (realm = "") => ({ realm, exercise: `case-${++scopes}` }),
    feed: async (scope, sensors, packets, cut) => {
      const first = packets.reduce((least, { time }) => Math.min(least, time), Infinity);
      const last = packets.reduce((most, { time }) => Math.max(most, time), -Infinity);
      const from = Math.floor((first - 2 * HOUR) / SECOND) * SECOND;
      const each = (last - first > 24 * HOUR ? 12 : 1) * HOUR;
      // To the end of the last one: a sensor says so when its time is over.
      const to = from + Math.ceil((last - from) / each) * each;
      await append(
        sensors.flatMap((sensor) => [
          ...presences(scope, sensor, from, to, each),
          ...batchesOf(scope, sensor, packets, cut),
        ]),
      );
    },
    detect: (scope, detectors, { owners = noOwners, home, sensors = [], step, researchers } = {}) =>
      detectHistory({
        store,
        detectors,
        around: {
          owners: () => owners,
          home: home ?? null,
          researcher: (address) => researchers?.get(address) ?? null,
        },
        countries: new Map(sensors.map(({ name, country }) => [name, country ?? null])),
        scopes: [scope],
        ...(step === undefined ? {} : { step }),
      }),
    close: async () => {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
