// SPDX-License-Identifier: Apache-2.0
// The description of the whole API against the routes that a server with every room has.
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { Registry } from "prom-client";
import { beforeAll, describe, expect, it } from "vitest";
import { allowToken } from "../../src/access/guard.ts";
import { deskAbout } from "../../src/api/contract/desk/about.ts";
import { deskEndpoints } from "../../src/api/contract/desk/index.ts";
import type { Endpoint } from "../../src/api/contract/desk/shapes.ts";
import { actorOf } from "../../src/api/desk/index.ts";
import { createLive } from "../../src/api/live.ts";
import { createApi } from "../../src/api/server.ts";
import type { Observatory } from "../../src/observe/observatory.ts";
import { anything, rooms } from "./rooms.ts";

interface Operation {
  readonly operationId: string;
  readonly summary?: string;
  readonly security?: readonly object[];
  readonly parameters?: readonly { name: string; in: string; required: boolean; schema: object }[];
  readonly requestBody?: { content: { "application/json": { schema: object } } };
  readonly responses: Readonly<Record<string, { description: string; content?: Record<string, { schema: object }> }>>;
}
interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}
let description: Description;
const mounted = new Set<string>();
const operations = (): (readonly [string, string, Operation])[] =>
  Object.entries(description.paths).flatMap(([path, all]) =>
    Object.entries(all).map(([method, operation]) => [method.toUpperCase(), path, operation] as const),
  );

beforeAll(async () => {
  const all = await rooms();
  const server = createApi({
    observatory: { options: { now: Date.now } } as unknown as Observatory,
    live: createLive({ run: "t" }),
    guard: { decide: () => allowToken() },
    portalFolder: null,
    metrics: new Registry(),
    status: () => ({ name: "test", version: "1.2.3", started: "2026-07-01T00:00:00Z", attribution: [] }),
    desk: [
      (api) => {
        for (const room of all) room(api, anything(), actorOf);
      },
    ],
  });
  await server.ready();
  // Fastify prints its routes as a tree: a line a route, four characters a level.
  const parts: string[] = [];
  for (const line of server.printRoutes({ commonPrefix: false }).split("\n")) {
    const [, indent = "", part = "", methods = ""] = /^((?:[│ ] {3})*)[├└]── (\S+)(?: \((.*)\))?$/.exec(line) ?? [];
    parts.length = indent.length / 4;
    parts.push(part);
    const path = parts.join("").replaceAll(/:(\w+)/g, "{$1}");
    for (const method of methods.split(", "))
      if (!["", "HEAD"].includes(method) && !["/", "/index.html", "/*"].includes(path))
        mounted.add(`${method} ${path}`);
  }
  const answer = await server.inject({ method: "GET", url: "/api/v1/openapi.json", headers: { host: "127.0.0.1" } });
  expect(answer.statusCode).toBe(200);
  description = answer.json();
  await server.close();
});

describe("the description of a node with every room", () => {
  it("has every route that is mounted, and no other", () => {
    expect(mounted.size).toBeGreaterThan(100);
    expect(new Set(operations().map(([method, path]) => `${method} ${path}`))).toEqual(mounted);
  });
  it("has every endpoint of the contract", () => {
    const contract = Object.values(deskEndpoints as Record<string, Endpoint>);
    expect(contract.filter(({ method, path }) => !mounted.has(`${method} ${path}`)).map(({ path }) => path)).toEqual(
      [],
    );
  });
  it("says in a line what each is for, under a name of its own", () => {
    const all = operations();
    expect(all.filter(([, , { summary = "" }]) => summary.length < 8).map(([, path]) => path)).toEqual([]);
    expect(new Set(all.map(([, , { operationId }]) => operationId)).size).toBe(all.length);
    expect(new Set(Object.values(deskAbout)).size).toBe(Object.keys(deskAbout).length);
  });
  it("names the parameters of each path, and refuses what is unknown wherever something is sent", () => {
    for (const [method, path, operation] of operations()) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const named = (operation.parameters ?? []).filter((one) => one.in === "path");
      expect(named.map(({ name }) => name)).toEqual(inPath);
      expect(named.every(({ required }) => required)).toBe(true);
      if (method !== "POST") continue;
      const sent = resolved(operation.requestBody?.content["application/json"].schema) as { anyOf?: object[] };
      for (const one of sent.anyOf ?? [sent])
        expect(one, path).toMatchObject({ type: "object", additionalProperties: false });
    }
  });
  it("leads by every reference to a schema that a validator takes", () => {
    const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
    formats.default(ajv);
    ajv.addVocabulary(["components"]);
    ajv.addSchema({ $id: "layang", components: description.components });
    const schemas = operations().flatMap(([, , { parameters = [], requestBody, responses }]) => [
      ...parameters.map(({ schema }) => schema),
      ...Object.values(requestBody?.content ?? {}).map(({ schema }) => schema),
      ...Object.values(responses).flatMap(({ content }) => Object.values(content ?? {}).map(({ schema }) => schema)),
    ]);
    expect(schemas.length).toBeGreaterThan(300);
    for (const schema of schemas) {
      const text = JSON.stringify(schema).replaceAll('"#/components', '"layang#/components');
      expect(() => ajv.compile(JSON.parse(text) as object)).not.toThrow();
    }
  });
  it("opens to nobody what the rules keep shut", () => {
    const open = operations().filter(([, , { security }]) => security?.length === 0);
    expect(
      open.map(([, path]) => path).filter((path) => !/^\/(healthz|api\/v1\/desk\/(session|contact-check))/.test(path)),
    ).toEqual([]);
    const alerts = description.paths["/api/v1/desk/alerts"]?.["get"]?.security;
    expect(alerts).toContainEqual({ token: ["alerts:read"] });
  });
});

const resolved = (schema: object | undefined): object | undefined => {
  const reference = (schema as { $ref?: string } | undefined)?.$ref;
  return reference === undefined ? schema : description.components.schemas[reference.split("/").at(-1) ?? ""];
};
