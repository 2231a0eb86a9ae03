// SPDX-License-Identifier: Apache-2.0
import { Type, type Static, type TProperties, type TSchema } from "typebox";

/** RFC 3339 in UTC, for example `2026-07-01T00:00:00Z`. */
export const Time = Type.String({ format: "date-time", description: "RFC 3339, UTC" });
export const Count = Type.Integer({ minimum: 0 });
export const Share = Type.Number({ minimum: 0, maximum: 1, description: "a share, 0 to 1" });
export const orNull = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
export const strict = <T extends TProperties>(properties: T, description?: string) =>
  Type.Object(properties, { additionalProperties: false, ...(description === undefined ? {} : { description }) });
export const oneOf = <const T extends readonly [string, ...string[]]>(values: T, description?: string) =>
  Type.Unsafe<T[number]>({ type: "string", enum: [...values], ...(description === undefined ? {} : { description }) });

export const protocolNames = ["icmp", "tcp", "udp", "icmp6", "ipip", "ipv6", "gre", "sctp"] as const;
export const Protocol = Type.String({
  pattern: "^(icmp|tcp|udp|icmp6|ipip|ipv6|gre|sctp|[0-9]{1,3})$",
  description: "protocol name, or its number",
});
export const Country = Type.String({
  pattern: "^([A-Z]{2}|--)$",
  description: "economy of registration, ISO 3166-1 alpha-2; `--` is unknown",
});
export const measures = ["packets", "sources", "flows"] as const;

/** Half-open: from <= t < to. */
export const Period = strict({ from: Time, to: Time });
export type Period = Static<typeof Period>;

/** The period of the same length just before, and whether its numbers may stand beside those of the period. */
export const Previous = strict({
  from: Time,
  to: Time,
  /** How many sensors were up in it, on average. */
  sensors: Type.Number({ minimum: 0 }),
  /**
   * At least nine tenths of the sensor-time of both periods is of the same sensors. Where not (the data began in between, sensors
   * were down or are new), `previous...` and `change` are null: it would be the sensors that are compared.
   */
  comparable: Type.Boolean(),
});
export type Previous = Static<typeof Previous>;

/** How far the sensors were there to see: "no packets" while a sensor was down is never "clean". */
export const Coverage = strict({
  /** Sensors that reported at any time in the period, or are enrolled. */
  enrolled: Count,
  /** Sensor-time up divided by sensor-time enrolled, over the period; null when nothing is known. */
  up: orNull(Share),
  /** When the first of them came, where the period began before any was there: nothing is known of what was before. */
  since: orNull(Time),
  /** How many of them came within the period; each counts from then on. */
  joined: Count,
  /** Sensors that were down for part of the period, longest first (at most ten). */
  outages: Type.Array(strict({ sensor: Type.String(), minutes: Type.Number({ minimum: 0 }) })),
  /** Some of the period is counted in aggregate rows: sources and distinct counts are lower bounds. */
  degraded: Type.Boolean(),
});
export type Coverage = Static<typeof Coverage>;

/** Stands beside every answer. */
export const Meta = strict({
  /** The data are invented: say so wherever they are shown or saved. */
  simulated: Type.Boolean(),
  realm: Type.String({ description: "empty is the shared realm" }),
  exercise: Type.String({ description: "empty is real" }),
  /** When the question was asked. */
  asked: Time,
  /** Newest data that the answer could know of; null in an empty store. */
  dataUntil: orNull(Time),
  /** Milliseconds the engine took. */
  milliseconds: Type.Number({ minimum: 0 }),
  /** Where the numbers came from. */
  from: oneOf(["base", "rollup", "mixed", "none"]),
  /** Rows were left out because of `limit`. */
  truncated: Type.Boolean(),
  /**
   * There where the period, or the one before that it is compared with, reaches further back than what the answer needs is kept (flow rows, and roll-ups that name
   * sources): of before this nothing is known, so there is null and not 0, and sums over the period are of the time since.
   */
  keptFrom: Type.Optional(Time),
  /** Figures for everybody: whole days, late, from many networks, with noise. */
  released: Type.Optional(Type.Boolean()),
});
export type Meta = Static<typeof Meta>;

/** One more table of an answer is a property of its own; `rows` is the main one, which CSV and Parquet carry. */
export const answer = <R extends TProperties, F extends TProperties, X extends TProperties>(
  row: R,
  facts: F,
  extra: X,
  description: string,
) =>
  Type.Object(
    {
      question: Type.String(),
      period: orNull(Period),
      /** The period of the same length just before, which `previous…` fields speak of. */
      previous: orNull(Previous),
      coverage: orNull(Coverage),
      meta: Meta,
      /** What a sentence about the answer needs, so that every language can say it. */
      facts: strict(facts),
      rows: Type.Array(strict(row)),
      ...extra,
    },
    { additionalProperties: false, description },
  );

/** RFC 9457 `application/problem+json`. `code` has a paragraph in docs/errors.md. */
export const Problem = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  code: Type.String(),
  detail: Type.String(),
  /** For an unknown parameter: its name and the nearest right one. */
  parameter: Type.Optional(Type.String()),
  suggestion: Type.Optional(Type.String()),
});
export type Problem = Static<typeof Problem>;
