// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { AuditLog } from "../access/audit.ts";

/** What a request did, for the log; null where its route has no line there or nobody was known. */
const actOf = (request: FastifyRequest, status: number, code: string | null) => {
  const action = request.routeOptions.config.rule?.audit ?? null;
  const visitor = request.visitor;
  if (action === null || visitor === null || visitor.actor === null) return null;
  const organisation = request.touched.find((id) => id.startsWith("organisation:"))?.slice("organisation:".length);
  return {
    actor: visitor.actor.id,
    name: visitor.name,
    kind: request.method === "GET" || request.method === "HEAD" ? ("read" as const) : ("change" as const),
    action,
    subject: request.touched.length > 0 ? request.touched.join(" ") : request.url,
    organisation: organisation ?? null,
    outcome: status < 400 ? ("done" as const) : ("refused" as const),
    address: visitor.client.address ?? null,
    detail: code,
  };
};

/** Writes an act down now: for routes whose answer does not end (the live stream). */
export const auditNow = async (request: FastifyRequest, log: AuditLog | undefined): Promise<void> => {
  const act = actOf(request, 200, null);
  if (act !== null) await log?.write(act);
};

/** Every answer waits until the log has the line that says who got it; without the line there is no answer. */
export const withAudit = (server: FastifyInstance, log: AuditLog | undefined): void => {
  if (log === undefined) return;
  server.addHook("onSend", async (request: FastifyRequest, reply: FastifyReply, payload: unknown) => {
    const text = reply.statusCode >= 400 && typeof payload === "string" ? payload : "";
    const code = /"code":"(\w+)"/.exec(text)?.[1] ?? null;
    // A fault of the program is in the program's log.
    const act = reply.statusCode >= 500 ? null : actOf(request, reply.statusCode, code);
    if (act !== null) await log.write(act);
    return payload;
  });
};
