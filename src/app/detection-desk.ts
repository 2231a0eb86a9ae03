// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import type { Complete, Detector, Scope } from "../detect/detector.ts";
import type { Detection } from "../model/detection.ts";
import { json } from "../store/desk/desk.ts";
import type { DeskTransaction } from "../store/desk/desk.ts";
import type { Withdrawal } from "./detection-backlog.ts";

/** Where a detector stands in one scope, as the desk remembers it. */
export interface Cursor {
  /** Event time up to which every interval was judged, microseconds. */
  readonly position: number;
  /** Event time that `memory` and the ledger are of: what lies between is judged again after a restart, with the same outcome. */
  readonly checkpoint: number;
  /** Node's clock at that checkpoint, microseconds: what was received later may not be in it. */
  readonly at: number;
  readonly memory: unknown;
}

const rowsAtOnce = 1_000;
const inParts = function* <T>(list: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < list.length; at += rowsAtOnce) yield list.slice(at, at + rowsAtOnce);
};

export const loadCursor = async (trx: DeskTransaction, detector: string, scope: Scope): Promise<Cursor | null> => {
  const row = await trx
    .selectFrom("detector_cursors")
    .selectAll()
    .where("detector", "=", detector)
    .where("realm", "=", scope.realm)
    .where("exercise", "=", scope.exercise)
    .executeTakeFirst();
  return row === undefined ? null : { ...(row.memory as Omit<Cursor, "position">), position: row.position };
};

export const saveCursor = async (
  trx: DeskTransaction,
  detector: string,
  scope: Scope,
  cursor: Cursor,
): Promise<void> => {
  const { position, ...memory } = cursor;
  await sql`INSERT INTO detector_cursors (detector, realm, exercise, position, memory)
VALUES (${detector}, ${scope.realm}, ${scope.exercise}, ${position}, ${json(memory)})
ON CONFLICT (detector, realm, exercise) DO UPDATE SET position = excluded.position, memory = excluded.memory`.execute(
    trx,
  );
};

/** Moves a cursor that was written down: what stands beside its position is as of its checkpoint, and may be large. */
export const moveCursor = async (
  trx: DeskTransaction,
  detector: string,
  { realm, exercise }: Scope,
  position: number,
): Promise<void> => {
  await trx
    .updateTable("detector_cursors")
    .set({ position })
    .where("detector", "=", detector)
    .where("realm", "=", realm)
    .where("exercise", "=", exercise)
    .execute();
};

/** Entries of a ledger as JSON, as they were at the cursor's checkpoint. */
export const loadLedger = async (
  trx: DeskTransaction,
  detector: string,
  { realm, exercise }: Scope,
): Promise<[string, string][]> => {
  const entries: [string, string][] = [];
  for (let after = "", more = true; more;) {
    const rows = await trx
      .selectFrom("detector_ledger")
      .select(["key", "value"])
      .where("detector", "=", detector)
      .where("realm", "=", realm)
      .where("exercise", "=", exercise)
      .where("key", ">", after)
      .orderBy("key")
      .limit(rowsAtOnce)
      .execute();
    for (const { key, value } of rows) entries.push([key, value]);
    after = rows.at(-1)?.key ?? "";
    more = rows.length === rowsAtOnce;
  }
  return entries;
};

/** Writes down entries that changed, as JSON; undefined ones have left. */
export const saveLedger = async (
  trx: DeskTransaction,
  detector: string,
  { realm, exercise }: Scope,
  changes: readonly (readonly [string, string | undefined])[],
): Promise<void> => {
  const kept = changes.filter((change): change is [string, string] => change[1] !== undefined);
  const left = changes.filter(([, value]) => value === undefined).map(([key]) => key);
  for (const part of inParts(kept)) {
    await sql`INSERT INTO detector_ledger (detector, realm, exercise, key, value)
SELECT ${detector}, ${realm}, ${exercise}, * FROM unnest(${part.map(([key]) => key)}::text[], ${part.map(([, value]) => value)}::text[])
ON CONFLICT (detector, realm, exercise, key) DO UPDATE SET value = excluded.value`.execute(trx);
  }
  for (const part of inParts(left)) {
    await sql`DELETE FROM detector_ledger WHERE detector = ${detector} AND realm = ${realm} AND exercise = ${exercise} AND key = ANY (${[...part]}::text[])`.execute(
      trx,
    );
  }
};

interface Claim {
  readonly id: string;
  readonly kind: string;
  readonly source: string | null;
  readonly first: number;
}

/** Ids of standing claims that were judged whole and are not among those claimed now. */
export const takenBack = async (
  trx: DeskTransaction,
  detector: string,
  { realm, exercise }: Scope,
  complete: readonly Complete[],
  claimed: ReadonlySet<string>,
): Promise<string[]> => {
  const bySource = Map.groupBy(complete, ({ source }) => source);
  const found: string[] = [];
  const check = (claim: Claim, source: string | null): void => {
    if (claimed.has(claim.id)) return;
    const judged = bySource
      .get(source)
      ?.some(
        ({ kinds, since, until }) =>
          (kinds as readonly string[]).includes(claim.kind) && claim.first >= since && claim.first < until,
      );
    if (judged === true) found.push(claim.id);
  };
  const scoped = sql`detector = ${detector} AND realm = ${realm} AND exercise = ${exercise} AND NOT withdrawn`;
  for (const part of inParts([...bySource.keys()].filter((source) => source !== null))) {
    const { rows } =
      await sql<Claim>`SELECT id, kind, host(source) AS source, first FROM detections WHERE source = ANY (${[...part]}::inet[]) AND ${scoped}`.execute(
        trx,
      );
    for (const claim of rows) check(claim, claim.source);
  }
  const lone = bySource.get(null);
  if (lone !== undefined) {
    const since = Math.min(...lone.map((one) => one.since));
    const until = Math.max(...lone.map((one) => one.until));
    const bounded = Number.isFinite(until) ? sql`AND first < ${until}` : sql``;
    const { rows } =
      await sql<Claim>`SELECT id, kind, NULL AS source, first FROM detections WHERE source IS NULL AND ${scoped} AND kind = ANY (${[...new Set(lone.flatMap(({ kinds }) => kinds))]}::text[]) AND first >= ${since} ${bounded}`.execute(
        trx,
      );
    for (const claim of rows) check(claim, null);
  }
  return found.toSorted();
};

/** When a claim about no address was found: it may say that it began long before. */
const foundOf = sql`coalesce((evidence->>'claimed')::bigint, (evidence->>'found')::bigint)`;

/**
 * Ids of standing claims that this time, judged once more, did not bring again: those about an address that opened in it, and those about none that
 * were found in it, or opened in it where they do not say when they were found.
 */
export const notAgain = async (
  trx: DeskTransaction,
  detector: string,
  { realm, exercise }: Scope,
  { since, until }: { readonly since: number; readonly until: number },
  claimed: ReadonlySet<string>,
): Promise<string[]> => {
  const { rows } = await sql<{
    id: string;
  }>`SELECT id FROM detections WHERE detector = ${detector} AND realm = ${realm} AND exercise = ${exercise} AND NOT withdrawn
AND CASE WHEN source IS NULL AND ${foundOf} IS NOT NULL THEN ${foundOf} > ${since} AND ${foundOf} <= ${until} ELSE first >= ${since} AND first < ${until} END`.execute(
    trx,
  );
  return rows.map(({ id }) => id).filter((id) => !claimed.has(id));
};

/** Ids of standing claims that rest on nothing but what one sensor said, some of it withdrawn, and are not among those claimed now. */
export const restingOn = async (
  trx: DeskTransaction,
  { name, kinds }: Pick<Detector, "name" | "kinds">,
  { realm, exercise }: Scope,
  withdrawals: readonly Withdrawal[],
  claimed: ReadonlySet<string>,
): Promise<string[]> => {
  const found = new Set<string>();
  for (const { sensor, since } of withdrawals) {
    const { rows } = await sql<{
      id: string;
    }>`SELECT id FROM detections WHERE detector = ${name} AND realm = ${realm} AND exercise = ${exercise} AND kind = ANY (${[...kinds]}::text[])
AND NOT withdrawn AND last >= ${since} AND sensors = ${[sensor]}::text[]`.execute(trx);
    for (const { id } of rows) if (!claimed.has(id)) found.add(id);
  }
  return [...found];
};

/**
 * Whether a claim rests on such a sensor alone and was found after it began to lie, but before all that was judged once more: it stands in what was
 * remembered, not in what the store says.
 */
export const tookOver = (
  { source, sensors, first, last, evidence }: Detection,
  judged: number,
  withdrawals: readonly Withdrawal[],
): boolean => {
  const found = Number(evidence["claimed"] ?? evidence["found"] ?? first);
  return (
    source === null &&
    found <= judged &&
    withdrawals.some(({ sensor, since }) => sensors.join() === sensor && found > since && last >= since)
  );
};

/** Where the last of these detectors stands in each scope. */
export const positionsOf = async (
  trx: DeskTransaction,
  detectors: readonly string[],
): Promise<(Scope & { position: number })[]> =>
  trx
    .selectFrom("detector_cursors")
    .select(["realm", "exercise", ({ fn }) => fn.min<number>("position").as("position")])
    .where("detector", "in", detectors)
    .groupBy(["realm", "exercise"])
    .execute();

/** Scopes with standing claims that a sensor's rows since a time are part of. */
export const scopesTold = async (trx: DeskTransaction, sensor: string, since: number): Promise<Scope[]> =>
  (
    await sql<Scope>`SELECT DISTINCT realm, exercise FROM detections WHERE ${sensor} = ANY (sensors) AND last >= ${since} AND NOT withdrawn`.execute(
      trx,
    )
  ).rows;
