// SPDX-License-Identifier: Apache-2.0
import Fastify from "fastify";
import type { FastifyInstance } from "fastify";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { operatorVisitor } from "../../src/access/guard.ts";
import type { Rule } from "../../src/access/rule.ts";
import { refusalOf } from "../../src/access/rule.ts";
import { actorOf } from "../../src/api/desk/index.ts";
import type { DeskEndpoint } from "../../src/api/desk/route.ts";
import { parametersOf } from "../../src/api/parameters.ts";
import { sendProblem } from "../../src/api/problem.ts";
import { OwnerTablesBuilder } from "../../src/constituency/tables.ts";
import type { Actor, Role } from "../../src/model/actor.ts";
import { AppError } from "../../src/platform/errors.ts";
import { openHouse } from "../access/house.ts";
import type { House } from "../access/house.ts";
import { anything, rooms } from "./rooms.ts";

/*
 * A cursor comes back from whoever got it, and may be anything by then. Every list of every room is asked for the page after garbage, on a real
 * desk: an engine that is asked for a row below zero fails, and that is no answer.
 */

let house: House;
let server: FastifyInstance;
let who: Actor;
const faults: unknown[] = [];
const lists: { path: string; orders: readonly string[]; role: Role }[] = [];

const actor = (role: Role): Actor => ({
  id: `person:${role}`,
  roles: [role],
  organisations: role === "member" ? ["alpha"] : [],
  realms: [],
  sensors: [],
});
interface Parameters {
  readonly properties: Readonly<Record<string, { readonly anyOf?: readonly { const: string }[]; enum?: string[] }>>;
}

beforeAll(async () => {
  house = await openHouse();
  const own: Readonly<Record<string, unknown>> = {
    desk: house.desk,
    now: () => house.clock.now,
    people: house.accounts.people,
    tokens: house.accounts.tokens,
    sensors: () => 3,
    search: () => [],
    tables: () => new OwnerTablesBuilder().build(),
    origins: { nameOf: () => null, countryOf: () => null, asnOf: () => 0 },
  };
  const services = new Proxy(own, { get: (known, name) => known[name as string] ?? anything() });
  server = Fastify({ logger: false });
  server.decorateRequest("visitor", null);
  server.decorateRequest("touched");
  server.addHook("onRequest", (request, _reply, done) => {
    request.visitor = { ...operatorVisitor, actor: who, name: who.id };
    request.touched = [];
    done();
  });
  server.addHook("onRoute", ({ method, url, config }) => {
    const { rule, endpoint } = config as { rule?: Rule; endpoint?: DeskEndpoint };
    const { properties = {} } = (endpoint?.query ?? {}) as unknown as Partial<Parameters>;
    if (method !== "GET" || rule === undefined || properties["cursor"] === undefined) return;
    const { order } = properties;
    const orders = order?.enum ?? order?.anyOf?.map((one) => one.const) ?? [""];
    for (const role of ["administrator", "member"] as const)
      if (refusalOf(rule, actor(role)) === undefined) lists.push({ path: url, orders, role });
  });
  server.setErrorHandler((error, request, reply) => sendProblem(reply, error, request, (fault) => faults.push(fault)));
  for (const room of await rooms()) room(server, services, actorOf);
  await server.ready();
}, 120_000);
afterAll(async () => {
  await server.close();
  await house.close();
});

const ask = async (path: string, query: Record<string, string>) => {
  const { statusCode, body } = await server.inject({ url: `${path}?${new URLSearchParams(query)}` });
  return { status: statusCode, code: statusCode === 200 ? "" : String((JSON.parse(body) as { code: string }).code) };
};
const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value) ?? "").toString("base64url");

const one = fc.oneof(
  fc.constantFrom<unknown>(
    -5,
    -1,
    0,
    1.5,
    1.5e300,
    -1e18,
    2 ** 63,
    2 ** 53,
    1e-300,
    "a\0b",
    "\0",
    "\ud800",
    "",
    null,
    [],
  ),
  fc.double(),
  fc.integer(),
  fc.string({ unit: "binary", maxLength: 40 }),
);
const garbage = fc
  .oneof(
    fc.array(one, { maxLength: 3 }).map(encoded),
    fc.tuple(one, one).map(encoded),
    fc.tuple(one).map(encoded),
    one.map(encoded),
    fc.string({ unit: fc.constantFrom(..."AaZz09_.~-e"), minLength: 1, maxLength: 256 }),
    fc.constantFrom(encoded([1]).replace("1", "1e999"), "-5", "1e300", "1.5", "Infinity"),
  )
  .filter((text) => text.length > 0 && text.length <= 256);

/** Each of these once went through to the engine. */
const wicked = [
  ...[[-5], [1.5e300], [1.5e300, "a"], [1.5, "a"], [1, "a\0b"], ["a\0b"]].map(encoded),
  "1e300",
  "1.5",
  Buffer.from("\0").toString("base64url"),
];

it("every list, after any garbage: a page or a refusal, and never a fault", { timeout: 240_000 }, async () => {
  expect(lists.length).toBeGreaterThan(15);
  for (const { path, orders, role } of lists) {
    who = actor(role);
    for (const order of orders) {
      const more = order === "" ? {} : { order };
      const first = await ask(path, more);
      // An order that tells of counts is none for everybody.
      if (role === "member" && first.code === "ACCESS_DENIED") continue;
      expect(first, `${path} ${order}`).toMatchObject({ status: 200 });
      await fc.assert(
        fc.asyncProperty(garbage, async (cursor) => {
          const { status, code } = await ask(path, { cursor, ...more });
          if (status !== 200 && !(status === 400 && code === "QUERY_PARAMETER"))
            throw new Error(`${role} ${path} ${order} ${cursor}: ${status} ${code} ${String(faults.at(-1))}`);
        }),
        { numRuns: wicked.length + 6, seed: 20260710, examples: wicked.map((cursor): [string] => [cursor]) },
      );
    }
  }
  expect(faults).toEqual([]);
});

it("refuses a zero byte in any text of an address, also where a question is asked", async () => {
  who = actor("administrator");
  for (const { path } of lists)
    expect(await ask(path, { exercise: "\0" }), path).toMatchObject({ status: 400, code: "QUERY_PARAMETER" });
  expect(await ask("/api/v1/desk/search", { q: "a\0b" })).toEqual({ status: 400, code: "QUERY_PARAMETER" });
  expect(await ask("/api/v1/desk/alerts/a%00b", {})).toEqual({ status: 400, code: "QUERY_PARAMETER" });
  expect(() => parametersOf("search", { q: "a\0b" })).toThrow(AppError);
});
