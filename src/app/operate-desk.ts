// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { join } from "node:path";
import Fastify from "fastify";
import { createAuditLog } from "../access/audit.ts";
import { operatorVisitor } from "../access/guard.ts";
import { createPeople } from "../access/people.ts";
import { createSessions } from "../access/sessions.ts";
import { createTokens } from "../access/tokens.ts";
import { withAudit } from "../api/audit.ts";
import { actorOf } from "../api/desk/actor.ts";
import { withAuditLog } from "../api/desk/audit.ts";
import { withOperator } from "../api/desk/operator.ts";
import { withPeople } from "../api/desk/people.ts";
import { withTokens } from "../api/desk/tokens.ts";
import { sendProblem } from "../api/problem.ts";
import { linkToken } from "../cases/ids.ts";
import { originsOf } from "./access.ts";
import type { Settings } from "./config.ts";
import { openConstituency, originsOver } from "./constituency.ts";
import { nodeSecret, openIdleDesk } from "./desk.ts";
import { noData } from "./no-data.ts";
import type { Answered } from "./operator.ts";
import { holdOwners } from "./owners.ts";
import { prefixData } from "./stores.ts";

const constituencyBase = "/api/v1/desk/constituency/";

/** The desk's routes without a node: for commands while none runs. */
export const askDesk = async (
  settings: Settings,
  data: string,
  method: "GET" | "POST",
  url: string,
  body: unknown,
): Promise<Answered> => {
  if (settings.config.desk.postgres === undefined && !existsSync(join(data, "desk"))) {
    throw noData(data, "desk");
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
