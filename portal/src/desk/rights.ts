// SPDX-License-Identifier: Apache-2.0
import type { Session } from "../../../src/api/contract/desk/session.ts";

type Role = Session["roles"][number];
export const hasAny = (session: Session | null | undefined, ...roles: readonly Role[]): boolean =>
  session != null && session.roles.some((role) => roles.includes(role));
export const isStaff = (session: Session | null | undefined): boolean => hasAny(session, "administrator", "analyst");

/** Who sees cases and alerts: all of them, or their own. */
export const knowsDesk = (session: Session | null | undefined): boolean =>
  session?.state === "in" && (isStaff(session) || hasAny(session, "member"));

/** Whose answers a page shows: another person, or the same with other rights, must not find what was shown before. */
export const holderOf = (session: Session | null): string =>
  session?.state === "in"
    ? JSON.stringify([session.person?.id, session.roles, session.organisations.map(({ id }) => id), session.realms])
    : (session?.state ?? "");
const isSession = (key: readonly unknown[]): boolean => key[0] === "desk" && key[1] === "session";
/** What keeps answers: a QueryClient. */
interface Keeper {
  removeQueries(of: { predicate: (one: { readonly queryKey: readonly unknown[] }) => boolean }): void;
}
const holders = new WeakMap<Keeper, string>();
export const hold = (client: Keeper, session: Session | null): void => void holders.set(client, holderOf(session));
export const forget = (client: Keeper): void =>
  client.removeQueries({ predicate: ({ queryKey }) => !isSession(queryKey) });

/** To be told of every answer: a session that another tab ended, or began for somebody else, takes what was shown with it. */
export const watchHolder = (client: Keeper, key: readonly unknown[], answer: unknown): void => {
  if (!isSession(key)) return;
  const before = holders.get(client);
  hold(client, answer as Session | null);
  if (before !== undefined && before !== holders.get(client)) forget(client);
};
