// SPDX-License-Identifier: Apache-2.0
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import type { DeskAnswer, DeskBody, DeskName, DeskQuery } from "../../../src/api/contract/desk/index.ts";
import type { Problem } from "../../../src/api/contract/shapes.ts";
import { ApiError, type Query, address, fetchJson } from "../api.ts";
import { keepOf } from "../keep.ts";

/** `{alert}` in a path of the contract takes the value of `alert`. */
const filled = (path: string, values: Readonly<Record<string, string | number>> = {}): string =>
  path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(values[name] ?? "")));

/** A question to the desk; `path` stands under /api/v1/desk. Asked again every `every` milliseconds when given. */
export const deskAsk = <N extends DeskName>(
  _name: N,
  path: string,
  query: DeskQuery<N> | Record<string, never> = {},
  every?: number,
) =>
  queryOptions<DeskAnswer<N>, ApiError>({
    queryKey: ["desk", path, query],
    queryFn: ({ signal }) => fetchJson<DeskAnswer<N>>(address(`desk/${path}`, query as Query), signal),
    placeholderData: keepOf(["desk", path, query]),
    ...(every === undefined ? {} : { refetchInterval: every }),
  });

/** Sends one change. `link` is the secret of a self-help page. */
export const deskSend = async <N extends DeskName>(
  _name: N,
  path: string,
  body: DeskBody<N>,
  link?: string,
): Promise<DeskAnswer<N>> => {
  let response: Response;
  try {
    response = await fetch(address(`desk/${path}`), {
      method: "POST",
      headers: {
        accept: "application/json",
        "content-type": "application/json",
        ...(link === undefined ? {} : { authorization: `Link ${link}` }),
      },
      credentials: "same-origin",
      body: JSON.stringify(body),
    });
  } catch (error) {
    throw new ApiError("UNREACHABLE", 0, error instanceof Error ? error.message : String(error));
  }
  if (response.ok) return (await response.json()) as DeskAnswer<N>;
  const problem = (await response.json().catch(() => ({}))) as Partial<Problem>;
  throw new ApiError(
    problem.code ?? `HTTP_${response.status}`,
    response.status,
    problem.detail ?? problem.title ?? response.statusText,
    problem.suggestion,
  );
};

export interface Change<N extends DeskName> {
  readonly path: string;
  readonly body: DeskBody<N>;
}
/** A change as a mutation: when it is done, everything shown of the desk is asked again. */
export const useSend = <N extends DeskName>(name: N, done?: (answer: DeskAnswer<N>, change: Change<N>) => void) => {
  const client = useQueryClient();
  return useMutation<DeskAnswer<N>, ApiError, Change<N>>({
    mutationFn: ({ path, body }) => deskSend(name, path, body),
    onSuccess: (answer, change) => {
      done?.(answer, change);
      return client.invalidateQueries({ queryKey: ["desk"] });
    },
    // What was refused may have been changed by somebody else: show what holds now.
    onError: () => void client.invalidateQueries({ queryKey: ["desk"] }),
  });
};
export { filled };
