// SPDX-License-Identifier: Apache-2.0
import type { Session } from "../../../src/api/contract/desk/session.ts";
import { hasAny } from "../desk/rights.ts";

export const observatory = [
  ["/", "now"],
  ["/ports", "ports"],
  ["/networks", "networks"],
  ["/sensors", "sensors"],
  ["/explore", "explore"],
  ["/reports", "reports"],
] as const;
export const desk = [
  ["/ring", "ring"],
  ["/alerts", "alerts"],
  ["/cases", "cases"],
  ["/mine", "mine"],
  ["/inbox", "inbox"],
  ["/warnings", "warnings"],
  ["/campaigns", "campaigns"],
  ["/statistics", "statistics"],
] as const;
export const node = [
  ["/constituency", "constituency"],
  ["/unclaimed", "unclaimed"],
  ["/notices", "notices"],
  ["/detectors", "detectors"],
  ["/people", "people"],
  ["/audit", "audit"],
  ["/account", "account"],
] as const;
export type Page = (typeof observatory | typeof desk | typeof node)[number][1];
export const isObservatory = (page: Page): page is (typeof observatory)[number][1] =>
  observatory.some(([, name]) => name === page);

type Role = Session["roles"][number];
const staff = ["administrator", "analyst"] as const satisfies readonly Role[];
/** Whose roles open a page, as its doors have it. */
const doors: Readonly<Record<Exclude<(typeof desk | typeof node)[number][1], "account">, readonly Role[]>> = {
  ring: staff,
  alerts: [...staff, "member"],
  cases: [...staff, "member"],
  mine: ["member"],
  inbox: ["member"],
  warnings: [...staff, "member", "researcher"],
  campaigns: [...staff, "member", "researcher"],
  statistics: [...staff, "member", "researcher", "observer"],
  constituency: staff,
  unclaimed: staff,
  notices: staff,
  detectors: [...staff, "researcher"],
  people: staff,
  audit: ["administrator"],
};
/** What who asks may open. The doors decide; menu and keys only leave out what would answer no. */
export const mayOpen = (session: Session | null | undefined, page: Page): boolean => {
  if (isObservatory(page)) return session == null || session.state === "in";
  if (session == null || session.state !== "in") return false;
  return page === "account" ? session.person !== null && !session.demo : hasAny(session, ...doors[page]);
};
