// SPDX-License-Identifier: Apache-2.0

/** A column's cells are numbers (right-aligned) when its head ends in ":". */
export const table = (heads: readonly string[], rows: readonly (readonly string[])[]): string => {
  if (rows.length === 0) return "  none\n";
  const widths = heads.map((head, i) =>
    Math.max(head.replace(/:$/, "").length, ...rows.map((row) => (row[i] ?? "").length)),
  );
  const line = (cells: readonly string[]): string =>
    `  ${cells
      .map((cell, i) => (heads[i]?.endsWith(":") ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join("  ")
      .trimEnd()}\n`;
  return line(heads.map((head) => head.replace(/:$/, ""))) + rows.map((row) => line(row)).join("");
};

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
export const count = (value: number): string => grouped.format(value);
export const percent = (part: number, whole: number): string =>
  whole === 0 ? "-" : `${((100 * part) / whole).toFixed(1)} %`;
/** RFC 3339 UTC with microseconds, of microseconds since 1970. */
export const instant = (microseconds: number): string => {
  const seconds = Math.floor(microseconds / 1e6);
  const rest = String(microseconds - seconds * 1e6).padStart(6, "0");
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${rest}Z`;
};
