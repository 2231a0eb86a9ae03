// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";

export const version = (
  JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string }
).version;

/** What has to be named wherever the data are shown (NOTICE says the same in full). */
export const attribution = [
  {
    name: "Prefixes and networks",
    text: "ip-location-db/asn: RouteViews, DB-IP (IP Geolocation by DB-IP, CC BY 4.0) and NRO",
    url: "https://github.com/sapics/ip-location-db",
  },
  {
    name: "Prefixes and economies",
    text: "ip-location-db/geo-whois-asn-country: NRO and the regional Internet registries",
    url: "https://github.com/sapics/ip-location-db",
  },
  { name: "Boundaries", text: "Natural Earth, public domain", url: "https://www.naturalearthdata.com" },
] as const;
