// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { expect, it } from "vitest";
import { csvField, csvLines, csvText, timeOf, timeText } from "./csv.ts";
import { domainOf, networkKeyOf, networkText } from "./network.ts";
import { parseNetworksCsv } from "./networks-csv.ts";

const day = Date.UTC(2026, 4, 3) * 1000;

it("reads networks with named columns in any order", () => {
  const { networks, errors } = parseNetworksCsv(
    '\ufeffnetwork,Organisation,translation,from,until,country,essential\r\n192.0.2.0/24,alpha,cgnat,2026-05-03,,th,yes\r\n# a remark, with a comma\r\n\r\nAS64500,"beta, Ltd.",,,,,\r\nExample.ORG,gamma,,,2026-05-03T10:00:00.000001Z,,no\r\n2001:db8::/32,alpha\r\n',
  );
  expect(errors).toEqual([]);
  expect(networks.map(({ line, network, dated }) => [line, networkText(network), network.organisation, dated])).toEqual(
    [
      [2, "192.0.2.0/24", "alpha", true],
      [5, "AS64500", "beta, Ltd.", false],
      [6, "example.org", "gamma", false],
      [7, "2001:db8::/32", "alpha", false],
    ],
  );
  expect(networks[0]?.network).toMatchObject({
    translation: "cgnat",
    from: day,
    until: null,
    country: "TH",
    essential: true,
  });
  expect(networks[2]?.network.until).toBe(day + 36_000_000_001);
});

it("reads two columns without a heading, and columns of their own for prefix and asn", () => {
  expect(
    parseNetworksCsv("192.0.2.0/24,alpha\n192.0.2.9,beta\n").networks.map(({ network }) => network.prefix),
  ).toEqual(["192.0.2.0/24", "192.0.2.9/32"]);
  expect(
    parseNetworksCsv("organization,prefix,asn\na,192.0.2.0/24,\nb,,64500\n").networks.map(({ network }) =>
      networkText(network),
    ),
  ).toEqual(["192.0.2.0/24", "AS64500"]);
});

it("says what is wrong, line by line, and keeps the rest", () => {
  const { networks, errors } = parseNetworksCsv(
    [
      "organisation,network,translation,from,until,country,essential",
      "a,192.0.2.1/24",
      ",192.0.2.0/24",
      "a,",
      "a,nonsense",
      "a,192.0.2.0/24,nat44",
      "a,192.0.2.0/24,,2026-02-30",
      "a,192.0.2.0/24,,2026-05-03,2026-05-03",
      "a,192.0.2.0/24,,,,Thailand",
      "a,192.0.2.0/24,,,,,maybe",
      "a,AS0",
      "a,192.0.2.0/24",
    ].join("\n"),
  );
  expect(networks).toHaveLength(1);
  expect(errors.map(({ line }) => line)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  expect(errors[0]?.message).toContain("192.0.2.1/24");
  expect(parseNetworksCsv("organisation,sector\na,b\n").errors).toEqual([
    { line: 1, message: "no column `network`: the first line names the columns" },
  ]);
  expect(parseNetworksCsv('organisation,network\na,"192').errors[0]?.line).toBe(2);
});

it("reads back what it writes", () =>
  fc.assert(
    fc.property(fc.array(fc.array(fc.string(), { minLength: 2, maxLength: 4 }), { minLength: 1 }), (rows) => {
      const { lines, errors } = csvLines(csvText(["a", "b"], rows));
      expect(errors).toEqual([]);
      // What began with the guard itself and a formula's first letter is the one thing that cannot be told apart.
      const plain = (field: string): string => (/^'[=+\-@\t\r\n＝＋－＠]/.test(field) ? field.slice(1) : field);
      expect(lines.slice(1).map(({ fields }) => fields)).toEqual(rows.map((row) => row.map(plain)));
    }),
  ));

it("never throws on any text, and numbers lines rightly", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."a,\"\n\r#'= ") }), (text) => void parseNetworksCsv(text)),
  );
  expect(csvLines('"a\nb",c\nd,e').lines.map(({ line }) => line)).toEqual([1, 3]);
  // Every letter that a spreadsheet begins a formula with, those of wide scripts and a break among them (OWASP, CSV injection).
  for (const letter of "=+-@\t\r\n＝＋－＠") {
    expect(csvField(`${letter}1+1`).replaceAll('"', "")).toBe(`'${letter}1+1`);
    expect(csvLines(`${csvField(`${letter}1+1`)},x`).lines[0]?.fields[0]).toBe(`${letter}1+1`);
  }
});

it("keeps times", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_102_444_800_000_000 }), (time) => {
      expect(timeOf(timeText(time))).toBe(time);
    }),
  );
  expect([timeOf("2026-05-03"), timeText(day)]).toEqual([day, "2026-05-03"]);
  for (const text of [
    "2026-13-01",
    "2026-00-10",
    "26-05-03",
    "2026-05-03T24:00Z",
    "2026-05-03T10:00:00+07:00",
    "tomorrow",
  ]) {
    expect(timeOf(text)).toBeUndefined();
  }
});

it("knows names", () => {
  expect(
    ["Example.ORG.", "ไทย.example", "a", "1.2.3", "-a.org", "a..org", "x/y.org", "exa mple.org"].map(domainOf),
  ).toEqual(["example.org", "xn--o3cw4h.example", undefined, undefined, undefined, undefined, undefined, undefined]);
  expect(networkKeyOf("as 64500")?.asn).toBe(64500);
  expect(networkKeyOf("::ffff:192.0.2.0/120")?.prefix).toBe("192.0.2.0/24");
});
