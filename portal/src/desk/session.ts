// SPDX-License-Identifier: Apache-2.0
import { type UseQueryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
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
/** Puts a new session in place of the old one and forgets what the old one had seen. */
export const useTakeSession = () => {
  const client = useQueryClient();
  return (session: Session): void => {
    client.removeQueries({ predicate: ({ queryKey }) => !(queryKey[0] === "desk" && queryKey[1] === "session") });
    client.setQueryData(["desk", "session", {}], session);
  };
};

type Role = Session["roles"][number];
export const hasAny = (session: Session | null | undefined, ...roles: readonly Role[]): boolean =>
  session != null && session.roles.some((role) => roles.includes(role));
export const isStaff = (session: Session | null | undefined): boolean => hasAny(session, "administrator", "analyst");

/** Small figures beside the menu; only who may see cases is told. */
export const useSummary = (): Summary | undefined => {
  const { session } = useSession();
  const may = session?.state === "in" && (isStaff(session) || hasAny(session, "member"));
  return useQuery({ ...deskAsk("summary", "summary", {}, 15_000), enabled: may }).data;
};
