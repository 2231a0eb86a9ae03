// SPDX-License-Identifier: Apache-2.0
import { undecodedKinds } from "../model/packets.ts";
import type { UndecodedKind } from "../model/packets.ts";
import type { SensorReport } from "../model/report.ts";
import { sensorName } from "../model/sensor-name.ts";
import { refuse } from "./refusal.ts";

/** What stands before a batch's rows. Times are whole microseconds UTC. */
export interface BatchHead {
  readonly sensor: string;
  readonly realm: string;
  readonly exercise: string;
  readonly interval: number;
  readonly intervalLength: number;
  /** Counts up by one a batch for the life of a sensor; never used twice. */
  readonly sequence: number;
  readonly degraded: boolean;
  /** Rows in the body. */
  readonly flows: number;
  readonly aggregates: number;
  readonly report: SensorReport;
}

export const limits = {
  /** Bytes of a head. */
  head: 16_384,
  /** Bytes of a body, decompressed and compressed. */
  body: 32 << 20,
  packed: 16 << 20,
  flows: 65_536,
  aggregates: 4_096,
  /** Microseconds; an offset within an interval takes 32 bits. */
  interval: 3_600_000_000,
} as const;

/** Realms and exercises: "" or a short name. */
export const scopeLabel = /^[a-z0-9._-]{0,64}$/;
/** The year 2200: later times are garbage. */
const latest = 7_258_118_400_000_000;

type Tree = Readonly<Record<string, unknown>>;

const object = (value: unknown, where: string, keys: readonly string[], open = false): Tree => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return refuse(`${where} is not an object`);
  const tree = value as Tree;
  for (const key of Object.keys(tree)) if (!keys.includes(key)) refuse(`${where} has an unknown key`);
  if (!open) for (const key of keys) if (!Object.hasOwn(tree, key)) refuse(`${where} lacks ${key}`);
  return tree;
};
const whole = (tree: Tree, key: string, most: number, least = 0): number => {
  const value = tree[key];
  if (
    typeof value !== "number" ||
    !Number.isSafeInteger(value) ||
    value < least ||
    value > most ||
    Object.is(value, -0)
  ) {
    return refuse(`${key} is not a whole number from ${least} to ${most}`);
  }
  return value;
};
const text = (tree: Tree, key: string, form: RegExp): string => {
  const value = tree[key];
  return typeof value === "string" && form.test(value) ? value : refuse(`${key} has a wrong form`);
};
const yes = (tree: Tree, key: string): boolean => {
  const value = tree[key];
  return typeof value === "boolean" ? value : refuse(`${key} is not true or false`);
};

const counts = [
  "read",
  "counted",
  "notDark",
  "retired",
  "droppedByKernel",
  "droppedByInterface",
  "darkAddresses",
  "spoolBytes",
  "spoolLost",
] as const;

const report = (value: unknown): SensorReport => {
  const tree = object(value, "report", ["watermark", "closedAt", "clockOffset", "undecoded", "degraded", ...counts]);
  const kinds = object(tree["undecoded"], "undecoded", undecodedKinds, true);
  const undecoded: Partial<Record<UndecodedKind, number>> = {};
  let sum = 0;
  for (const kind of undecodedKinds) {
    if (kinds[kind] === undefined) continue;
    undecoded[kind] = whole(kinds, kind, Number.MAX_SAFE_INTEGER);
    sum += undecoded[kind] ?? 0;
  }
  const numbers = Object.fromEntries(counts.map((key) => [key, whole(tree, key, Number.MAX_SAFE_INTEGER)])) as Record<
    (typeof counts)[number],
    number
  >;
  if (numbers.read !== numbers.counted + numbers.notDark + numbers.retired + sum) {
    refuse("packets read are not the sum of counted, notDark, undecoded and retired");
  }
  return {
    watermark: whole(tree, "watermark", latest),
    closedAt: whole(tree, "closedAt", latest),
    clockOffset: tree["clockOffset"] === null ? null : whole(tree, "clockOffset", latest, -latest),
    undecoded,
    degraded: yes(tree, "degraded"),
    ...numbers,
  };
};

/** A head from its JSON text; refuses everything that is not one. `aggregates` says whether the version knows them. */
export const parseHead = (json: string): BatchHead => {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return refuse("the head is not JSON"); // the parser's own words would echo hostile bytes
  }
  const tree = object(value, "the head", [
    "sensor",
    "realm",
    "exercise",
    "interval",
    "intervalLength",
    "sequence",
    "degraded",
    "flows",
    "aggregates",
    "report",
  ]);
  return {
    sensor: text(tree, "sensor", sensorName),
    realm: text(tree, "realm", scopeLabel),
    exercise: text(tree, "exercise", scopeLabel),
    interval: whole(tree, "interval", latest),
    intervalLength: whole(tree, "intervalLength", limits.interval, 1),
    sequence: whole(tree, "sequence", Number.MAX_SAFE_INTEGER, 1),
    degraded: yes(tree, "degraded"),
    flows: whole(tree, "flows", limits.flows),
    aggregates: whole(tree, "aggregates", limits.aggregates),
    report: report(tree["report"]),
  };
};
