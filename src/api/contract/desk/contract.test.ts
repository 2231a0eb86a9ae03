// SPDX-License-Identifier: Apache-2.0
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { describe, expect, it } from "vitest";
import { endpoints } from "../endpoints.ts";
import { deskEndpoints } from "./index.ts";
import type { Endpoint } from "./shapes.ts";

const all = Object.entries(deskEndpoints as Record<string, Endpoint>);
/** Every schema inside one, with its place. */
const inside = (schema: unknown, place: string): [string, Record<string, unknown>][] =>
  typeof schema !== "object" || schema === null
    ? []
    : [
        ...(Array.isArray(schema)
          ? []
          : [[place, schema as Record<string, unknown>] as [string, Record<string, unknown>]]),
        ...Object.entries(schema).flatMap(([name, one]) => inside(one, `${place}.${name}`)),
      ];

describe("the desk's contract", () => {
  it("has one endpoint for a method and path, all under one address", () => {
    const named = all.map(([, { method, path }]) => `${method} ${path}`);
    expect(new Set(named).size).toBe(named.length);
    expect(named.filter((one) => !/^(GET|POST) \/api\/v1\/desk\/[a-z{}/-]+$/.test(one))).toEqual([]);
    expect(all.filter(([name]) => Object.hasOwn(endpoints, name) && name !== "unclaimed")).toEqual([]);
  });
  it.each(all)(
    "%s names the parameters of its path, and only GET has a query",
    (_name, { method, path, params, query, body }) => {
      const wanted = [...path.matchAll(/\{(\w+)\}/g)].map(([, one]) => one);
      expect(Object.keys((params as { properties?: object } | undefined)?.properties ?? {})).toEqual(wanted);
      expect(method === "GET" ? body : query).toBeUndefined();
      if (method === "POST") expect(body).toBeDefined();
    },
  );
  it.each(all)("%s is strict and bounded, whatever comes in", (name, { params, query, body }) => {
    const found = [params, query, body].flatMap((schema) => inside(schema, name));
    const loose = found.filter(
      ([, schema]) =>
        (schema["type"] === "object" &&
          schema["additionalProperties"] !== false &&
          schema["patternProperties"] === undefined) ||
        (schema["type"] === "array" && schema["maxItems"] === undefined) ||
        (schema["type"] === "string" &&
          schema["maxLength"] === undefined &&
          schema["enum"] === undefined &&
          schema["format"] === undefined &&
          schema["const"] === undefined &&
          !/\{\d+(,\d+)?\}\$?$|\{\d+(,\d+)?\}\)?\$$/.test(String(schema["pattern"] ?? ""))),
    );
    expect(loose.map(([place]) => place)).toEqual([]);
  });
  it.each(all)("%s answers with bounded lists", (name, { answer }) => {
    const open = inside(answer, name).filter(
      ([, schema]) =>
        (schema["type"] === "array" && schema["maxItems"] === undefined) ||
        (schema["type"] === "object" && schema["properties"] !== undefined && schema["additionalProperties"] !== false),
    );
    expect(open.map(([place]) => place)).toEqual([]);
  });
  it("compiles in the validator that the doors use", () => {
    const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
    formats.default(ajv);
    for (const [, { params, query, body, answer }] of all) {
      for (const schema of [params, query, body, answer]) {
        if (schema !== undefined) expect(() => ajv.compile(JSON.parse(JSON.stringify(schema)) as object)).not.toThrow();
      }
    }
  });
});
