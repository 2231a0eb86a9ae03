// SPDX-License-Identifier: Apache-2.0
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { IsHoliday } from "../alert/delivery.ts";

/** One file a country: `{ "source": ..., "days": { "2026-01-01": "New Year" }, "moon": {...} }`; dates are the country's own. */
export interface HolidayFile {
  readonly country: string;
  /** Where the dates come from, and how sure they are. */
  readonly source: string;
  readonly days: Readonly<Record<string, string>>;
  /** Days that follow the moon or are announced late: as forecast, to be corrected by the node. */
  readonly moon: Readonly<Record<string, string>>;
}

const folder = join(import.meta.dirname, "holidays");
const read = (name: string): HolidayFile => JSON.parse(readFileSync(join(folder, name), "utf8")) as HolidayFile;
/** Of every country in the folder. */
export const holidayFiles: readonly HolidayFile[] = readdirSync(folder)
  .filter((name) => name.endsWith(".json"))
  .toSorted()
  .map(read);
export const holidayCountries: readonly string[] = holidayFiles.map(({ country }) => country);

/** The node's corrections: dates that are added (with a name), or that are none (null), by country. */
export type HolidayCorrections = Readonly<Record<string, Readonly<Record<string, string | null>>>>;

/** Whether a date is a public holiday of a country, by the packaged files and the node's corrections. */
export const holidaysWith = (corrections: HolidayCorrections = {}): IsHoliday => {
  const known = new Map(
    holidayFiles.map(({ country, days, moon }) => [country, new Set([...Object.keys(days), ...Object.keys(moon)])]),
  );
  for (const [country, dates] of Object.entries(corrections)) {
    const own = known.get(country) ?? new Set<string>();
    known.set(country, own);
    for (const [date, name] of Object.entries(dates)) {
      if (name === null) own.delete(date);
      else own.add(date);
    }
  }
  return (country, date) => known.get(country)?.has(date) ?? false;
};
