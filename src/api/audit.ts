// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { longestSubject } from "../access/audit.ts";
import type { Act, AuditLog } from "../access/audit.ts";

/** Ids in as few lines as hold them all: what was done to many names each of them. */
const subjectsOf = ({ touched, url }: FastifyRequest): string[] => {
  const lines: string[] = [];
  for (const id of touched) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + id.length > longestSubject) lines.push(id);
    else lines[lines.length - 1] = `${line} ${id}`;
  }
  return lines.length > 0 ? lines : [url];
};

const isRead = ({ method }: FastifyRequest): boolean => method === "GET" || method === "HEAD";

/** What a request did, for the log; nothing where its route has no line there or nobody was known. */
const actsOf = (request: FastifyRequest, status: number, code: string | null): Act[] => {
  const action = request.routeOptions.config.rule?.audit ?? null;
  const visitor = request.visitor;
  if (action === null || visitor === null || visitor.actor === null) return [];
  const { actor, name, client } = visitor;
  const organisation = request.touched.find((id) => id.startsWith("organisation:"))?.slice("organisation:".length);
  return subjectsOf(request).map((subject) => ({
    actor: actor.id,
    name,
    kind: isRead(request) ? "read" : "change",
    action,
    subject,
    organisation: organisation ?? null,
    // What failed may have been done before: a change is written down first and read again for the answer.
    outcome: status < 400 || status >= 500 ? "done" : "refused",
    address: client.address ?? null,
    detail: code,
  }));
};
const write = async (log: AuditLog | undefined, acts: readonly Act[]): Promise<void> => {
  if (log !== undefined) await Promise.all(acts.map((act) => log.write(act)));
};

/** Writes an act down now: for routes whose answer does not end (the live stream). */
export const auditNow = async (request: FastifyRequest, log: AuditLog | undefined): Promise<void> => {
  await write(log, actsOf(request, 200, null));
};

/** Every answer waits until the log has the line that says who got it; without the line there is no answer. */
export const withAudit = (server: FastifyInstance, log: AuditLog | undefined): void => {
  if (log === undefined) return;
  server.addHook("onSend", async (request: FastifyRequest, reply: FastifyReply, payload: unknown) => {
    const text = reply.statusCode >= 400 && typeof payload === "string" ? payload : "";
    const code = /"code":"(\w+)"/.exec(text)?.[1] ?? null;
    const acts = actsOf(request, reply.statusCode, code);
    if (reply.statusCode < 500) await write(log, acts);
    // A fault of the program told nobody anything, and is in the program's log; what it changed before is said here. Where the log fails too,
    // there is no better answer than the one it is.
    else if (!isRead(request)) await write(log, acts).catch(() => undefined);
    return payload;
  });
};
