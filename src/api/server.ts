// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import serveStatic from "@fastify/static";
import Fastify from "fastify";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { AuditLog } from "../access/audit.ts";
import { operatorVisitor } from "../access/guard.ts";
import type { Guard, Visit, Visitor } from "../access/guard.ts";
import { inForce } from "../observe/asked.ts";
import type { Observatory } from "../observe/observatory.ts";
import { releaseRule } from "../observe/released.ts";
import type { Released } from "../observe/released.ts";
import { people, refusalOf, staff } from "../access/rule.ts";
import type { Rule } from "../access/rule.ts";
import { hasRole } from "../model/actor.ts";
import { AppError } from "../platform/errors.ts";
import { sessionEndpoints } from "./contract/desk/session.ts";
import { endpoints, livePath, statusPath } from "./contract/endpoints.ts";
import type { AnswerOf, QueryOf, QuestionName, Status } from "./contract/index.ts";
import { actorOf, withDesk } from "./desk/index.ts";
import type { DeskRoutes } from "./desk/index.ts";
import { auditNow, withAudit } from "./audit.ts";
import { formOf } from "./form.ts";
import type { Live } from "./live.ts";
import { openApi } from "./openapi.ts";
import type { MountedRoute } from "./operations.ts";
import { parametersOf } from "./parameters.ts";
import { sendProblem } from "./problem.ts";
import { csvOf, parquetOf } from "./table.ts";
import { askAs } from "./view.ts";
import type { ToldSources } from "./view.ts";

export interface ApiOptions {
  readonly observatory: Observatory;
  /** Figures for who may not see single sources and sensors. */
  readonly released?: Released;
  /** Sources that an actor's organisations were told of. */
  readonly told?: ToldSources;
  readonly live: Live;
  readonly guard: Guard;
  /** The built portal; without it `/` says how to build it. */
  readonly portalFolder: string | null;
  /** A prom-client registry. */
  readonly metrics: { readonly contentType: string; metrics(): Promise<string> };
  /** What only the wiring knows of the status. */
  readonly status: () => Pick<Status, "name" | "version" | "started" | "attribution">;
  /** Where it is written who read and did what. */
  readonly audit?: AuditLog;
  /** PEM texts: the portal speaks TLS itself. */
  readonly tls?: { readonly certificate: string; readonly key: string };
  /** Addresses of proxies whose X-Forwarded-For is believed; none by default. */
  readonly proxies?: readonly string[];
  /** Whether a request came through the operator's socket, which the guard does not watch. */
  readonly operator?: (raw: IncomingMessage) => boolean;
  /** The node's public OpenPGP key, armoured, and where it is served to anyone; absent: letters are not signed. */
  readonly publicKey?: { readonly path: string; readonly armored: string };
  /** Routes of the desk's rooms. */
  readonly desk?: readonly DeskRoutes[];
  /** Called with everything that is a fault of the program. */
  readonly onFault?: (error: unknown, request: { readonly id: string; readonly url: string }) => void;
}

const open: Rule = { who: "anyone", audit: null };
const asking: Rule = { who: people, audit: "question" };
const assets = /^\/assets\//;

/** Nothing is loaded from elsewhere, and nothing is written into a page that could act: no inline script, style or style attribute. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const secure = (reply: FastifyReply): void => {
  reply.headers({
    "content-security-policy": policy,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
  });
};

const visitBy = (request: FastifyRequest): Visit => ({
  method: request.method,
  url: request.url,
  host: request.headers.host,
  origin: request.headers.origin,
  fetchSite: request.headers["sec-fetch-site"] as string | undefined,
  authorization: request.headers.authorization,
  cookie: request.headers.cookie,
  address: request.ip,
  agent: request.headers["user-agent"],
});
const refusalBy = (request: FastifyRequest, { actor, scopes }: Visitor) =>
  refusalOf(
    request.routeOptions.config.rule ?? open,
    actor,
    scopes === null ? null : { scopes, method: request.method, path: request.routeOptions.url ?? "" },
  );

const fileName = (
  name: QuestionName,
  answer: { period: { from: string } | null; meta: { simulated: boolean } },
  end: string,
): string =>
  `layang-${name.replaceAll("/", "-")}-${(answer.period?.from ?? "").slice(0, 10)}${answer.meta.simulated ? "-SIMULATED" : ""}.${end}`;

const withQuestions = (server: FastifyInstance, options: ApiOptions): void => {
  const { observatory } = options;
  const answer = async <Q extends QuestionName>(
    name: Q,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> => {
    const given = { ...(request.query as Record<string, unknown>), ...(request.params as Record<string, unknown>) };
    const parameters: QueryOf<Q> = parametersOf(name, given);
    const form = formOf((parameters as { format?: string }).format, request.headers.accept);
    const { format: _form, ...asked } = parameters as { format?: string };
    // A page that was left, a picker that was moved on: nobody reads this answer.
    const gone = (): boolean => request.raw.socket.destroyed;
    const found: AnswerOf<Q> = await askAs(options, actorOf(request), name, asked as QueryOf<Q>, gone);
    reply.header("cache-control", "no-store").header("vary", "accept");
    if (form === "json") return reply.type("application/json; charset=utf-8").send(JSON.stringify(found));
    reply.header("content-disposition", `attachment; filename="${fileName(name, found, form)}"`);
    if (form === "csv") return reply.type("text/csv; charset=utf-8; header=present").send(csvOf(name, found));
    const bytes = await parquetOf(observatory.options.engine, name, found);
    return reply.type("application/vnd.apache.parquet").send(Buffer.from(bytes));
  };
  for (const name of Object.keys(endpoints) as QuestionName[]) {
    server.get(endpoints[name].path.replaceAll(/\{(\w+)\}/g, ":$1"), { config: { rule: asking } }, (request, reply) =>
      answer(name, request, reply),
    );
  }
};

const withNode = (
  server: FastifyInstance,
  { live, metrics, observatory, publicKey, status }: ApiOptions,
  mounted: readonly MountedRoute[],
): void => {
  const none = (request: FastifyRequest): void => {
    const first = Object.keys(request.query as object)[0];
    if (first !== undefined) {
      throw new AppError("QUERY_PARAMETER", `unknown parameter \`${first.slice(0, 64)}\`; none is known here`, {
        parameter: first.slice(0, 64),
      });
    }
  };
  const seconds = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z/, "Z");
  server.get(statusPath, { config: { rule: { who: people, audit: null } } }, async (request, reply) => {
    none(request);
    const range = await observatory.range();
    const { now, simulated } = observatory.options;
    const enrolled = observatory.sensors().filter((one) => inForce(one, now())).length;
    const answer: Status = {
      ...status(),
      simulated,
      time: seconds(now()),
      realm: "",
      exercise: "",
      data: {
        from: range.from === null ? null : seconds(range.from),
        to: range.to === null ? null : seconds(range.to),
        flows: range.flows,
      },
      sensors: { enrolled, up: range.up },
    };
    if (!hasRole(actorOf(request), ...staff)) {
      // A count that moves with every packet would tell a prober what arrived.
      const day = 86_400_000;
      const out = Math.floor((now() - releaseRule.delay) / day) * day;
      const rounded = 10 ** Math.floor(Math.log10(Math.max(1, range.flows)));
      answer.data = {
        from: range.from === null ? null : seconds(Math.floor(range.from / day) * day),
        to: range.to === null || range.to < out ? null : seconds(out),
        flows: range.flows === 0 ? 0 : rounded,
      };
    }
    return reply.header("cache-control", "no-store").send(answer);
  });
  // A stream has no end to answer HEAD with.
  server.get(
    livePath,
    { exposeHeadRoute: false, config: { rule: { who: staff, audit: "live" } } },
    async (request, reply) => {
      none(request);
      if (live.clients >= live.most) throw new AppError("DOOR_BUSY", `${live.most} pages are live already: close some`);
      await server.written(request);
      const after = request.headers["last-event-id"];
      reply.hijack();
      live.serve(reply.raw, typeof after === "string" ? after : undefined, () => server.stillMay(request));
    },
  );
  server.addHook("preClose", () => live.close());
  // Made when it is first asked for: by then every route is mounted.
  let described: string | undefined;
  server.get("/api/v1/openapi.json", { config: { rule: { who: people, audit: null } } }, (request, reply) => {
    none(request);
    described ??= JSON.stringify(openApi(status().version, mounted));
    return reply.type("application/json; charset=utf-8").send(described);
  });
  server.get(
    "/metrics",
    { config: { rule: { who: staff, scope: "observatory:read", audit: null } } },
    async (_request, reply) =>
      reply
        .type(metrics.contentType)
        .header("cache-control", "no-store")
        .send(await metrics.metrics()),
  );
  if (publicKey !== undefined)
    server.get(publicKey.path, { config: { rule: open } }, (request, reply) => {
      none(request);
      // RFC 3156, 7.
      return reply.type("application/pgp-keys").header("cache-control", "public, max-age=3600").send(publicKey.armored);
    });
  server.get("/healthz", { config: { rule: open } }, (_request, reply) =>
    reply.header("cache-control", "no-store").send({ status: "ok" }),
  );
};

const withPortal = (server: FastifyInstance, folder: string | null): void => {
  const index = folder === null ? null : join(folder, "index.html");
  const page = (reply: FastifyReply): FastifyReply => {
    reply.type("text/html; charset=utf-8").header("cache-control", "no-cache");
    if (index === null || !existsSync(index)) {
      return reply.send(
        "<!doctype html><title>Layang</title><p>The portal is not built: run <code>npm run portal:build</code>.",
      );
    }
    return reply.send(readFileSync(index, "utf8"));
  };
  if (folder !== null && existsSync(folder)) {
    void server.register(serveStatic, {
      root: folder,
      index: false,
      wildcard: true,
      preCompressed: true,
      cacheControl: false,
      setHeaders: (reply, path) => {
        reply.setHeader(
          "cache-control",
          assets.test(path.slice(folder.length).replaceAll("\\", "/"))
            ? "public, max-age=31536000, immutable"
            : "no-cache",
        );
      },
    });
  }
  server.get("/", { config: { rule: open } }, (_request, reply) => page(reply));
  server.get("/index.html", { config: { rule: open } }, (_request, reply) => page(reply));
  server.setNotFoundHandler((request, reply) => {
    const path = request.url.split("?")[0] ?? "";
    // A mail scanner that follows a link takes anything: it gets the page that the link is for, not an error.
    const accept = request.headers.accept ?? "*/*";
    const wantsPage = accept.includes("text/html") || (accept.includes("*/*") && /^(?:\/[\w-]*)+$/.test(path));
    if (request.method !== "GET" && request.method !== "HEAD") {
      throw new AppError("METHOD_NOT_ALLOWED", `${request.method} is not answered here`);
    }
    if (path.startsWith("/api/") || assets.test(path) || !wantsPage) {
      throw new AppError("NOT_FOUND", `nothing is at ${path.slice(0, 200)}`);
    }
    return page(reply);
  });
};

/**
 * The visitors' door: API, live events, metrics, health and the portal, behind one guard. Nothing listens yet; the wiring
 * calls `listen` on a loopback address.
 */
export const createApi = (options: ApiOptions): FastifyInstance => {
  const server = Fastify({
    logger: false,
    bodyLimit: 1024,
    forceCloseConnections: true,
    requestTimeout: 30_000,
    trustProxy: options.proxies === undefined || options.proxies.length === 0 ? false : [...options.proxies],
    ...(options.tls === undefined
      ? {}
      : { https: { cert: options.tls.certificate, key: options.tls.key, minVersion: "TLSv1.2" as const } }),
    routerOptions: { maxParamLength: 128, ignoreTrailingSlash: false },
  });
  const mounted: MountedRoute[] = [];
  server.decorateRequest("visitor", null);
  server.decorateRequest("touched");
  server.decorate("written", (request: FastifyRequest) => auditNow(request, options.audit));
  server.decorate("stillMay", async (request: FastifyRequest) => {
    if (options.operator?.(request.raw) === true) return true;
    const decision = await options.guard.decide(visitBy(request));
    return decision.kind === "allow" && refusalBy(request, decision) === undefined;
  });
  // A route without a rule never opens. Files of the portal are anybody's who passed the guard.
  server.addHook("onRoute", (route) => {
    route.config ??= {};
    if (route.config.rule === undefined && route.url === "/*") route.config.rule = open;
    if (route.config.rule === undefined) throw new RangeError(`${String(route.method)} ${route.url} says not who may`);
    const { rule, endpoint } = route.config;
    if (endpoint !== undefined && route.method === endpoint.method) mounted.push({ endpoint, rule });
  });
  server.addHook("onRequest", async (request, reply) => {
    secure(reply);
    request.touched = [];
    if (request.url === "/healthz") return;
    if (options.operator?.(request.raw) === true) {
      request.visitor = operatorVisitor;
      return;
    }
    const decision = await options.guard.decide(visitBy(request));
    if (decision.kind === "refuse") throw new AppError(decision.code, decision.why);
    if (decision.kind === "enter") {
      await reply.header("set-cookie", decision.cookie).header("cache-control", "no-store").redirect(decision.to, 303);
      return;
    }
    request.visitor = decision;
    const refused = refusalBy(request, decision);
    if (refused !== undefined) throw new AppError(refused.code, refused.why);
  });
  server.setErrorHandler((error, request, reply) => {
    secure(reply);
    sendProblem(reply, error, request, options.onFault);
  });
  withAudit(server, options.audit);
  withQuestions(server, options);
  withNode(server, options, mounted);
  withDesk(server, options.desk ?? []);
  // A node without a desk says so quietly: the portal asks who it speaks to before anything else.
  if (options.desk === undefined) {
    const { method, path } = sessionEndpoints.session;
    const endpoint = { method, path, about: "This node has no desk: nothing" } as const;
    server.get(path, { config: { rule: open, endpoint } }, (_request, reply) => reply.code(204).send());
  }
  withPortal(server, options.portalFolder);
  return server;
};
