// SPDX-License-Identifier: Apache-2.0
import { queryOptions } from "@tanstack/react-query";
import type { Problem } from "../../src/api/contract/shapes.ts";
import { keepOf } from "./keep.ts";

export type Query = Readonly<Record<string, string | number | undefined>>;

/** An answer other than 2xx, or none at all. `code` is the API's, or `UNREACHABLE` when no answer came. */
export class ApiError extends Error {
  readonly code: string;
  readonly status: number;
  readonly suggestion: string | undefined;
  constructor(code: string, status: number, detail: string, suggestion?: string) {
    super(detail);
    this.code = code;
    this.status = status;
    this.suggestion = suggestion;
  }
}

/** Address of a question; parameters without a value are left out, so that equal questions have equal addresses. */
export const address = (path: string, query: Query = {}): string => {
  const text = new URLSearchParams(
    Object.entries(query).flatMap(([name, value]) =>
      value === undefined || value === "" ? [] : [[name, String(value)] satisfies [string, string]],
    ),
  ).toString();
  return `/api/v1/${path}${text === "" ? "" : `?${text}`}`;
};

/** An answer that is to what is asked now: what is said of it in words must not be of the question before. */
export const answered = <A>(asked: {
  readonly data: A | undefined;
  readonly isPlaceholderData: boolean;
}): A | undefined => (asked.isPlaceholderData ? undefined : asked.data);

export const fetchJson = async <T>(path: string, signal: AbortSignal): Promise<T> => {
  let response: Response;
  try {
    response = await fetch(path, { signal, headers: { accept: "application/json" }, credentials: "same-origin" });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new ApiError("UNREACHABLE", 0, error instanceof Error ? error.message : String(error));
  }
  // 204: there is no such thing here, and that is no fault.
  if (response.status === 204) return null as T;
  if (response.ok) return (await response.json()) as T;
  const problem = (await response.json().catch(() => ({}))) as Partial<Problem>;
  throw new ApiError(
    problem.code ?? `HTTP_${response.status}`,
    response.status,
    problem.detail ?? problem.title ?? response.statusText,
    problem.suggestion,
  );
};

/** One question to the node. */
export const ask = <T>(path: string, query: Query = {}, every?: number) =>
  queryOptions<T, ApiError>({
    queryKey: [path, query],
    queryFn: ({ signal }) => fetchJson<T>(address(path, query), signal),
    placeholderData: keepOf([path, query]),
    ...(every === undefined ? {} : { refetchInterval: every }),
  });
