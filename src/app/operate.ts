// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import Fastify from "fastify";
import { hashOfRow, ground } from "../access/audit.ts";
import type { AuditRow } from "../access/audit.ts";
import { createAuditLog } from "../access/audit.ts";
import { operatorVisitor } from "../access/guard.ts";
import { publicKeyOf, readHead } from "../access/heads.ts";
import type { Head } from "../access/heads.ts";
import { createPeople } from "../access/people.ts";
import { createSessions } from "../access/sessions.ts";
import { createTokens } from "../access/tokens.ts";
import { withAudit } from "../api/audit.ts";
import { withAuditLog } from "../api/desk/audit.ts";
import { actorOf } from "../api/desk/actor.ts";
import { withOperator } from "../api/desk/operator.ts";
import { withPeople } from "../api/desk/people.ts";
import { withTokens } from "../api/desk/tokens.ts";
import type { Problem } from "../api/contract/index.ts";
import { sendProblem } from "../api/problem.ts";
import { AppError } from "../platform/errors.ts";
import type { ErrorCode } from "../platform/errors.ts";
import { auditKey, originsOf } from "./access.ts";
import { linkToken } from "../cases/ids.ts";
import { openConfig } from "./config.ts";
import { openConstituency, originsOver } from "./constituency.ts";
import { holdOwners } from "./owners.ts";
import type { Settings } from "./config.ts";
import { nodeSecret, openIdleDesk } from "./desk.ts";
import { askSocket } from "./operator.ts";
import type { Answered } from "./operator.ts";
import { prefixData } from "./stores.ts";

const constituencyBase = "/api/v1/desk/constituency/";

/** The desk's routes without a node: for commands while none runs. */
const askDesk = async (
  settings: Settings,
  data: string,
  method: "GET" | "POST",
  url: string,
  body: unknown,
): Promise<Answered> => {
  if (settings.config.desk.postgres === undefined && !existsSync(join(data, "desk"))) {
    throw new AppError("DATA_NOT_FOUND", `${data} holds no desk: start the node once, or name its configuration`);
  }
  const desk = await openIdleDesk(settings, data);
  const now = (): number => Date.now() * 1000;
  const sessions = createSessions({ desk, now });
  const people = createPeople({
    desk,
    now,
    sessions,
    origin: () => originsOf(settings, settings.config.portal.port)[0] ?? "",
  });
  const tokens = createTokens({ desk, now, sessions });
  const server = Fastify({ logger: false });
  let fault: unknown;
  server.decorateRequest("visitor", null);
  server.decorateRequest("touched");
  server.addHook("onRequest", async (request) => {
    request.visitor = operatorVisitor;
    request.touched = [];
  });
  server.setErrorHandler((error, request, reply) => sendProblem(reply, error, request, (found) => (fault = found)));
  withAudit(server, createAuditLog({ desk, now }));
  withPeople(server, { people, now }, actorOf);
  withTokens(server, { tokens, now }, actorOf);
  withAuditLog(server, { desk, now }, actorOf);
  withOperator(server, { people, tokens }, actorOf);
  if (url.startsWith(constituencyBase)) {
    const origins = originsOver(prefixData(settings, data));
    const owners = await holdOwners(desk, origins);
    const { routes } = openConstituency({
      settings,
      desk,
      owners,
      origins,
      tokenOf: (link) => linkToken(nodeSecret(data), link),
      dutyMail: settings.config.mail?.duty ?? null,
      onFault: (error) => (fault = error),
    });
    for (const room of routes) room(server, actorOf);
  }
  try {
    const answer = await server.inject({
      method,
      url,
      ...(body === undefined ? {} : { payload: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    if (fault !== undefined) throw fault;
    return {
      status: answer.statusCode,
      type: String(answer.headers["content-type"] ?? ""),
      body: answer.rawPayload,
    };
  } finally {
    await server.close();
    await desk.close();
  }
};

export interface Operate {
  readonly settings: Settings;
  readonly data: string;
  /** Asks the running node, or its desk where none runs. @throws AppError as the API would answer. */
  call<T>(method: "GET" | "POST", url: string, body?: unknown): Promise<T>;
  text(url: string): Promise<string>;
}

/** What the commands at the machine do: the same routes as everybody's, as the operator. */
export const operate = (file: string | undefined, folder?: string): Operate => {
  const settings = openConfig(file, folder);
  const data = settings.path(settings.config.data);
  const ask = async (method: "GET" | "POST", url: string, body: unknown): Promise<Uint8Array> => {
    const answer = (await askSocket(data, method, url, body)) ?? (await askDesk(settings, data, method, url, body));
    if (answer.status < 400) return answer.body;
    const problem = JSON.parse(new TextDecoder().decode(answer.body)) as Problem;
    throw new AppError(problem.code as ErrorCode, problem.detail);
  };
  return {
    settings,
    data,
    call: async <T>(method: "GET" | "POST", url: string, body?: unknown): Promise<T> => {
      const bytes = await ask(method, url, method === "POST" ? (body ?? {}) : undefined);
      return (bytes.length === 0 ? undefined : JSON.parse(new TextDecoder().decode(bytes))) as T;
    },
    text: async (url) => new TextDecoder().decode(await ask("GET", url, undefined)),
  };
};

/** The signed heads of files and folders; what is no head by this key is named. */
export const headsIn = (paths: readonly string[], key: string | undefined): { heads: Head[]; refused: string[] } => {
  const files = paths.flatMap((path) =>
    statSync(path).isDirectory()
      ? readdirSync(path)
          .filter((name) => /^layang-audit-.*\.json$/.test(name))
          .toSorted()
          .map((name) => join(path, name))
      : [path],
  );
  const heads: Head[] = [];
  const refused: string[] = [];
  for (const file of files) {
    const head = readHead(readFileSync(file, "utf8"), key);
    if (head === undefined) refused.push(file);
    else heads.push(head);
  }
  return { heads, refused };
};

export interface Verified {
  readonly rows: number;
  readonly last: { readonly row: number; readonly hash: string } | null;
  readonly heads: number;
}

/**
 * Computes the chain of exported rows anew, and compares it with heads. @throws AppError AUDIT_BROKEN with the first row that
 * does not fit.
 */
export const verifyLines = async (lines: AsyncIterable<string>, heads: readonly Head[]): Promise<Verified> => {
  const wanted = new Map<number, Set<string>>();
  for (const { row, hash } of heads) wanted.set(row, (wanted.get(row) ?? new Set()).add(hash));
  const broken = (row: number, why: string): never => {
    throw new AppError("AUDIT_BROKEN", `row ${row} of the audit log ${why}`);
  };
  let hash = ground;
  let rows = 0;
  for await (const line of lines) {
    if (line.trim() === "") continue;
    const row = JSON.parse(line) as AuditRow;
    rows++;
    if (row.id !== rows) broken(rows, "is missing");
    if (hashOfRow(hash, row) !== row.hash) broken(rows, "does not fit its hash");
    hash = row.hash;
    for (const head of wanted.get(rows) ?? []) {
      if (head !== hash) broken(rows, "is not what it was when its signed head left the node");
    }
    wanted.delete(rows);
  }
  const missing = [...wanted.keys()].toSorted((a, b) => a - b)[0];
  if (missing !== undefined) broken(missing, "was there when its signed head left the node, and is gone");
  return { rows, last: rows === 0 ? null : { row: rows, hash }, heads: heads.length };
};

/** Verifies the node's log, or an exported file, against heads kept elsewhere. */
export const verifyAuditLog = async (
  file: string | undefined,
  data: string | undefined,
  options: {
    readonly exported?: string | undefined;
    readonly heads: readonly string[];
    readonly key?: string | undefined;
  },
): Promise<Verified & { readonly refused: readonly string[] }> => {
  const machine = operate(file, data);
  const folder = join(machine.data, "access");
  const key = options.key ?? (existsSync(join(folder, "audit.key")) ? publicKeyOf(auditKey(folder)) : undefined);
  const configured = machine.settings.config.audit.folder;
  const places =
    options.heads.length > 0
      ? options.heads
      : configured !== undefined && existsSync(machine.settings.path(configured))
        ? [machine.settings.path(configured)]
        : [];
  const { heads, refused } = headsIn(places, key);
  if (refused[0] !== undefined) throw new AppError("AUDIT_BROKEN", `${refused[0]} is no head that this node signed`);
  const source =
    options.exported === undefined
      ? Readable.from([await machine.text("/api/v1/desk/audit/export")])
      : createReadStream(options.exported);
  const lines = createInterface({ input: source, crlfDelay: Number.POSITIVE_INFINITY });
  return { ...(await verifyLines(lines, heads)), refused };
};
