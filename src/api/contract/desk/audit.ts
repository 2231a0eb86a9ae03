// SPDX-License-Identifier: Apache-2.0
import { Type, type Static } from "typebox";
import { Count, Time, oneOf, orNull, strict } from "../shapes.ts";
import { OrganisationId, base, list, page, some, text } from "./shapes.ts";

/** Who read and did what; append-only, each row's hash covers the one before. */
export const AuditRow = strict({
  id: Count,
  at: Time,
  /** `system`, `person:ID`, `token:ID`, `link:ID`. */
  actor: text(100),
  /** The name at the time, as the desk knew it. */
  name: text(200),
  /** Verb and noun: `read case`, `change contact`, `login refused`. */
  action: text(80),
  subject: orNull(text(300)),
  organisation: orNull(OrganisationId),
  outcome: oneOf(["done", "refused"]),
  /** Address of who asked, where known. */
  from: orNull(text(45)),
  detail: orNull(text(1000)),
  hash: text(64),
});
export const AuditQuery = strict({
  actor: Type.Optional(text(100, 1)),
  action: Type.Optional(text(80, 1)),
  subject: Type.Optional(text(300, 1)),
  organisation: Type.Optional(OrganisationId),
  outcome: Type.Optional(oneOf(["done", "refused"])),
  kind: Type.Optional(oneOf(["read", "change", "session"])),
  from: Type.Optional(Time),
  to: Type.Optional(Time),
  ...page(100),
});
export const Audit = list(
  AuditRow,
  {
    refusedDay: Count,
    people: Count,
    /** The newest signed head that left the node. */
    head: orNull(strict({ at: Time, row: Count, hash: text(64) })),
  },
  "The audit log, newest first.",
);
/** Recomputes the chain. */
export const AuditVerified = strict({
  asked: Time,
  rows: Count,
  whole: Type.Boolean(),
  /** First row that does not fit. */
  broken: orNull(Count),
  heads: some(strict({ at: Time, row: Count, agrees: Type.Boolean() }), 48),
});
/** GET with the filters of the list: JSON lines. */
export const auditExportPath = `${base}/audit/export`;
export const auditEndpoints = {
  audit: { method: "GET", path: `${base}/audit`, query: AuditQuery, answer: Audit },
  "audit/verify": { method: "POST", path: `${base}/audit/verify`, body: strict({}), answer: AuditVerified },
} as const;
export type AuditRow = Static<typeof AuditRow>;
export type Audit = Static<typeof Audit>;
export type AuditVerified = Static<typeof AuditVerified>;
