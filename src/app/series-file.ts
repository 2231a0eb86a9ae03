// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { changePoints, publishedChange } from "../detect/changefinder.ts";
import { AppError } from "../platform/errors.ts";

/** Points that a series needs before any of them can be a change. */
export const { settle } = publishedChange;
const MOST_POINTS = 1_000_000;
const unquoted = (cell: string): string => cell.trim().replace(/^"(.*)"$/, "$1");

export interface SeriesFile {
  /** `YYYYMMDDhhmm`, as the file has them, in its own time zone. */
  readonly times: readonly string[];
  readonly columns: readonly { readonly name: string; readonly values: readonly number[] }[];
}

/** Reads a CSV of counts: a heading, then a time `YYYYMMDDhhmm` and one or more numbers a line. @throws AppError SERIES_INVALID. */
export const parseSeries = (text: string, file: string): SeriesFile => {
  const refuse = (line: number, why: string): AppError =>
    new AppError("SERIES_INVALID", `${file}, line ${line}: ${why}`);
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  const names = (lines[0] ?? "").split(",").map(unquoted).slice(1);
  if (names.length === 0) throw refuse(1, "a heading is expected, for example time,packets,hosts");
  const times: string[] = [];
  const values = names.map((): number[] => []);
  for (const [i, line] of lines.entries()) {
    if (i === 0 || line.trim() === "") continue;
    if (times.length >= MOST_POINTS) throw refuse(i + 1, `more than ${MOST_POINTS} points`);
    const [time = "", ...cells] = line.split(",").map(unquoted);
    if (!/^\d{12}$/.test(time))
      throw refuse(i + 1, `${JSON.stringify(time.slice(0, 40))} is no time of the form YYYYMMDDhhmm`);
    if (cells.length !== names.length)
      throw refuse(i + 1, `${cells.length} numbers, where the heading names ${names.length}`);
    times.push(time);
    for (const [at, cell] of cells.entries()) {
      const value = Number(cell);
      if (cell === "" || !Number.isFinite(value) || value < 0) {
        throw refuse(i + 1, `${JSON.stringify(cell.slice(0, 40))} is no count`);
      }
      values[at]!.push(value);
    }
  }
  return { times, columns: names.map((name, at) => ({ name, values: values[at]! })) };
};

/** The times at which ChangeFinder, with its published parameters, sees a change in any column of a file of counts, and how many points it has. */
export const changeTimes = (file: string): { readonly times: readonly string[]; readonly points: number } => {
  const { times, columns } = parseSeries(readFileSync(file, "utf8"), file);
  const marks = changePoints(columns.map(({ values }) => values));
  return { times: times.filter((_, i) => marks[i] === true), points: times.length };
};
