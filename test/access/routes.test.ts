// SPDX-License-Identifier: Apache-2.0
import { Registry } from "prom-client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { clientOf } from "../../src/access/guard.ts";
import { scopeOf } from "../../src/access/rule.ts";
import type { Rule } from "../../src/access/rule.ts";
import { actorOf } from "../../src/api/desk/index.ts";
import { createLive } from "../../src/api/live.ts";
import { createApi } from "../../src/api/server.ts";
import { roles } from "../../src/model/actor.ts";
import type { Actor, Role } from "../../src/model/actor.ts";
import type { Observatory } from "../../src/observe/observatory.ts";
import { anything, rooms } from "../api/rooms.ts";

const staff = "administrator analyst";
const owners = `${staff} member`;
const everybody = `${staff} sensor-host member researcher observer`;
/** Who may come as far as each route. A route that is not here, or answers to others, fails the test. */
const table: readonly (readonly [RegExp, string])[] = [
  [/^GET \/(index\.html|\*|healthz)?$/, "anyone"],
  [/^GET \/\.well-known\/openpgp\.asc$/, "anyone"],
  [/^GET \/metrics$/, staff],
  [/^GET \/api\/v1\/live$/, staff],
  [/^GET \/api\/v1\/(status|openapi\.json)$/, everybody],
  [/^GET \/api\/v1\/tuency\//, owners],
  // What each role is told there, a question at a time: audience.test.ts.
  [/^GET \/api\/v1\/(?!desk\/)/, everybody],
  [/^(GET|POST) \/api\/v1\/desk\/session(\/|$)/, "anyone"],
  [/^POST \/api\/v1\/desk\/operator\//, "system"],
  [/^GET \/api\/v1\/desk\/audit(\/export)?$/, "administrator"],
  [/^POST \/api\/v1\/desk\/audit\/verify$/, "administrator"],
  [/^(GET|POST) \/api\/v1\/desk\/(people|colleagues)(\/|$)/, staff],
  [/^(GET|POST) \/api\/v1\/desk\/tokens(\/|$)/, everybody],
  [/^(GET|POST) \/api\/v1\/desk\/help(\/|$)/, "link"],
  [/^GET \/api\/v1\/desk\/(alerts|cases|detections)(\/|$)/, owners],
  [/^POST \/api\/v1\/desk\/alerts\/actions$/, staff],
  [/^POST \/api\/v1\/desk\/cases\/:case\/(answers|notes|attachments)$/, owners],
  [/^POST \/api\/v1\/desk\/cases(\/|$)/, staff],
  [/^GET \/api\/v1\/desk\/outbox$/, staff],
  [/^GET \/api\/v1\/desk\/outbox\/:letter$/, owners],
  [/^POST \/api\/v1\/desk\/(outbox|breaker)\//, staff],
  [/^(GET|POST) \/api\/v1\/desk\/organisations\/:organisation\/(preferences|preview)$/, owners],
  [/^POST \/api\/v1\/desk\/organisations(\/:organisation\/end)?$/, staff],
  [/^(GET|POST) \/api\/v1\/desk\/organisations(\/|$)/, owners],
  [/^(GET|POST) \/api\/v1\/desk\/(changes|claims)(\/|$)/, owners],
  [/^GET \/api\/v1\/desk\/constituency\/owner$/, owners],
  [/^(GET|POST) \/api\/v1\/desk\/(constituency|unclaimed)(\/|$)/, staff],
  [/^POST \/api\/v1\/desk\/contact-check$/, "anyone"],
  [/^GET \/api\/v1\/desk\/(inbox|summary)$/, everybody],
  [/^POST \/api\/v1\/desk\/inbox\/read$/, "member"],
  [/^GET \/api\/v1\/desk\/statistics\//, everybody],
  [/^GET \/api\/v1\/desk\/(campaigns|warnings|outbreaks)(\/|$)/, `${owners} researcher`],
  [/^GET \/api\/v1\/desk\/detectors$/, `${staff} researcher`],
  [/^GET \/api\/v1\/desk\/search$/, owners],
  [/^(GET|POST) \/api\/v1\/desk\/views(\/|$)/, everybody],
  [/^GET \/api\/v1\/desk\/ring(\/|$)/, staff],
];

const actors = new Map<string, Actor>(
  roles.map((role) => [
    role,
    {
      id: `person:${role}-${role}`,
      roles: [role],
      organisations: role === "member" ? ["alpha"] : [],
      realms: [],
      sensors: [],
      ...(role === "link" ? { case: "c1" } : {}),
    },
  ]),
);
const streams = /\/(live|stream)$/;
const routes: { method: string; path: string; rule: Rule }[] = [];
let server: ReturnType<typeof createApi>;

beforeAll(async () => {
  const all = await rooms();
  expect(all.length).toBeGreaterThan(10);
  server = createApi({
    observatory: {
      ask: () => Promise.reject(new Error("asked")),
      options: { now: Date.now },
      range: () => Promise.reject(new Error("asked")),
    } as unknown as Observatory,
    live: createLive({ run: "t" }),
    guard: {
      decide: (visit) => ({
        kind: "allow",
        actor: actors.get(visit.authorization ?? "") ?? null,
        name: "",
        scopes: null,
        session: null,
        client: clientOf(visit),
      }),
    },
    portalFolder: null,
    publicKey: { path: "/.well-known/openpgp.asc", armored: "a public key" },
    metrics: new Registry(),
    status: () => ({ name: "test", version: "1", started: "2026-07-01T00:00:00Z", attribution: [] }),
    desk: [
      (api) => {
        api.addHook("onRoute", ({ method, url, config }) => {
          for (const one of [method].flat()) routes.push({ method: one, path: url, rule: config?.rule as Rule });
        });
        for (const room of all) room(api, anything(), actorOf);
      },
    ],
  });
  await server.ready();
  // Those that stood before the rooms.
  for (const line of [
    "GET /",
    "GET /index.html",
    "GET /healthz",
    "GET /.well-known/openpgp.asc",
    "GET /metrics",
    "GET /api/v1/live",
    "GET /api/v1/status",
    "GET /api/v1/openapi.json",
    "GET /api/v1/ports/top",
    "GET /api/v1/sources/:ip",
  ]) {
    const [method = "", path = ""] = line.split(" ");
    if (!routes.some((one) => one.method === method && one.path === path))
      routes.push({ method, path, rule: { who: [], audit: null } });
  }
});
afterAll(() => server.close());

const whoOf = (method: string, path: string): string | undefined =>
  table.find(([pattern]) => pattern.test(`${method === "HEAD" ? "GET" : method} ${path}`))?.[1];
const urlOf = (path: string): string =>
  path.replace("/*", "/x").replaceAll(/:(\w+)/g, (_, name: string) => (name === "ip" ? "192.0.2.1" : "1"));

describe("every route and every role", () => {
  it("hands the node's public key to anyone, as what it is", async () => {
    const answer = await server.inject({ url: "/.well-known/openpgp.asc", headers: { host: "localhost" } });
    expect([answer.statusCode, answer.headers["content-type"], answer.body]).toEqual([
      200,
      "application/pgp-keys",
      "a public key",
    ]);
  });
  it("knows every route", () => {
    expect(routes.length).toBeGreaterThan(60);
    expect(
      routes
        .filter(({ method, path }) => whoOf(method, path) === undefined)
        .map(({ method, path }) => `${method} ${path}`),
    ).toEqual([]);
  });
  it("lets in whom the table names, and nobody else", { timeout: 120_000 }, async () => {
    const wrong: string[] = [];
    for (const { method, path } of routes) {
      const who = whoOf(method, path) ?? "";
      for (const role of [...roles, "nobody"]) {
        const may = who === "anyone" || who.split(" ").includes(role);
        if (may && streams.test(path)) continue;
        const answer = await server.inject({
          method: method as "GET",
          url: urlOf(path),
          headers: {
            authorization: role,
            host: "localhost",
            origin: "http://localhost",
            "content-type": "application/json",
          },
          ...(method === "POST" ? { payload: "{}" } : {}),
        });
        const code =
          method === "HEAD" || !answer.body.startsWith("{") ? "" : String((answer.json() as { code?: string }).code);
        const stopped = role === "nobody" && who !== "anyone" ? answer.statusCode === 401 : answer.statusCode === 403;
        const ruled =
          code === "" || answer.json().detail === "your role does not include this" || code === "ACCESS_SIGN_IN";
        if (!may && !(stopped && ruled)) wrong.push(`${role} got ${answer.statusCode} at ${method} ${path}`);
        if (may && code !== "" && answer.json().detail === "your role does not include this")
          wrong.push(`${role} was stopped at ${method} ${path}`);
      }
    }
    expect(wrong).toEqual([]);
  });
  it("opens no sign-in, people, token or audit route to a program's token, nor what has no scope", () => {
    const open = routes
      .filter(({ rule, method, path }) => rule.who !== "anyone" && scopeOf(rule, method, path) !== null)
      .map(({ path }) => path);
    expect(open.filter((path) => /desk\/(session|people|colleagues|tokens|audit|operator|help)/.test(path))).toEqual(
      [],
    );
    expect(open.filter((path) => path.startsWith("/api/v1/desk/")).length).toBeGreaterThan(20);
  });
  it("writes into the log what was read and done with people, cases and alerts", () => {
    const silent = routes.filter(
      ({ rule, method, path }) =>
        rule.audit === null &&
        rule.who !== "anyone" &&
        method !== "HEAD" &&
        /desk\/(alerts|cases|people|audit|detections)/.test(path),
    );
    expect(silent.map(({ path }) => path)).toEqual([]);
    const changes = routes.filter(
      ({ rule, method, path }) =>
        method === "POST" && rule.audit === null && rule.who !== "anyone" && !/operator\/find|inbox\/read/.test(path),
    );
    expect(changes.map(({ path }) => path)).toEqual([]);
  });
  it.each(["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] as const)("answers %s nowhere", async (method) => {
    for (const path of ["/api/v1/desk/people", "/api/v1/ports/top", "/"]) {
      const { statusCode } = await server.inject({
        method: method as "PUT",
        url: path,
        headers: { authorization: "administrator" satisfies Role },
      });
      expect([404, 405]).toContain(statusCode);
    }
  });
});
