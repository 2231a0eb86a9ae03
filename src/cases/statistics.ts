// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import type { RawBuilder } from "kysely";
import { day, verifiableKinds } from "../alert/alert.ts";
import { atSteps, survival } from "../alert/survival.ts";
import { wilson } from "../model/wilson.ts";
import type { Followed, Survival, SurvivalPoint } from "../alert/survival.ts";
import type { Actor } from "../model/actor.ts";
import type { DetectionKind } from "../model/detection.ts";
import { lateAfter, triedSince } from "../store/desk/tried.ts";
import type { Desk, DeskTransaction } from "../store/desk/desk.ts";
import { fromIndexes } from "../store/desk/planner.ts";
import { isStaff } from "../store/desk/steps.ts";
import { ownRows } from "./asking.ts";
import { saysRight, saysWrong } from "./meanings.ts";
import { grouping, namesOf, own, perEpisode } from "./episodes.ts";

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
  /** One of the groups that are shown. */
  readonly shown: string | null;
  readonly told: boolean;
  /** Of the period before. */
  readonly earlier: boolean;
  readonly unconfirmed: boolean;
}
/**
 * By what the subscriber was told first in this episode, as the owner says; a notice that nobody answered so is `notice-only`. A case has hardly ever
 * more than one such answer, which `s` is then; where there are several they are looked at.
 */
const channel = sql`coalesce(CASE WHEN s.n = 1 THEN CASE WHEN s.at >= x.detected THEN s.channel END WHEN s.n > 1 THEN (SELECT w.channel FROM answers w WHERE w.case_id = x.case_id AND w.answer = 'subscriber-notified' AND w.at >= x.detected ORDER BY w.id LIMIT 1) END, 'notice-only')`;
const said = sql`said AS MATERIALIZED (SELECT case_id, count(*) AS n, min(at) AS at, min(channel) AS channel FROM answers WHERE answer = 'subscriber-notified' GROUP BY 1), `;
const groupOf: Readonly<Record<CurveBy, RawBuilder<unknown>>> = {
  none: sql`''`,
  channel,
  owner: sql`coalesce(x.organisation_id, '')`,
  family: sql`coalesce(x.family, '')`,
  country: sql`coalesce(x.country, '')`,
};

/** Episodes of two periods of the same length, told and untold, in one look at them all. */
const read = async (
  trx: DeskTransaction,
  actor: Actor,
  asked: CleanUpAsked,
  now: number,
): Promise<readonly EpisodeRow[]> => {
  const kinds = asked.kind === undefined ? [...verifiableKinds] : [asked.kind];
  const period = { from: asked.from - (asked.to - asked.from), to: Math.min(asked.to, now + 1) };
  const whose = own(actor, "x", asked.organisation);
  // Counted together in the engine: curves of a hundred thousand are read as some hundred rows.
  const episodes = perEpisode(
    period,
    (
      of,
    ) => sql`SELECT x.followed + CASE WHEN x.began < ${asked.from}::bigint THEN 2 ELSE 0 END AS key, ${groupOf[asked.by]} AS grouped, count(*) AS n
    FROM ${of} ${asked.by === "channel" ? sql`LEFT JOIN said s ON s.case_id = x.case_id` : sql``} WHERE x.kind = ANY (${kinds}) ${whose} GROUP BY 1, 2`,
  );
  const { rows } = await sql<{
    key: number;
    shown: string | null;
    n: number;
  }>`WITH ${asked.by === "channel" ? said : sql``}f AS MATERIALIZED (${episodes} LIMIT 1000000),
-- Told, in this period.
most AS (SELECT grouped FROM f WHERE key & 3 = 1 GROUP BY grouped HAVING sum(n) >= ${leastGroup} ORDER BY sum(n) DESC, grouped COLLATE "C" LIMIT ${groupsAtMost})
SELECT f.key, most.grouped AS shown, sum(f.n)::int AS n FROM f LEFT JOIN most ON most.grouped = f.grouped GROUP BY 1, 2`.execute(
    trx,
  );
  return rows.map(({ key, shown, n }) => ({
    n,
    shown,
    time: Math.floor(key / 16) / 100,
    told: (key & 1) > 0,
    earlier: (key & 2) > 0,
    ended: (key & 4) > 0,
    unconfirmed: (key & 8) > 0,
  }));
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

/** Clean-up curves: Kaplan-Meier from the notice to the last packet. What is open, or unknown, is censored. */
export const cleanUp = (desk: Desk, actor: Actor, asked: CleanUpAsked, now: number): Promise<CleanUp> =>
  desk.as(actor, async (trx) => {
    await grouping(trx);
    const every = await read(trx, actor, asked, now);
    const rows = every.filter(({ told, earlier }) => told && !earlier);
    const baseline = every.filter(({ told, earlier }) => !told && !earlier);
    const before = every.filter(({ told, earlier }) => told && earlier);
    const groups = new Map<string, EpisodeRow[]>();
    for (const row of asked.by === "none" ? [] : rows) {
      if (row.shown !== null) groups.set(row.shown, [...(groups.get(row.shown) ?? []), row]);
    }
    const earlier = curveOf(before);
    const owners = asked.by === "owner" ? [...groups.keys()] : [];
    const names = await namesOf(trx, owners);
    return {
      all: shown("", "", curveOf(rows), asked.days),
      groups: [...groups]
        .toSorted((a, b) => sizeOf(b[1]) - sizeOf(a[1]) || (a[0] < b[0] ? -1 : 1))
        .map(([group, list]) => shown(group, names.get(group) ?? group, curveOf(list), asked.days)),
      least: leastGroup,
      baseline: sizeOf(baseline) < leastGroup ? null : shown("", "", curveOf(baseline), asked.days),
      before: before.length === 0 ? null : { n: earlier.n, medianDays: earlier.median },
      unconfirmed: sizeOf(rows.filter((row) => row.unconfirmed)),
    };
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
    await grouping(trx);
    // How many cases were answered is not known to who plans. Looked up one by one, many take twice as long as all alerts at once.
    await sql`SELECT set_config('enable_nestloop', 'off', true)`.execute(trx);
    const since = sql`w.exercise = '' AND w.at >= ${from}`;
    const { rows } = await sql<{
      month: string;
      detector: string;
      kind: DetectionKind;
      right: number;
      wrong: number;
      undecided: number;
    }>`WITH alert AS NOT MATERIALIZED (SELECT a.id, a.kind, a.case_id, a.tests FROM alerts a WHERE a.exercise = '' AND a.realm = '' AND a.case_id IS NOT NULL ${own(actor, "a")}),
-- Most cases have one answer, about all of it: that is the one of each of its alerts. Where there are several, each alert has its own.
per_case AS MATERIALIZED (SELECT w.case_id, count(*) > 1 OR bool_or(cardinality(w.alerts) > 0) AS several, min(w.answer) AS answer, min(w.at) / ${day}::bigint AS day FROM answers w WHERE ${since} GROUP BY w.case_id),
said AS (
  SELECT a.kind, a.tests, k.answer, k.day FROM per_case k JOIN alert a ON a.case_id = k.case_id WHERE NOT k.several
  UNION ALL (SELECT DISTINCT ON (a.id COLLATE "C") a.kind, a.tests, w.answer, w.at / ${day}::bigint AS day FROM per_case k JOIN answers w ON w.case_id = k.case_id AND ${since} JOIN alert a ON a.case_id = w.case_id AND (cardinality(w.alerts) = 0 OR a.id = ANY (w.alerts))
  WHERE k.several ORDER BY a.id COLLATE "C", (w.answer = 'working'), w.id DESC)),
-- There are few days and few rules: counted before months are named and detectors are read from what fired.
counted AS (SELECT kind, tests, answer, day, count(*) AS n FROM said GROUP BY 1, 2, 3, 4)
SELECT to_char(to_timestamp(s.day * 86400) AT TIME ZONE 'UTC', 'YYYY-MM') AS month, d.detector, s.kind,
  coalesce(sum(s.n) FILTER (WHERE ${saysRight(sql`s.answer`, sql`s.kind`)}), 0)::int AS right,
  coalesce(sum(s.n) FILTER (WHERE ${saysWrong(sql`s.answer`, sql`s.kind`)}), 0)::int AS wrong,
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
  }>`SELECT count(*) FILTER (WHERE ${saysRight(sql`w.answer`, sql`c.kind`)})::int AS right,
  count(*) FILTER (WHERE ${saysWrong(sql`w.answer`, sql`c.kind`)})::int AS wrong
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
  readonly outbox: { readonly waiting: number; readonly dead: number; readonly held: number; readonly late: number };
  readonly inbox: number;
  readonly breaker: boolean;
}
/** Small figures for the shell, of what who asks may see. */
export const summaryOf = (desk: Desk, actor: Actor, person: string, now: number): Promise<Summary> =>
  desk.as(actor, async (trx) => {
    await fromIndexes(trx);
    const real = sql.join(
      [sql`exercise = ''`, sql`state <> 'closed'`, ...ownRows(actor, sql`organisation_id`)],
      sql` AND `,
    );
    // Who may see them all is told what is kept of them; who sees some, what those are.
    const { rows } = await (
      isStaff(actor)
        ? sql<
            Record<string, number | boolean>
          >`SELECT coalesce(sum(alerts) FILTER (WHERE state = 'new'), 0)::int AS new, coalesce(sum(alerts) FILTER (WHERE state = 'relapsed'), 0)::int AS relapsed, coalesce(sum(held), 0)::int AS held,
  coalesce(sum(alerts) FILTER (WHERE state <> 'quiet'), 0)::int AS open, coalesce(sum(essential) FILTER (WHERE state <> 'quiet'), 0)::int AS essential, coalesce(sum(stopped) > 0, false) AS breaker FROM alert_counts WHERE ${real}`
        : sql<
            Record<string, number | boolean>
          >`SELECT count(*) FILTER (WHERE state = 'new')::int AS new, count(*) FILTER (WHERE state = 'relapsed')::int AS relapsed,
  count(*) FILTER (WHERE released IS NULL AND cardinality(held) > 0)::int AS held, count(*) FILTER (WHERE state <> 'quiet')::int AS open, count(*) FILTER (WHERE essential AND state <> 'quiet')::int AS essential,
  coalesce(bool_or(released IS NULL AND 'global-breaker' = ANY (held)), false) AS breaker
FROM alerts WHERE ${real}`
    ).execute(trx);
    const mine = sql`(SELECT count(*) FROM cases WHERE ${real} AND merged_into IS NULL AND assignee = ${person})::int AS mine`;
    const cases = await (
      isStaff(actor)
        ? sql<
            Summary["cases"]
          >`SELECT coalesce(sum(cases), 0)::int AS open, coalesce(sum(unanswered), 0)::int AS unanswered, ${mine} FROM case_counts WHERE ${real} AND NOT merged`
        : sql<
            Summary["cases"]
          >`SELECT count(*)::int AS open, count(unanswered)::int AS unanswered, ${mine} FROM cases WHERE ${real} AND merged_into IS NULL`
    ).execute(trx);
    const outbox = await sql<{
      state: string;
      n: number;
      late: number;
    }>`SELECT b.state, count(*)::int AS n, count(*) FILTER (WHERE ${triedSince} < ${now - lateAfter})::int AS late FROM outbox b
WHERE b.exercise = '' AND b.channel <> 'inbox' AND b.state IN ('waiting', 'sending', 'dead', 'held') GROUP BY b.state`.execute(
      trx,
    );
    const inbox = await sql<{
      n: number;
    }>`SELECT count(*)::int AS n FROM outbox WHERE exercise = '' AND channel = 'inbox' AND state = 'sent' AND read IS NULL AND organisation_id = ANY (${[...actor.organisations]})`.execute(
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
      outbox: {
        waiting: waiting("waiting") + waiting("sending"),
        dead: waiting("dead"),
        held: waiting("held"),
        late: outbox.rows.reduce((sum, { late }) => sum + late, 0),
      },
      inbox: inbox.rows[0]?.n ?? 0,
      breaker: rows[0]?.["breaker"] === true,
    };
  });
