// SPDX-License-Identifier: Apache-2.0
import { csvLines, timeOf } from "./csv.ts";
import type { CsvLine, LineError } from "./csv.ts";
import { networkKeyOf } from "./network.ts";
import type { Network } from "./network.ts";

/** Names a column may have, lower case; the first is ours, which exports use. */
const columns = {
  organisation: ["organisation", "organization", "org", "owner"],
  network: ["network", "prefix", "cidr", "ip", "address"],
  asn: ["asn", "as"],
  domain: ["domain", "fqdn"],
  realm: ["realm"],
  translation: ["translation"],
  essential: ["essential"],
  country: ["country", "cc"],
  from: ["from", "valid_from"],
  until: ["until", "valid_until"],
} as const;
type Column = keyof typeof columns;

export interface NetworkLine {
  readonly line: number;
  readonly network: Network;
  /** Whether the line said since when. */
  readonly dated: boolean;
}

/** Which field is which column; undefined when the line is no heading. */
const heading = (fields: readonly string[]): Map<string, number> | undefined => {
  const names = fields.map((field) => field.toLowerCase());
  return columns.organisation.some((name) => names.includes(name))
    ? new Map(names.map((name, i) => [name, i]))
    : undefined;
};

const yes = new Set(["yes", "true", "1", "y"]);
const no = new Set(["", "no", "false", "0", "n"]);
const year9999 = Date.UTC(9999, 11, 31) * 1000;

const readLine = (get: (column: Column) => string): (Network & { readonly dated: boolean }) | string => {
  const organisation = get("organisation");
  if (organisation === "" || organisation.length > 200)
    return "`organisation` is missing or longer than 200 characters";
  const asn = get("asn");
  const given = [get("network"), asn === "" || /^as/i.test(asn) ? asn : `AS${asn}`, get("domain")].filter(
    (text) => text !== "",
  );
  const [text, ...more] = given;
  if (text === undefined) return "`network` is missing: a prefix, an AS number or a domain";
  if (more.length > 0) return `one network a line, not ${given.join(" and ")}`;
  const key = networkKeyOf(text);
  if (key === undefined) {
    return /[/:]|^[\d.]+$/.test(text)
      ? `"${text}" is no network: an address with the length of its prefix, and no bit set behind that`
      : `"${text}" is no prefix, no AS number and no domain`;
  }
  const translation = get("translation").toLowerCase();
  if (translation !== "" && translation !== "none" && translation !== "cgnat")
    return `\`translation\` is none or cgnat, not "${translation}"`;
  const realm = get("realm");
  if (realm !== "" && !/^[a-z0-9-]{1,64}$/.test(realm)) return "`realm` has lower-case letters, digits and hyphens";
  const essential = get("essential").toLowerCase();
  if (!yes.has(essential) && !no.has(essential)) return `\`essential\` is yes or no, not "${essential}"`;
  const country = get("country").toUpperCase();
  if (country !== "" && !/^[A-Z]{2}$/.test(country))
    return `\`country\` takes two letters (ISO 3166), not "${country}"`;
  const [from, until] = [get("from"), get("until")];
  const [since, end] = [from === "" ? 0 : timeOf(from), until === "" ? null : timeOf(until)];
  if (since === undefined || end === undefined || since > year9999)
    return `"${since === undefined ? from : until}" is no day: 2026-05-03, or 2026-05-03T10:00:00Z`;
  if (end !== null && end <= since) return "`until` is not behind `from`";
  return {
    organisation,
    realm,
    ...key,
    translation: translation === "cgnat" ? "cgnat" : "none",
    essential: yes.has(essential),
    country: country === "" ? null : country,
    from: since,
    until: end,
    dated: from !== "",
  };
};

/**
 * Networks of a CSV text, with the errors of lines that cannot be used; the others stand. The first line names the columns: `organisation`
 * and `network` (a prefix, `AS64500` or a domain; or the columns `prefix`, `asn`, `domain`), if wanted `realm`, `translation`,
 * `essential`, `country`, `from`, `until`; others are passed over. Without such a line, the fields are network and organisation.
 */
export const parseNetworksCsv = (text: string): { networks: NetworkLine[]; errors: LineError[] } => {
  const { lines, errors } = csvLines(text);
  const named = lines[0] === undefined ? undefined : heading(lines[0].fields);
  const places =
    named ??
    new Map([
      ["network", 0],
      ["organisation", 1],
    ]);
  const placeOf = (column: Column): number =>
    columns[column].map((name) => places.get(name) ?? -1).find((place) => place >= 0) ?? -1;
  const at = Object.fromEntries(Object.keys(columns).map((column) => [column, placeOf(column as Column)])) as Record<
    Column,
    number
  >;
  if (lines[0] !== undefined && at.network < 0 && at.asn < 0 && at.domain < 0) {
    return {
      networks: [],
      errors: [...errors, { line: lines[0].line, message: "no column `network`: the first line names the columns" }],
    };
  }
  const networks: NetworkLine[] = [];
  for (const { line, fields } of named === undefined ? lines : lines.slice(1)) {
    const read = readLine((column) => fields[at[column]] ?? "");
    if (typeof read === "string") errors.push({ line, message: read });
    else {
      const { dated, ...network } = read;
      networks.push({ line, network, dated });
    }
  }
  return { networks, errors: errors.toSorted((a, b) => a.line - b.line) };
};
export type { CsvLine, LineError };
