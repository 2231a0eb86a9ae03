// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance } from "fastify";
import { staff } from "../../access/rule.ts";
import type { Actor } from "../../model/actor.ts";
import { systemActor } from "../../model/actor.ts";
import { wilson } from "../../model/wilson.ts";
import type { DetectionKind } from "../../model/detection.ts";
import { cursorText, readCursor } from "../../platform/cursor.ts";
import { AppError } from "../../platform/errors.ts";
import type { Desk, DeskTransaction } from "../../store/desk/desk.ts";
import { countDetections, findDetection, listDetections } from "../../store/desk/detections.ts";
import type { DetectionFilter, DetectionRecord } from "../../store/desk/detections.ts";
import { warningEndpoints as at } from "../contract/desk/warning.ts";
import type { ForecastRow, OutbreakRow, SurgeRow } from "../contract/desk/warning.ts";
import type { ActorOf } from "./actor.ts";
import { seesCounts } from "../view.ts";
import { mount } from "./route.ts";
import { microsecondsOf } from "./shapes.ts";
import { timeOf, timeOrNull } from "./times.ts";

/** Where a port's packets come from and who sees them, asked of the flows. */
export interface PortOrigins {
  readonly sensors: readonly { readonly sensor: string; readonly packets: number; readonly sources: number }[];
  readonly countries: readonly { readonly country: string | null; readonly sources: number; readonly share: number }[];
}
export interface PortAsked {
  readonly protocol: string;
  readonly port: number;
  /** Microseconds. */
  readonly from: number;
  readonly to: number;
  readonly realm: string;
  readonly exercise: string;
}
export interface PortDay {
  readonly time: string;
  readonly packets: number | null;
  readonly sources: number | null;
}
export interface WarningServices {
  readonly desk: Desk;
  /** Microseconds. */
  readonly now: () => number;
  readonly origins: (actor: Actor, asked: PortAsked) => Promise<PortOrigins>;
  /** The days of a port, as an actor is told of them who is not told what sensors counted. */
  readonly days: (actor: Actor, asked: PortAsked) => Promise<readonly PortDay[]>;
  /** Sensors that are enrolled: what a rate is divided by. */
  readonly sensors: () => number;
}

const HOUR = 3_600e6;
const DAY = 24 * HOUR;
const kinds = ["surge", "novelty", "outbreak"] as const;
const most = 1e15;

const num = (value: unknown): number => (typeof value === "number" && Number.isFinite(value) ? value : 0);
const numOrNull = (value: unknown): number | null =>
  typeof value === "number" && Number.isFinite(value) ? value : null;
type Evidence = Readonly<Record<string, unknown>>;

const stateOf = (evidence: Evidence): "rising" | "steady" | "over" => {
  const { state } = evidence;
  return state === "rising" || state === "over" ? state : "steady";
};
/** [hour since 1970, new sources, packets], as the detector remembers them. */
const hoursOf = (evidence: Evidence): [number, number, number][] => {
  const flat = Array.isArray(evidence["hours"]) ? (evidence["hours"] as unknown[]).map(num) : [];
  return Array.from({ length: Math.floor(flat.length / 3) }, (_, i) => [
    flat[3 * i]!,
    flat[3 * i + 1]!,
    flat[3 * i + 2]!,
  ]);
};
/** The newest 48 whole hours: the one under way has not had its time, and would look like an end. */
const sparkOf = (row: DetectionRecord): number[] => {
  const byHour = new Map(hoursOf(row.evidence).map(([hour, sources]) => [hour, sources]));
  const end = Math.floor(row.last / HOUR);
  return Array.from({ length: 48 }, (_, i) => byHour.get(end - 48 + i) ?? 0);
};
/** Longest series that is answered, hours. */
const LONGEST = 1100;
/** All hours from the first remembered to the last judged; hours without a new source take no room in the evidence. */
export const wholeSeries = (evidence: Evidence, judged: number): [number, number, number][] => {
  const hours = hoursOf(evidence);
  const last = Math.max(hours.at(-1)?.[0] ?? 0, Math.ceil(judged / HOUR) - 1);
  const first = Math.max(hours[0]?.[0] ?? last, last - LONGEST + 1);
  const byHour = new Map(hours.map((one) => [one[0], one]));
  return hours.length === 0
    ? []
    : Array.from({ length: last - first + 1 }, (_, i) => byHour.get(first + i) ?? [first + i, 0, 0]);
};

const surgeRow = (row: DetectionRecord): SurgeRow => {
  const { evidence } = row;
  const score = (evidence["changefinder"] as { sources?: unknown } | undefined)?.sources;
  const networks = num(evidence["networks"]);
  return {
    id: row.id,
    kind: row.kind as SurgeRow["kind"],
    state: stateOf(evidence),
    protocol: row.protocol ?? "",
    port: row.port ?? 0,
    first: timeOf(row.first),
    last: timeOf(row.last),
    packets: row.packets,
    sources: num(evidence["sources_24h"]),
    usualSources:
      row.kind === "novelty" ? null : (num(evidence["expected"]) / Math.max(1, num(evidence["window_hours"]))) * 24,
    sensors: row.sensors.length,
    corroborated: row.sensors.length >= 2 || networks >= 2,
    score: numOrNull(score),
    // Windows, ports and intervals of a month, times the chance of each.
    falsePerMonth: 10 ** Math.max(-30, num(evidence["chance_log10"])) * 131_072 * 8 * 30,
    topCountry: null,
    spark: sparkOf(row),
  };
};

const hourOf = (time: string): string => timeOf(Math.floor((Date.parse(time) * 1000) / HOUR) * HOUR);
/** That there is a surge and since when, to the hour, without a figure that its packets move. */
const uncounted = (row: SurgeRow): SurgeRow => ({
  ...row,
  first: hourOf(row.first),
  last: hourOf(row.last),
  packets: null,
  sources: null,
  usualSources: null,
  sensors: null,
  score: null,
  falsePerMonth: null,
  topCountry: null,
  spark: [],
});
const uncountedOutbreak = (row: OutbreakRow): OutbreakRow => ({
  ...row,
  first: hourOf(row.first),
  last: hourOf(row.last),
  sources: null,
  population: null,
  growthPerHour: null,
  doublingHours: null,
  countries: null,
  forecasts: 0,
  inside: 0,
});

interface Said {
  readonly made: number;
  readonly due: number;
  readonly hours: number;
  readonly low: number;
  readonly middle: number;
  readonly high: number | null;
  readonly came: readonly [number, number, number | null] | null;
  readonly true: boolean | null;
}
const saidOf = (evidence: Evidence): Said[] =>
  Array.isArray(evidence["forecasts"]) ? (evidence["forecasts"] as Said[]).slice(-500) : [];
const forecastRow = (said: Said): ForecastRow => ({
  made: timeOf(said.made),
  hours: String(said.hours) as ForecastRow["hours"],
  due: timeOf(said.due),
  low: said.low,
  middle: said.middle,
  high: said.high ?? most,
  came: said.came?.[1] ?? null,
  outcome:
    said.came === null
      ? "due"
      : said.true === true
        ? "inside"
        : said.came[0] > (said.high ?? Infinity)
          ? "above"
          : "below",
});

const outbreakRow = (row: DetectionRecord): OutbreakRow => {
  const { evidence } = row;
  const said = saidOf(evidence);
  const hosts = evidence["hosts"] as { low?: unknown; middle?: unknown; high?: unknown } | undefined;
  return {
    id: row.id,
    protocol: row.protocol ?? "",
    port: row.port ?? 0,
    family: row.family,
    state: stateOf(evidence),
    first: timeOf(row.first),
    last: timeOf(row.last),
    sources: num(evidence["sources_24h"]),
    population:
      hosts === undefined
        ? null
        : { low: num(hosts.low), middle: num(hosts.middle), high: numOrNull(hosts.high) ?? most },
    growthPerHour: numOrNull(evidence["growth_per_hour"]),
    doublingHours: numOrNull(evidence["doubling_hours"]),
    countries: num(evidence["networks"]),
    forecasts: said.filter(({ came }) => came !== null).length,
    inside: said.filter((one) => one.true === true).length,
  };
};

/** What all forecasts of the standing outbreaks came to. */
const record = async (trx: DeskTransaction, filter: DetectionFilter): Promise<{ verified: number; inside: number }> => {
  const rows = await listDetections(trx, { ...filter, kinds: ["outbreak"] }, 500);
  const said = rows.flatMap((row) => saidOf(row.evidence)).filter(({ came }) => came !== null);
  return { verified: said.length, inside: said.filter((one) => one.true === true).length };
};

/** Early warning: surges, ports that nobody had asked for, outbreaks with what was said of them and what came. */
export const withWarnings = (server: FastifyInstance, services: WarningServices, actorOf: ActorOf): void => {
  const { desk, now } = services;
  const who = [...staff, "member", "researcher"] as const;

  mount(server, at.warnings, { who, audit: "warning.read" }, async ({ query, request }) => {
    const [from, to] = [microsecondsOf(query.from), microsecondsOf(query.to)];
    const scope = { realm: query.realm ?? "", exercise: query.exercise ?? "" };
    const counts = seesCounts(actorOf(request), scope);
    const filter: DetectionFilter = {
      ...scope,
      kinds: query.kind === undefined ? kinds : [query.kind as DetectionKind],
      ...(query.state === undefined ? {} : { state: query.state }),
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
    };
    const limit = query.limit ?? 50;
    const [last, id] = query.cursor === undefined ? [] : readCursor(query.cursor, "integer", "text");
    // How far it has judged names no host and no owner.
    const judged = await desk.as(systemActor, (trx) =>
      trx
        .selectFrom("detector_cursors")
        .select("position")
        .where("detector", "=", "early-warning")
        .where("realm", "=", scope.realm)
        .where("exercise", "=", scope.exercise)
        .executeTakeFirst(),
    );
    return desk.as(actorOf(request), async (trx) => {
      const found = await countDetections(trx, filter);
      const rows = await listDetections(
        trx,
        filter,
        limit,
        last === undefined || id === undefined ? undefined : { last, id },
      );
      // Every outbreak is a surge too: ports are counted once.
      const rising = await countDetections(trx, { ...scope, kinds: ["surge"], state: "rising" });
      const month = await countDetections(trx, { ...scope, kinds: ["surge"], from: now() - 30 * DAY });
      const count = (kind: DetectionKind, of = found): number => of.kinds.find((one) => one.kind === kind)?.count ?? 0;
      const end = rows.length === limit ? rows.at(-1) : undefined;
      const sensors = services.sensors();
      return {
        asked: timeOf(now()),
        total: found.kinds.reduce((sum, { count: n }) => sum + n, 0),
        next: end === undefined ? null : cursorText(end.last, end.id),
        facts: {
          judged: timeOrNull(judged?.position ?? null),
          rising: rising.kinds.reduce((sum, { count: n }) => sum + n, 0),
          surges: count("surge"),
          novelties: count("novelty"),
          outbreaks: count("outbreak"),
          perSensorMonth: sensors === 0 ? null : count("surge", month) / sensors,
          month: count("surge", month),
          sensors,
          ...(await record(trx, scope)),
        },
        rows: rows.map((row) => (counts ? surgeRow(row) : uncounted(surgeRow(row)))),
      };
    });
  });

  mount(server, at.outbreaks, { who, audit: "warning.read" }, async ({ query, request }) => {
    const scope = { realm: query.realm ?? "", exercise: query.exercise ?? "" };
    const counts = seesCounts(actorOf(request), scope);
    const filter: DetectionFilter = {
      ...scope,
      kinds: ["outbreak"],
      ...(query.state === undefined ? {} : { state: query.state }),
    };
    const limit = query.limit ?? 50;
    const [last, id] = query.cursor === undefined ? [] : readCursor(query.cursor, "integer", "text");
    return desk.as(actorOf(request), async (trx) => {
      const found = await countDetections(trx, filter);
      const rising = await countDetections(trx, { ...scope, kinds: ["outbreak"], state: "rising" });
      const rows = await listDetections(
        trx,
        filter,
        limit,
        last === undefined || id === undefined ? undefined : { last, id },
      );
      const { verified, inside } = await record(trx, scope);
      const end = rows.length === limit ? rows.at(-1) : undefined;
      return {
        asked: timeOf(now()),
        total: found.kinds[0]?.count ?? 0,
        next: end === undefined ? null : cursorText(end.last, end.id),
        facts: { rising: rising.kinds[0]?.count ?? 0, coverage: wilson(inside, verified) },
        rows: rows.map((row) => (counts ? outbreakRow(row) : uncountedOutbreak(outbreakRow(row)))),
      };
    });
  });

  mount(server, at.warning, { who, audit: "warning.read" }, async ({ params, request }) => {
    const actor = actorOf(request);
    const found = await desk.as(actor, async (trx) => {
      const row = await findDetection(trx, params.warning);
      if (row === undefined || !(kinds as readonly string[]).includes(row.kind)) return undefined;
      const same: DetectionFilter = {
        realm: row.realm,
        exercise: row.exercise,
        ...(row.port === null ? {} : { port: row.port }),
      };
      // A surge and the outbreak it became are two claims about one port with one beginning.
      const others = await listDetections(trx, { ...same, kinds: ["outbreak"], from: row.first }, 10);
      const outbreak =
        row.kind === "outbreak"
          ? row
          : others.find(
              ({ evidence, protocol }) => evidence["found"] === row.evidence["found"] && protocol === row.protocol,
            );
      const ours = await trx
        .selectFrom("detections")
        .innerJoin("organisations", "organisations.id", "detections.organisation_id")
        .select([
          "organisations.name as organisation",
          ({ fn }) => fn.count<number>("detections.source").distinct().as("sources"),
        ])
        .where("detections.port", "=", row.port)
        .where("detections.realm", "=", row.realm)
        .where("detections.exercise", "=", row.exercise)
        .where("detections.withdrawn", "=", false)
        .where("detections.last", ">=", row.first)
        .groupBy("organisations.name")
        .orderBy("sources", "desc")
        .limit(50)
        .execute();
      return { row, outbreak, owners: ours.map((one) => ({ ...one, sources: Number(one.sources) })) };
    });
    if (found === undefined) throw new AppError("NOT_FOUND", "there is no such warning");
    const { row, outbreak, owners } = found;
    const usual = num(row.evidence["expected"]) / Math.max(1, num(row.evidence["window_hours"]));
    const told = outbreak ?? row;
    const hosts = told.evidence["hosts_by_hour"];
    const about = {
      protocol: row.protocol ?? "tcp",
      port: row.port ?? 0,
      to: row.last,
      realm: row.realm,
      exercise: row.exercise,
    };
    if (!seesCounts(actor, row)) {
      const days = await services.days(actor, { ...about, from: row.last - 14 * DAY });
      return {
        asked: timeOf(now()),
        surge: uncounted(surgeRow(row)),
        outbreak: outbreak === undefined ? null : uncountedOutbreak(outbreakRow(outbreak)),
        released: true,
        series: days.map((one) => ({ ...one, usual: null, score: null })),
        filling: false,
        population: [],
        forecasts: [],
        sensors: [],
        countries: [],
        owners,
        evidence: {},
      };
    }
    const series = wholeSeries(row.evidence, row.last);
    const origins = await services.origins(actor, { ...about, from: Math.max(row.first, row.last - 7 * DAY) });
    return {
      asked: timeOf(now()),
      surge: surgeRow(row),
      outbreak: outbreak === undefined ? null : outbreakRow(outbreak),
      released: false,
      series: series.map(([hour, sources, packets]) => ({
        time: timeOf(hour * HOUR),
        packets,
        sources,
        usual,
        score: null,
      })),
      filling: ((series.at(-1)?.[0] ?? -1) + 1) * HOUR > row.last,
      population: (Array.isArray(hosts) ? (hosts as [number, number, number, number][]) : [])
        .slice(-1100)
        .map(([hour, low, middle, high]) => ({
          time: timeOf(hour * HOUR),
          low,
          middle,
          high: high < 0 ? most : high,
        })),
      forecasts: saidOf(told.evidence).map(forecastRow),
      sensors: origins.sensors.slice(0, 50),
      countries: origins.countries.slice(0, 50),
      owners,
      evidence: row.evidence,
    };
  });
};
