// SPDX-License-Identifier: Apache-2.0
import { subjectShown } from "../../cases/rows.ts";
import type { Sample } from "../../model/detection.ts";
import { classificationOf } from "../../model/detection.ts";
import type { BoardRow } from "../../cases/board.ts";
import type { CaseLine } from "../../cases/list.ts";
import type { TimelineLine } from "../../cases/page.ts";
import { AppError } from "../../platform/errors.ts";
import type { AlertRow, Clocks, Silence } from "../contract/desk/alerts.ts";
import type { CaseRow, TimelineRow } from "../contract/desk/cases.ts";
import { timeOf, timeOrNull } from "./times.ts";

/*
 * Rows of the desk as the contract writes them. Texts are cut to what the contract allows: they come from people and from detectors.
 */

const cut = (text: string, most: number): string => (text.length > most ? text.slice(0, most) : text);
const cutOrNull = (text: string | null, most: number): string | null => (text === null ? null : cut(text, most));

/** A time of a query or body, microseconds. @throws AppError QUERY_PARAMETER */
export const microsOf = (time: string): number => {
  const ms = Date.parse(time);
  if (Number.isNaN(ms)) throw new AppError("QUERY_PARAMETER", `${time.slice(0, 40)} is no time`);
  return ms * 1000;
};
/** The same where there may be none. */
export const microsecondsOf = (time: string | undefined): number | undefined =>
  time === undefined ? undefined : microsOf(time);
/** A comma-separated list of alternatives. */
export const listOf = <T extends string>(text: string | undefined): readonly T[] | undefined =>
  text === undefined ? undefined : (text.split(",") as T[]);

export const organisationOf = (id: string | null, name: string | null): { id: string; name: string } | null =>
  id === null ? null : { id, name: cut(name ?? id, 200) };

export const samplesOf = (samples: readonly Sample[], most = 100) =>
  samples.slice(0, most).map(({ time, error, sourcePort, port }) => ({
    time: timeOf(time),
    errorSeconds: error === null ? null : error / 1e6,
    sourcePort,
    port,
  }));

export const alertRow = (row: BoardRow): AlertRow => ({
  id: row.id,
  version: row.version,
  state: row.state,
  unconfirmed: row.closing === "unconfirmed",
  kind: row.kind,
  subject: subjectShown(row.subject),
  source: row.source,
  family: cutOrNull(row.family, 100),
  severity: row.severity,
  rank: row.rank,
  organisation: organisationOf(row.organisation_id, row.organisation_name),
  essential: row.essential,
  country: row.country,
  asn: row.asn,
  translation: row.translation,
  first: timeOf(row.first),
  last: timeOf(row.last),
  packets: row.packets,
  darkAddresses: row.dark_addresses,
  sensors: row.sensors.length,
  ports: row.ports.slice(0, 16),
  confidence: Math.min(1, Math.max(0, row.confidence)),
  held: row.released === null ? row.held.slice(0, 8) : [],
  released: timeOrNull(row.released),
  suppressedUntil: timeOrNull(row.suppressed_until),
  suppressedReason: cutOrNull(row.suppressed_reason, 500),
  relapses: row.relapses,
  assignee: cutOrNull(row.assignee_name, 200),
  case: row.case_number,
  notified: timeOrNull(row.notified),
  // What was said before it came back is of the past.
  answer: row.relapses > 0 && row.acknowledged === null ? null : row.answer,
  marking: row.marking,
});

export const clocksOf = (
  row: Pick<BoardRow, "detected" | "notified" | "acknowledged" | "acted" | "quieted" | "closed">,
): Clocks => ({
  detected: timeOf(row.detected),
  notified: timeOrNull(row.notified),
  acknowledged: timeOrNull(row.acknowledged),
  acted: timeOrNull(row.acted),
  quiet: timeOrNull(row.quieted),
  closed: timeOrNull(row.closed),
});

interface Facts {
  readonly verdict?: Silence["verdict"];
  readonly chance?: number | null;
  readonly needed?: number;
  readonly atLeast?: number;
  readonly since?: number | null;
  readonly until?: number | null;
  readonly up?: number | null;
}
const share = (value: number | null | undefined): number | null =>
  value === null || value === undefined ? null : Math.min(1, Math.max(0, value));

/** What silence said when it was last asked for; null: it never was. */
export const silenceOf = (row: Pick<BoardRow, "silence" | "silence_facts">): Silence | null => {
  if (row.silence === null) return null;
  const facts = (row.silence_facts ?? {}) as Facts;
  return {
    chance: share(facts.chance),
    needed: share(facts.needed) ?? 0.01,
    atLeast: (facts.atLeast ?? 86_400e6) / 1e6,
    since: timeOrNull(facts.since ?? null),
    until: timeOrNull(facts.until ?? null),
    up: share(facts.up),
    verdict: facts.verdict ?? "unknown",
  };
};
export const classificationFor = (kind: BoardRow["kind"]): string | null => classificationOf[kind] ?? null;

/** All silent: quiet. Else what needs most attention: one that is active, one that moved, one that cannot be told. */
export const silenceOfCase = (silences: readonly (string | null)[]): CaseRow["silence"] => {
  if (silences.length > 0 && silences.every((one) => one === "silent")) return "quiet";
  if (silences.some((one) => one === null || one === "active")) return "active";
  if (silences.includes("moved")) return "moved";
  return silences.includes("unknown") ? "unknown" : silences.length === 0 ? "active" : "waiting";
};

export const caseRow = (line: CaseLine): CaseRow => ({
  id: line.id,
  number: line.number,
  version: line.version,
  title: cut(line.title, 200),
  kind: line.kind,
  state: line.state,
  severity: line.severity,
  organisation: organisationOf(line.organisation_id, line.organisation_name),
  essential: line.essential,
  assignee: cutOrNull(line.assignee_name, 200),
  alerts: line.alerts,
  subjects: line.subjects.map(subjectShown).slice(0, 5),
  family: cutOrNull(line.family, 100),
  opened: timeOf(line.opened),
  closed: timeOrNull(line.closed),
  touched: timeOf(line.touched),
  notified: timeOrNull(line.notified),
  answer: line.answer as CaseRow["answer"],
  relapsed: timeOrNull(line.relapsed),
  silence: silenceOfCase(line.silences),
  openTasks: line.open_tasks,
  marking: line.marking,
  exercise: line.exercise,
});

/** Names of the timeline's own words, where the contract's differ. */
const kinds: Readonly<Record<string, string>> = {
  letter: "notified",
  notified: "delivered",
  undeliverable: "bounced",
  bounce: "bounced",
  withdrawn: "corrected",
};
const whoOf = (actor: string, name: string | null, known: unknown): TimelineRow["who"] => {
  // Whoever wrote a mail that is not known to be the owner's: it is not shown as one.
  if (actor === "system" || (actor.startsWith("mail:") && known !== true)) return "system";
  return actor.startsWith("link:") || actor.startsWith("mail:") || name === null ? "owner" : "staff";
};

export const timelineRow = (line: TimelineLine): TimelineRow => {
  const { text, note, ...rest } = line.body as Readonly<Record<string, unknown>>;
  const said = typeof text === "string" ? text : typeof note === "string" ? note : null;
  const facts: TimelineRow["facts"] = {};
  // A reader knows people by their names.
  const known = line.person === null ? rest : { ...rest, person: line.person };
  for (const [key, value] of Object.entries(known).slice(0, 40)) {
    if (Array.isArray(value) && value.every((one) => typeof one === "string")) facts[key] = cut(value.join(","), 500);
    else if (value === null || typeof value === "number" || typeof value === "boolean") facts[key] = value;
    else facts[key] = cut(typeof value === "string" ? value : JSON.stringify(value), 500);
  }
  return {
    id: line.id,
    at: timeOf(line.at),
    kind: kinds[line.kind] ?? line.kind,
    by: cut(line.name ?? (line.actor === "system" ? "Layang" : (line.actor.split(":")[0] ?? "")), 200),
    who: whoOf(line.actor, line.name, rest["known"]),
    text: cutOrNull(said, 8000),
    facts,
    marking: line.marking,
  };
};
