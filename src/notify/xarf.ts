// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import type { NoticeItem } from "../alert/notice.ts";
import { darknetCsv } from "./csv.ts";

/** Who reports: the node, by name, address and domain. */
export interface Reporter {
  readonly org: string;
  readonly contact: string;
  readonly domain: string;
}
export type Xarf = Readonly<Record<string, unknown>>;

const iso = (time: number): string => new Date(time / 1000).toISOString();

/** A UUID of version 4's form, which the schema asks for, that follows from an id. */
const uuidOf = (id: string): string => {
  const hex = createHash("sha256").update(id).digest("hex");
  const variant = ((Number.parseInt(hex[16] ?? "0", 16) & 3) | 8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
};

const tagOf = (namespace: string, value: string): string[] => {
  const clean = value
    .toLowerCase()
    .replaceAll(/[^a-z0-9_+-]+/g, "-")
    .replaceAll(/^-+|-+$/g, "");
  return /^[a-z0-9]/.test(clean) ? [`${namespace}:${clean}`] : [];
};

/**
 * A finding as a XARF v4 report, or null where the format has no place for it: it names sources of abuse, and a victim of an attack
 * is none; a scan without a source port is told as reconnaissance, and one without ports not at all. No destination address is in it.
 */
export const xarfOf = (item: NoticeItem, reporter: Reporter, letter: string): Xarf | null => {
  if (item.source === null) return null;
  const transport = item.protocol === "tcp" || item.protocol === "udp" ? item.protocol : null;
  const sourcePort = item.samples.find((sample) => sample.sourcePort > 0)?.sourcePort ?? null;
  const port = item.ports.find((one) => one > 0) ?? null;
  const table = Buffer.from(darknetCsv([item], reporter.org));
  const common = {
    xarf_version: "4.2.0",
    report_id: uuidOf(`${letter} ${item.alert}`),
    timestamp: iso(item.first),
    reporter,
    sender: reporter,
    source_identifier: item.source,
    ...(sourcePort === null ? {} : { source_port: sourcePort }),
    ...(port === null ? {} : { destination_port: port }),
    category: "connection",
    evidence_source: "traffic_analysis",
    evidence: [
      {
        content_type: "text/csv",
        description: "What was seen at unused addresses (Shadowserver columns)",
        payload: table.toString("base64"),
        hash: `sha256:${createHash("sha256").update(table).digest("hex")}`,
        size: table.length,
      },
    ],
    tags: [
      ...tagOf("rsit", item.classification.replace(":", "-")),
      ...(item.family === null ? [] : tagOf("malware", item.family)),
    ],
    confidence: item.confidence,
    description: `${item.packets} packets to ${item.darkAddresses} unused addresses, seen by ${item.sensors} sensors`,
    first_seen: iso(item.first),
    last_seen: iso(item.last),
  };
  if (item.kind === "infected-host") {
    return transport === null
      ? {
          ...common,
          category: "infrastructure",
          type: "botnet",
          compromise_evidence: "Scanning of unused addresses",
          ...(item.family === null ? {} : { malware_family: item.family }),
        }
      : {
          ...common,
          type: "infected_host",
          protocol: transport,
          bot_type: "malicious",
          behavior_pattern: "vulnerability_probing",
          total_requests: Math.max(1, item.packets),
          ...(item.family === null ? {} : { bot_name: item.family }),
        };
  }
  if (item.kind !== "scanning-host" && item.kind !== "amplification-scan") return null;
  if (transport !== null && sourcePort !== null) return { ...common, type: "port_scan", protocol: transport };
  if (transport === null || item.ports.length === 0) return null;
  return {
    ...common,
    type: "reconnaissance",
    protocol: transport,
    probed_resources: item.ports.map((one) => `${transport}/${one}`),
    total_probes: Math.max(1, item.packets),
    automated_tool: true,
  };
};

const isText = (value: unknown, most: number): boolean =>
  typeof value === "string" && value.length > 0 && value.length <= most;
const isTime = (value: unknown): boolean =>
  typeof value === "string" &&
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/.test(value) &&
  !Number.isNaN(Date.parse(value));
const isPort = (value: unknown): boolean => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 65_535;
const isContact = (value: unknown): boolean => {
  const { org, contact, domain, ...rest } = (value ?? {}) as Record<string, unknown>;
  return (
    isText(org, 200) &&
    /^[^\s<>@"]+@[^\s<>@"]+$/.test(String(contact)) &&
    /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/i.test(String(domain)) &&
    Object.keys(rest).length === 0
  );
};
const required: Readonly<Record<string, readonly string[]>> = {
  "connection/infected_host": ["protocol", "bot_type", "first_seen"],
  "connection/port_scan": ["protocol", "first_seen", "source_port"],
  "connection/reconnaissance": ["protocol", "first_seen", "probed_resources"],
  "infrastructure/botnet": ["compromise_evidence"],
};
const protocols: Readonly<Record<string, readonly string[]>> = {
  "connection/infected_host": ["tcp", "udp"],
  "connection/port_scan": ["tcp", "udp", "icmp", "sctp"],
  "connection/reconnaissance": ["tcp", "udp"],
};

/**
 * What is wrong with a report by the rules of XARF v4 for the four types that leave here (xarf-spec, MIT); empty: nothing. The published
 * schemas say the same in more words, and the tests hold both against each other.
 */
export const checkXarf = (report: Xarf): string[] => {
  const wrong: string[] = [];
  const demand = (right: boolean, what: string): void => {
    if (!right) wrong.push(what);
  };
  const type = `${String(report["category"])}/${String(report["type"])}`;
  demand(/^4\.\d+\.\d+$/.test(String(report["xarf_version"])), "xarf_version");
  demand(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(String(report["report_id"])), "report_id");
  demand(isTime(report["timestamp"]), "timestamp");
  demand(isContact(report["reporter"]), "reporter");
  demand(isContact(report["sender"]), "sender");
  demand(isText(report["source_identifier"], 255), "source_identifier");
  demand(Object.hasOwn(required, type), "type");
  for (const name of required[type] ?? []) demand(report[name] !== undefined, name);
  for (const name of ["source_port", "destination_port"])
    demand(report[name] === undefined || isPort(report[name]), name);
  for (const name of ["first_seen", "last_seen"]) demand(report[name] === undefined || isTime(report[name]), name);
  demand(
    report["protocol"] === undefined || protocols[type]?.includes(String(report["protocol"])) === true,
    "protocol",
  );
  const { confidence, tags, description } = report;
  demand(
    confidence === undefined || (typeof confidence === "number" && confidence >= 0 && confidence <= 1),
    "confidence",
  );
  demand(description === undefined || isText(description, 1_000), "description");
  demand(
    tags === undefined ||
      (Array.isArray(tags) &&
        tags.length <= 20 &&
        tags.every((tag) => /^[a-z0-9][a-z0-9_+-]*:[a-z0-9][a-z0-9_+-]*$/.test(String(tag)))),
    "tags",
  );
  return wrong;
};
