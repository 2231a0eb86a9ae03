// SPDX-License-Identifier: Apache-2.0
import { allowToken } from "../access/guard.ts";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createLive } from "../api/live.ts";
import { schemasOf } from "../api/parameters.ts";
import { createApi } from "../api/server.ts";
import { endpoints } from "../api/contract/endpoints.ts";
import type { Problem, QuestionName } from "../api/contract/index.ts";
import { questions } from "../observe/questions.ts";
import { AppError } from "../platform/errors.ts";
import type { ErrorCode } from "../platform/errors.ts";
import { createMetrics } from "../platform/metrics.ts";
import { SensorRegistry } from "../ship/registry.ts";
import { version } from "./attribution.ts";
import type { Settings } from "./config.ts";
import { openObservatory } from "./observatory.ts";
import { askSocket } from "./operator.ts";
import { runningAddress } from "./running.ts";
import { openStore } from "./stores.ts";

/** What `layang ask` can ask: every question of the API, with its parameters. */
export const askable = (Object.keys(endpoints) as QuestionName[]).map((name) => {
  const { params, query } = schemasOf(name);
  const entries = Object.entries({ ...params?.properties, ...query.properties }).filter(([key]) => key !== "format");
  return {
    name,
    about: questions[name].about,
    parameters: entries.map(([key, { description }]) => ({
      name: key,
      about: description ?? "",
      required: [...(params?.required ?? []), ...(query.required ?? [])].includes(key),
    })),
  };
});

export interface Asked {
  readonly type: string;
  readonly body: Uint8Array;
}

const urlOf = (name: QuestionName, parameters: Readonly<Record<string, string>>): string => {
  const rest = new URLSearchParams();
  let path: string = endpoints[name].path;
  for (const [key, value] of Object.entries(parameters)) {
    if (path.includes(`{${key}}`)) path = path.replace(`{${key}}`, encodeURIComponent(value));
    else rest.set(key, value);
  }
  const missing = /\{(\w+)\}/.exec(path)?.[1];
  if (missing !== undefined) throw new AppError("QUERY_PARAMETER", `\`${missing}\` is missing`, { parameter: missing });
  return `${path}?${rest}`;
};

const answered = (status: number, type: string, body: Uint8Array): Asked => {
  if (status === 200) return { type, body };
  const problem = JSON.parse(new TextDecoder().decode(body)) as Problem;
  throw new AppError(problem.code as ErrorCode, problem.detail);
};

/** The answer of the node that runs on this data folder, undefined when none does. */
const askRunning = async ({ config, secret }: Settings, data: string, url: string): Promise<Asked | undefined> => {
  const [address, kept] = ["portal.address", "portal.token"].map((file) => join(data, file)) as [string, string];
  if (!existsSync(address) || (config.portal.token === undefined && !existsSync(kept))) return undefined;
  // A node that was killed left its address behind, and who listens there now is not to be told the token.
  const origin = runningAddress(readFileSync(address, "utf8"));
  if (origin === undefined) return undefined;
  const token = config.portal.token === undefined ? readFileSync(kept, "utf8").trim() : secret(config.portal.token);
  let response: Response;
  try {
    response = await fetch(`${origin}${url}`, {
      headers: { authorization: `Bearer ${token}` },
    });
  } catch {
    // It ends at this moment: the folder is free.
    return undefined;
  }
  return answered(response.status, response.headers.get("content-type") ?? "", await response.bytes());
};

/**
 * Asks one question of a node's data: of the node itself while it runs, else of its store, opened for this one question.
 * @throws AppError as the API would answer.
 */
export const ask = async (
  settings: Settings,
  name: QuestionName,
  parameters: Readonly<Record<string, string>>,
): Promise<Asked> => {
  const data = settings.path(settings.config.data);
  const url = urlOf(name, parameters);
  const there = await askSocket(data, "GET", url);
  if (there !== undefined) return answered(there.status, there.type, there.body);
  const running = await askRunning(settings, data, url);
  if (running !== undefined) return running;
  if (!existsSync(join(data, "chdb")) && settings.config.store.clickhouse === undefined) {
    throw new AppError("DATA_NOT_FOUND", `${data} holds no observatory; name its folder with --data`);
  }
  const { store } = await openStore(settings, data);
  const live = createLive({ run: "ask" });
  // Who stands where is what makes a packet domestic. A replay's folder has no sensors of its own.
  const folder = join(data, "sensors");
  const registry = existsSync(folder) ? { registry: new SensorRegistry(folder) } : {};
  let fault: unknown;
  const api = createApi({
    observatory: openObservatory(store, {
      settings,
      simulated: existsSync(join(data, "simulated")),
      ...registry,
    }),
    live,
    guard: { decide: () => allowToken() },
    portalFolder: null,
    metrics: createMetrics(),
    status: () => ({ name: "Layang", version, started: new Date().toISOString(), attribution: [] }),
    onFault: (error) => (fault = error),
  });
  try {
    const { statusCode, headers, rawPayload } = await api.inject({ method: "GET", url });
    // There is no log that has the details: the person who asks is the operator.
    if (fault instanceof AppError) throw fault;
    return answered(statusCode, String(headers["content-type"]), rawPayload);
  } finally {
    await api.close();
    await store.close();
  }
};
