// SPDX-License-Identifier: Apache-2.0
import type { DetectionKind } from "../model/detection.ts";
import { minute, severities } from "./alert.ts";
import type { Severity } from "./alert.ts";

export const deliveries = ["immediate", "digest", "none"] as const;
export type Delivery = (typeof deliveries)[number];

/** The first rule that fits decides. */
export interface DeliveryRule {
  readonly kind: DetectionKind | "*";
  /** This severity and above. */
  readonly from: Severity;
  readonly delivery: Delivery;
}

/** How one recipient wants to be told. */
export interface Preferences {
  readonly rules: readonly DeliveryRule[];
  /** IANA name. */
  readonly timeZone: string;
  /** Local times of day as minutes since midnight, `from` inclusive; may go over midnight. Null: none. */
  readonly quiet: { readonly from: number; readonly until: number } | null;
  /** Days of the week without mail: 0 Sunday ... 6 Saturday. */
  readonly daysOff: readonly number[];
  /** Country (ISO 3166-1) whose public holidays are days off; null: none. */
  readonly holidays: string | null;
  /** From this severity on, quiet hours and days off do not hold mail back; null: they always do. */
  readonly urgent: Severity | null;
  /** Local times of day at which digests leave. */
  readonly digestAt: readonly number[];
  /** Tell again when a host still sends after the node's term. */
  readonly remind: boolean;
}

export const defaultPreferences: Preferences = {
  rules: [{ kind: "*", from: "low", delivery: "immediate" }],
  timeZone: "UTC",
  quiet: null,
  daysOff: [],
  holidays: null,
  urgent: "high",
  digestAt: [8 * 60],
  remind: true,
};

export const deliveryOf = (preferences: Preferences, kind: DetectionKind, severity: Severity): Delivery =>
  preferences.rules.find(
    (rule) =>
      (rule.kind === "*" || rule.kind === kind) && severities.indexOf(severity) >= severities.indexOf(rule.from),
  )?.delivery ?? "immediate";

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
  preferences.daysOff.includes(local.weekday) ||
  (preferences.holidays !== null && isHoliday(preferences.holidays, local.date));

const isQuiet = ({ minutes }: LocalTime, quiet: Preferences["quiet"]): boolean => {
  if (quiet === null || quiet.from === quiet.until) return false;
  return quiet.from < quiet.until
    ? minutes >= quiet.from && minutes < quiet.until
    : minutes >= quiet.from || minutes < quiet.until;
};

const step = 15 * minute;
/** A recipient that is never on duty is told all the same, after this long. */
const farthest = (16 * 24 * 60) / 15;

/**
 * When a letter may leave (microseconds UTC): at once, or at the end of quiet hours and days off, or at the next digest. Null: not
 * at all. Found by looking ahead in quarters of an hour, so that changes of the clock need no rules of their own.
 */
export const dueAt = (
  preferences: Preferences,
  kind: DetectionKind,
  severity: Severity,
  now: number,
  isHoliday: IsHoliday,
): { readonly delivery: "immediate" | "digest"; readonly due: number } | null => {
  const delivery = deliveryOf(preferences, kind, severity);
  if (delivery === "none") return null;
  const urgent = preferences.urgent !== null && severities.indexOf(severity) >= severities.indexOf(preferences.urgent);
  if (delivery === "immediate") {
    const local = localTime(now, preferences.timeZone);
    if (urgent || !(isOff(local, preferences, isHoliday) || isQuiet(local, preferences.quiet))) {
      return { delivery, due: now };
    }
  }
  const start = Math.ceil((now + 1) / step) * step;
  const digestAt = preferences.digestAt.length > 0 ? preferences.digestAt : defaultPreferences.digestAt;
  for (let i = 0; i < farthest; i++) {
    const time = start + i * step;
    const local = localTime(time, preferences.timeZone);
    if (isOff(local, preferences, isHoliday)) continue;
    if (delivery === "immediate" && !isQuiet(local, preferences.quiet)) return { delivery, due: time };
    if (delivery === "digest" && digestAt.some((at) => local.minutes - (local.minutes % 15) === at - (at % 15))) {
      return { delivery, due: time };
    }
  }
  return { delivery, due: start + farthest * step };
};
