// SPDX-License-Identifier: Apache-2.0
import { type UseQueryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import type { Session } from "../../../src/api/contract/desk/session.ts";
import type { Summary } from "../../../src/api/contract/desk/statistics.ts";
import { ApiError } from "../api.ts";
import { deskAsk } from "./client.ts";
import { forget, hold, knowsDesk } from "./rights.ts";

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
    forget(client);
    hold(client, session);
    client.setQueryData(["desk", "session", {}], session);
  };
};

export { hasAny, holderOf, isStaff, knowsDesk } from "./rights.ts";

/** Small figures beside the menu; only who may see cases is told. */
export const useSummary = (): Summary | undefined => {
  const { session } = useSession();
  return useQuery({ ...deskAsk("summary", "summary", {}, 15_000), enabled: knowsDesk(session) }).data;
};
