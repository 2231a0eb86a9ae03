// SPDX-License-Identifier: Apache-2.0
import type { NoticeItem } from "../alert/notice.ts";

/** Columns of Shadowserver's `event4_honeypot_darknet` report, with `severity` as the live format has it since 2023. */
export const darknetColumns = [
  "timestamp",
  "protocol",
  ...["ip", "port", "asn", "geo", "region", "city", "hostname", "naics", "sector"].map((name) => `src_${name}`),
  "device_vendor",
  "device_type",
  "device_model",
  "severity",
  ...["ip", "port", "asn", "geo", "region", "city", "hostname", "naics", "sector"].map((name) => `dst_${name}`),
  "public_source",
  "infection",
  "family",
  "tag",
  "application",
  "version",
  "event_id",
  "count",
] as const;

/** Quoted always; what a spreadsheet would take for a formula begins with an apostrophe. */
const cell = (value: string | number | null): string => {
  if (value === null || value === "") return "";
  if (typeof value === "number") return String(value);
  // oxlint-disable-next-line no-control-regex
  const flat = value.replaceAll(/[\u0000-\u001f\u007f]+/g, " ");
  // Spreadsheets of East Asia take the wide signs for the same.
  const safe = /^[=+\-@\uff1d\uff0b\uff0d\uff20]/.test(flat.trimStart()) ? `'${flat}` : flat;
  return `"${safe.replaceAll('"', '""')}"`;
};

const stamp = (time: number): string => new Date(time / 1000).toISOString().slice(0, 19).replace("T", " ");

/**
 * The findings as a table: a row for each packet that is told, one without a source port where none is. The destination address is
 * empty always; timestamps are UTC without an offset, as in the original. `newer` marks what was seen after the letter that is beside it.
 */
export const darknetCsv = (items: readonly (NoticeItem & { readonly newer?: boolean })[], source: string): string => {
  const rows = items.flatMap((item) => {
    const packets =
      item.samples.length > 0 ? item.samples : [{ time: item.first, sourcePort: null, port: item.ports[0] ?? null }];
    return packets.map(({ time, sourcePort, port }, i) => {
      const values: Readonly<Record<string, string | number | null>> = {
        timestamp: stamp(time),
        protocol: item.protocol,
        src_ip: item.source,
        src_port: sourcePort,
        src_asn: item.asn ?? null,
        src_geo: item.country,
        severity: item.severity,
        dst_port: port ?? item.ports[0] ?? null,
        public_source: source,
        infection: item.family,
        family: item.family,
        tag: item.newer === true ? `${item.kind};newer` : item.kind,
        event_id: `LAYANG-${item.number}`,
        count: i === 0 ? item.packets : null,
      };
      return darknetColumns.map((name) => cell(values[name] ?? null)).join(",");
    });
  });
  return `${[darknetColumns.map((name) => `"${name}"`).join(","), ...rows].join("\r\n")}\r\n`;
};
