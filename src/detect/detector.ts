// SPDX-License-Identifier: Apache-2.0
import type { Detection, DetectionKind } from "../model/detection.ts";

/**
 * A detector is a question asked of closed intervals, and a pure judge of the answer. It is written as a generator: it yields
 * questions and is given their rows, and returns what it found. So it knows no engine and no promise; whoever runs it (the node,
 * a replay, an evaluation, a test) asks, and the same flows give the same detections, to the byte.
 *
 * Two things must not show in what it finds: how long the sensor's flow intervals are (rows of 1 s or of 10 s), and how the span that
 * was judged at a time was cut (a second live, an hour in a replay). Rows never cross a multiple of ten seconds, so
 * counts by ten seconds, sums, first and last times, and distinct sets are safe; "rows" are not.
 */
export interface Detector<Memory = unknown> {
  /** Lower-case letters and hyphens; the first part of every id. */
  readonly name: string;
  /** Counts up when the rule changes. */
  readonly version: number;
  /** One sentence for people. */
  readonly about: string;
  readonly kinds: readonly DetectionKind[];
  readonly parameters: Readonly<Record<string, Parameter>>;
  readonly cadence: Cadence;
  /**
   * What happens when rows come late. `again`: `examine` is called with the spans they lie in, and asks whatever it needs anew (its
   * memory is a cache of what the store says about a subject). `rewind`: memory goes back to before them and every span from there is
   * examined once more, in order.
   */
  readonly late: "again" | "rewind";
  /** Memory of a detector that has seen nothing. JSON: what is remembered is what `JSON.parse(JSON.stringify(memory))` keeps. */
  begin(): Memory;
  examine(span: Span, memory: Memory, context: Context): Examination<Memory>;
}

export interface Parameter {
  readonly value: number;
  readonly unit: string;
  readonly about: string;
  /** Where the number comes from: a publication, a measurement, or "ours" with the reason. */
  readonly source: string;
}

export interface Cadence {
  /** Spans are multiples of this, microseconds; a live node examines one as soon as it is closed. */
  readonly step: number;
  /** In history spans may be longer, up to this (a multiple of `step` and of ten seconds): one call instead of many. */
  readonly longest: number;
}

/** Event time [from, to), microseconds UTC. */
export interface Span {
  readonly from: number;
  readonly to: number;
  /** Rows in this span came after it had been judged (`late: "again"` only). */
  readonly late?: boolean;
  /** Rows of this sensor in this span were withdrawn (with `late`). */
  readonly withdrawn?: string;
}

/** SQL over the flow store with `{name:Type}` parameters. `{from:Int64}`, `{to:Int64}`, `{realm:String}` and `{exercise:String}` are filled in. */
export interface Question {
  readonly sql: string;
  readonly parameters?: Readonly<Record<string, unknown>>;
}
export type Row = Readonly<Record<string, unknown>>;
export type Rows = readonly Row[];
export type Examination<Memory> = Generator<Question, Verdict<Memory>, Rows>;

export interface Verdict<Memory> {
  readonly memory: Memory;
  /** What is claimed now: new ones, and standing ones that changed. One with a known id replaces it. */
  readonly detections: readonly Detection[];
  /** What was judged whole: earlier claims of this detector about these that are not claimed again here are withdrawn. */
  readonly complete?: readonly Complete[];
}
export interface Complete {
  readonly kinds: readonly DetectionKind[];
  /** Null: claims about no address (surges, outbreaks). */
  readonly source: string | null;
  /** Claims whose `first` lies in [since, until). */
  readonly since: number;
  readonly until: number;
}

/** Whose an address is: as room constituency says it. */
export interface Owner {
  readonly organisation: string;
  /** The network that matched. */
  readonly network: string;
  readonly translation: "none" | "cgnat";
  readonly essential: boolean;
  readonly country: string | null;
}
/** The part of constituency's `Owners` that detectors need. */
export interface Owners {
  /** Rows in it; 0: there is no constituency. */
  readonly count: number;
  /** Address as four words at `at` (IPv4 is v4-mapped), time in microseconds UTC. */
  ownerAt(realm: string, words: ArrayLike<number>, at: number, time: number): Owner | null;
  ownerOf(realm: string, address: string, time: number): Owner | null;
}

/** A sensor of the scope, as its reports up to the span's end tell. */
export interface Sensor {
  readonly name: string;
  readonly country: string | null;
  /** Dark addresses in force, those of IPv4: rates and shares are of that space. 0: it watches IPv6 alone, or is blind. */
  readonly darkAddresses: number;
  /** Its dark addresses are not known: every destination was taken for dark. */
  readonly blind?: true;
  /** Event time of its first report, microseconds. */
  readonly since: number;
  /** Event time at which its last report ends. */
  readonly until: number;
  /** Stretches [from, to) of the last two days that no report covers, in order. */
  readonly silent?: readonly (readonly [number, number])[];
  /** How far its clock was off by the node's at its last report, microseconds without sign; null: not known. */
  readonly clockError: number | null;
}

/** Rows of one scope are never mixed with those of another. */
export interface Scope {
  /** "" is the shared realm. */
  readonly realm: string;
  /** "" is real. */
  readonly exercise: string;
}

/**
 * Days of the past, asked for without reading all rows of them where the store keeps something shorter. Each is a subquery in parentheses for FROM, and says the same as
 * the rows do; `where` speaks of the scope by its parameters, and of the columns that are named.
 */
export interface Past {
  /** Flow rows of the span, without `sample_ports` and other evidence: those of one port lie side by side. */
  rows(span: Span, where: string): string;
  /** Who asked for a port by SYN or UDP, with whatever tool: columns protocol, dst_port, src, signature, src_asn; `where` speaks of the first four. */
  askers(span: Span, where: string): string;
  /** Columns bucket (start of an hour, DateTime), src and port_set (what it asked for by SYN or UDP: protocol * 131072 + port) of whole hours of the span, and which; undefined: of none. */
  hours(span: Span, where: string): { readonly sql: string; readonly from: number; readonly to: number } | undefined;
}

/** What a detector may know beside the flows. */
export interface Context {
  readonly scope: Scope;
  readonly owners: Owners;
  /** Sensors of the scope that reported within two days before the span's end. */
  readonly sensors: readonly Sensor[];
  /** The node's own economy (ISO 3166); null: not stated. */
  readonly home: string | null;
  /** Who announces that this address scans for research; null: not on the list. */
  researcher(address: string): string | null;
  /** What the detector remembers of many subjects, kept beside its memory. */
  readonly ledger: Ledger;
  /** Absent: only rows are there. */
  readonly past?: Past;
}

/**
 * A detector's entries by key, values as JSON. The keeper writes down what changed; when anything fails, all of it is read
 * again from there. Iteration is in no order that may show in a detection.
 */
export interface Ledger {
  readonly size: number;
  get(key: string): unknown;
  /** An entry changed in place must be set again. */
  set(key: string, value: unknown): void;
  delete(key: string): void;
  keys(): IterableIterator<string>;
  /** Each value is read for this: where most keys are of no interest, `keys` and `get` cost less. What is changed in it must be set. */
  entries(): IterableIterator<[string, unknown]>;
}

/** Condition on any table that tells realm and exercise: rows of this scope. */
export const inScope = "realm = {realm:String} AND exercise = {exercise:String}";
/** Condition on `flows`: rows of this scope whose first packet lies in the span. */
export const inSpan = `${inScope} AND first_seen >= fromUnixTimestamp64Micro({from:Int64}) AND first_seen < fromUnixTimestamp64Micro({to:Int64})`;
/** Microseconds of a time column as a number. */
export const micros = (column: string): string => `toUnixTimestamp64Micro(${column})`;
