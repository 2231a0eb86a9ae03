// SPDX-License-Identifier: Apache-2.0
import { Registry } from "prom-client";
import { Type } from "typebox";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createGuard, newToken } from "../../src/access/guard.ts";
import type { Rule } from "../../src/access/rule.ts";
import { mount } from "../../src/api/desk/index.ts";
import { strictly } from "../../src/api/desk/strict.ts";
import type { Visit } from "../../src/access/guard.ts";
import type { Actor } from "../../src/model/actor.ts";
import { createLive } from "../../src/api/live.ts";
import { createApi } from "../../src/api/server.ts";
import type { Observatory } from "../../src/observe/observatory.ts";

const token = newToken();
const strict = { additionalProperties: false } as const;
const endpoint = {
  method: "POST",
  path: "/api/v1/things/{id}",
  params: Type.Object({ id: Type.Integer({ minimum: 1 }) }, strict),
  query: Type.Object({ dry: Type.Optional(Type.Boolean()) }, strict),
  body: Type.Object({ name: Type.String({ maxLength: 2000 }), tags: Type.Optional(Type.Array(Type.String())) }, strict),
} as const;
const rule: Rule = { who: ["analyst"], audit: "thing.write" };
const api = (rules: Rule): ReturnType<typeof createApi> =>
  createApi({
    observatory: {} as Observatory,
    live: createLive({ run: "t" }),
    guard: createGuard({ token, port: () => 80 }),
    portalFolder: null,
    metrics: new Registry(),
    status: () => ({ name: "test", version: "1", started: "2026-07-10T00:00:00Z", attribution: [] }),
    desk: [
      (server, actorOf) =>
        mount(server, endpoint, { ...rules, bodyLimit: 1000 }, ({ params, query, body, request }) => ({
          params,
          query,
          body,
          actor: actorOf(request).id,
        })),
    ],
  });
let server: ReturnType<typeof createApi>;
beforeAll(async () => {
  server = api(rule);
  await server.ready();
});
afterAll(() => server.close());

type Headers = Record<string, string>;
const post = (payload: unknown, headers: Headers = {}, url = "/api/v1/things/7?dry=true") =>
  server.inject({
    method: "POST",
    url,
    headers: { host: "127.0.0.1", authorization: `Bearer ${token}`, "content-type": "application/json", ...headers },
    payload: typeof payload === "string" ? payload : JSON.stringify(payload),
  });
const enter = async (): Promise<string> => {
  const { headers } = await server.inject({ method: "GET", url: `/?token=${token}`, headers: { host: "127.0.0.1" } });
  return String(headers["set-cookie"]).split(";")[0] ?? "";
};

describe("a self-help link beside the token", () => {
  const link: Actor = { id: "link:1", roles: ["link"], organisations: [], realms: [], sensors: [], case: "17" };
  const guard = createGuard({ token, port: () => 80, link: async (secret) => (secret === "right" ? link : null) });
  const visit = (over: Partial<Visit>): Visit => ({
    method: "GET",
    url: "/help",
    host: "127.0.0.1",
    origin: undefined,
    fetchSite: undefined,
    authorization: undefined,
    cookie: undefined,
    ...over,
  });
  it("speaks for its case, and shows its page to who has no token; nothing else", async () => {
    expect(await guard.decide(visit({ authorization: "Link right" }))).toMatchObject({ kind: "allow", actor: link });
    expect(await guard.decide(visit({ authorization: "Link wrong" }))).toMatchObject({ code: "LINK_INVALID" });
    expect(await guard.decide(visit({}))).toMatchObject({ kind: "allow", actor: null });
    for (const url of ["/", "/help/../metrics", "/help?x=1", "/helpful", "/api/v1/status"]) {
      expect(await guard.decide(visit({ url })), url).toMatchObject({ kind: "refuse" });
    }
    expect(await guard.decide(visit({ method: "POST" }))).toMatchObject({ kind: "refuse" });
  });
});

describe("the desk's door", () => {
  it("hands over what was checked, with who asks", async () => {
    const answer = await post({ name: "a" });
    expect([answer.statusCode, answer.json()]).toEqual([
      200,
      { params: { id: 7 }, query: { dry: true }, body: { name: "a" }, actor: "token:portal" },
    ]);
    expect(answer.headers["cache-control"]).toBe("no-store");
  });
  it.each([
    [
      "a member that nobody asked for",
      { name: "a", role: "administrator" },
      { code: "BODY_INVALID", parameter: "role" },
    ],
    ["__proto__", '{"name":"a","__proto__":{"role":1}}', { code: "BODY_INVALID" }],
    ["another type", { name: 1 }, { code: "BODY_INVALID", parameter: "name" }],
    ["nothing", {}, { code: "BODY_INVALID", parameter: "name" }],
    ["a mistyped member", { name: "a", tag: [] }, { code: "BODY_INVALID", parameter: "tag", suggestion: "tags" }],
    ["a list", [], { code: "BODY_INVALID" }],
    ["half of a character", '{"name":"\\ud83d"}', { code: "BODY_INVALID" }],
    ["a zero byte", { name: "a\0b" }, { code: "BODY_INVALID" }],
    ["no JSON", "{", { code: "BODY_INVALID" }],
    ["too much", { name: "a".repeat(1000) }, { code: "BODY_TOO_LARGE", status: 413 }],
  ])("refuses %s", async (_, payload, problem) => {
    const answer = await post(payload);
    expect(answer.headers["content-type"]).toContain("application/problem+json");
    expect(answer.json()).toMatchObject(problem);
  });
  it("refuses other types of content, which forms of other sites could send", async () => {
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]) {
      expect((await post({ name: "a" }, { "content-type": type })).statusCode, type).toBeGreaterThanOrEqual(400);
    }
  });
  it("refuses unknown words of the address", async () => {
    expect((await post({ name: "a" }, {}, "/api/v1/things/7?dri=1")).json()).toMatchObject({
      code: "QUERY_PARAMETER",
      suggestion: "dry",
    });
    expect((await post({ name: "a" }, {}, "/api/v1/things/x")).json()).toMatchObject({ code: "QUERY_PARAMETER" });
  });
  it("takes a change with a cookie only from its own origin", async () => {
    const cookie = await enter();
    const by = (headers: Headers) =>
      server.inject({
        method: "POST",
        url: "/api/v1/things/7",
        headers: { host: "127.0.0.1", cookie, "content-type": "application/json", ...headers },
        payload: '{"name":"a"}',
      });
    expect((await by({ origin: "http://127.0.0.1" })).statusCode).toBe(200);
    expect((await by({})).json()).toMatchObject({ code: "ACCESS_ORIGIN" });
    expect((await by({ origin: "http://evil.example" })).json()).toMatchObject({ code: "ACCESS_ORIGIN" });
    expect((await by({ origin: "null" })).json()).toMatchObject({ code: "ACCESS_ORIGIN" });
    expect((await by({ origin: "http://127.0.0.1", "sec-fetch-site": "same-site" })).statusCode).toBe(403);
  });
  it("refuses a role that the rule does not name", async () => {
    const other = api({ who: ["member"], audit: null });
    const { statusCode, json } = await other.inject({
      method: "POST",
      url: "/api/v1/things/7",
      headers: { host: "127.0.0.1", authorization: `Bearer ${token}` },
    });
    expect([statusCode, json().code]).toEqual([403, "ACCESS_DENIED"]);
    await other.close();
  });
  it("does not start with a route that says not who may", async () => {
    const other = api(rule);
    expect(() => other.get("/api/v1/forgotten", () => "")).toThrow(/says not who may/);
    await other.close();
  });
  it("does not take a schema through which unknown members pass", () => {
    expect(() => strictly(Type.Object({ a: Type.Array(Type.Object({ b: Type.String() })) }, strict), "body")).toThrow(
      /additionalProperties/,
    );
  });
});

describe("a browser that goes to an address and is refused", () => {
  const go = (url: string, headers: Headers = {}) =>
    server.inject({ method: "GET", url, headers: { host: "127.0.0.1", "sec-fetch-mode": "navigate", ...headers } });
  it("shows words in its language with the way on, and JSON to programs", async () => {
    for (const [url, headers, status, language, said] of [
      ["/", {}, 401, "en", "This page needs the token"],
      ["/", { "accept-language": "th" }, 401, "th", "หน้านี้ต้องใช้โทเคน"],
      [
        "/",
        { host: "evil.example", "accept-language": "ja-JP,en;q=0.8" },
        421,
        "ja",
        "このサーバーはこの名前では応答しません",
      ],
      ["/", { origin: "http://evil.example" }, 403, "en", "Another site asked for this"],
      ["/api/v1/none", { authorization: `Bearer ${token}` }, 404, "en", "There is nothing here"],
      ["/", { "accept-language": "<script>, constructor, id;q=x" }, 401, "en", "This page needs the token"],
    ] as const) {
      const answer = await go(url, headers);
      expect(answer.statusCode, url).toBe(status);
      expect(answer.headers["content-type"]).toBe("text/html; charset=utf-8");
      expect(answer.headers["content-security-policy"]).toMatch(/^default-src 'none'; style-src 'sha256-[\w+/=]+'; /);
      expect(answer.body).toContain(`<html lang="${language}">`);
      expect(answer.body).toContain(said);
      expect(answer.body).not.toMatch(/<script|evil/);
      const program = await go(url, { ...headers, "sec-fetch-mode": "cors" });
      expect(program.headers["content-type"]).toContain("application/problem+json");
    }
  });
});
