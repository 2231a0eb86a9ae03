// SPDX-License-Identifier: Apache-2.0
import type { AnswerOf } from "../api/contract/index.ts";
import { formatIp, parseIp } from "../net/ip.ts";
import { maskOf, parsePrefix } from "../net/prefix.ts";
import type { Prefix } from "../net/prefix.ts";
import { protocolName } from "../model/traffic.ts";
import type { Statement } from "./engine.ts";
import type { QuestionOf } from "./question.ts";
import { num, numOrNull, text, textOrNull } from "./question.ts";
import { plainIp, scopeOf } from "./relation.ts";
import { engineAddress } from "./source.ts";
import { tally } from "./tally.ts";

type Row = AnswerOf<"search">["rows"][number];
type Understood =
  | { kind: "address"; ip: string }
  | { kind: "prefix"; prefix: Prefix }
  | { kind: "asn"; asn: number }
  | { kind: "port"; port: number; protocol: string | null }
  | { kind: "country"; code: string }
  | { kind: "text"; words: string };

const names = new Intl.DisplayNames(["en"], { type: "region", fallback: "none" });
const letters = Array.from({ length: 26 }, (_, i) => String.fromCodePoint(65 + i));
const countryCodes = new Map(
  letters
    .flatMap((a) => letters.map((b) => a + b))
    .flatMap((code) => {
      const name = names.of(code);
      return name === undefined ? [] : [[name.toLowerCase(), code] as const];
    }),
);

/** What was typed, by its form. */
export const understand = (typed: string): Understood => {
  const q = typed.trim();
  const words = parseIp(q);
  if (words !== undefined) return { kind: "address", ip: formatIp(words) };
  const prefix = q.includes("/") ? parsePrefix(q) : undefined;
  if (prefix !== undefined) return { kind: "prefix", prefix };
  const asn = /^as\s?(\d{1,10})$/i.exec(q)?.[1];
  if (asn !== undefined && Number(asn) <= 0xffff_ffff) return { kind: "asn", asn: Number(asn) };
  const port = /^(?:(tcp|udp)\s?[/:]\s?)?(\d{1,5})(?:\s?\/\s?(tcp|udp))?$/i.exec(q);
  if (port !== null && Number(port[2]) <= 65_535) {
    return { kind: "port", port: Number(port[2]), protocol: (port[1] ?? port[3])?.toLowerCase() ?? null };
  }
  const code = /^[a-z]{2}$/i.test(q) ? q.toUpperCase() : countryCodes.get(q.toLowerCase());
  if (code !== undefined) return { kind: "country", code };
  return { kind: "text", words: q };
};

const lastOf = (prefix: Prefix): string =>
  formatIp([0, 1, 2, 3].map((i) => ((prefix.words[i] ?? 0) | ~maskOf(prefix.length, i)) >>> 0));

const empty: Omit<Row, "kind" | "label" | "detail" | "packets" | "sources"> = {
  ip: null,
  asn: null,
  protocol: null,
  port: null,
  country: null,
  sensor: null,
};

export const search: QuestionOf<"search"> = {
  about: "Finds an address, prefix, ASN, port, country, network or sensor",
  last: "30d",
  span: (_query, now) => ({ from: now - 30 * 86_400_000, to: now }),
  compares: false,
  compile: (asked) => {
    const meant = understand(asked.query.q);
    const scope = scopeOf(asked, asked);
    const limit = asked.query.limit ?? 20;
    const statements: Record<string, Statement> = {};
    const bySource = (condition: string, own: Record<string, unknown>): Statement => ({
      sql: `SELECT t.*, networks.name AS network FROM (SELECT src, any(src_asn) AS asn, any(src_cc) AS cc, sum(packets) AS n FROM flows WHERE ${condition} AND ${scope.sql} GROUP BY src ORDER BY n DESC, src LIMIT {limit:UInt32}) AS t
LEFT JOIN networks ON networks.asn = t.asn ORDER BY n DESC, src`,
      parameters: { ...scope.parameters, ...own, limit },
    });
    if (meant.kind === "address")
      statements["sources"] = bySource("src = {src:IPv6}", { src: engineAddress(meant.ip) });
    if (meant.kind === "prefix") {
      const own = { low: engineAddress(formatIp(meant.prefix.words)), high: engineAddress(lastOf(meant.prefix)) };
      statements["sources"] = bySource("src >= {low:IPv6} AND src <= {high:IPv6}", own);
      statements["prefix"] = {
        sql: `SELECT sum(packets) AS n, uniqCombined(src) AS sources FROM flows WHERE src >= {low:IPv6} AND src <= {high:IPv6} AND ${scope.sql}`,
        parameters: { ...scope.parameters, ...own },
      };
    }
    if (meant.kind === "asn" || meant.kind === "text") {
      const own =
        meant.kind === "asn"
          ? { where: "asn = {asn:UInt32}", parameters: { asn: meant.asn } }
          : { where: "positionCaseInsensitiveUTF8(name, {words:String}) > 0", parameters: { words: meant.words } };
      const where = {
        sql: `src_asn IN (SELECT toNullable(networks.asn) FROM networks WHERE ${own.where})`,
        parameters: own.parameters,
      };
      const rows = tally(asked, [asked], {}, { by: ["asn"], grain: "1d", sources: true, named: true, where });
      statements["networks"] = {
        sql: `SELECT n.asn AS asn, n.name AS network, t.n AS n, t.sources AS sources FROM (SELECT asn, name FROM networks WHERE ${own.where}) AS n
LEFT JOIN (SELECT assumeNotNull(src_asn) AS asn, ${rows.packets()} AS n, ${rows.sources()} AS sources FROM ${rows.sql} GROUP BY asn) AS t ON t.asn = n.asn
ORDER BY n DESC, asn LIMIT {limit:UInt32}`,
        parameters: { ...rows.parameters, limit },
      };
    }
    if (meant.kind === "port") {
      const filters = {
        port: String(meant.port),
        class: "tcp-syn,udp",
        ...(meant.protocol === null ? {} : { protocol: meant.protocol }),
      };
      const rows = tally(asked, [asked], filters, { by: ["protocol"], grain: "1d", sources: true });
      statements["ports"] = {
        sql: `SELECT protocol, ${rows.packets()} AS n, ${rows.sources()} AS sources FROM ${rows.sql} GROUP BY protocol ORDER BY n DESC, protocol`,
        parameters: rows.parameters,
      };
    }
    if (meant.kind === "country") {
      const rows = tally(asked, [asked], { country: meant.code }, { by: [], grain: "1d", sources: true, named: true });
      statements["countries"] = {
        sql: `SELECT ${rows.packets()} AS n, ${rows.sources()} AS sources FROM ${rows.sql}`,
        parameters: rows.parameters,
      };
    }
    return statements;
  },
  fold: ({ around, query }, results) => {
    const meant = understand(query.q);
    const rows: Row[] = [];
    const hit = (kind: Row["kind"], label: string, more: Partial<Row>): void => {
      rows.push({ ...empty, kind, label, detail: null, packets: 0, sources: 0, ...more });
    };
    if (meant.kind === "prefix") {
      const sums = results["prefix"]?.[0];
      hit("prefix", query.q.trim(), { packets: num(sums, "n"), sources: num(sums, "sources") });
    }
    for (const row of results["sources"] ?? []) {
      const ip = plainIp(text(row, "src"));
      hit("source", ip, {
        ip,
        asn: numOrNull(row, "asn"),
        country: textOrNull(row, "cc"),
        detail: textOrNull(row, "network"),
        packets: num(row, "n"),
        sources: 1,
      });
    }
    if (meant.kind === "address" && rows.length === 0) hit("source", meant.ip, { ip: meant.ip });
    for (const row of results["networks"] ?? []) {
      hit("network", `AS${num(row, "asn")}`, {
        asn: num(row, "asn"),
        detail: textOrNull(row, "network"),
        packets: num(row, "n"),
        sources: num(row, "sources"),
      });
    }
    if (meant.kind === "asn" && rows.length === 0) hit("network", `AS${meant.asn}`, { asn: meant.asn });
    if (meant.kind === "port") {
      const found = new Set((results["ports"] ?? []).map((row) => protocolName(num(row, "protocol"))));
      for (const row of results["ports"] ?? []) {
        const protocol = protocolName(num(row, "protocol"));
        hit("port", `${protocol}/${meant.port}`, {
          protocol,
          port: meant.port,
          packets: num(row, "n"),
          sources: num(row, "sources"),
        });
      }
      for (const protocol of meant.protocol === null ? ["tcp", "udp"] : [meant.protocol]) {
        if (!found.has(protocol)) hit("port", `${protocol}/${meant.port}`, { protocol, port: meant.port });
      }
    }
    if (meant.kind === "country") {
      const sums = results["countries"]?.[0];
      hit("country", meant.code, { country: meant.code, packets: num(sums, "n"), sources: num(sums, "sources") });
    }
    const typed = query.q.trim().toLowerCase();
    for (const { name, country } of around.sensors) {
      if (typed.length > 1 && name.toLowerCase().includes(typed)) hit("sensor", name, { sensor: name, country });
    }
    return { facts: { hits: rows.length, understood: meant.kind }, rows };
  },
};
