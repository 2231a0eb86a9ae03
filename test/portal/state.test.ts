// SPDX-License-Identifier: Apache-2.0
// What the portal keeps between two answers, two people and two pages.
import { QueryClient } from "@tanstack/react-query";
import { describe, expect, it } from "vitest";
import { keepOf } from "../../portal/src/api.ts";
import { alertsSearch, auditSearch, constituencySearch } from "../../portal/src/desk/search.ts";
import { watchHolder } from "../../portal/src/desk/session.ts";
import { undoable } from "../../portal/src/pages/desk/acting.ts";
import { atTop, placeIn } from "../../portal/src/pages/desk/cursor.ts";
import { sinceLook } from "../../portal/src/pages/lastLook.ts";
import { gravest } from "../../portal/src/ring/gravest.ts";
import { mayOpen } from "../../portal/src/shell/Menu.tsx";
import type { Session } from "../../src/api/contract/desk/session.ts";
import { roles } from "../../src/model/actor.ts";

const rows = (...ids: string[]) => ids.map((id) => ({ id }));
const session = (person: string, ...held: Session["roles"]): Session =>
  ({
    state: "in",
    person: { id: person, name: person, mail: null, language: "en" },
    roles: held,
    organisations: [],
    realms: [],
  }) as unknown as Session;

describe("the cursor of a board", () => {
  it("stays on its alert when others come in above it, and at its place when that is gone", () => {
    const cursor = { place: 1, id: "b" };
    expect(placeIn(rows("a", "b", "c"), cursor)).toBe(1);
    expect(placeIn(rows("x", "y", "a", "b", "c"), cursor)).toBe(3);
    expect(placeIn(rows("a", "c"), cursor)).toBe(1);
    expect(placeIn(rows("a"), cursor)).toBe(0);
    expect(placeIn([], cursor)).toBe(0);
    expect(placeIn(rows("x", "a"), atTop)).toBe(0);
  });
  it("takes back what was done, not what somebody else had done before", () => {
    const alerts = [
      { id: "a", version: 1 },
      { id: "b", version: 4 },
    ];
    const action = { action: "close", alerts, outcome: "cleaned" } as const;
    expect(undoable({ action, done: 1, refused: [{ id: "b", code: "CHANGED", detail: "" }] })).toEqual([alerts[0]]);
  });
});

it("an answer stays while the next is asked for, if it is about the same thing in the same exercise", () => {
  const asked = (...queryKey: unknown[]) => ({ queryKey });
  const keep = keepOf(["desk", "cases/13", { language: "th" }]);
  expect(keep("shown", asked("desk", "cases/13", { language: "en" }))).toBe("shown");
  expect(keep("shown", asked("desk", "cases/12", { language: "th" }))).toBeUndefined();
  expect(keep("shown", undefined)).toBeUndefined();
  const alerts = keepOf(["desk", "alerts", { state: "new", exercise: "drill-1" }]);
  expect(alerts("shown", asked("desk", "alerts", { exercise: "drill-1" }))).toBe("shown");
  expect(alerts("shown", asked("desk", "alerts", { state: "new" }))).toBeUndefined();
});

it("what one person was shown is gone when another holds the session, also by another tab", () => {
  const client = new QueryClient();
  const key = ["desk", "session", {}];
  const tell = (now: Session): void => {
    client.setQueryData(key, now);
    watchHolder(client, key, now);
  };
  tell(session("ana", "analyst"));
  client.setQueryData(["desk", "cases/12", {}], { secret: true });
  tell({ ...session("ana", "analyst"), expires: "2026-11-27T10:00:00Z" });
  expect(client.getQueryData(["desk", "cases/12", {}])).toBeDefined();
  tell(session("ben", "member"));
  expect(client.getQueryData(["desk", "cases/12", {}])).toBeUndefined();
  expect(client.getQueryData(key)).toBeDefined();
  // The same person with other rights is another reader.
  client.setQueryData(["desk", "alerts", {}], { secret: true });
  tell(session("ben", "observer"));
  expect(client.getQueryData(["desk", "alerts", {}])).toBeUndefined();
});

it("addresses keep what people search for, in any script and with a company's signs", () => {
  for (const q of ["โรงพยาบาลกรุงเทพ", "株式会社・桐(東京)", "PT Telkom (Persero), Tbk", "AT&T", "O'Brien", "23/tcp"]) {
    expect(alertsSearch({ q }).q, q).toBe(q);
    expect(constituencySearch({ q }).q, q).toBe(q);
  }
  expect(auditSearch({ actor: "person:u_1", subject: "สายด่วน #4" })).toMatchObject({
    actor: "person:u_1",
    subject: "สายด่วน #4",
  });
  for (const q of ["a\u0000b", "a\nb", "a".repeat(101), ""]) expect(alertsSearch({ q }).q).toBeUndefined();
});

it("menu and keys name the pages that a role may open, and no others", () => {
  const pages = ["ring", "alerts", "mine", "warnings", "campaigns", "statistics", "detectors", "unclaimed", "audit"];
  const held = roles.filter((role) => role !== "link" && role !== "system");
  const opened = held.map((role) => [
    role,
    pages.filter((page) => mayOpen(session("one", role), page as "ring")).join(" "),
  ]);
  expect(Object.fromEntries(opened)).toEqual({
    administrator: "ring alerts warnings campaigns statistics detectors unclaimed audit",
    analyst: "ring alerts warnings campaigns statistics detectors unclaimed",
    "sensor-host": "",
    member: "alerts mine warnings campaigns statistics",
    researcher: "warnings campaigns statistics detectors",
    observer: "statistics",
  });
  expect(mayOpen({ ...session("one", "administrator"), state: "factor" }, "alerts")).toBe(false);
});

it("news since the last look go on while the page stays open", () => {
  const opened = Date.parse("2026-11-27T08:02:00Z");
  const left = Date.parse("2026-11-26T17:33:00Z");
  const hours = (n: number): number => opened + n * 3_600_000;
  expect(sinceLook(left, opened, opened)).toEqual({ from: "2026-11-26T17:30:00Z", to: "2026-11-27T08:05:00Z" });
  expect(sinceLook(left, opened, hours(8))).toEqual({ from: "2026-11-26T17:30:00Z", to: "2026-11-27T16:05:00Z" });
  // An hour at least, and still that hour when the day is over.
  expect(sinceLook(opened - 60_000, opened, hours(8)).from).toBe("2026-11-27T07:00:00Z");
  expect(sinceLook(left, opened, hours(24 * 9)).from).toBe("2026-11-29T08:00:00Z");
});

it("an anomaly at the edge of the screen is not pushed away by a lesser one", () => {
  const newest = [
    { id: 3, severity: "low" },
    { id: 2, severity: "critical" },
    { id: 1, severity: "critical" },
  ] as const;
  expect(gravest(newest)).toEqual(newest[1]);
  expect(gravest([])).toBeUndefined();
});
