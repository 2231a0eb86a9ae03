// SPDX-License-Identifier: Apache-2.0
import * as answers from "./answers.ts";
import * as queries from "./query.ts";

/** Every question by name: where it is asked, with what, and what comes back. `{name}` in a path is a path parameter. */
export const endpoints = {
  "ports/top": { path: "/api/v1/ports/top", query: queries.PortsTopQuery, answer: answers.PortsTop },
  "ports/by-sensor": {
    path: "/api/v1/ports/by-sensor",
    query: queries.PortsBySensorQuery,
    answer: answers.PortsBySensor,
  },
  port: {
    path: "/api/v1/ports/{protocol}/{port}",
    params: queries.PortPath,
    query: queries.PortQuery,
    answer: answers.OnePort,
  },
  series: { path: "/api/v1/series", query: queries.SeriesQuery, answer: answers.Series },
  "region/domestic-overseas": {
    path: "/api/v1/region/domestic-overseas",
    query: queries.DomesticOverseasQuery,
    answer: answers.DomesticOverseas,
  },
  "mirai/hosts": { path: "/api/v1/mirai/hosts", query: queries.MiraiHostsQuery, answer: answers.MiraiHosts },
  "mirai/ports": { path: "/api/v1/mirai/ports", query: queries.MiraiPortsQuery, answer: answers.MiraiPorts },
  "scanners/research": { path: "/api/v1/scanners/research", query: queries.ResearchQuery, answer: answers.Research },
  countries: { path: "/api/v1/countries", query: queries.CountriesQuery, answer: answers.Countries },
  networks: { path: "/api/v1/networks", query: queries.NetworksQuery, answer: answers.Networks },
  "sources/top": { path: "/api/v1/sources/top", query: queries.SourcesTopQuery, answer: answers.SourcesTop },
  source: {
    path: "/api/v1/sources/{ip}",
    params: queries.SourcePath,
    query: queries.SourceQuery,
    answer: answers.OneSource,
  },
  news: { path: "/api/v1/news", query: queries.NewsQuery, answer: answers.News },
  sensors: { path: "/api/v1/sensors", query: queries.SensorsQuery, answer: answers.Sensors },
  "reports/tsubame": { path: "/api/v1/reports/tsubame", query: queries.TsubameQuery, answer: answers.Tsubame },
  search: { path: "/api/v1/search", query: queries.SearchQuery, answer: answers.Search },
} as const;
export type QuestionName = keyof typeof endpoints;
export const statusPath = "/api/v1/status";
export const livePath = "/api/v1/live";
