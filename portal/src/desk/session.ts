// SPDX-License-Identifier: Apache-2.0
import { type QueryClient, type UseQueryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import type { Session } from "../../../src/api/contract/desk/session.ts";
import type { Summary } from "../../../src/api/contract/desk/statistics.ts";
import { ApiError } from "../api.ts";
import { deskAsk } from "./client.ts";

const minute = 60_000;
/** Who asks. `null`: this node has no desk; undefined: not known yet. */
export const useSession = (): { session: Session | null | undefined; failed: ApiError | undefined } => {
  const asked = useQuery({
    ...(deskAsk("session", "session", {}, minute) as unknown as UseQueryOptions<Session | null, ApiError>),
    staleTime: minute / 2,
  });
  if (asked.data !== undefined) return { session: asked.data, failed: undefined };
  if (asked.error instanceof ApiError && asked.error.status === 404) return { session: null, failed: undefined };
  return { session: undefined, failed: asked.error ?? undefined };
};
/** Whose answers a page shows: another person, or the same with other rights, must not find what was shown before. */
export const holderOf = (session: Session | null): string =>
  session?.state === "in"
    ? JSON.stringify([session.person?.id, session.roles, session.organisations.map(({ id }) => id), session.realms])
    : (session?.state ?? "");
const isSession = (key: readonly unknown[]): boolean => key[0] === "desk" && key[1] === "session";
const holders = new WeakMap<QueryClient, string>();
const forget = (client: QueryClient): void =>
  client.removeQueries({ predicate: ({ queryKey }) => !isSession(queryKey) });

/** To be told of every answer: a session that another tab ended, or began for somebody else, takes what was shown with it. */
export const watchHolder = (client: QueryClient, key: readonly unknown[], answer: unknown): void => {
  if (!isSession(key)) return;
  const holder = holderOf(answer as Session | null);
  const before = holders.get(client);
  holders.set(client, holder);
  if (before !== undefined && before !== holder) forget(client);
};
/** Puts a new session in place of the old one and forgets what the old one had seen. */
export const useTakeSession = () => {
  const client = useQueryClient();
  return (session: Session): void => {
    forget(client);
    holders.set(client, holderOf(session));
    client.setQueryData(["desk", "session", {}], session);
  };
};

type Role = Session["roles"][number];
export const hasAny = (session: Session | null | undefined, ...roles: readonly Role[]): boolean =>
  session != null && session.roles.some((role) => roles.includes(role));
export const isStaff = (session: Session | null | undefined): boolean => hasAny(session, "administrator", "analyst");

/** Who sees cases and alerts: all of them, or their own. */
export const knowsDesk = (session: Session | null | undefined): boolean =>
  session?.state === "in" && (isStaff(session) || hasAny(session, "member"));

/** Small figures beside the menu; only who may see cases is told. */
export const useSummary = (): Summary | undefined => {
  const { session } = useSession();
  return useQuery({ ...deskAsk("summary", "summary", {}, 15_000), enabled: knowsDesk(session) }).data;
};
