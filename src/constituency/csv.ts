// SPDX-License-Identifier: Apache-2.0

/** One line of a CSV text: where it stands, and its fields. */
export interface CsvLine {
  readonly line: number;
  readonly fields: readonly string[];
}
/** What is wrong with a line, in words. */
export interface LineError {
  readonly line: number;
  readonly message: string;
}

/** What a spreadsheet begins a formula with, wide forms and breaks among them (OWASP, CSV injection). */
const formula = /^[=+\-@\t\r\n＝＋－＠]/;
/** Takes away the quote that `csvField` puts before what a spreadsheet would take for a formula. */
const unguarded = (field: string): string =>
  field.startsWith("'") && formula.test(field.slice(1)) ? field.slice(1) : field;

/** What stands between fields: a comma; or else, as spreadsheets of many countries write it, what the first line has instead. */
const separatorOf = (text: string): string => {
  const first = /^\ufeff?(?:[^\S\n]*\n|#.*\n)*(.*)/.exec(text)?.[1]?.replaceAll(/"[^"]*"/g, "") ?? "";
  return [",", ";", "\t"].find((one) => first.includes(one)) ?? ",";
};

/**
 * Lines of a CSV text (RFC 4180; LF or CRLF; a byte order mark is passed over; quoted fields may hold breaks), with semicolons or tabs in place of
 * commas where the first line has them. Empty lines and lines that begin with `#` are passed over. Fields are trimmed outside quotes. A quote that
 * never closes ends the text with an error.
 */
export const csvLines = (text: string): { lines: CsvLine[]; errors: LineError[] } => {
  const lines: CsvLine[] = [];
  const separator = separatorOf(text);
  let at = text.startsWith("\ufeff") ? 1 : 0;
  let line = 1;
  while (at < text.length) {
    const fields: string[] = [];
    const start = line;
    const comment = text[at] === "#";
    for (;;) {
      while (text[at] === " " || (text[at] === "\t" && separator !== "\t")) at++;
      if (text[at] === '"' && !comment) {
        let value = "";
        at++;
        for (;;) {
          const quote = text.indexOf('"', at);
          if (quote < 0) return { lines, errors: [{ line: start, message: "a quote is opened and never closed" }] };
          value += text.slice(at, quote);
          at = quote + 1;
          if (text[at] !== '"') break;
          value += '"';
          at++;
        }
        line += value.split("\n").length - 1;
        let end = at;
        while (end < text.length && text[end] !== separator && text[end] !== "\n") end++;
        if (text.slice(at, end).trim() !== "") {
          return { lines, errors: [{ line: start, message: "text stands behind a closing quote" }] };
        }
        fields.push(unguarded(value));
        at = end;
      } else {
        let end = at;
        while (end < text.length && text[end] !== "\n" && (comment || text[end] !== separator)) end++;
        fields.push(unguarded(text.slice(at, end).trim()));
        at = end;
      }
      if (text[at] !== separator) break;
      at++;
    }
    at++;
    line++;
    if (!comment && (fields.length > 1 || fields[0] !== "")) lines.push({ line: start, fields });
  }
  return { lines, errors: [] };
};

/** A field for a CSV line: quoted where it must be, and made harmless where a spreadsheet would take it for a formula. */
export const csvField = (value: string | number | boolean | null): string => {
  const text = value === null ? "" : String(value);
  const safe = typeof value === "string" && formula.test(text) ? `'${text}` : text;
  return /[",\n\r#]|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};
export const csvText = (
  header: readonly string[],
  rows: readonly (readonly (string | number | boolean | null)[])[],
): string => [header, ...rows].map((row) => `${row.map(csvField).join(",")}\n`).join("");

const day = /^(\d{4})-(\d{2})-(\d{2})$/;
const moment = /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}(?::\d{2})?)(?:\.(\d{1,6}))?(?:[Zz]|\+00:00)$/;

/** Microseconds UTC of `2026-05-03` (its beginning) or of a moment in UTC (RFC 3339); undefined for anything else. */
export const timeOf = (text: string): number | undefined => {
  const [, date, time, fraction = ""] = moment.exec(text) ?? [];
  const from = day.exec(date ?? text);
  if (from === null) return undefined;
  const [year, month, on] = [Number(from[1]), Number(from[2]), Number(from[3])];
  const start = Date.UTC(year, month - 1, on);
  if (year < 1970 || new Date(start).getUTCDate() !== on || month < 1 || month > 12) return undefined;
  const [hours = 0, minutes = 0, seconds = 0] = (time ?? "0:0").split(":").map(Number);
  if (hours > 23 || minutes > 59 || seconds > 59) return undefined;
  return (start + ((hours * 60 + minutes) * 60 + seconds) * 1000) * 1000 + Number(fraction.padEnd(6, "0"));
};
/** Text of a time: the day alone where it is midnight UTC. */
export const timeText = (time: number): string => {
  const milliseconds = Math.floor(time / 1000);
  const text = new Date(milliseconds).toISOString();
  if (time % 86_400_000_000 === 0) return text.slice(0, 10);
  const micros = String(time - milliseconds * 1000).padStart(3, "0");
  return time % 1_000_000 === 0 ? text.replace(".000Z", "Z") : text.replace("Z", `${micros}Z`);
};
