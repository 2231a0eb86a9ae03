// SPDX-License-Identifier: Apache-2.0
import type { PortOrigins } from "../api/desk/warnings.ts";
import type { Observatory } from "../observe/observatory.ts";

const iso = (microseconds: number): string =>
  new Date(Math.floor(microseconds / 1000)).toISOString().replace(/\.\d+Z/, "Z");

/** Where a port's packets came from and which sensors saw them, by the observatory's own question. */
export const portOrigins =
  (observatory: Observatory) =>
  async (protocol: string, port: number, from: number, to: number): Promise<PortOrigins> => {
    const found = await observatory.ask("port", {
      protocol: protocol as "tcp",
      port,
      from: iso(from),
      to: iso(Math.max(to, from + 60e6)),
      limit: 50,
    });
    const { sources } = found.facts;
    return {
      sensors: found.sensorRows.map(({ sensor, packets, sources: n }) => ({ sensor, packets, sources: n })),
      countries: found.countries.map(({ country, sources: n }) => ({
        country: /^[A-Z]{2}$/.test(country) ? country : null,
        sources: n,
        // Both are estimates: a share stays one.
        share: sources === 0 ? 0 : Math.min(1, n / sources),
      })),
    };
  };
