// SPDX-License-Identifier: Apache-2.0
import { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { auditFacts, auditLines, auditRows, verifyAudit } from "../../access/audit-read.ts";
import type { AuditFilter } from "../../access/audit-read.ts";
import type { Desk } from "../../store/desk/desk.ts";
import { AuditQuery, auditEndpoints as at, auditExportPath } from "../contract/desk/audit.ts";
import type { AuditRow } from "../contract/desk/audit.ts";
import type { ActorOf } from "./actor.ts";
import { cursorText, readCursor } from "../../platform/cursor.ts";
import { mount } from "./route.ts";
import { strictly } from "./strict.ts";
import { timeOf } from "./times.ts";

const rule = { who: ["administrator"] as const, audit: "audit.read" };
const exported = Type.Omit(AuditQuery, ["cursor", "limit"], { additionalProperties: false });
const filterOf = (query: {
  readonly from?: string;
  readonly to?: string;
  readonly actor?: string;
  readonly action?: string;
  readonly subject?: string;
  readonly organisation?: string;
  readonly outcome?: "done" | "refused";
  readonly kind?: "read" | "change" | "session";
}): AuditFilter => ({
  ...query,
  from: query.from === undefined ? undefined : Date.parse(query.from) * 1000,
  to: query.to === undefined ? undefined : Date.parse(query.to) * 1000,
});

/** The audit log: for administrators, and reading it is itself a line. */
export const withAuditLog = (
  server: FastifyInstance,
  { desk, now }: { readonly desk: Desk; readonly now: () => number },
  actorOf: ActorOf,
): void => {
  const heads = (limit: number) =>
    desk.as({ id: "system", roles: ["system"], organisations: [], realms: [], sensors: [] }, (trx) =>
      trx
        .selectFrom("audit_heads")
        .select(["row_id", "at", "hash", "sent"])
        .orderBy("row_id", "desc")
        .limit(limit)
        .execute(),
    );
  mount(server, at.audit, rule, async ({ query, request }) => {
    const actor = actorOf(request);
    const { cursor, limit = 100, ...filter } = query;
    const [before] = cursor === undefined ? [null] : readCursor(cursor, "integer");
    const { total, rows } = await auditRows(desk, actor, filterOf(filter), { before, limit });
    const facts = await auditFacts(desk, actor, now() - 24 * 3600e6);
    const head = (await heads(50)).find(({ sent }) => sent !== null);
    const last = rows.at(-1);
    return {
      asked: timeOf(now()),
      total,
      next: rows.length === limit && last !== undefined ? cursorText(Number(last.id)) : null,
      facts: {
        ...facts,
        head: head === undefined ? null : { at: timeOf(head.at), row: head.row_id, hash: head.hash },
      },
      rows: rows.map(
        ({
          id,
          at: time,
          actor: who,
          name,
          action,
          subject,
          organisation_id,
          outcome,
          address,
          detail,
          hash,
        }): AuditRow => ({
          id,
          at: timeOf(time),
          actor: who,
          name,
          action,
          subject,
          organisation: organisation_id,
          outcome,
          from: address,
          detail,
          hash,
        }),
      ),
    };
  });
  mount(server, at["audit/verify"], { ...rule, audit: "audit.verify" }, async () => {
    const kept = await heads(48);
    const verdict = await verifyAudit(
      desk,
      kept.map(({ row_id, at: time, hash }) => ({ row: row_id, at: time, hash })),
    );
    return {
      asked: timeOf(now()),
      rows: verdict.rows,
      whole: verdict.whole,
      broken: verdict.broken,
      heads: verdict.heads.slice(0, 48).map((one) => ({ ...one, at: timeOf(one.at) })),
    };
  });
  const query = strictly(exported, "text");
  const endpoint = {
    method: "GET",
    path: auditExportPath,
    query: exported,
    media: "application/x-ndjson",
    about: "The audit log as a file, a line an entry, with its hashes",
  } as const;
  server.get(
    auditExportPath,
    { exposeHeadRoute: false, config: { rule: { ...rule, audit: "audit.export" }, endpoint } },
    (request, reply) =>
      reply
        .type("application/x-ndjson; charset=utf-8")
        .header("cache-control", "no-store")
        .header("content-disposition", 'attachment; filename="layang-audit.jsonl"')
        .send(Readable.from(auditLines(desk, actorOf(request), filterOf(query(request.query))))),
  );
};
