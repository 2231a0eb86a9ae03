// SPDX-License-Identifier: Apache-2.0
import { questions } from "../observe/questions.ts";
import { LiveEvent, Status } from "./contract/answers.ts";
import { endpoints, livePath, statusPath } from "./contract/endpoints.ts";
import type { QuestionName } from "./contract/index.ts";
import { Problem } from "./contract/shapes.ts";
import { deskOperations } from "./operations.ts";
import type { MountedRoute } from "./operations.ts";
import { schemasOf } from "./parameters.ts";

const problem = {
  description: "What went wrong: RFC 9457, with a code that docs/errors.md explains",
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
};
const plain = (schema: unknown): unknown => JSON.parse(JSON.stringify(schema));

const parametersIn = (name: QuestionName): unknown[] => {
  const { params, query } = schemasOf(name);
  const list = (from: "path" | "query", schema: typeof query | null): unknown[] =>
    Object.entries(schema?.properties ?? {}).map(([parameter, { description, ...rest }]) => ({
      name: parameter,
      in: from,
      required: from === "path" || (schema?.required?.includes(parameter) ?? false),
      description: description ?? parameter,
      schema: plain(rest),
    }));
  return [...list("path", params), ...list("query", query)];
};

const answered = (description: string, content: Record<string, unknown>): unknown => ({
  "200": { description, content },
  default: problem,
});

/** The description of the whole API (OpenAPI 3.1), made from the contract's schemas and the desk's routes as they are mounted. */
export const openApi = (version: string, desk: readonly MountedRoute[]): Record<string, unknown> => {
  const { paths, schemas } = deskOperations(desk, problem);
  return {
    openapi: "3.1.1",
    info: {
      title: "Layang",
      version,
      description:
        "Questions about packets on unused addresses. Every answer says its period, the sensors' coverage and whether the data are simulated. Unknown parameters are refused.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    security: [{ token: [] }, { cookie: [] }],
    paths: {
      ...Object.fromEntries(
        (Object.keys(endpoints) as QuestionName[]).map((name) => [
          endpoints[name].path,
          {
            get: {
              operationId: name.replaceAll(/[/-](\w)/g, (_, letter: string) => letter.toUpperCase()),
              summary: questions[name].about,
              tags: ["questions"],
              parameters: parametersIn(name),
              responses: answered((endpoints[name].answer as { description?: string }).description ?? name, {
                "application/json": { schema: plain(endpoints[name].answer) },
                "text/csv": { schema: { type: "string", description: "the main table, `rows`" } },
                "application/vnd.apache.parquet": { schema: { description: "the main table, `rows`" } },
              }),
            },
          },
        ]),
      ),
      [statusPath]: {
        get: {
          operationId: "status",
          summary: "What this node is, and how far its data reach",
          tags: ["node"],
          responses: answered("Status", { "application/json": { schema: plain(Status) } }),
        },
      },
      [livePath]: {
        get: {
          operationId: "live",
          summary: "Batches as they arrive, as server-sent events",
          tags: ["node"],
          parameters: [
            {
              name: "Last-Event-ID",
              in: "header",
              required: false,
              schema: { type: "string" },
              description: "resumes after this event",
            },
          ],
          responses: answered(
            "`event: batch` with a LiveEvent as data; `event: missed` with {events} when some were left out",
            {
              "text/event-stream": { schema: plain(LiveEvent) },
            },
          ),
        },
      },
      "/api/v1/openapi.json": {
        get: {
          operationId: "openapi",
          summary: "This description",
          tags: ["node"],
          responses: answered("OpenAPI 3.1", { "application/json": { schema: { type: "object" } } }),
        },
      },
      "/metrics": {
        get: {
          operationId: "metrics",
          summary: "Figures for Prometheus",
          tags: ["node"],
          responses: answered("Prometheus text format", { "text/plain": { schema: { type: "string" } } }),
        },
      },
      "/healthz": {
        get: {
          operationId: "health",
          summary: "Whether the node runs; needs no token",
          tags: ["node"],
          security: [],
          responses: answered("It runs", {
            "application/json": { schema: { type: "object", properties: { status: { const: "ok" } } } },
          }),
        },
      },
      ...paths,
    },
    components: {
      securitySchemes: {
        token: {
          type: "http",
          scheme: "bearer",
          description: "an API token of a person's with the scopes that are named, or the token of the printed address",
        },
        cookie: {
          type: "apiKey",
          in: "cookie",
          name: "layang-PORT",
          description: "set by signing in, or by opening the printed address",
        },
        link: {
          type: "apiKey",
          in: "header",
          name: "Authorization",
          description: "`Link` and the secret of a self-help link: one case, no account",
        },
        socket: {
          type: "apiKey",
          in: "header",
          name: "Host",
          description:
            "no header opens these: whoever works at the machine itself reaches them through the socket in the data folder",
        },
      },
      schemas: { ...schemas, Problem: plain(Problem) },
    },
  };
};
