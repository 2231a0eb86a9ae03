// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import type { RawBuilder } from "kysely";
import { second, toldKinds } from "../alert/alert.ts";
import { quantiles } from "../alert/quantile.ts";
import type { Actor } from "../model/actor.ts";
import { wilson } from "../model/wilson.ts";
import type { Desk, DeskTransaction } from "../store/desk/desk.ts";
import { isStaff } from "../store/desk/steps.ts";
import { grouping, namesOf, own, perEpisode } from "./episodes.ts";

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
export interface ResponseAsked {
  readonly by: ResponseBy;
  readonly from: number;
  readonly to: number;
}
/** What episodes are grouped by in the engine: a month is made of its days, a sector of its organisations. */
const keyOf: Readonly<Record<ResponseBy, RawBuilder<unknown>>> = {
  owner: sql`x.organisation_id`,
  kind: sql`x.kind`,
  month: sql`(x.began / ${86_400 * second}::bigint)::text`,
  country: sql`x.country`,
  sector: sql`x.organisation_id`,
};
/** Lengths as the desk keeps them of an episode: first packet to notice, detection to notice, notice to acknowledgement, notice to action, action to silence. */
const names = ["fn", "dn", "na", "nt", "aq"] as const;
type SpanName = (typeof names)[number];
/** Groups that are shown: those with the most notices. */
const groupsAtMost = 200;
interface Counts {
  notices: number;
  answered: number;
  relapsed: number;
}
type Group = Readonly<Counts> & Readonly<Record<SpanName, Span>>;
interface Found {
  readonly all: Group;
  readonly groups: readonly (readonly [string | null, Group])[];
}
/** Episodes of which somebody was told. */
const ofNotices = (actor: Actor): RawBuilder<unknown> =>
  sql`x.followed & 1 = 1 AND x.kind = ANY (${[...toldKinds]}) ${own(actor, "x")}`;
const sectorsOf = async (trx: DeskTransaction): Promise<ReadonlyMap<string, string | null>> => {
  const { rows } = await sql<{ id: string; sector: string | null }>`SELECT id, sector FROM organisations`.execute(trx);
  return new Map(rows.map(({ id, sector }) => [id, sector]));
};

type Five = [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array];
interface Lengths extends Counts {
  readonly of: Readonly<Record<SpanName, Float64Array>>;
}
/**
 * Lengths in seconds of episodes that stand one after the other as the desk writes them (`layang_lengths`): a byte that says which lengths follow, whether it was
 * acknowledged (1) and had come back (2); then eight bytes of each.
 */
const lengthsOf = (hex: string): Lengths => {
  const bytes = Buffer.from(hex, "hex");
  const atMost = Math.floor(bytes.length / 9);
  const found = names.map(() => ({ lengths: new Float64Array(atMost), n: 0 }));
  let [notices, answered, relapsed, at] = [0, 0, 0, 0];
  while (at < bytes.length) {
    const flags = bytes[at++] ?? 0;
    notices++;
    answered += flags & 1;
    relapsed += (flags >> 1) & 1;
    let bit = 4;
    for (const one of found) {
      if ((flags & bit) > 0) {
        one.lengths[one.n++] = (bytes.readUInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4)) / second;
        at += 8;
      }
      bit *= 2;
    }
  }
  const [fn, dn, na, nt, aq] = found.map(({ lengths, n }) => lengths.subarray(0, n)) as Five;
  return { notices, answered, relapsed, of: { fn, dn, na, nt, aq } };
};
const joined = (parts: readonly Float64Array[]): Float64Array => {
  const all = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
};
const spanOf = (lengths: Float64Array): Span => {
  const [median = null, p90 = null] = quantiles(lengths, [0.5, 0.9]);
  return { n: lengths.length, median, p90 };
};

/** By the most notices; of as many, by name. What has no name comes last. */
const most = (
  [a, { notices: left }]: readonly [string | null, { readonly notices: number }],
  [b, { notices: right }]: readonly [string | null, { readonly notices: number }],
): number => right - left || (a === b ? 0 : a === null ? 1 : b === null ? -1 : a < b ? -1 : 1);

/** Every length is taken out of the engine in one look at all episodes, and put in order here: several times as fast as the engine's own sorting. */
const inMemory = async (trx: DeskTransaction, actor: Actor, asked: ResponseAsked): Promise<Found> => {
  const perGroup = perEpisode(
    asked,
    (of) =>
      sql`SELECT ${keyOf[asked.by]} AS key, encode(string_agg(x.lengths, ''), 'hex') AS lengths FROM ${of} WHERE ${ofNotices(actor)} GROUP BY 1`,
  );
  const { rows } = await sql<{ key: string | null; lengths: string }>`${perGroup}`.execute(trx);
  const sectors = asked.by === "sector" ? await sectorsOf(trx) : new Map<string, string | null>();
  const nameOf = (key: string | null): string | null =>
    key === null
      ? null
      : asked.by === "month"
        ? new Date(Number(key) * 86_400_000).toISOString().slice(0, 7)
        : asked.by === "sector"
          ? (sectors.get(key) ?? null)
          : key;
  type Parts = Record<SpanName, Float64Array[]>;
  const none = (): Counts & { parts: Parts } => ({
    notices: 0,
    answered: 0,
    relapsed: 0,
    parts: { fn: [], dn: [], na: [], nt: [], aq: [] },
  });
  const all = none();
  const groups = new Map<string | null, ReturnType<typeof none>>();
  for (const row of rows) {
    const name = nameOf(row.key);
    const group = groups.get(name) ?? none();
    groups.set(name, group);
    const { of, ...counts } = lengthsOf(row.lengths);
    for (const one of [all, group]) {
      one.notices += counts.notices;
      one.answered += counts.answered;
      one.relapsed += counts.relapsed;
      for (const span of names) one.parts[span].push(of[span]);
    }
  }
  const groupOf = ({ parts, ...counts }: ReturnType<typeof none>): Group => ({
    ...counts,
    fn: spanOf(joined(parts.fn)),
    dn: spanOf(joined(parts.dn)),
    na: spanOf(joined(parts.na)),
    nt: spanOf(joined(parts.nt)),
    aq: spanOf(joined(parts.aq)),
  });
  return {
    all: groupOf(all),
    groups: [...groups]
      .toSorted(most)
      .slice(0, groupsAtMost)
      .map(([name, group]) => [name, groupOf(group)]),
  };
};

/** The same where there are too many to be taken out: the engine puts them in order, on disk where it must. */
const inEngine = async (trx: DeskTransaction, actor: Actor, asked: ResponseAsked): Promise<Found> => {
  const figures = names.map(
    (name) =>
      sql`count(y.${sql.raw(name)})::int AS ${sql.raw(name)}_n, percentile_cont(0.5) WITHIN GROUP (ORDER BY y.${sql.raw(name)}) AS ${sql.raw(name)}_median, percentile_cont(0.9) WITHIN GROUP (ORDER BY y.${sql.raw(name)}) AS ${sql.raw(name)}_p90`,
  );
  const flags = sql`get_byte(x.lengths, 0)`;
  const lengths = names.map((name, nth) => {
    // Behind those before it that are there.
    const before = sql.join(
      [sql`0`, ...names.slice(0, nth).map((_name, i) => sql`(${flags} >> ${sql.lit(i + 2)} & 1)`)],
      sql` + `,
    );
    const length = sql`('x' || encode(substr(x.lengths, 2 + 8 * (${before}), 8), 'hex'))::bit(64)::bigint`;
    return sql`CASE WHEN ${flags} & ${sql.lit(4 << nth)} > 0 THEN ${length} / ${second}::double precision END AS ${sql.raw(name)}`;
  });
  const episodes = perEpisode(
    asked,
    (of) =>
      sql`SELECT ${keyOf[asked.by]} AS key, ${flags} & 1 AS acknowledged, ${flags} >> 1 & 1 AS again, ${sql.join(lengths)} FROM ${of} WHERE ${ofNotices(actor)}`,
  );
  const name = {
    owner: sql`k.key`,
    kind: sql`k.key`,
    country: sql`k.key`,
    month: sql`to_char(to_timestamp(k.key::bigint * 86400) AT TIME ZONE 'UTC', 'YYYY-MM')`,
    sector: sql`(SELECT o.sector FROM organisations o WHERE o.id = k.key)`,
  }[asked.by];
  const { rows } = await sql<
    Readonly<Record<string, string | number | null>>
  >`SELECT y.name COLLATE "C" AS name, grouping(y.name) AS total, count(*)::int AS notices, coalesce(sum(y.acknowledged), 0)::int AS answered, coalesce(sum(y.again), 0)::int AS relapsed, ${sql.join(figures)}
FROM (SELECT ${name} AS name, k.* FROM (${episodes}) AS k OFFSET 0) AS y GROUP BY GROUPING SETS ((), (y.name)) ORDER BY total DESC, notices DESC, 1 LIMIT ${groupsAtMost + 1}`.execute(
    trx,
  );
  const number = (value: string | number | null | undefined): number | null =>
    value === null || value === undefined ? null : Number(value);
  const span = (row: (typeof rows)[number], of: SpanName): Span => ({
    n: number(row[`${of}_n`]) ?? 0,
    median: number(row[`${of}_median`]),
    p90: number(row[`${of}_p90`]),
  });
  const groupOf = (row: (typeof rows)[number]): Group => ({
    notices: number(row["notices"]) ?? 0,
    answered: number(row["answered"]) ?? 0,
    relapsed: number(row["relapsed"]) ?? 0,
    fn: span(row, "fn"),
    dn: span(row, "dn"),
    na: span(row, "na"),
    nt: span(row, "nt"),
    aq: span(row, "aq"),
  });
  return {
    all: groupOf(rows.find((row) => Number(row["total"]) === 1) ?? {}),
    groups: rows
      .filter((row) => Number(row["total"]) === 0)
      .map((row) => [row["name"] === null ? null : String(row["name"]), groupOf(row)]),
  };
};

/** How many alerts there can be to ask about, up to more than are taken into memory. */
const manyOf = async (trx: DeskTransaction, actor: Actor, atMost: number): Promise<number> => {
  const { rows } = await (
    isStaff(actor)
      ? sql<{
          n: number;
        }>`SELECT coalesce(sum(alerts), 0)::int8 AS n FROM alert_counts WHERE exercise = '' AND realm = ''`
      : sql<{
          n: number;
        }>`SELECT count(*) AS n FROM (SELECT FROM alerts a WHERE a.exercise = '' AND a.realm = '' ${own(actor, "a")} LIMIT ${atMost + 1}) AS k`
  ).execute(trx);
  return Number(rows[0]?.n ?? 0);
};

/**
 * Response times between FIRST's clocks, in seconds: medians and 90th percentiles of those that have both ends. What has no answer
 * yet is counted in `answered`, never as a time. A desk of more alerts than `atMost` has its engine put them in order.
 */
export const responseTimes = (
  desk: Desk,
  actor: Actor,
  asked: ResponseAsked,
  atMost = 250_000,
): Promise<{ readonly all: ResponseRow; readonly rows: readonly ResponseRow[] }> =>
  desk.as(actor, async (trx) => {
    await grouping(trx);
    const found =
      (await manyOf(trx, actor, atMost)) > atMost
        ? await inEngine(trx, actor, asked)
        : await inMemory(trx, actor, asked);
    const labels =
      asked.by === "owner"
        ? await namesOf(
            trx,
            found.groups.flatMap(([name]) => name ?? []),
          )
        : new Map<string, string>();
    const row = (name: string | null, { notices, answered, relapsed, fn, dn, na, nt, aq }: Group): ResponseRow => ({
      group: name ?? "",
      label: labels.get(name ?? "") ?? name ?? "",
      notices,
      answered: wilson(answered, notices),
      relapsed,
      firstNotified: fn,
      detectedNotified: dn,
      notifiedAcknowledged: na,
      notifiedActed: nt,
      actedQuiet: aq,
    });
    return { all: row(null, found.all), rows: found.groups.map(([name, group]) => row(name, group)) };
  });
