// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import type { RawBuilder } from "kysely";
import { day, second, toldKinds, verifiableKinds } from "../alert/alert.ts";
import { atSteps, survival } from "../alert/survival.ts";
import { wilson } from "../model/wilson.ts";
import type { Followed, Survival, SurvivalPoint } from "../alert/survival.ts";
import type { Actor } from "../model/actor.ts";
import type { DetectionKind } from "../model/detection.ts";
import type { Desk, DeskTransaction } from "../store/desk/desk.ts";
import { fromIndexes, ownRows } from "./asking.ts";

/*
 * Every figure here is of what is real: `exercise = ''` stands in one place, `episodes`, and every question goes through it.
 */

/** Of what is open and of what is closed, each read from its own index. */
const inBoth = (of: (state: RawBuilder<unknown>) => RawBuilder<unknown>): RawBuilder<unknown> =>
  sql`${of(sql`a.state <> 'closed'`)} UNION ALL ${of(sql`a.state = 'closed'`)}`;

/**
 * Every episode of every alert of the real: what an alert is now, and what it was before it came back. `first_seen` is the first packet of what
 * was claimed; of what came back there is none, since a claim that goes on keeps its first packet.
 */
const episodes = sql`(${inBoth(
  (state) =>
    sql`SELECT a.id AS alert_id, a.organisation_id, a.realm, a.kind, a.family, a.country, a.case_id, CASE WHEN a.relapses = 0 THEN a.first END AS first_seen, a.detected, a.notified, a.acknowledged, a.acted, a.quieted, a.closed, a.closing, a.state, a.last, a.checked, a.relapses > 0 AS again
  FROM alerts a WHERE a.exercise = '' AND ${state}`,
)}
  UNION ALL SELECT a.id, a.organisation_id, a.realm, a.kind, a.family, a.country, a.case_id, CASE WHEN e.episode = 0 THEN a.first END, e.detected, e.notified, e.acknowledged, e.acted, e.quieted, e.closed, e.closing, 'quiet', e.relapsed, e.relapsed, e.episode > 0
  FROM alert_episodes e JOIN alerts a ON a.id = e.alert_id WHERE a.exercise = '')`;
/** Taken back, false, or another's: these were no infections of the owner's, and no curve has them. */
const counted = sql`(x.closing IS NULL OR x.closing NOT IN ('withdrawn', 'false-positive', 'not-ours'))`;

export type CurveBy = "none" | "channel" | "owner" | "family" | "country";
export interface CleanUpAsked {
  readonly by: CurveBy;
  readonly kind?: DetectionKind;
  readonly organisation?: string;
  /** Notices (for the baseline: detections) in [from, to). */
  readonly from: number;
  readonly to: number;
  readonly days: number;
}
export interface Curve {
  readonly group: string;
  readonly label: string;
  readonly n: number;
  readonly censored: number;
  readonly medianDays: number | null;
  readonly points: readonly SurvivalPoint[];
}
export interface CleanUp {
  readonly all: Curve;
  readonly groups: readonly Curve[];
  readonly least: number;
  readonly baseline: Curve | null;
  readonly before: { readonly n: number; readonly medianDays: number | null } | null;
  /** Of all that were told: not seen again, cannot be confirmed. They are censored in the curve, never cleaned. */
  readonly unconfirmed: number;
}
/** Groups under this are not shown: few of them name an owner. */
export const leastGroup = 5;
const groupsAtMost = 7;

/** Episodes that were followed as long, and ended alike; days. */
interface EpisodeRow extends Followed {
  readonly n: number;
  readonly grouped: string | null;
  readonly told: boolean;
  /** Of the period before. */
  readonly earlier: boolean;
  readonly unconfirmed: boolean;
}
/** By what the subscriber was told, as the owner says; a notice that nobody answered so is `notice-only`. */
const channel = sql`coalesce(CASE WHEN x.case_id IN (SELECT w.case_id FROM answers w WHERE w.answer = 'subscriber-notified') THEN (SELECT w.channel FROM answers w WHERE w.case_id = x.case_id AND w.answer = 'subscriber-notified' AND w.at >= x.detected ORDER BY w.id LIMIT 1) END, 'notice-only')`;
const groupOf: Readonly<Record<CurveBy, RawBuilder<unknown>>> = {
  none: sql`''`,
  channel,
  owner: sql`x.organisation_id`,
  family: sql`x.family`,
  country: sql`x.country`,
};

/** A hundred thousand rows are grouped in memory, and not sorted first, for how few they seem to be. What is set here holds for the transaction alone. */
const roomy = async (trx: DeskTransaction): Promise<void> => {
  await fromIndexes(trx);
  await sql`SELECT set_config('work_mem', '64MB', true), set_config('enable_sort', 'off', true)`.execute(trx);
};
/** Rows of those of who asks, or of all; of one organisation where it is named. */
const own = (actor: Actor, table: "a" | "x", organisation?: string): RawBuilder<unknown> => {
  const column = sql.ref(`${table}.organisation_id`);
  const list = [...ownRows(actor, column), ...(organisation === undefined ? [] : [sql`${column} = ${organisation}`])];
  return sql.join(
    list.map((condition) => sql`AND ${condition}`),
    sql` `,
  );
};

/** Episodes of two periods of the same length, told and untold, in one look at them all. */
const read = async (
  trx: DeskTransaction,
  actor: Actor,
  asked: CleanUpAsked,
  now: number,
): Promise<readonly EpisodeRow[]> => {
  const kinds = asked.kind === undefined ? [...verifiableKinds] : [asked.kind];
  const start = sql`coalesce(x.notified, x.detected)`;
  const told = sql`(x.notified IS NOT NULL)`;
  const ended = sql`(x.quieted IS NOT NULL AND x.state IN ('quiet', 'closed'))`;
  const since = asked.from - (asked.to - asked.from);
  const whose = own(actor, "x", asked.organisation);
  // Counted together in the engine, to a hundredth of a day: curves of a hundred thousand are read as some thousand rows.
  const { rows } =
    await sql<EpisodeRow>`SELECT told, earlier, hundredths::double precision / 100 AS time, ended, grouped, unconfirmed, n FROM (
SELECT ${told} AS told, ${start} < ${asked.from} AS earlier, (greatest(0, (CASE WHEN ${ended} THEN x.quieted ELSE greatest(x.last, x.checked) END) - ${start}) + ${day / 200}::bigint) / ${day / 100}::bigint AS hundredths,
  ${ended} AS ended, ${groupOf[asked.by]} AS grouped, (x.closing IS NOT DISTINCT FROM 'unconfirmed') AS unconfirmed, count(*)::int AS n
FROM ${episodes} AS x WHERE ${counted} AND x.realm = '' AND x.kind = ANY (${kinds}) ${whose}
  AND ${start} >= ${since} AND ${start} < ${Math.min(asked.to, now + 1)}
GROUP BY 1, 2, 3, 4, 5, 6 LIMIT 1000000) AS f`.execute(trx);
  return rows;
};
const curveOf = (rows: readonly EpisodeRow[]): Survival => survival(rows);
const sizeOf = (rows: readonly EpisodeRow[]): number => rows.reduce((sum, { n }) => sum + n, 0);
const shown = (group: string, label: string, curve: Survival, days: number): Curve => ({
  group,
  label,
  n: curve.n,
  censored: curve.censored,
  medianDays: curve.median,
  points: atSteps(curve, 1, days),
});

/** Names of organisations by id. */
const namesOf = async (trx: DeskTransaction, ids: readonly string[]): Promise<ReadonlyMap<string, string>> => {
  const { rows } = await sql<{
    id: string;
    name: string;
  }>`SELECT id, name FROM organisations WHERE id = ANY (${[...ids]})`.execute(trx);
  return new Map(rows.map(({ id, name }) => [id, name]));
};

/** Clean-up curves: Kaplan-Meier from the notice to the last packet. What is open, or unknown, is censored. */
export const cleanUp = (desk: Desk, actor: Actor, asked: CleanUpAsked, now: number): Promise<CleanUp> =>
  desk.as(actor, async (trx) => {
    await roomy(trx);
    const every = await read(trx, actor, asked, now);
    const rows = every.filter(({ told, earlier }) => told && !earlier);
    const baseline = every.filter(({ told, earlier }) => !told && !earlier);
    const before = every.filter(({ told, earlier }) => told && earlier);
    const groups = new Map<string, EpisodeRow[]>();
    for (const row of asked.by === "none" ? [] : rows) {
      const list = groups.get(row.grouped ?? "") ?? [];
      list.push(row);
      groups.set(row.grouped ?? "", list);
    }
    const earlier = curveOf(before);
    const owners = asked.by === "owner" ? [...groups.keys()] : [];
    const names = await namesOf(trx, owners);
    return {
      all: shown("", "", curveOf(rows), asked.days),
      groups: [...groups]
        .filter(([, list]) => sizeOf(list) >= leastGroup)
        .toSorted((a, b) => sizeOf(b[1]) - sizeOf(a[1]) || (a[0] < b[0] ? -1 : 1))
        .slice(0, groupsAtMost)
        .map(([group, list]) => shown(group, names.get(group) ?? group, curveOf(list), asked.days)),
      least: leastGroup,
      baseline: sizeOf(baseline) < leastGroup ? null : shown("", "", curveOf(baseline), asked.days),
      before: before.length === 0 ? null : { n: earlier.n, medianDays: earlier.median },
      unconfirmed: sizeOf(rows.filter((row) => row.unconfirmed)),
    };
  });

export type ResponseBy = "owner" | "kind" | "month" | "country" | "sector";
export interface Span {
  readonly n: number;
  readonly median: number | null;
  readonly p90: number | null;
}
export interface ResponseRow {
  readonly group: string;
  readonly label: string;
  readonly notices: number;
  readonly answered: ReturnType<typeof wilson>;
  readonly relapsed: number;
  /** From the first packet seen, as the claim names it, to the notice. */
  readonly firstNotified: Span;
  /** From the alert, which is when the node had detected it, to the notice. */
  readonly detectedNotified: Span;
  readonly notifiedAcknowledged: Span;
  readonly notifiedActed: Span;
  readonly actedQuiet: Span;
}
const responseGroup: Readonly<Record<ResponseBy, RawBuilder<unknown>>> = {
  owner: sql`x.organisation_id`,
  kind: sql`x.kind`,
  month: sql`date_trunc('month', to_timestamp(x.notified / 1000000) AT TIME ZONE 'UTC')`,
  country: sql`x.country`,
  sector: sql`o.sector`,
};
const spans = {
  fn: ["first_seen", "notified"],
  dn: ["detected", "notified"],
  na: ["notified", "acknowledged"],
  nt: ["notified", "acted"],
  aq: ["acted", "quieted"],
} as const;

/**
 * Response times between FIRST's clocks, in seconds: medians and 90th percentiles of those that have both ends. What has no answer
 * yet is counted in `answered`, never as a time.
 */
export const responseTimes = (
  desk: Desk,
  actor: Actor,
  asked: { readonly by: ResponseBy; readonly from: number; readonly to: number },
): Promise<{ readonly all: ResponseRow; readonly rows: readonly ResponseRow[] }> =>
  desk.as(actor, async (trx) => {
    const names = Object.keys(spans).map((name) => sql.raw(name));
    // Each length is worked out once, then read by all that is asked of it.
    const lengths = Object.entries(spans).map(
      ([name, [from, to]]) =>
        sql`CASE WHEN x.${sql.raw(to)} >= x.${sql.raw(from)} THEN (x.${sql.raw(to)} - x.${sql.raw(from)}) / ${second}::double precision END AS ${sql.raw(name)}`,
    );
    const figures = names.map(
      (name) =>
        sql`count(y.${name})::int AS ${name}_n, percentile_cont(0.5) WITHIN GROUP (ORDER BY y.${name}) AS ${name}_median, percentile_cont(0.9) WITHIN GROUP (ORDER BY y.${name}) AS ${name}_p90`,
    );
    await roomy(trx);
    const { rows } = await sql<
      Record<string, string | number | null>
    >`SELECT ${asked.by === "month" ? sql`to_char(y.grouped, 'YYYY-MM')` : sql`y.grouped`} AS grouped, grouping(y.grouped) AS total, count(*)::int AS notices, count(y.acknowledged)::int AS answered, count(*) FILTER (WHERE y.again)::int AS relapsed, ${sql.join(figures)}
FROM (SELECT ${responseGroup[asked.by]} AS grouped, x.acknowledged, x.again, ${sql.join(lengths)} FROM ${episodes} AS x ${asked.by === "sector" ? sql`LEFT JOIN organisations o ON o.id = x.organisation_id` : sql``}
  WHERE ${counted} AND x.realm = '' AND x.kind = ANY (${[...toldKinds]}) AND x.notified >= ${asked.from} AND x.notified < ${asked.to} ${own(actor, "x")} OFFSET 0) AS y
GROUP BY GROUPING SETS ((), (y.grouped)) ORDER BY total DESC, notices DESC, 1 LIMIT 201`.execute(trx);
    const labels =
      asked.by === "owner"
        ? await namesOf(
            trx,
            rows.map(({ grouped }) => String(grouped)),
          )
        : new Map<string, string>();
    const spanOf = (row: Record<string, string | number | null>, name: string): Span => ({
      n: Number(row[`${name}_n`] ?? 0),
      median:
        row[`${name}_median`] === null || row[`${name}_median`] === undefined ? null : Number(row[`${name}_median`]),
      p90: row[`${name}_p90`] === null || row[`${name}_p90`] === undefined ? null : Number(row[`${name}_p90`]),
    });
    const read = (row: Record<string, string | number | null>): ResponseRow => ({
      group: String(row["grouped"] ?? ""),
      label: labels.get(String(row["grouped"])) ?? String(row["grouped"] ?? ""),
      notices: Number(row["notices"] ?? 0),
      answered: wilson(Number(row["answered"] ?? 0), Number(row["notices"] ?? 0)),
      relapsed: Number(row["relapsed"] ?? 0),
      firstNotified: spanOf(row, "fn"),
      detectedNotified: spanOf(row, "dn"),
      notifiedAcknowledged: spanOf(row, "na"),
      notifiedActed: spanOf(row, "nt"),
      actedQuiet: spanOf(row, "aq"),
    });
    const all = rows.find((row) => Number(row["total"]) === 1) ?? {};
    return { all: read(all), rows: rows.filter((row) => Number(row["total"]) === 0).map(read) };
  });

export interface PrecisionRow {
  readonly month: string;
  readonly detector: string;
  readonly kind: DetectionKind;
  readonly right: number;
  readonly wrong: number;
  readonly undecided: number;
  readonly precision: ReturnType<typeof wilson>;
}
/**
 * What owners' answers say of each detector: right where the owner cleaned or told the subscriber; wrong where it says false positive; `research` says that a
 * scan was meant, which is right of a scanning host and wrong of an infected one; whose network it is (`not-ours`) is the constituency's fault, and the rest is undecided. The newest decided answer of a case counts.
 */
export const measuredPrecision = (desk: Desk, actor: Actor, from: number): Promise<readonly PrecisionRow[]> =>
  desk.as(actor, async (trx) => {
    await roomy(trx);
    const real = inBoth(
      (state) =>
        sql`SELECT a.id, a.kind, a.case_id, a.tests FROM alerts a WHERE a.exercise = '' AND a.realm = '' AND a.case_id IS NOT NULL AND ${state} ${own(actor, "a")}`,
    );
    const { rows } = await sql<{
      month: string;
      detector: string;
      kind: DetectionKind;
      right: number;
      wrong: number;
      undecided: number;
    }>`WITH alert AS (${real}), said AS (
  SELECT DISTINCT ON (a.id COLLATE "C") a.kind, a.tests, w.answer, w.at / ${day}::bigint AS day FROM alert a JOIN answers w ON w.case_id = a.case_id AND (cardinality(w.alerts) = 0 OR a.id = ANY (w.alerts))
  WHERE w.exercise = '' AND w.at >= ${from} ORDER BY a.id COLLATE "C", (w.answer = 'working'), w.id DESC),
-- There are few days and few rules: counted before months are named and detectors are read from what fired.
counted AS (SELECT kind, tests, answer, day, count(*) AS n FROM said GROUP BY 1, 2, 3, 4)
SELECT to_char(to_timestamp(s.day * 86400) AT TIME ZONE 'UTC', 'YYYY-MM') AS month, d.detector, s.kind,
  coalesce(sum(s.n) FILTER (WHERE s.answer IN ('cleaned', 'subscriber-notified', 'mitigated', 'attack-over') OR (s.answer = 'research' AND s.kind <> 'infected-host')), 0)::int AS right,
  coalesce(sum(s.n) FILTER (WHERE s.answer = 'false-positive' OR (s.answer = 'research' AND s.kind = 'infected-host')), 0)::int AS wrong,
  coalesce(sum(s.n) FILTER (WHERE s.answer IN ('working', 'not-ours', 'cannot-attribute')), 0)::int AS undecided
FROM counted s CROSS JOIN LATERAL (SELECT DISTINCT split_part(test, ':', 1) AS detector FROM unnest(s.tests) AS test) AS d GROUP BY 1, 2, 3 ORDER BY 1 DESC, 2, 3 LIMIT 600`.execute(
      trx,
    );
    return rows.map((row) => ({ ...row, precision: wilson(row.right, row.right + row.wrong) }));
  });

/** How often a claim of a kind was right, of those answered; null under ten of them. */
export const precisionOfKind = async (trx: DeskTransaction, kind: DetectionKind): Promise<number | null> => {
  const { rows } = await sql<{
    right: number;
    wrong: number;
  }>`SELECT count(*) FILTER (WHERE w.answer IN ('cleaned', 'subscriber-notified', 'mitigated', 'attack-over') OR (w.answer = 'research' AND c.kind <> 'infected-host'))::int AS right,
  count(*) FILTER (WHERE w.answer = 'false-positive' OR (w.answer = 'research' AND c.kind = 'infected-host'))::int AS wrong
FROM answers w JOIN cases c ON c.id = w.case_id WHERE w.exercise = '' AND w.realm = '' AND c.kind = ${kind}`.execute(
    trx,
  );
  const { right = 0, wrong = 0 } = rows[0] ?? {};
  return right + wrong < 10 ? null : right / (right + wrong);
};

export interface Summary {
  readonly alerts: {
    readonly new: number;
    readonly relapsed: number;
    readonly held: number;
    readonly open: number;
    readonly essential: number;
  };
  readonly cases: { readonly open: number; readonly unanswered: number; readonly mine: number };
  readonly outbox: { readonly waiting: number; readonly dead: number; readonly held: number };
  readonly inbox: number;
  readonly breaker: boolean;
}
/** Small figures for the shell, of what who asks may see. */
export const summaryOf = (desk: Desk, actor: Actor, person: string): Promise<Summary> =>
  desk.as(actor, async (trx) => {
    await fromIndexes(trx);
    const real = sql.join(
      [sql`exercise = ''`, sql`state <> 'closed'`, ...ownRows(actor, sql`organisation_id`)],
      sql` AND `,
    );
    const { rows } = await sql<
      Record<string, number | boolean>
    >`SELECT count(*) FILTER (WHERE state = 'new')::int AS new, count(*) FILTER (WHERE state = 'relapsed')::int AS relapsed,
  count(*) FILTER (WHERE released IS NULL AND cardinality(held) > 0)::int AS held, count(*) FILTER (WHERE state <> 'quiet')::int AS open, count(*) FILTER (WHERE essential AND state <> 'quiet')::int AS essential,
  coalesce(bool_or(released IS NULL AND cardinality(held) > 0 AND 'global-breaker' = ANY (held)), false) AS breaker
FROM alerts WHERE ${real}`.execute(trx);
    const cases = await sql<{
      open: number;
      unanswered: number;
      mine: number;
    }>`SELECT count(*)::int AS open, count(unanswered)::int AS unanswered, count(*) FILTER (WHERE assignee = ${person})::int AS mine FROM cases WHERE ${real} AND merged_into IS NULL`.execute(
      trx,
    );
    const outbox = await sql<{
      state: string;
      n: number;
    }>`SELECT state, count(*)::int AS n FROM outbox WHERE exercise = '' AND state IN ('waiting', 'sending', 'dead', 'held') GROUP BY state`.execute(
      trx,
    );
    const inbox = await sql<{
      n: number;
    }>`SELECT count(*)::int AS n FROM outbox WHERE exercise = '' AND channel = 'inbox' AND read IS NULL AND organisation_id = ANY (${[...actor.organisations]})`.execute(
      trx,
    );
    const n = (name: string): number => Number(rows[0]?.[name] ?? 0);
    const waiting = (state: string): number => outbox.rows.find((row) => row.state === state)?.n ?? 0;
    return {
      alerts: { new: n("new"), relapsed: n("relapsed"), held: n("held"), open: n("open"), essential: n("essential") },
      cases: {
        open: cases.rows[0]?.open ?? 0,
        unanswered: cases.rows[0]?.unanswered ?? 0,
        mine: cases.rows[0]?.mine ?? 0,
      },
      outbox: { waiting: waiting("waiting") + waiting("sending"), dead: waiting("dead"), held: waiting("held") },
      inbox: inbox.rows[0]?.n ?? 0,
      breaker: rows[0]?.["breaker"] === true,
    };
  });
