// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Registry } from "prom-client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { allowToken, createGuard, newToken, tokenActor } from "../../src/access/guard.ts";
import { endpoints } from "../../src/api/contract/endpoints.ts";
import type { LiveEvent, QuestionName } from "../../src/api/contract/index.ts";
import { createLive } from "../../src/api/live.ts";
import type { Live } from "../../src/api/live.ts";
import { createApi } from "../../src/api/server.ts";
import { createObservatory } from "../../src/observe/observatory.ts";
import type { FlowStore } from "../../src/store/flows/store.ts";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { appendKnown, knownStore } from "./known.ts";

const token = newToken();
const now = Date.parse("2026-07-10T12:00:00Z");
let store: FlowStore;
let done: () => Promise<void>;
let live: Live;
let server: ReturnType<typeof createApi>;
let folder: string;
let port = 80;
const routes = new Set<string>();

beforeAll(async () => {
  ({ store, done } = await knownStore());
  await appendKnown(store, [
    {
      sensor: "jp-01",
      at: "2026-07-10T11:00:00Z",
      rows: [
        { src: "198.51.100.1", port: 23, packets: 3, mirai: 3 },
        { src: "192.0.2.7", port: 22, packets: 2 },
        { src: "8.8.8.8", port: 80, packets: 1 },
      ],
    },
  ]);
  folder = mkdtempSync(join(tmpdir(), "layang-portal-"));
  mkdirSync(join(folder, "assets"));
  writeFileSync(join(folder, "index.html"), "<!doctype html><title>the portal</title>");
  writeFileSync(join(folder, "assets", "app-1a2b.js"), "export {};");
  live = createLive({ run: "t", kept: 3, waiting: 64 * 1024, heartbeatSeconds: 1 });
  const metrics = new Registry();
  server = createApi({
    observatory: createObservatory({
      engine: store,
      now: () => now,
      simulated: true,
      sensors: () => [{ name: "jp-01", country: "JP", enrolled: null, revoked: null }],
    }),
    live,
    guard: createGuard({ token, port: () => port }),
    portalFolder: folder,
    metrics,
    status: () => ({ name: "test", version: "1.2.3", started: "2026-07-10T00:00:00Z", attribution: [] }),
  });
  await server.ready();
  // Fastify prints its routes as a tree: a line a route, four characters a level.
  const path: string[] = [];
  for (const line of server.printRoutes({ commonPrefix: false }).split("\n")) {
    const [, indent = "", part = "", methods] = /^((?:[│ ] {3})*)[├└]── (\S+)(?: \((.*)\))?$/.exec(line) ?? [];
    path.length = indent.length / 4;
    path.push(part);
    if (methods?.includes("GET") === true) routes.add(path.join(""));
  }
});
afterAll(async () => {
  await server.close();
  await done();
  rmSync(folder, { recursive: true, force: true });
});

type Headers = Record<string, string>;
const get = (url: string, headers: Headers = {}) =>
  server.inject({ method: "GET", url, headers: { host: "127.0.0.1", authorization: `Bearer ${token}`, ...headers } });

describe("the guard", () => {
  const bare = (url: string, headers: Headers = {}, method: "GET" | "POST" = "GET") =>
    server.inject({ method, url, headers: { host: "127.0.0.1", ...headers } });

  it.each([
    "/",
    "/api/v1/status",
    "/api/v1/live",
    "/api/v1/ports/top",
    "/api/v1/openapi.json",
    "/metrics",
    "/assets/app-1a2b.js",
    "/nothing",
  ])("%s needs the token", async (url) => {
    const { statusCode, headers, json } = await bare(url);
    expect(statusCode).toBe(401);
    expect(headers["content-type"]).toContain("application/problem+json");
    expect(json()).toMatchObject({ code: "ACCESS_TOKEN", status: 401 });
  });
  it("/healthz does not, and tells nothing", async () => {
    const { statusCode, json } = await bare("/healthz");
    expect([statusCode, json()]).toEqual([200, { status: "ok" }]);
  });
  it("the printed address sets a cookie that is not the token, and leads to the clean address", async () => {
    const entered = await bare(`/ports?last=7d&token=${token}`);
    expect(entered.statusCode).toBe(303);
    expect(entered.headers.location).toBe("/ports?last=7d");
    const cookie = String(entered.headers["set-cookie"]);
    expect(cookie).toMatch(/; HttpOnly; SameSite=Strict$/);
    expect(cookie).not.toContain(token);
    const own = { cookie: cookie.split(";")[0] ?? "" };
    expect((await bare("/api/v1/status", own)).statusCode).toBe(200);
    expect((await bare("/api/v1/status", { ...own, "sec-fetch-site": "same-origin" })).statusCode).toBe(200);
    expect((await bare("/api/v1/status", { ...own, "sec-fetch-site": "cross-site" })).statusCode).toBe(403);
    expect((await bare("/api/v1/status", { ...own, "sec-fetch-site": "same-site" })).statusCode).toBe(403);
  });
  it.each(["//evil.example/", "///evil.example", "/\\evil.example"])("%s leads nowhere else", async (path) => {
    const guard = createGuard({ token, port: () => 80 });
    const decision = guard.decide({
      method: "GET",
      url: `${path}?token=${token}`,
      host: "127.0.0.1",
      origin: undefined,
      fetchSite: undefined,
      authorization: undefined,
      cookie: undefined,
    });
    expect(decision).toMatchObject({ kind: "enter", to: path.replace(/^[/\\]+/, "/") });
  });
  it.each(["evil.example", "127.0.0.1:81", "127.0.0.1.evil.example", "10.0.0.1", "[::1]:8421"])(
    "refuses the host %j",
    async (host) => {
      expect((await get("/api/v1/status", { host })).statusCode).toBe(421);
    },
  );
  it("refuses a request without a host", () => {
    const visit = {
      method: "GET",
      url: "/",
      origin: undefined,
      fetchSite: undefined,
      authorization: `Bearer ${token}`,
      cookie: undefined,
    };
    const guard = createGuard({ token, port: () => 80 });
    expect(guard.decide({ ...visit, host: undefined })).toMatchObject({ kind: "refuse", code: "ACCESS_HOST" });
    expect(guard.decide({ ...visit, host: "127.0.0.1" })).toMatchObject({ kind: "allow", actor: tokenActor });
  });
  it.each(["localhost", "127.0.0.1:80", "[::1]", "LOCALHOST:80"])("knows itself as %s", async (host) => {
    expect((await get("/api/v1/status", { host })).statusCode).toBe(200);
  });
  it.each(["http://evil.example", "null", "https://127.0.0.1", "http://localhost", "http://127.0.0.1:3000"])(
    "refuses the origin %s",
    async (origin) => {
      expect((await get("/api/v1/status", { origin })).json()).toMatchObject({ status: 403, code: "ACCESS_ORIGIN" });
    },
  );
  it("takes its own origin", async () => {
    expect((await get("/api/v1/status", { origin: "http://127.0.0.1" })).statusCode).toBe(200);
  });
  it.each([`Bearer ${"x".repeat(32)}`, "Bearer", `Basic ${token}`, `Bearer ${token}x`])(
    "refuses %s",
    async (authorization) => {
      expect((await get("/api/v1/status", { authorization })).statusCode).toBe(401);
    },
  );
  it("answers only: nothing can be sent", async () => {
    const refused = await server.inject({
      method: "POST",
      url: "/api/v1/status",
      headers: { host: "127.0.0.1", authorization: `Bearer ${token}` },
    });
    expect([refused.statusCode, refused.json().code]).toEqual([405, "METHOD_NOT_ALLOWED"]);
  });
});

describe("strictness", () => {
  it.each([
    ["/api/v1/ports/top?countri=JP", { code: "QUERY_PARAMETER", parameter: "countri", suggestion: "country" }],
    ["/api/v1/ports/top?__proto__=1", { code: "QUERY_PARAMETER", parameter: "__proto__" }],
    ["/api/v1/ports/top?limit=0", { code: "QUERY_PARAMETER", parameter: "limit" }],
    ["/api/v1/ports/top?limit=1001", { code: "QUERY_PARAMETER", parameter: "limit" }],
    ["/api/v1/ports/top?limit=ten", { code: "QUERY_PARAMETER", parameter: "limit" }],
    ["/api/v1/ports/top?limit=5&limit=6", { code: "QUERY_PARAMETER", parameter: "limit" }],
    ["/api/v1/ports/top?port=70000", { code: "QUERY_PARAMETER", parameter: "port" }],
    ["/api/v1/ports/top?port=23'--", { code: "QUERY_PARAMETER", parameter: "port" }],
    ["/api/v1/ports/top?by=volume", { code: "QUERY_PARAMETER", parameter: "by" }],
    ["/api/v1/ports/top?country=Japan", { code: "QUERY_PARAMETER", parameter: "country" }],
    ["/api/v1/ports/top?sensor=a'b", { code: "QUERY_PARAMETER", parameter: "sensor" }],
    ["/api/v1/ports/top?signature=1:eol,zzz:-:-", { code: "QUERY_PARAMETER", parameter: "signature" }],
    ["/api/v1/ports/top?from=yesterday", { code: "QUERY_PARAMETER", parameter: "from" }],
    ["/api/v1/ports/top?from=2026-07-02T00:00:00Z&to=2026-07-01T00:00:00Z", { code: "QUERY_PERIOD" }],
    ["/api/v1/ports/top?from=2024-07-02T00:00:00Z&to=2026-07-01T00:00:00Z", { code: "QUERY_PERIOD" }],
    ["/api/v1/ports/top?last=7d&from=2026-07-01T00:00:00Z", { code: "QUERY_PERIOD" }],
    ["/api/v1/ports/top?from=0001-01-01T00:00:00Z&to=0001-01-02T00:00:00Z", { code: "QUERY_PERIOD" }],
    ["/api/v1/ports/top?from=9999-12-30T00:00:00Z&to=9999-12-31T23:59:59-23:00", { code: "QUERY_PERIOD" }],
    ["/api/v1/reports/tsubame?quarter=0001Q1", { code: "QUERY_PERIOD" }],
    ["/api/v1/series?step=5m&last=365d", { code: "QUERY_PERIOD" }],
    ["/api/v1/ports/tcp/65536", { code: "QUERY_PARAMETER", parameter: "port" }],
    ["/api/v1/ports/xtp/1", { code: "QUERY_PARAMETER", parameter: "protocol" }],
    ["/api/v1/ports/300/1", { code: "QUERY_PARAMETER", parameter: "protocol" }],
    ["/api/v1/sources/1.2.3", { code: "QUERY_PARAMETER", parameter: "ip" }],
    ["/api/v1/reports/tsubame?quarter=2026Q5", { code: "QUERY_PARAMETER", parameter: "quarter" }],
    ["/api/v1/search", { code: "QUERY_PARAMETER", parameter: "q" }],
    ["/api/v1/status?x=1", { code: "QUERY_PARAMETER", parameter: "x" }],
  ])("%s is refused", async (url, problem) => {
    const answer = await get(url);
    expect(answer.headers["content-type"]).toContain("application/problem+json");
    expect(answer.json()).toMatchObject({ status: 400, ...problem });
  });
  it("says 404 for what is not there", async () => {
    expect((await get("/api/v1/nothing")).json()).toMatchObject({ status: 404, code: "NOT_FOUND" });
  });
  it("stops a question that takes too long", async () => {
    const slow = createObservatory({
      engine: store,
      now: () => now,
      simulated: false,
      limits: { seconds: 5, memory: 1000 },
    });
    await expect(slow.ask("ports/top", {})).rejects.toMatchObject({ code: "STORE_QUERY_LIMIT" });
  });
  it.each([
    [{ seconds: 5, memory: 1000 }, 503],
    [{ seconds: Number.NaN }, 500],
  ])("keeps the engine's own words for the log: %j", async (limits, status) => {
    const faults: unknown[] = [];
    const failing = createApi({
      observatory: createObservatory({ engine: store, now: () => now, simulated: false, limits }),
      live,
      guard: { decide: () => allowToken() },
      portalFolder: null,
      metrics: new Registry(),
      status: () => ({ name: "test", version: "1", started: "2026-07-10T00:00:00Z", attribution: [] }),
      onFault: (error) => faults.push(error),
    });
    const { statusCode, body } = await failing.inject({ method: "GET", url: "/api/v1/ports/top" });
    expect(statusCode).toBe(status);
    expect(body).not.toMatch(/DB::|Code:|SELECT|reports|stack|\/(?:tmp|work|home|root)/);
    expect(faults).toHaveLength(1);
  });
});

describe("forms", () => {
  const paths = (Object.keys(endpoints) as QuestionName[]).map(
    (name) =>
      [
        name,
        `${endpoints[name].path.replace("{protocol}", "tcp").replace("{port}", "23").replace("{ip}", "198.51.100.1")}${name === "search" ? "?q=23" : "?"}`,
      ] as const,
  );
  const ajv = new Ajv2020({ strict: false });
  formats.default(ajv);

  it.each(paths)("%s answers in the form it promises", async (name, path) => {
    const answer = await get(path);
    expect(answer.statusCode).toBe(200);
    const check = ajv.compile(JSON.parse(JSON.stringify(endpoints[name].answer)) as object);
    check(answer.json());
    expect(check.errors ?? []).toEqual([]);
    expect(answer.json().meta.simulated).toBe(true);
  });
  it.each(paths)("%s has the same table as CSV and as Parquet", async (name, path) => {
    const { rows } = (await get(path)).json() as { rows: Record<string, unknown>[] };
    const csv = await get(`${path}&format=csv`);
    expect(csv.headers["content-type"]).toContain("text/csv");
    expect(csv.headers["content-disposition"]).toContain("SIMULATED.csv");
    expect(csv.body.split("\r\n")).toHaveLength(rows.length + 2);
    const parquet = await get(path, { accept: "application/vnd.apache.parquet" });
    expect(parquet.headers["content-type"]).toBe("application/vnd.apache.parquet");
    expect(parquet.rawPayload.subarray(0, 4).toString()).toBe("PAR1");
    const file = join(folder, `${name.replaceAll("/", "-")}.parquet`);
    writeFileSync(file, parquet.rawPayload);
    const { rows: read } = await store.query<{ n: number }>(`SELECT count() AS n FROM file('${file}', Parquet)`);
    expect(read[0]?.n).toBe(rows.length);
  });
  it("makes cells harmless that a spreadsheet would run", async () => {
    const { body } = await get("/api/v1/networks?format=csv");
    expect(body).toContain("'=Invented Jakarta");
  });
  it("takes the best of the Accept header and refuses what it cannot make", async () => {
    expect(
      (await get("/api/v1/ports/top", { accept: "text/csv;q=0.5, application/json" })).headers["content-type"],
    ).toContain("application/json");
    for (const accept of ["image/png", "constructor", "__proto__"]) {
      expect((await get("/api/v1/ports/top", { accept })).json()).toMatchObject({
        status: 406,
        code: "NOT_ACCEPTABLE",
      });
    }
  });
  it("tells no dark address and no token of one", async () => {
    for (const [, path] of paths) expect((await get(path)).body).not.toMatch(/dst_|tokens?"|registers/);
  });
});

describe("the description", () => {
  it("is OpenAPI 3.1 and has every route, and no other", async () => {
    const description = (await get("/api/v1/openapi.json")).json() as {
      openapi: string;
      info: { version: string };
      paths: Record<
        string,
        {
          get: {
            operationId: string;
            parameters?: { name: string; in: string; schema: object }[];
            responses: Record<string, { description: string }>;
          };
        }
      >;
    };
    expect(description.openapi).toBe("3.1.1");
    expect(description.info.version).toBe("1.2.3");
    const asDescribed = [...routes]
      .map((route) => route.replaceAll(/:(\w+)/g, "{$1}"))
      .filter((route) => !["/", "/*", "/index.html"].includes(route));
    expect(new Set(asDescribed)).toEqual(new Set(Object.keys(description.paths)));
    const operations = Object.values(description.paths).map((path) => path.get);
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
    for (const [path, { get: operation }] of Object.entries(description.paths)) {
      expect(Object.keys(operation.responses)).toEqual([path === "/api/v1/desk/session" ? "204" : "200", "default"]);
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      expect((operation.parameters ?? []).filter((one) => one.in === "path").map(({ name }) => name)).toEqual(inPath);
    }
  });
});

describe("the portal", () => {
  it("is served for every page of it, and assets for ever", async () => {
    const page = await get("/ports/tcp/23?last=7d", { accept: "text/html,*/*" });
    expect([page.statusCode, page.body]).toEqual([200, "<!doctype html><title>the portal</title>"]);
    const asset = await get("/assets/app-1a2b.js");
    expect(asset.headers["cache-control"]).toBe("public, max-age=31536000, immutable");
    expect((await get("/assets/gone.js", { accept: "*/*" })).statusCode).toBe(404);
    expect((await get("/../server.ts")).statusCode).toBe(404);
  });
  it("may load nothing from elsewhere", async () => {
    const { headers } = await get("/", { accept: "text/html" });
    const policy = String(headers["content-security-policy"]);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/https?:|\*|script-src[^;]*unsafe/);
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(headers["referrer-policy"]).toBe("no-referrer");
  });
});

describe("live", () => {
  const event = (sensor: string): LiveEvent => ({
    sensor,
    interval: "2026-07-10T11:00:00Z",
    packets: 5,
    flows: 2,
    sources: 2,
    degraded: false,
    rows: [],
  });
  /** Reads until `enough` says so. */
  const listen = (headers: Headers, enough: (text: string) => boolean, onOpen?: () => void): Promise<string> =>
    new Promise((resolve, reject) => {
      const asked = request(
        { host: "127.0.0.1", port, path: "/api/v1/live", headers: { authorization: `Bearer ${token}`, ...headers } },
        (response) => {
          let text = "";
          response.setEncoding("utf8");
          response.on("data", (chunk: string) => {
            text += chunk;
            if (text.startsWith("retry:") && onOpen !== undefined) {
              onOpen();
              onOpen = undefined;
            }
            if (enough(text)) {
              asked.destroy();
              resolve(text);
            }
          });
        },
      );
      asked.on("error", (error) => {
        if (!asked.destroyed) reject(error);
      });
      asked.end();
    });

  beforeAll(async () => {
    await server.listen({ host: "127.0.0.1", port: 0 });
    ({ port } = server.server.address() as AddressInfo);
  });

  it("an open page has the batch at once, and one that comes back has what it missed", async () => {
    const heard = await listen(
      {},
      (text) => /event: batch\n.*\n\n/.test(text),
      () => live.publish(event("jp-01")),
    );
    expect(heard).toContain('id: t-1\nevent: batch\ndata: {"sensor":"jp-01"');
    live.publish(event("id-01"));
    live.publish(event("th-01"));
    const resumed = await listen({ "last-event-id": "t-1" }, (text) => text.includes("th-01"));
    expect([...resumed.matchAll(/id: (\S+)/g)].map(([, id]) => id)).toEqual(["t-2", "t-3"]);
  });
  it("says how many are gone when a page was away too long", async () => {
    for (const name of ["a", "b", "c", "d"]) live.publish(event(name));
    expect(await listen({ "last-event-id": "t-1" }, (text) => text.includes("t-7"))).toContain(
      'event: missed\ndata: {"events":3}',
    );
  });
  it("is not held open by HEAD, and not by more clients than it bears", async () => {
    const head = await server.inject({
      method: "HEAD",
      url: "/api/v1/live",
      headers: { host: `127.0.0.1:${port}`, authorization: `Bearer ${token}` },
    });
    expect(head.statusCode).toBe(404);
    const few = createLive({ run: "few", most: 0 });
    const full = createApi({
      observatory: createObservatory({ engine: store, now: () => now, simulated: false }),
      live: few,
      guard: { decide: () => allowToken() },
      portalFolder: null,
      metrics: new Registry(),
      status: () => ({ name: "test", version: "1", started: "2026-07-10T00:00:00Z", attribution: [] }),
    });
    expect((await full.inject({ method: "GET", url: "/api/v1/live" })).json()).toMatchObject({
      status: 503,
      code: "DOOR_BUSY",
    });
    await full.close();
  });
  it("an id of another run resumes nothing", async () => {
    expect(await listen({ "last-event-id": "old-1" }, (text) => text.includes(": here"))).not.toContain("event:");
  });
  it("keeps a bound for a page that does not read, and says what it missed", () => {
    // A page behind a line that takes nothing, until it does.
    const line = { waiting: 0, texts: [] as string[] };
    const page = {
      get writableLength() {
        return line.waiting;
      },
      write: (text: string) => {
        line.waiting += text.length;
        line.texts.push(text);
      },
      writeHead: () => undefined,
      on: () => undefined,
      end: () => undefined,
    } as unknown as Parameters<typeof live.serve>[0];
    const own = createLive({ run: "own", waiting: 64 * 1024 });
    own.serve(page, undefined, () => Promise.resolve(true));
    const big = { ...event("x".repeat(2_000)) };
    for (let i = 0; i < 2_000; i++) own.publish(big);
    expect(line.waiting).toBeGreaterThan(64 * 1024);
    expect(line.waiting).toBeLessThan(80 * 1024);
    const missed = 2_000 - line.texts.filter((text) => text.includes("event: batch")).length;
    line.waiting = 0;
    line.texts = [];
    own.publish(big);
    expect(line.texts[0]).toBe(`event: missed\ndata: {"events":${missed}}\n\n`);
    own.close();
  });
});
