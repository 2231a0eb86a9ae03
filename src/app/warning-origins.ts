// SPDX-License-Identifier: Apache-2.0
import type { PortAsked, PortDay, PortOrigins } from "../api/desk/warnings.ts";
import { askAs } from "../api/view.ts";
import type { Views } from "../api/view.ts";
import type { Actor } from "../model/actor.ts";
import { AppError } from "../platform/errors.ts";

const iso = (microseconds: number): string =>
  new Date(Math.floor(microseconds / 1000)).toISOString().replace(/\.\d+Z/, "Z");

const scopeOf = ({ realm, exercise }: PortAsked): { realm?: string; exercise?: string } => ({
  ...(realm === "" ? {} : { realm }),
  ...(exercise === "" ? {} : { exercise }),
});

/** Where a port's packets came from and which sensors saw them, by the observatory's own question, as an actor may ask it. */
export const portOrigins =
  (views: Views) =>
  async (actor: Actor, asked: PortAsked): Promise<PortOrigins> => {
    const found = await askAs(views, actor, "port", {
      ...scopeOf(asked),
      protocol: asked.protocol as "tcp",
      port: asked.port,
      from: iso(asked.from),
      to: iso(Math.max(asked.to, asked.from + 60e6)),
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

/** A port's days as an actor may be told of them; none where none is out yet, or none is told. */
export const portDays =
  (views: Views) =>
  async (actor: Actor, asked: PortAsked): Promise<PortDay[]> => {
    const of = async (measure: "packets" | "sources") => {
      const query = { protocol: asked.protocol as "tcp", port: String(asked.port), step: "1d", measure } as const;
      return (
        await askAs(views, actor, "series", { ...scopeOf(asked), ...query, from: iso(asked.from), to: iso(asked.to) })
      ).rows;
    };
    try {
      const [packets, sources] = [await of("packets"), await of("sources")];
      return packets.map(({ time, value }, i) => ({ time, packets: value, sources: sources[i]?.value ?? null }));
    } catch (error) {
      if (error instanceof AppError && (error.code === "QUERY_PERIOD" || error.code === "ACCESS_DENIED")) return [];
      throw error;
    }
  };
