// SPDX-License-Identifier: Apache-2.0
import type { AnswerOf } from "../api/contract/index.ts";
import { formatSignature } from "../model/signature.ts";
import { protocolName, spoofReasons } from "../model/traffic.ts";
import { formatIp, parseIp } from "../net/ip.ts";
import { AppError } from "../platform/errors.ts";
import { iso } from "./asked.ts";
import { listOwner } from "./research-list.ts";
import type { QuestionOf } from "./question.ts";
import { num, numOrNull, shareOrNull, text, textOrNull } from "./question.ts";
import { scopeOf } from "./relation.ts";
import { manyPorts } from "./research.ts";

type Facts = AnswerOf<"source">["facts"];

/** The address in its one right form. @throws AppError QUERY_PARAMETER */
export const addressOf = (typed: string): string => {
  const words = parseIp(typed);
  if (words === undefined) {
    throw new AppError("QUERY_PARAMETER", "`ip` is no IPv4 or IPv6 address", { parameter: "ip" });
  }
  return formatIp(words);
};
export const engineAddress = (ip: string): string => (ip.includes(":") ? ip : `::ffff:${ip}`);

/** By the rule that the contract states; the first that fits. */
const verdictOf = (facts: {
  packets: number;
  listed: boolean;
  mostPortsInDay: number;
  scanShape: number;
  mirai: number;
  replies: number;
  requests: number;
  destinations: number;
  ports: number;
}): Facts["verdict"] => {
  if (facts.packets === 0) return "unseen";
  if (facts.listed || (facts.mostPortsInDay > manyPorts && facts.scanShape > 0)) return "research";
  if (facts.mirai >= 2) return "mirai-type";
  if (facts.replies * 2 > facts.packets) return "backscatter";
  if (facts.requests > 0 && (facts.destinations > 1 || facts.ports > 1)) return "scanner";
  return "other";
};
/** Datagrams are of one class, asked or answered: those that answer have a victim. */
const requests = "class IN ('tcp-syn', 'udp', 'icmp-echo-request') AND victim IS NULL";
const replies = `(victim IS NOT NULL OR class IN (${[
  "tcp-syn-ack",
  "tcp-rst",
  "icmp-echo-reply",
  "icmp-unreachable",
  "icmp-source-quench",
  "icmp-time-exceeded",
  "icmp-parameter-problem",
  "icmp-timestamp-reply",
  "icmp-information-reply",
  "icmp-mask-reply",
]
  .map((name) => `'${name}'`)
  .join(", ")}))`;

/** Newest flow rows whose samples are shown. */
const evidenceRows = 200;

export const oneSource: QuestionOf<"source"> = {
  about: "Everything about one source: verdict, ports, sensors, hours, marks, signatures, evidence",
  last: "30d",
  compares: false,
  names: true,
  compile: (asked) => {
    const scope = scopeOf(asked, asked);
    const parameters = { ...scope.parameters, src: engineAddress(addressOf(asked.query.ip)) };
    const from = `FROM flows WHERE src = {src:IPv6} AND ${scope.sql}`;
    const seen =
      "toUnixTimestamp64Milli(min(first_seen)) AS first_ms, toUnixTimestamp64Milli(max(last_seen)) AS last_ms";
    const statement = (sql: string): { sql: string; parameters: Record<string, unknown> } => ({ sql, parameters });
    const spoof = spoofReasons.map((reason) => `sum(spoof_${reason}) AS r_${reason}`).join(", ");
    const asks = "class IN ('tcp-syn', 'udp') AND victim IS NULL";
    return {
      // One pass: the rows of a source lie in many parts, and each part that is opened costs.
      parts: statement(
        `SELECT t.*, networks.name AS network FROM (
SELECT multiIf(grouping(class) = 0 AND grouping(protocol) = 0, 'port', grouping(class) = 0, 'class', grouping(signature) = 0, 'signature', grouping(sensor) = 0, 'sensor', grouping(t) = 0, 'hour', grouping(date) = 0, 'day', 'all') AS kind,
  protocol, dst_port AS port, class, sensor, t, toUInt32(bitShiftRight(ifNull(signature, 0), 32)) AS high, toUInt32(bitAnd(ifNull(signature, 0), 4294967295)) AS low, signature IS NOT NULL AS signed,
  sum(packets) AS n, count() AS flow_rows, sum(mirai) AS m, sum(zmap) AS z, sum(masscan) AS a, sum(stateless) AS s, sum(bytes) AS octets, any(src_asn) AS asn, any(src_cc) AS cc,
  min(ttl_min) AS low_ttl, max(ttl_max) AS high_ttl, uniqExact(protocol_of, port_of) AS ports, uniqExactIf(protocol_of, port_of, asks) AS asked_ports, sumIf(packets, is_request) AS requests, sumIf(packets, is_reply) AS replies, uniqExact(sensor_of) AS sensor_count, ${spoof},
  if(kind = 'sensor', greatest(uniqExactArrayIf(dst_tokens, victim IS NULL OR victim = src), max(dst_count)), 0) AS destinations, ${seen}
FROM (SELECT *, last_seen, protocol AS protocol_of, dst_port AS port_of, sensor AS sensor_of, ${asks} AS asks, ${requests} AS is_request, ${replies} AS is_reply, toUnixTimestamp(toStartOfHour(first_seen)) AS t, toDate(first_seen) AS date ${from})
GROUP BY GROUPING SETS ((protocol, dst_port, class), (class), (signature), (sensor), (t), (date), ())
ORDER BY n DESC, protocol, port, class, high, low LIMIT 10000 BY kind) AS t LEFT JOIN networks ON networks.asn = t.asn AND t.kind = 'all' ORDER BY n DESC, protocol, port, class, high, low`,
      ),
    };
  },
  // The newest rows: looked for no further back than the hours that have enough of them.
  next: (asked, results) => {
    const hours = (results["parts"] ?? [])
      .filter((row) => text(row, "kind") === "hour")
      .toSorted((a, b) => num(b, "t") - num(a, "t"));
    let rows = 0;
    const enough = hours.find((row) => (rows += num(row, "flow_rows")) >= evidenceRows);
    const from = Math.max(asked.from, enough === undefined ? asked.from : num(enough, "t") * 1000);
    const scope = scopeOf(asked, { from, to: asked.to });
    return {
      evidence: {
        sql: `SELECT toUnixTimestamp64Milli(first_seen) + intDiv(sample.1, 1000) AS ms, sensor, protocol, sample.2 AS source_port, dst_port AS port, class,
  toUInt32(bitShiftRight(ifNull(signature, 0), 32)) AS high, toUInt32(bitAnd(ifNull(signature, 0), 4294967295)) AS low, signature IS NOT NULL AS signed
FROM (SELECT * FROM flows WHERE src = {src:IPv6} AND ${scope.sql} ORDER BY first_seen DESC LIMIT ${evidenceRows}) ARRAY JOIN arrayMap((at, i) -> (at, if(empty(sample_ports), NULL, sample_ports[i])), sample_offsets, arrayEnumerate(sample_offsets)) AS sample ORDER BY ms DESC LIMIT 50`,
        parameters: { ...scope.parameters, src: engineAddress(addressOf(asked.query.ip)) },
      },
    };
  },
  fold: ({ around, query }, results) => {
    const ip = addressOf(query.ip);
    const kinds = Map.groupBy(results["parts"] ?? [], (row) => text(row, "kind"));
    const of = (kind: string): readonly Record<string, unknown>[] => kinds.get(kind) ?? [];
    const summary = of("all")[0];
    const packets = num(summary, "n");
    const inOrder = (name: string) => (a: Record<string, unknown>, b: Record<string, unknown>) =>
      text(a, name) < text(b, name) ? -1 : text(a, name) > text(b, name) ? 1 : num(a, name) - num(b, name);
    const classes = of("class").map((row) => ({ class: text(row, "class"), packets: num(row, "n") }));
    const sensorRows = of("sensor")
      .toSorted(inOrder("sensor"))
      .map((row) => ({
        sensor: text(row, "sensor"),
        packets: num(row, "n"),
        // Dark sets of two sensors are disjoint: their counts add.
        destinations: num(row, "destinations"),
        firstSeen: iso(num(row, "first_ms")),
        lastSeen: iso(num(row, "last_ms")),
      }));
    const hours = of("hour")
      .toSorted(inOrder("t"))
      .map((row) => ({ time: iso(num(row, "t") * 1000), packets: num(row, "n") }));
    const destinations = sensorRows.reduce((all, row) => all + row.destinations, 0);
    const marks = {
      mirai: num(summary, "m"),
      zmap: num(summary, "z"),
      masscan: num(summary, "a"),
      stateless: num(summary, "s"),
    };
    const spoof = spoofReasons
      .map((reason) => ({ reason, packets: num(summary, `r_${reason}`) }))
      .filter((row) => row.packets > 0);
    const mostPortsInDay = Math.max(0, ...of("day").map((row) => num(row, "asked_ports")));
    const owner = listOwner(around.research, ip);
    const rows = of("port")
      .slice(0, 1000)
      .map((row) => ({
        protocol: protocolName(num(row, "protocol")),
        port: numOrNull(row, "port"),
        class: text(row, "class"),
        packets: num(row, "n"),
        flows: num(row, "flow_rows"),
        mirai: num(row, "m"),
        firstSeen: iso(num(row, "first_ms")),
        lastSeen: iso(num(row, "last_ms")),
      }));
    const seen = packets > 0;
    return {
      facts: {
        ip,
        seen,
        verdict: verdictOf({
          packets,
          listed: owner !== null,
          mostPortsInDay,
          scanShape: marks.zmap + marks.masscan + marks.stateless,
          mirai: marks.mirai,
          replies: num(summary, "replies"),
          requests: num(summary, "requests"),
          destinations,
          ports: num(summary, "ports"),
        }),
        asn: numOrNull(summary, "asn"),
        network: textOrNull(summary, "network"),
        country: textOrNull(summary, "cc"),
        packets,
        bytes: num(summary, "octets"),
        flows: num(summary, "flow_rows"),
        ports: num(summary, "ports"),
        mostPortsInDay,
        sensors: num(summary, "sensor_count"),
        destinations,
        hoursActive: hours.length,
        firstSeen: seen ? iso(num(summary, "first_ms")) : null,
        lastSeen: seen ? iso(num(summary, "last_ms")) : null,
        ttlMin: seen ? num(summary, "low_ttl") : null,
        ttlMax: seen ? num(summary, "high_ttl") : null,
        listOwner: owner,
        // A packet may have several reasons: the largest is the least that can be forged.
        spoofShare: shareOrNull(Math.max(0, ...spoof.map((row) => row.packets)), packets),
      },
      marks,
      classes,
      spoof,
      signatures: of("signature")
        .filter((row) => num(row, "signed") === 1)
        .slice(0, 20)
        .map((row) => ({
          signature: formatSignature(num(row, "high"), num(row, "low")),
          packets: num(row, "n"),
        })),
      sensorRows,
      hours,
      evidence: (results["evidence"] ?? []).map((row) => ({
        time: new Date(num(row, "ms")).toISOString(),
        sensor: text(row, "sensor"),
        protocol: protocolName(num(row, "protocol")),
        sourcePort: numOrNull(row, "source_port"),
        port: numOrNull(row, "port"),
        class: text(row, "class"),
        signature: num(row, "signed") === 1 ? formatSignature(num(row, "high"), num(row, "low")) : null,
      })),
      rows,
      truncated: rows.length === 1000,
    };
  },
};
