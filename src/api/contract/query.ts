// SPDX-License-Identifier: Apache-2.0
import { Type, type Static } from "typebox";
import { classes, marks } from "../../model/traffic.ts";
import { Protocol, Time, measures, oneOf, strict } from "./shapes.ts";

const list = (item: string, most: number, description: string) =>
  Type.String({
    pattern: `^${item}(,${item}){0,${most - 1}}$`,
    description: `${description}; several: comma-separated`,
  });

export const lasts = ["15m", "1h", "6h", "24h", "2d", "7d", "14d", "30d", "90d", "365d"] as const;
export const formats = ["json", "csv", "parquet"] as const;
export const Format = Type.Optional(
  oneOf(formats, "form of the answer; CSV and Parquet carry the main table. Default: the Accept header, else json"),
);

/** When. `from` and `to` together, or `last` (a period that ends now, or with the newest data when nothing is live; from two days on it begins with a UTC day); `last` is 24h when nothing is given. */
export const when = {
  from: Type.Optional(Time),
  to: Type.Optional(Time),
  last: Type.Optional(oneOf(lasts, "a period that ends now; from 2d on it begins with a UTC day")),
};
/** Which packets. Every filter narrows; values of one filter are alternatives. */
export const filters = {
  port: Type.Optional(list("[0-9]{1,5}", 32, "destination port (source port for SYN-ACK and RST)")),
  protocol: Type.Optional(Protocol),
  class: Type.Optional(list(`(?:${classes.join("|")})`, classes.length, "traffic type")),
  country: Type.Optional(list("(?:[A-Z]{2}|--)", 32, "country of the source")),
  asn: Type.Optional(list("[0-9]{1,10}", 32, "autonomous system of the source")),
  sensor: Type.Optional(list("[A-Za-z0-9][A-Za-z0-9._-]{0,62}", 32, "sensor")),
  mark: Type.Optional(oneOf(marks, "only packets with this tool mark")),
  signature: Type.Optional(
    Type.String({
      pattern: "^[0-9]{1,5}:[a-z,-]{1,60}:(?:[0-9]{1,5}|-):(?:[0-9]{1,3}|-)$",
      description: "SYN signature, for example 64240:mss,sok,ts,nop,ws:1460:7",
    }),
  ),
};
/** Whose data. */
export const scope = {
  realm: Type.Optional(
    Type.String({ maxLength: 64, pattern: "^[A-Za-z0-9._-]*$", description: "empty is the shared realm" }),
  ),
  exercise: Type.Optional(
    Type.String({ maxLength: 64, pattern: "^[A-Za-z0-9._-]*$", description: "empty is real; never mixed" }),
  ),
  format: Format,
};
const limit = (otherwise: number) =>
  Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: otherwise, description: "most rows" }));

export const PortsTopQuery = strict({
  ...when,
  ...filters,
  ...scope,
  by: Type.Optional(oneOf(["packets", "sources"])),
  limit: limit(20),
});
export const PortsBySensorQuery = strict({ ...when, ...filters, ...scope, limit: limit(10) });
export const PortPath = strict({ protocol: Protocol, port: Type.Integer({ minimum: 0, maximum: 65535 }) });
export const PortQuery = strict({ ...when, ...scope, limit: limit(20) });
export const SeriesQuery = strict({
  ...when,
  ...filters,
  ...scope,
  step: Type.Optional(oneOf(["5m", "1h", "1d"], "default: the finest with at most 500 buckets")),
  measure: Type.Optional(oneOf(measures)),
  group: Type.Optional(oneOf(["none", "port", "country", "network", "sensor", "class", "mark"])),
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 20,
      default: 7,
      description: "most groups; the rest is `other` (packets and flows)",
    }),
  ),
});
export const DomesticOverseasQuery = strict({ ...when, ...scope, step: Type.Optional(oneOf(["day", "month"])) });
export const MiraiHostsQuery = strict({ ...when, ...scope, sensor: filters.sensor, limit: limit(5) });
export const MiraiPortsQuery = strict({
  ...when,
  ...scope,
  country: filters.country,
  sensor: filters.sensor,
  limit: limit(20),
});
export const ResearchQuery = strict({ ...when, ...scope, sensor: filters.sensor });
export const CountriesQuery = strict({
  ...when,
  ...filters,
  ...scope,
  by: Type.Optional(oneOf(["packets", "sources", "mirai_sources"])),
  limit: limit(50),
});
export const NetworksQuery = CountriesQuery;
export const SourcesTopQuery = strict({ ...when, ...filters, ...scope, limit: limit(50) });
export const SourcePath = strict({
  ip: Type.String({ minLength: 2, maxLength: 45, description: "IPv4 or IPv6 address" }),
});
export const SourceQuery = strict({ ...when, ...scope });
export const NewsQuery = strict({ ...scope, from: when.from, to: when.to, last: when.last, limit: limit(20) });
export const SensorsQuery = strict({
  ...scope,
  days: Type.Optional(Type.Integer({ minimum: 1, maximum: 90, default: 7 })),
});
export const TsubameQuery = strict({
  ...scope,
  quarter: Type.Optional(
    Type.String({
      pattern: "^[0-9]{4}Q[1-4]$",
      description: "calendar quarter in UTC, for example 2026Q3; default: the one under way",
    }),
  ),
});
export const SearchQuery = strict({ ...scope, q: Type.String({ minLength: 1, maxLength: 100 }), limit: limit(20) });
export const NoQuery = strict({});

export type PortsTopQuery = Static<typeof PortsTopQuery>;
export type PortsBySensorQuery = Static<typeof PortsBySensorQuery>;
export type PortPath = Static<typeof PortPath>;
export type PortQuery = Static<typeof PortQuery>;
export type SeriesQuery = Static<typeof SeriesQuery>;
export type DomesticOverseasQuery = Static<typeof DomesticOverseasQuery>;
export type MiraiHostsQuery = Static<typeof MiraiHostsQuery>;
export type MiraiPortsQuery = Static<typeof MiraiPortsQuery>;
export type ResearchQuery = Static<typeof ResearchQuery>;
export type CountriesQuery = Static<typeof CountriesQuery>;
export type NetworksQuery = Static<typeof NetworksQuery>;
export type SourcesTopQuery = Static<typeof SourcesTopQuery>;
export type SourcePath = Static<typeof SourcePath>;
export type SourceQuery = Static<typeof SourceQuery>;
export type NewsQuery = Static<typeof NewsQuery>;
export type SensorsQuery = Static<typeof SensorsQuery>;
export type TsubameQuery = Static<typeof TsubameQuery>;
export type SearchQuery = Static<typeof SearchQuery>;
