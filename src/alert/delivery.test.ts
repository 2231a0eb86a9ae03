// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { hour, minute } from "./alert.ts";
import { defaultPreferences, deliveryOf, dueAt, isTimeZone, localTime, nextDigest, wantsReminder } from "./delivery.ts";
import type { IsHoliday, Preferences } from "./delivery.ts";

const at = (iso: string): number => Date.parse(iso) * 1000;
const iso = (time: number | undefined): string => new Date((time ?? 0) / 1000).toISOString();
const none: IsHoliday = () => false;
const jakarta: Preferences = {
  ...defaultPreferences,
  timeZone: "Asia/Jakarta",
  rules: [
    { kind: "scanning-host", severity: "low", how: "digest" },
    { kind: null, severity: "high", how: "immediate" },
    { kind: "dos-victim", severity: "low", how: "never" },
    { kind: null, severity: "low", how: "immediate" },
  ],
  quiet: { from: 22, to: 7 },
  holidays: "ID",
  digest: { every: "weekdays", hour: 9 },
};
const due = (
  severity: "low" | "medium" | "high" | "critical",
  now: string,
  kind: "infected-host" | "scanning-host" | "dos-victim" = "infected-host",
  isHoliday = none,
) => dueAt(jakarta, kind, severity, at(now), isHoliday);

it("takes the first rule that fits kind and severity", () => {
  expect(deliveryOf(jakarta, "scanning-host", "critical")).toBe("digest");
  expect(deliveryOf(jakarta, "dos-victim", "high")).toBe("immediate");
  expect(deliveryOf(jakarta, "dos-victim", "medium")).toBe("never");
  expect(deliveryOf({ ...jakarta, rules: [] }, "dos-victim", "low")).toBe("immediate");
  expect(due("medium", "2026-06-01T03:00:00Z", "dos-victim")).toBeNull();
});

it("keeps quiet hours on the recipient's own clock, but for what is critical", () => {
  // 23:10 in Jakarta: until 07:00 there.
  expect(iso(due("medium", "2026-06-01T16:10:00Z")?.due)).toBe("2026-06-02T00:00:00.000Z");
  expect(due("critical", "2026-06-01T16:10:00Z")).toEqual({ delivery: "immediate", due: at("2026-06-01T16:10:00Z") });
  expect(due("medium", "2026-06-01T03:00:00Z")?.due).toBe(at("2026-06-01T03:00:00Z"));
});

it("waits for the end of a holiday there, which begins and ends at its own midnight", () => {
  const pancasila = (country: string, date: string): boolean => country === "ID" && date === "2026-06-01";
  // 31 May 18:30 UTC is 1 June 01:30 in Jakarta.
  expect(iso(due("medium", "2026-05-31T18:30:00Z", "infected-host", pancasila)?.due)).toBe("2026-06-02T00:00:00.000Z");
  expect(iso(due("critical", "2026-05-31T18:30:00Z", "infected-host", pancasila)?.due)).toBe(
    "2026-05-31T18:30:00.000Z",
  );
});

it("sends digests on weekdays at nine there", () => {
  // Friday 5 June 2026, after nine: Monday.
  expect(due("low", "2026-06-05T03:00:00Z", "scanning-host")).toEqual({
    delivery: "digest",
    due: at("2026-06-08T02:00:00Z"),
  });
  expect(iso(nextDigest({ ...jakarta, digest: { every: "week", hour: 9 } }, at("2026-06-08T03:00:00Z"), none))).toBe(
    "2026-06-15T02:00:00.000Z",
  );
  expect(iso(nextDigest({ ...jakarta, digest: { every: "day", hour: 0 } }, at("2026-06-08T03:00:00Z"), none))).toBe(
    "2026-06-08T17:00:00.000Z",
  );
});

it("sends the week's digest on its first working day", () => {
  const weekly: Preferences = { ...jakarta, digest: { every: "week", hour: 9 } };
  const next = (now: string, ...off: string[]): string =>
    iso(nextDigest(weekly, at(now), (_country, date) => off.includes(date)));
  // Saturday 6 June 2026; Monday the 8th is a holiday, then Tuesday too.
  expect(next("2026-06-06T03:00:00Z", "2026-06-08")).toBe("2026-06-09T02:00:00.000Z");
  expect(next("2026-06-06T03:00:00Z", "2026-06-08", "2026-06-09")).toBe("2026-06-10T02:00:00.000Z");
  // A holiday in the middle of a week moves nothing, nor does one of a recipient who keeps none.
  expect(next("2026-06-08T03:00:00Z", "2026-06-09")).toBe("2026-06-15T02:00:00.000Z");
  const always = nextDigest({ ...weekly, holidays: null }, at("2026-06-06T03:00:00Z"), () => true);
  expect(iso(always)).toBe("2026-06-08T02:00:00.000Z");
});

it("knows changes of the clock, half-hour zones and who is never there", () => {
  // Berlin springs from 02:00 to 03:00 on 29 March 2026: quiet until 7 local, once UTC+1, once UTC+2.
  const berlin = { ...jakarta, timeZone: "Europe/Berlin", holidays: null };
  expect(iso(dueAt(berlin, "infected-host", "low", at("2026-03-27T23:00:00Z"), none)?.due)).toBe(
    "2026-03-28T06:00:00.000Z",
  );
  expect(iso(dueAt(berlin, "infected-host", "low", at("2026-03-28T23:00:00Z"), none)?.due)).toBe(
    "2026-03-29T05:00:00.000Z",
  );
  expect(localTime(at("2026-06-01T00:00:00Z"), "Asia/Yangon")).toEqual({
    date: "2026-06-01",
    weekday: 1,
    minutes: 390,
  });
  const always = dueAt({ ...jakarta, holidays: "ID" }, "infected-host", "low", at("2026-06-01T00:00:00Z"), () => true);
  expect((always?.due ?? 0) - at("2026-06-01T00:00:00Z")).toBeLessThanOrEqual(17 * 24 * hour);
  expect([isTimeZone("Asia/Bangkok"), isTimeZone("Asia/Nowhere"), isTimeZone("x".repeat(99))]).toEqual([
    true,
    false,
    false,
  ]);
});

it("sends one digest a day where the clock leaves its hour out, and where it has it twice", () => {
  const berlin = { ...jakarta, timeZone: "Europe/Berlin", holidays: null, digest: { every: "day", hour: 2 } } as const;
  // 2 o'clock is left out on 29 March 2026, and comes twice on 25 October.
  expect(iso(nextDigest(berlin, at("2026-03-28T12:00:00Z"), none))).toBe("2026-03-29T01:00:00.000Z");
  expect(iso(nextDigest(berlin, at("2026-10-24T12:00:00Z"), none))).toBe("2026-10-25T00:00:00.000Z");
  expect(iso(nextDigest(berlin, at("2026-10-25T00:00:00Z"), none))).toBe("2026-10-26T01:00:00.000Z");
  // Midnight is left out in Cairo on 24 April 2026.
  const cairo = { ...berlin, timeZone: "Africa/Cairo", digest: { every: "day", hour: 0 } } as const;
  expect(iso(nextDigest(cairo, at("2026-04-23T12:00:00Z"), none))).toBe("2026-04-23T22:00:00.000Z");
});

it("reminds once in each of the recipient's terms", () => {
  const notified = at("2026-06-01T00:00:00Z");
  const days = Array.from({ length: 22 }, (_, day) => notified + day * 24 * hour + minute);
  const told = days.filter(
    (now, i) => i > 0 && wantsReminder({ ...jakarta, threshold: 168 }, notified, days[i - 1] ?? 0, now),
  );
  expect(told.map((time) => Math.floor((time - notified) / 24 / hour))).toEqual([7, 14, 21]);
});

it("begins its terms when the notice was accepted, however long before that it was decided", () => {
  const decided = at("2026-06-01T00:00:00Z");
  for (const after of [2_000_000, 9 * hour]) {
    const days = Array.from({ length: 9 }, (_, day) => decided + day * 24 * hour);
    const told = days.filter(
      (now, i) => i > 0 && wantsReminder({ ...jakarta, threshold: 168 }, decided + after, days[i - 1] ?? 0, now),
    );
    expect(told.map((time) => (time - decided) / 24 / hour)).toEqual([8]);
  }
});
