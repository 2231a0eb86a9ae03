// SPDX-License-Identifier: Apache-2.0
import type { Problem } from "../api/contract/index.ts";
import { AppError } from "../platform/errors.ts";
import type { ErrorCode } from "../platform/errors.ts";
import { openConfig } from "./config.ts";
import type { Settings } from "./config.ts";
import { askSocket } from "./operator.ts";
import type { Answered } from "./operator.ts";

/** Of a node that rests its desk is opened: what that takes is loaded only then. */
const askDesk = async (
  settings: Settings,
  data: string,
  method: "GET" | "POST",
  url: string,
  body: unknown,
): Promise<Answered> => (await import("./operate-desk.ts")).askDesk(settings, data, method, url, body);

export interface Operate {
  readonly settings: Settings;
  readonly data: string;
  /** Asks the running node, or its desk where none runs. @throws AppError as the API would answer. */
  call<T>(method: "GET" | "POST", url: string, body?: unknown): Promise<T>;
  text(url: string): Promise<string>;
}

/** What the commands at the machine do: the same routes as everybody's, as the operator. */
export const operate = (file: string | undefined, folder?: string): Operate => {
  const settings = openConfig(file, folder);
  const data = settings.path(settings.config.data);
  const ask = async (method: "GET" | "POST", url: string, body: unknown): Promise<Uint8Array> => {
    const answer = (await askSocket(data, method, url, body)) ?? (await askDesk(settings, data, method, url, body));
    if (answer.status < 400) return answer.body;
    const problem = JSON.parse(new TextDecoder().decode(answer.body)) as Problem;
    throw new AppError(problem.code as ErrorCode, problem.detail);
  };
  return {
    settings,
    data,
    call: async <T>(method: "GET" | "POST", url: string, body?: unknown): Promise<T> => {
      const bytes = await ask(method, url, method === "POST" ? (body ?? {}) : undefined);
      return (bytes.length === 0 ? undefined : JSON.parse(new TextDecoder().decode(bytes))) as T;
    },
    text: async (url) => new TextDecoder().decode(await ask("GET", url, undefined)),
  };
};
