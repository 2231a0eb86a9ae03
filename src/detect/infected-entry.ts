// SPDX-License-Identifier: Apache-2.0
import type { Context } from "./detector.ts";
import { addSeen } from "./evidence.ts";
import type { ErrorOf, Evidence } from "./evidence.ts";
import { darkAddresses, watching } from "./guards.ts";
import { accepts, isStray, infectedValues as P } from "./infected-rule.ts";
import type { Finding } from "./infected-rule.ts";
import { DAY, WINDOW, startOf } from "./rows.ts";
import type { Seen } from "./rows.ts";

/** A pause of this length ends an episode. */
export const IDLE = P.idle * DAY;

/** One source of the constituency, one episode. JSON. */
export interface Entry {
  /** Organisation, or "" for a network of the node's economy that nobody has claimed. */
  organisation: string;
  evidence: Evidence;
  /** End of the ten seconds in which the rule accepted it; null: not yet. */
  accepted: number | null;
  rule: "packets" | "mark" | null;
  /** Accepted, and at the end of some second not like a stray client, nor on the way there: it may be told of, whatever it does then. */
  clear?: true;
  /** Packets in the second in which it was seen last; asked for until it is clear. */
  burst?: number;
  /** What is claimed now, as far as a change of it must be told at once. */
  claim: string | null;
  /** What it was taken for when it was told last; it is called something else at most `MOST_TURNS` times. */
  called?: Finding;
  turns?: number;
  /** Taken back since: by its evidence it is nothing that an owner is told of. */
  taken?: true;
  /** Told last with what was known up to here. */
  told: number;
  /** Changed since. */
  dirty: boolean;
  /** Began in a minute that was told of as a storm. */
  storm?: true;
  /** Began with many from its distance: stays so. */
  oneWay?: true;
  /** How much likelier it is where its neighbours are than anywhere (`Neighbours.likeness`); absent: none are known. */
  likeness?: number;
  /** By so many ways of which neighbours are known. */
  ways?: number;
  /** Not where its neighbours are, or of a crowd that is not: stays so. */
  stranger?: true;
}

/** Rows are of a second where sensors report, so that a letter waits no longer. */
const MOMENT = 1e6;
const SECONDS = WINDOW / MOMENT;
/** When the second is over in which it was seen last, and when the ten seconds are. */
const momentOf = ({ evidence }: Entry): number => startOf(evidence.last, MOMENT) + MOMENT;
export const endOf = ({ evidence }: Entry): number => startOf(evidence.last, WINDOW) + WINDOW;

/** How many sensors with dark addresses watched when it was seen last: of so many the short proof may ask for two. */
const witnesses = ({ evidence: { last } }: Entry, { sensors }: Context): number =>
  watching(sensors, last, last).filter(({ darkAddresses: dark }) => dark > 0).length;
/**
 * Takes down what an entry has come to by `now`. Rows may be cut differently within a second, so that only its end says whether it is a stray, and by which half
 * of the rule it was accepted. But Mirai's mark is asked for first, and who has shown it has shown it at the end too. Who would be a stray at the end of the ten seconds
 * if it went on so is waited for until then.
 */
export const noteRule = (entry: Entry, now: number, context: Context): void => {
  if (entry.clear === true) return;
  const over = momentOf(entry) <= now;
  if (entry.accepted === null) {
    const rule = accepts(entry.evidence, witnesses(entry, context));
    if (rule === null || (rule === "packets" && !over)) return;
    entry.rule = rule;
    entry.accepted = endOf(entry);
  }
  const coming = endOf(entry) <= now ? 0 : (SECONDS - 1) * (entry.burst ?? 0);
  if (entry.rule !== "mark" && (!over || isStray(entry.evidence, darkAddresses(context.sensors), coming))) return;
  entry.clear = true;
  delete entry.burst;
};
/** Whether the end of its second, or of its ten, may bring it further. */
export const isOpen = (entry: Entry, context: Context): boolean =>
  entry.clear !== true && (entry.accepted !== null || accepts(entry.evidence, witnesses(entry, context)) !== null);

/** Adds rows to what is known of a host; rows in order of time. After a long pause another entry begins. `now`: judged up to here. */
export const grow = (
  before: Entry | undefined,
  rows: Iterable<Seen>,
  organisation: string,
  now: number,
  context: Context,
  errorOf: ErrorOf,
): Entry | undefined => {
  let entry = before;
  const blind = new Set(context.sensors.filter((sensor) => sensor.blind).map(({ name }) => name));
  for (const row of rows) {
    if (blind.has(row.sensor)) continue;
    if (entry === undefined || row.first - entry.evidence.last > IDLE) {
      const evidence = addSeen(undefined, row, errorOf);
      entry = { organisation, evidence, accepted: null, rule: null, claim: null, told: 0, dirty: true };
      entry.burst = row.packets;
    } else {
      const again = row.first < momentOf(entry);
      if (!again) noteRule(entry, row.first, context);
      if (entry.clear !== true) entry.burst = (again ? (entry.burst ?? 0) : 0) + row.packets;
      addSeen(entry.evidence, row, errorOf);
    }
  }
  if (entry === undefined) return undefined;
  noteRule(entry, now, context);
  entry.organisation = organisation;
  entry.dirty = true;
  return entry;
};

/** What an owner was told goes over, and how often it was another thing. */
const called = (entry: Entry, known: Entry): void => {
  const { called: finding, turns, taken } = known;
  if (finding !== undefined) entry.called = finding;
  if (turns !== undefined) entry.turns = turns;
  if (taken === true) entry.taken = taken;
};
/**
 * Rows came late, or left: what an entry that is made anew from the store keeps of what was known. Rows may be older than the store holds; what came of them is not
 * unlearned, and the claim stays the same. Nor is a doubt that nobody can ask about any more.
 */
export const keepKnown = (entry: Entry, known: Entry, withdrawn: boolean, now: number): void => {
  const { first } = known.evidence;
  const sensors = Object.keys(known.evidence.sensors);
  // Of a sensor that has nothing left nothing is held on to: it may have been revoked.
  if (entry.evidence.first > first && !withdrawn && sensors.every((name) => entry.evidence.sensors[name])) {
    entry.evidence.first = first;
    if (entry.accepted === null) Object.assign(entry, { accepted: known.accepted, rule: known.rule });
    if (known.clear === true) entry.clear = true;
  }
  if (entry.evidence.first > first) return;
  if (known.likeness !== undefined && !withdrawn) Object.assign(entry, { likeness: known.likeness, ways: known.ways });
  if (!withdrawn) called(entry, known);
  if (withdrawn && now - first <= DAY) return;
  if (known.oneWay === true) entry.oneWay = true;
  if (known.stranger === true) entry.stranger = true;
};
