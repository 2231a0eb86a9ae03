// SPDX-License-Identifier: Apache-2.0
import type { AnswerOf, QueryOf, QuestionName } from "../api/contract/index.ts";
import type { Asked } from "./asked.ts";
import type { Statement } from "./engine.ts";

type Envelope = "question" | "period" | "previous" | "coverage" | "meta";
/** What a question itself answers; the envelope is put around it. */
export type Body<A> = Omit<A, Envelope> & { readonly truncated?: boolean };
export type Results = Readonly<Record<string, readonly Record<string, unknown>[]>>;

/** A question: pure text of SQL from what is asked, and a pure fold of the rows that come back. */
export interface Question<P, A> {
  /** What `last` is when nothing is said; null where the question finds its period itself. */
  readonly last: string;
  /** The period, where it is not from/to/last. Milliseconds. */
  readonly span?: (query: P, now: number) => { readonly from: number; readonly to: number };
  /** Whether its numbers are compared with the period before. */
  readonly compares: boolean;
  /** From when on everything is kept that its numbers are summed up from, where that is not for ever as with roll-ups by the day. */
  readonly since?: (asked: Omit<Asked<P>, "since">) => number;
  /** Whether it tells more of it from rows that name sources, which go first. */
  readonly names?: boolean;
  /** One sentence for `ask --help`. */
  readonly about: string;
  readonly compile: (asked: Asked<P>) => Readonly<Record<string, Statement>>;
  /** Statements that need the rows of the first ones: what to look at closely. */
  readonly next?: (asked: Asked<P>, results: Results) => Readonly<Record<string, Statement>>;
  /** Statements that need the rows of those. */
  readonly after?: (asked: Asked<P>, results: Results) => Readonly<Record<string, Statement>>;
  /** And of those, where what was looked at closely did not tell. */
  readonly atLast?: (asked: Asked<P>, results: Results) => Readonly<Record<string, Statement>>;
  readonly fold: (asked: Asked<P>, results: Results) => Body<A>;
}
export type QuestionOf<Q extends QuestionName> = Question<QueryOf<Q>, AnswerOf<Q>>;

/** Values of a row of the engine, read by kind. */
export const num = (row: Record<string, unknown> | undefined, name: string): number => Number(row?.[name] ?? 0);
export const numOrNull = (row: Record<string, unknown> | undefined, name: string): number | null =>
  row?.[name] === null || row?.[name] === undefined ? null : Number(row[name]);
export const text = (row: Record<string, unknown> | undefined, name: string): string =>
  typeof row?.[name] === "string" ? row[name] : "";
export const textOrNull = (row: Record<string, unknown> | undefined, name: string): string | null =>
  text(row, name) === "" ? null : text(row, name);

export const share = (part: number, all: number): number => (all > 0 ? Math.min(1, part / all) : 0);
export const shareOrNull = (part: number, all: number): number | null => (all > 0 ? Math.min(1, part / all) : null);
/** How much more than before, as a ratio; null when there was nothing before. */
export const change = (now: number | null, before: number | null): number | null =>
  now === null || before === null || before === 0 ? null : now / before - 1;
