// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { qrPath } from "../portal/src/pages/session/qr.ts";
import { seedUri } from "../src/access/totp.ts";

/** Rows of the code as text, from the path that is drawn. */
const drawn = ({ size, path }: ReturnType<typeof qrPath>): string[] => {
  const rows = Array.from({ length: size }, () => Array.from({ length: size }, () => " "));
  for (const [, x, y, length, back] of path.matchAll(/M(\d+) (\d+)h(\d+)v1H(\d+)z/g)) {
    expect(back).toBe(x);
    for (let i = 0; i < Number(length); i++) rows[Number(y)]![Number(x) + i] = "#";
  }
  return rows.map((row) => row.join(""));
};
const finder = ["#######", "#     #", "# ### #", "# ### #", "# ### #", "#     #", "#######"];
const format = (rows: readonly string[], quiet: number): string =>
  [0, 1, 2, 3, 4, 5, 7, 8].map((x) => rows[quiet + 8]![quiet + x]).join("");

it("draws an authenticator's key as a code with its three finders and its quiet zone", () => {
  const code = qrPath(seedUri("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "Layang", "analyst@csirt.example"));
  const rows = drawn(code);
  const side = code.size - 8;
  // A version of the standard: 17 modules and four for each.
  expect((side - 17) % 4).toBe(0);
  for (const [x, y] of [
    [4, 4],
    [4 + side - 7, 4],
    [4, 4 + side - 7],
  ] as const) {
    expect(rows.slice(y, y + 7).map((row) => row.slice(x, x + 7))).toEqual(finder);
  }
  for (const row of rows.slice(0, 4).concat(rows.slice(-4))) expect(row.trim()).toBe("");
  for (const row of rows) expect(row.slice(0, 4) + row.slice(-4)).toBe(" ".repeat(8));
  // Timing between the finders, and both bits of the format's level, under the standard's mask: M.
  expect(rows[4 + 6]!.slice(4 + 8, 4 + side - 8)).toMatch(/^# (?:# )*#?$/);
  expect(format(rows, 4).slice(0, 2)).toBe("# ");
});

it("draws what it is given: another key, another code", () => {
  const [one, other] = ["A", "B"].map((end) => qrPath(seedUri(`JBSWY3DPEHPK3PX${end}`, "Layang", "a@b.example")));
  expect(one!.size).toBe(other!.size);
  expect(one!.path).not.toBe(other!.path);
});
