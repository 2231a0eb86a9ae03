// SPDX-License-Identifier: Apache-2.0
import { exactShare } from "./share.ts";
import type { Language } from "./words/languages.ts";

/** Gregorian calendar and Latin digits everywhere: Thai's default is the Buddhist calendar. */
const locales: Record<Language, string> = {
  en: "en-GB-u-ca-gregory-nu-latn",
  ja: "ja-JP-u-ca-gregory-nu-latn",
  id: "id-ID-u-ca-gregory-nu-latn",
  th: "th-TH-u-ca-gregory-nu-latn",
};

/** What a reader sees of numbers and times, in one language. Times are shown in UTC; `local` says them in the reader's zone. */
export interface Format {
  readonly locale: string;
  /** A whole number in full. */
  count(value: number): string;
  /** A number to three figures, short scale: 1.25M. */
  short(value: number): string;
  rate(value: number): string;
  /** A share of one as per cent: less than all is never said as all, nor more than nothing as nothing. */
  share(value: number): string;
  /** A change as signed per cent: 0.38 is +38%. */
  change(value: number): string;
  /** Date and time in UTC, to the minute. */
  time(at: Date): string;
  /** Day and time in UTC without the zone's name, the year only when it is not this one: for columns headed UTC. */
  brief(at: Date): string;
  /** With seconds. */
  exact(at: Date): string;
  clock(at: Date): string;
  day(at: Date): string;
  dayShort(at: Date): string;
  month(at: Date): string;
  local(at: Date): string;
  /** Hour and minute in the reader's zone, with its name. */
  localClock(at: Date): string;
  /** Two instants in UTC, what they share said once; the year only when it is not this one. */
  range(from: Date, to: Date): string;
  /** A length of time in its largest fitting unit: 3 h, 12 min. */
  span(seconds: number): string;
  /** A clock's error, signed, in milliseconds up to ten seconds. */
  skew(seconds: number): string;
  ago(at: Date, now: Date): string;
  bytes(value: number): string;
  country(code: string): string;
  /** A language by its code, in the reader's. */
  language(code: string): string;
  list(items: readonly string[]): string;
}

const parts = [
  [86_400, "day"],
  [3600, "hour"],
  [60, "minute"],
  [1, "second"],
] as const;

/** The largest unit in which a span is at least two (or one, for days upward): 90 min stays minutes, 47 h stays hours. */
const unitOf = (seconds: number): (typeof parts)[number] =>
  parts.find(([length], place) => seconds >= length * (place === 3 ? 1 : 2)) ?? parts[3];

export const formatFor = (language: Language): Format => {
  const locale = locales[language];
  const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  // British English writes 12m for twelve million, which reads as minutes or metres: 12M.
  const compact = new Intl.NumberFormat(language === "en" ? "en-US" : locale, {
    notation: "compact",
    maximumSignificantDigits: 3,
  });
  const fine = new Intl.NumberFormat(locale, { maximumSignificantDigits: 3 });
  const percent = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 });
  const percentWhole = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 0 });
  const signed = new Intl.NumberFormat(locale, {
    style: "percent",
    maximumFractionDigits: 0,
    signDisplay: "exceptZero",
  });
  const date = (options: Intl.DateTimeFormatOptions, zone: "UTC" | "local" = "UTC") =>
    new Intl.DateTimeFormat(locale, {
      ...options,
      ...(zone === "local" ? {} : { timeZone: zone }),
      hourCycle: "h23",
    });
  const minute = { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" } as const;
  const utc = date(minute);
  const second = date({ ...minute, second: "2-digit" });
  const clock = date({ hour: "2-digit", minute: "2-digit" });
  const day = date({ weekday: "short", year: "numeric", month: "short", day: "numeric" });
  const dayShort = date({ month: "short", day: "numeric" });
  const month = date({ year: "numeric", month: "short" });
  const here = date({ ...minute, timeZoneName: "short" }, "local");
  const hereClock = date({ hour: "2-digit", minute: "2-digit", timeZoneName: "short" }, "local");
  const between = date({ month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: "always", style: "short" });
  const regions = new Intl.DisplayNames(locale, { type: "region", fallback: "code" });
  const tongues = new Intl.DisplayNames(locale, { type: "language", fallback: "code" });
  const conjunction = new Intl.ListFormat(locale, { type: "conjunction" });
  return {
    locale,
    count: (value) => whole.format(value),
    short: (value) =>
      Math.abs(value) < 10_000 ? (Number.isInteger(value) ? whole : fine).format(value) : compact.format(value),
    rate: (value) => fine.format(value),
    share: (value) =>
      value > 0 && value < 0.0005
        ? `<${percent.format(0.001)}`
        : value > 0.99 && value < 1
          ? exactShare(locale, value)
          : (value >= 0.1 ? percentWhole : percent).format(value),
    change: (value) => signed.format(value),
    time: (at) => `${utc.format(at)} UTC`,
    brief: (at) => (at.getUTCFullYear() === new Date().getUTCFullYear() ? between : utc).format(at),
    exact: (at) => `${second.format(at)} UTC`,
    clock: (at) => clock.format(at),
    day: (at) => day.format(at),
    dayShort: (at) => dayShort.format(at),
    month: (at) => month.format(at),
    local: (at) => here.format(at),
    localClock: (at) => hereClock.format(at),
    range: (from, to) =>
      `${(from.getUTCFullYear() === new Date().getUTCFullYear() ? between : utc).formatRange(from, to)} UTC`,
    span: (seconds) => {
      const [length, unit] = unitOf(Math.abs(seconds));
      return new Intl.NumberFormat(locale, {
        style: "unit",
        unit,
        unitDisplay: "short",
        maximumFractionDigits: seconds < 10 && unit === "second" ? 1 : 0,
      }).format(seconds / length);
    },
    skew: (seconds) =>
      new Intl.NumberFormat(locale, {
        style: "unit",
        unit: Math.abs(seconds) < 10 ? "millisecond" : "second",
        unitDisplay: "short",
        maximumFractionDigits: 0,
        signDisplay: "exceptZero",
      }).format(Math.abs(seconds) < 10 ? seconds * 1000 : seconds),
    ago: (at, now) => {
      const seconds = (at.getTime() - now.getTime()) / 1000;
      const [length, unit] = unitOf(Math.abs(seconds));
      return relative.format(Math.round(seconds / length), unit);
    },
    bytes: (value) => {
      const scale =
        value < 1e3
          ? ([1, "byte"] as const)
          : value < 1e6
            ? ([1e3, "kilobyte"] as const)
            : value < 1e9
              ? ([1e6, "megabyte"] as const)
              : ([1e9, "gigabyte"] as const);
      return new Intl.NumberFormat(locale, { style: "unit", unit: scale[1], maximumSignificantDigits: 3 }).format(
        value / scale[0],
      );
    },
    country: (code) => {
      if (!/^[A-Z]{2}$/.test(code)) return code;
      try {
        return regions.of(code) ?? code;
      } catch {
        return code; // A code that the browser refuses is shown as it is.
      }
    },
    language: (code) => {
      try {
        return tongues.of(code) ?? code;
      } catch {
        return code;
      }
    },
    list: (items) => conjunction.format(items),
  };
};
