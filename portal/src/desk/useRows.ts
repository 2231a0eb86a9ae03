// SPDX-License-Identifier: Apache-2.0
import { useInfiniteQuery } from "@tanstack/react-query";
import { type ApiError, type Query, address, fetchJson } from "../api.ts";
import { keepOf } from "../keep.ts";

interface Page<R> {
  readonly asked: string;
  readonly total: number;
  readonly next: string | null;
  readonly rows: readonly R[];
}
/**
 * A list of the desk, page after page. It is asked again every `every` milliseconds, so many times rarer as there are pages: as often as one
 * page, however long the list.
 */
export const useRows = <A extends Page<unknown>>(path: string, query: Query, every = 20_000) => {
  const asked = useInfiniteQuery<A, ApiError, { pages: A[] }, unknown[], string | undefined>({
    queryKey: ["desk", path, query],
    queryFn: ({ signal, pageParam }) => fetchJson(address(`desk/${path}`, { ...query, cursor: pageParam }), signal),
    initialPageParam: undefined,
    getNextPageParam: ({ next }) => next ?? undefined,
    refetchInterval: ({ state }) => every * ((state.data as { pages: unknown[] } | undefined)?.pages.length ?? 1),
    placeholderData: keepOf(["desk", path, query]),
  });
  const first = asked.data?.pages[0];
  return {
    asked,
    first,
    /** The first page, when it answers what is asked now: what is said of it in words is not of the question before. */
    said: asked.isPlaceholderData ? undefined : first,
    rows: (asked.data?.pages.flatMap((page) => page.rows) ?? []) as readonly A["rows"][number][],
    more: (): void => {
      if (asked.hasNextPage && !asked.isFetchingNextPage) void asked.fetchNextPage();
    },
  };
};
export interface RowList<R> {
  readonly asked: Pick<
    ReturnType<typeof useRows<Page<unknown>>>["asked"],
    | "isError"
    | "isFetchNextPageError"
    | "error"
    | "refetch"
    | "hasNextPage"
    | "isFetchingNextPage"
    | "isPlaceholderData"
  >;
  readonly first: Page<unknown> | undefined;
  readonly rows: readonly R[];
  readonly more: () => void;
}
