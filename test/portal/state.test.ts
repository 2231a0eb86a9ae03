// SPDX-License-Identifier: Apache-2.0
// What the portal keeps between two answers, two people and two pages.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { QueryClient } from "@tanstack/query-core";
import { describe, expect, it } from "vitest";
import { keepOf } from "../../portal/src/keep.ts";
import { pointAt } from "../../portal/src/chart/steps.ts";
import { alertsSearch, auditSearch, constituencySearch } from "../../portal/src/desk/search.ts";
import { watchHolder } from "../../portal/src/desk/rights.ts";
import { formatFor } from "../../portal/src/format.ts";
import { undoable } from "../../portal/src/pages/desk/undoable.ts";
import { atTop, placeIn } from "../../portal/src/pages/desk/cursor.ts";
import { joined } from "../../portal/src/pages/desk/joined.ts";
import { sinceLook } from "../../portal/src/pages/sinceLook.ts";
import { gravest } from "../../portal/src/ring/gravest.ts";
import { mayOpen } from "../../portal/src/shell/doors.ts";
import { pressed } from "../../portal/src/shell/pressed.ts";
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
  const pages = ["ring", "alerts", "mine", "warnings", "campaigns", "statistics", "detectors", "people", "audit"];
  const held = roles.filter((role) => role !== "link" && role !== "system");
  const opened = held.map((role) => [
    role,
    pages.filter((page) => mayOpen(session("one", role), page as "ring")).join(" "),
  ]);
  expect(Object.fromEntries(opened)).toEqual({
    administrator: "ring alerts warnings campaigns statistics detectors people audit",
    analyst: "ring alerts warnings campaigns statistics detectors people",
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

it("a timeline that goes on loses no entry between what was unfolded and what is newest", () => {
  const entries = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => ({ id: from + i }));
  // Five newest are told each time; older ones were asked for when 8 was the oldest told.
  const kept = joined(entries(1, 7), entries(8, 12));
  expect(joined(kept, entries(11, 15)).map(({ id }) => id)).toEqual(entries(1, 15).map(({ id }) => id));
  expect(joined([], entries(3, 4))).toEqual(entries(3, 4));
});

it("a day on which nobody was watched any more has no reading, on the curve as in its table", () => {
  const at = (day: number, atRisk: number) => ({ day, atRisk, still: 0.5, low: 0, high: 1, quiet: 0, censored: 0 });
  const points = [at(0, 9), at(3, 4), at(5, 0)];
  expect([0, 2, 4, 5, 60].map((day) => pointAt(points, day)?.day)).toEqual([0, 0, 3, undefined, undefined]);
});

it("a range says its year unless it is this one", () => {
  const year = new Date().getUTCFullYear();
  const said = (of: number) =>
    formatFor("en")
      .range(new Date(Date.UTC(of, 0, 1)), new Date(Date.UTC(of, 3, 1)))
      .replaceAll("\u2009", " ");
  expect(said(year - 2)).toContain(String(year - 2));
  expect(said(year)).toBe("1 Jan, 00:00 – 1 Apr, 00:00 UTC");
  expect(formatFor("th").range(new Date(Date.UTC(2024, 0, 1)), new Date(Date.UTC(2024, 3, 1)))).toContain("2024");
});

it("print is on white paper, whatever theme was chosen", () => {
  const css = readFileSync(join(import.meta.dirname, "../../portal/src/design/tokens.css"), "utf8");
  const print = css.slice(css.indexOf("@media print"));
  // As heavy as the rule that a chosen theme sets, and after it.
  expect(css.indexOf(':root[data-theme="dark"]')).toBeLessThan(css.indexOf("@media print"));
  expect(print).toMatch(/:root\[data-theme\]\s*\{\s*color-scheme: light/);
});

describe("a shortcut", () => {
  const key = (name: string, code: string, shiftKey = false) => pressed({ key: name, code, shiftKey });
  it("is where it is printed, on a layout of another script", () => {
    expect(key("่", "KeyJ")).toBe("j");
    expect(key("ำ", "KeyE")).toBe("e");
    expect(key("ฝ", "Slash")).toBe("/");
    expect(key("ฦ", "Slash", true)).toBe("?");
    expect(key("ま", "KeyJ")).toBe("j");
  });
  it("is the letter, wherever a Latin layout has it", () => {
    // AZERTY: what a US keyboard has as q is printed a.
    expect(key("a", "KeyQ")).toBe("a");
    expect(key("/", "Digit7", true)).toBe("/");
    expect(key("Escape", "Escape")).toBe("Escape");
    expect(key("é", "Digit2")).toBe("é");
  });
});
