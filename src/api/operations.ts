// SPDX-License-Identifier: Apache-2.0
import type { TSchema } from "typebox";
import { scopeOf } from "../access/rule.ts";
import type { Rule } from "../access/rule.ts";
import * as alerts from "./contract/desk/alerts.ts";
import { deskAbout } from "./contract/desk/about.ts";
import * as audit from "./contract/desk/audit.ts";
import * as campaigns from "./contract/desk/campaigns.ts";
import * as cases from "./contract/desk/cases.ts";
import * as detections from "./contract/desk/detections.ts";
import * as help from "./contract/desk/help.ts";
import { deskEndpoints } from "./contract/desk/index.ts";
import type { DeskName } from "./contract/desk/index.ts";
import * as notices from "./contract/desk/notices.ts";
import * as organisations from "./contract/desk/organisations.ts";
import * as people from "./contract/desk/people.ts";
import * as ring from "./contract/desk/ring.ts";
import * as search from "./contract/desk/search.ts";
import * as session from "./contract/desk/session.ts";
import * as shapes from "./contract/desk/shapes.ts";
import * as statistics from "./contract/desk/statistics.ts";
import * as unclaimed from "./contract/desk/unclaimed.ts";
import * as warning from "./contract/desk/warning.ts";
import type { DeskEndpoint } from "./desk/route.ts";

/** A route as it was mounted: the endpoint whose schemas guard it, and who may. */
export interface MountedRoute {
  readonly endpoint: DeskEndpoint;
  readonly rule: Rule;
}

const isObject = (value: unknown): value is TSchema =>
  typeof value === "object" && value !== null && (value as { type?: unknown }).type === "object";
/** The contract's shapes by their names: described once, and named wherever else they are part of something. */
const named = new Map<unknown, string>();
for (const room of [
  alerts,
  audit,
  campaigns,
  cases,
  detections,
  help,
  notices,
  organisations,
  people,
  ring,
  search,
  session,
  shapes,
  statistics,
  unclaimed,
  warning,
]) {
  for (const [name, value] of Object.entries(room)) if (isObject(value) && !named.has(value)) named.set(value, name);
}

/** A schema as plain JSON, with references for the shapes that have a name; `used` learns which. */
const described = (schema: unknown, used: Set<unknown>, whole = false): unknown => {
  if (Array.isArray(schema)) return schema.map((one) => described(one, used));
  if (typeof schema !== "object" || schema === null) return schema;
  const name = named.get(schema);
  if (name !== undefined && !whole) {
    used.add(schema);
    return { $ref: `#/components/schemas/${name}` };
  }
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, described(value, used)]));
};

const names = new Map(
  (Object.keys(deskEndpoints) as DeskName[]).map((name) => [
    `${deskEndpoints[name].method} ${deskEndpoints[name].path}`,
    name,
  ]),
);
const camel = (text: string): string =>
  text.replaceAll(/[^A-Za-z0-9]+(\w)/g, (_, letter: string) => letter.toUpperCase());
/** `getCasesCaseTimeline`: unique, for a method and path are. */
const idOf = ({ method, path }: DeskEndpoint): string =>
  camel(`${method.toLowerCase()}${path.replace(/^\/api\/v1(\/desk)?/, "").replaceAll(/[{}]/g, "")}`);

const parameters = (endpoint: DeskEndpoint, used: Set<unknown>): unknown[] =>
  (["params", "query"] as const).flatMap((from) => {
    const schema = endpoint[from] as
      | { properties?: Record<string, { description?: string }>; required?: readonly string[] }
      | undefined;
    return Object.entries(schema?.properties ?? {}).map(([name, { description, ...rest }]) => ({
      name,
      in: from === "params" ? "path" : "query",
      required: from === "params" || (schema?.required?.includes(name) ?? false),
      description: description ?? name,
      schema: described(rest, used),
    }));
  });

const security = ({ endpoint, rule }: MountedRoute): unknown[] => {
  if (rule.who === "anyone") return [];
  if (rule.who.includes("link")) return [{ link: [] }];
  if (rule.who.includes("system")) return [{ socket: [] }];
  const scope = scopeOf(rule, endpoint.method, endpoint.path);
  return [{ cookie: [] }, ...(scope === null ? [] : [{ token: [scope] }])];
};

/** Paths and shapes of the desk as this node has them: made of the routes that are mounted, so that nothing else is said. */
export const deskOperations = (
  routes: readonly MountedRoute[],
  problem: unknown,
): { readonly paths: Record<string, Record<string, unknown>>; readonly schemas: Record<string, unknown> } => {
  const used = new Set<unknown>();
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const { endpoint, rule } = route;
    const { method, path, answer, media, redirects } = endpoint;
    const name = names.get(`${method} ${path}`);
    const summary = endpoint.about ?? (name === undefined ? undefined : deskAbout[name]);
    const said = (answer as { description?: string } | undefined)?.description ?? summary ?? "";
    const done =
      redirects === true
        ? { "303": { description: said } }
        : answer !== undefined
          ? {
              "200": {
                description: said,
                content: { [media ?? "application/json"]: { schema: described(answer, used) } },
              },
            }
          : media !== undefined
            ? { "200": { description: said, content: { [media]: { schema: { type: "string" } } } } }
            : { "204": { description: said } };
    (paths[path] ??= {})[method.toLowerCase()] = {
      operationId: idOf(endpoint),
      summary,
      tags: [path.split("/")[path.startsWith(`${shapes.base}/`) ? 4 : 3] ?? "desk"],
      security: security(route),
      "x-roles": rule.who === "anyone" ? ["anyone"] : rule.who,
      parameters: parameters(endpoint, used),
      ...(method === "GET" || endpoint.body === undefined
        ? {}
        : {
            requestBody: {
              required: true,
              content: { "application/json": { schema: described(endpoint.body, used) } },
            },
          }),
      responses: { ...done, default: problem },
    };
  }
  const schemas: Record<string, unknown> = {};
  // A set that grows while it is walked is walked to its end.
  for (const schema of used) schemas[named.get(schema) ?? ""] = described(schema, used, true);
  return { paths, schemas };
};
