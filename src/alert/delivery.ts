// SPDX-License-Identifier: Apache-2.0
import type { DetectionKind } from "../model/detection.ts";
import { minute, severities } from "./alert.ts";
import type { Severity } from "./alert.ts";

export const deliveries = ["immediate", "digest", "inbox", "never"] as const;
export type Delivery = (typeof deliveries)[number];

/** The first rule that fits decides. */
export interface DeliveryRule {
  /** Null: every kind. */
  readonly kind: DetectionKind | null;
  /** This severity and above. */
  readonly severity: Severity;
  readonly how: Delivery;
}

/** How one organisation wants to be told. Hours are of its own clock. */
export interface Preferences {
  /** BCP 47; a contact's own language goes first. */
  readonly language: string;
  /** IANA name. */
  readonly timeZone: string;
  readonly rules: readonly DeliveryRule[];
  readonly digest: { readonly every: "day" | "week" | "weekdays"; readonly hour: number };
  /** In these hours nothing leaves but what is critical; may go over midnight. Null: none. */
  readonly quiet: { readonly from: number; readonly to: number } | null;
  /** Economy whose public holidays are days on which nothing leaves but what is critical; null: none. */
  readonly holidays: string | null;
  /** Hours between two notices of one infection that goes on. */
  readonly threshold: number;
  /** Hours of silence after which its return is told at once. */
  readonly relapse: number;
  readonly attach: { readonly csv: boolean; readonly xarf: boolean };
  /** To the contact's OpenPGP key, where one is known. */
  readonly encrypt: boolean;
}

export const defaultPreferences: Preferences = {
  language: "en",
  timeZone: "UTC",
  rules: [{ kind: null, severity: "low", how: "immediate" }],
  digest: { every: "day", hour: 8 },
  quiet: null,
  holidays: null,
  threshold: 7 * 24,
  relapse: 0,
  attach: { csv: true, xarf: true },
  encrypt: true,
};

export const deliveryOf = (preferences: Preferences, kind: DetectionKind, severity: Severity): Delivery =>
  preferences.rules.find(
    (rule) =>
      (rule.kind === null || rule.kind === kind) && severities.indexOf(severity) >= severities.indexOf(rule.severity),
  )?.how ?? "immediate";

interface LocalTime {
  /** YYYY-MM-DD, Gregorian. */
  readonly date: string;
  readonly weekday: number;
  readonly minutes: number;
}
const formats = new Map<string, Intl.DateTimeFormat>();
const weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

const formatOf = (timeZone: string): Intl.DateTimeFormat => {
  let format = formats.get(timeZone);
  if (format === undefined) {
    // Names come from people: no more of them are remembered than there are time zones.
    if (formats.size > 600) formats.clear();
    format = new Intl.DateTimeFormat("en-US-u-ca-gregory-nu-latn-hc-h23", {
      timeZone,
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      weekday: "short",
    });
    formats.set(timeZone, format);
  }
  return format;
};

/** Whether a name is a time zone that this program knows. */
export const isTimeZone = (name: string): boolean => {
  try {
    return name.length <= 64 && formatOf(name) !== undefined;
  } catch {
    return false;
  }
};

/** A moment (microseconds UTC) as a clock on the wall of `timeZone` shows it. @throws RangeError for an unknown zone. */
export const localTime = (time: number, timeZone: string): LocalTime => {
  const parts = Object.fromEntries(
    formatOf(timeZone)
      .formatToParts(time / 1000)
      .map(({ type, value }) => [type, value]),
  );
  return {
    date: `${parts["year"]}-${parts["month"]}-${parts["day"]}`,
    weekday: weekdays.indexOf(parts["weekday"] ?? ""),
    minutes: Number(parts["hour"]) * 60 + Number(parts["minute"]),
  };
};

/** Whether `date` (YYYY-MM-DD) is a public holiday of `country`. */
export type IsHoliday = (country: string, date: string) => boolean;

const isOff = (local: LocalTime, preferences: Preferences, isHoliday: IsHoliday): boolean =>
  preferences.holidays !== null && isHoliday(preferences.holidays, local.date);

const isQuiet = ({ minutes }: LocalTime, quiet: Preferences["quiet"]): boolean => {
  if (quiet === null || quiet.from === quiet.to) return false;
  const [from, to] = [quiet.from * 60, quiet.to * 60];
  return from < to ? minutes >= from && minutes < to : minutes >= from || minutes < to;
};

/** Whether a digest leaves on this day, which is no holiday: the week's leaves on its first working day. */
const digestDay = (local: LocalTime, preferences: Preferences, isHoliday: IsHoliday): boolean => {
  const { every } = preferences.digest;
  if (every === "day") return true;
  if (local.weekday < 1 || local.weekday > 5) return false;
  if (every === "weekdays") return true;
  const midnight = Date.parse(`${local.date}T00:00:00Z`);
  return Array.from({ length: local.weekday - 1 }, (_, i) =>
    new Date(midnight - (i + 1) * 86_400_000).toISOString().slice(0, 10),
  ).every((date) => isOff({ ...local, date }, preferences, isHoliday));
};

const step = 15 * minute;
/** A recipient that is never on duty is told all the same, after this long. */
const farthest = (16 * 24 * 60) / 15;

/**
 * When a letter may leave (microseconds UTC): at once, or at the end of quiet hours and holidays, or with the next digest. Null: no letter.
 * Found by looking ahead in quarters of an hour, so that changes of the clock need no rules of their own.
 */
export const dueAt = (
  preferences: Preferences,
  kind: DetectionKind,
  severity: Severity,
  now: number,
  isHoliday: IsHoliday,
): { readonly delivery: "immediate" | "digest"; readonly due: number } | null => {
  const delivery = deliveryOf(preferences, kind, severity);
  if (delivery === "never" || delivery === "inbox") return null;
  if (delivery === "immediate") {
    const local = localTime(now, preferences.timeZone);
    if (severity === "critical" || !(isOff(local, preferences, isHoliday) || isQuiet(local, preferences.quiet))) {
      return { delivery, due: now };
    }
  }
  const start = Math.ceil((now + 1) / step) * step;
  for (let i = 0; i < farthest; i++) {
    const time = start + i * step;
    const local = localTime(time, preferences.timeZone);
    if (isOff(local, preferences, isHoliday)) continue;
    if (delivery === "immediate" && !isQuiet(local, preferences.quiet)) return { delivery, due: time };
    if (delivery !== "digest" || !digestDay(local, preferences, isHoliday)) continue;
    // The first quarter of the day that is not before the hour: clocks leave hours out, and have others twice.
    const before = localTime(time - step, preferences.timeZone);
    const hour = preferences.digest.hour * 60;
    if (local.minutes >= hour && (before.minutes < hour || before.date !== local.date)) return { delivery, due: time };
  }
  return { delivery, due: start + farthest * step };
};

/** When the next digest leaves. */
export const nextDigest = (preferences: Preferences, now: number, isHoliday: IsHoliday): number =>
  dueAt(
    { ...preferences, rules: [{ kind: null, severity: "low", how: "digest" }] },
    "infected-host",
    "low",
    now,
    isHoliday,
  )?.due ?? now;

/**
 * Whether a reminder at `now` is one that the recipient wants: the first after each of its terms since the first notice. `before` is when the one
 * before was decided, which of a first notice is earlier than when it was accepted.
 */
export const wantsReminder = (preferences: Preferences, notified: number, before: number, now: number): boolean => {
  const term = preferences.threshold * 60 * minute;
  const termOf = (time: number): number => Math.floor(Math.max(0, time - notified) / term);
  return term <= 0 || termOf(now) > termOf(before);
};
