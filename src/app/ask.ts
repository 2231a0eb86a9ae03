// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { schemasOf } from "../api/parameters.ts";
import { endpoints } from "../api/contract/endpoints.ts";
import type { Problem, QuestionName } from "../api/contract/index.ts";
import { questions } from "../observe/questions.ts";
import { AppError } from "../platform/errors.ts";
import type { ErrorCode } from "../platform/errors.ts";
import type { Settings } from "./config.ts";
import { noData } from "./no-data.ts";
import { askSocket } from "./operator.ts";
import { runningAddress } from "./running.ts";

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
    throw noData(data, "observatory");
  }
  // What it takes to open a store is loaded only where it must be opened.
  const { askIdle } = await import("./ask-idle.ts");
  const { status, type, body } = await askIdle(settings, data, url);
  return answered(status, type, body);
};
