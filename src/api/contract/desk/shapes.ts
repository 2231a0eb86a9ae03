// SPDX-License-Identifier: Apache-2.0
import { Type, type Static, type TProperties, type TSchema } from "typebox";
import { detectionKinds, holdReasons } from "../../../model/detection.ts";
import { markings } from "../../../model/marking.ts";
import { Count, Time, oneOf, orNull, strict } from "../shapes.ts";

/**
 * What the desk's endpoints share. Times are RFC 3339 in UTC with milliseconds (`2026-07-01T00:00:00.000Z`; the desk's
 * microseconds cut, never rounded up). Every list is bounded: `limit` rows, then `next` names the page after it.
 */
export const base = "/api/v1/desk";
export const some = <T extends TSchema>(schema: T, most: number) => Type.Array(schema, { maxItems: most });
export const text = (most: number, least = 0) => Type.String({ minLength: least, maxLength: most });
export const Id = Type.String({ pattern: "^[A-Za-z0-9_-]{1,64}$" });
export const OrganisationId = Type.String({ pattern: "^[a-z0-9][a-z0-9-]{0,62}$" });
export const Address = Type.String({ minLength: 2, maxLength: 45, description: "IPv4 or IPv6 address" });
export const Port = Type.Integer({ minimum: 0, maximum: 65535 });
export const Country = Type.String({ pattern: "^[A-Z]{2}$" });
export const Kind = oneOf(detectionKinds);
export const Held = oneOf(holdReasons);
export const Tlp = oneOf(markings, "TLP 2.0");
export const severities = ["low", "medium", "high", "critical"] as const;
export const Severity = oneOf(severities);
export const alertStates = ["new", "continuing", "quiet", "closed", "relapsed"] as const;
export const AlertState = oneOf(alertStates);
export const caseStates = ["open", "waiting", "closed"] as const;
export const CaseState = oneOf(caseStates);
/** BCP 47, the portal's languages first. */
export const Language = Type.String({ pattern: "^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", maxLength: 35 });
export const Exercise = Type.String({ maxLength: 64, pattern: "^[A-Za-z0-9._-]*$", description: "empty is real" });
export const Realm = Type.String({ maxLength: 64, pattern: "^[A-Za-z0-9._-]*$", description: "empty is shared" });
/** Counts up with every change; an update names the one it saw and is refused (`CHANGED`) when that is not the newest. */
export const Version = Type.Integer({ minimum: 0 });
/** A list of alternatives in a query, comma-separated. */
export const listOf = (values: readonly string[], description: string) =>
  Type.String({
    pattern: `^(?:${values.map((value) => value.replaceAll("+", "\\+")).join("|")})(?:,(?:${values.map((value) => value.replaceAll("+", "\\+")).join("|")}))*$`,
    maxLength: 400,
    description: `${description}; several: comma-separated`,
  });

export const Cursor = Type.String({ minLength: 1, maxLength: 256, pattern: "^[A-Za-z0-9_.~-]+$" });
export const page = (otherwise = 50, most = 500) => ({
  cursor: Type.Optional(Cursor),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: most, default: otherwise })),
});
/** Whose rows: both empty by default, the shared realm and what is real. */
export const scope = { realm: Type.Optional(Realm), exercise: Type.Optional(Exercise) };

/** Rows, the page after them, and what a sentence about all of them needs. */
export const list = <R extends TSchema, F extends TProperties>(row: R, facts: F, description: string, most = 500) =>
  strict(
    {
      /** When the desk was asked. */
      asked: Time,
      /** Rows that pass the filter, over all pages; exact up to 100,000. */
      total: Count,
      next: orNull(Cursor),
      facts: strict(facts),
      rows: some(row, most),
    },
    description,
  );
/** An action was done. */
export const Done = strict({ done: Type.Literal(true) });
/** A name of an organisation, for links. */
export const OrganisationName = strict({ id: OrganisationId, name: text(200) });
export type OrganisationName = Static<typeof OrganisationName>;
/** A measured share with its Wilson interval (95 %) and what it was measured on. */
export const Measured = strict({
  value: orNull(Type.Number({ minimum: 0, maximum: 1 })),
  low: orNull(Type.Number({ minimum: 0, maximum: 1 })),
  high: orNull(Type.Number({ minimum: 0, maximum: 1 })),
  n: Count,
});
export type Measured = Static<typeof Measured>;
/** A packet that an owner can look for: when (± the sensor's clock error), from which source port, to which port. */
export const SampleRow = strict({
  time: Time,
  errorSeconds: orNull(Type.Number({ minimum: 0 })),
  sourcePort: orNull(Port),
  port: orNull(Port),
});
/** Numbers and names of what a claim rests on; no dark address follows from them. */
export const Evidence = Type.Record(Type.String(), Type.Unknown());

/** One endpoint: `{name}` in a path is a path parameter. GET takes `query`, POST takes `body` (JSON). */
export interface Endpoint {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly params?: TSchema;
  readonly query?: TSchema;
  readonly body?: TSchema;
  readonly answer: TSchema;
}
