// SPDX-License-Identifier: Apache-2.0
import type { Retention } from "./retention.ts";
import type { FlowBatch } from "../../model/flows.ts";
import type { SensorReport } from "../../model/report.ts";
import type { Frontiers } from "./buckets.ts";

/** Which batch this is. Two batches with the same sensor and sequence are the same batch: the second is not counted. */
export interface BatchIdentity {
  readonly sensor: string;
  /** Counts up by one a batch of this sensor, from any start; a whole number below 2^53. */
  readonly sequence: number;
  /** Hash of the batch's content, hexadecimal. */
  readonly hash: string;
}

/** A batch that was accepted from a sensor (or made by `replay`) and is now to be kept. */
export interface ArrivedBatch {
  readonly identity: BatchIdentity;
  readonly batch: FlowBatch;
  readonly report: SensorReport;
  /** When the node received it, microseconds UTC. */
  readonly received: number;
  /**
   * The batch's flows as `encodeFlows` wrote them, where that was done already: in a file of the store's own folder, which
   * the store takes for itself, of one block or several.
   */
  readonly encoded?: { readonly file: string };
}

/** `repeated`: this sensor's sequence is in the store already; acknowledge it all the same. */
export type AppendOutcome = "stored" | "repeated";

/** How far one question may go. A query beyond it fails with STORE_QUERY_LIMIT. */
export interface QueryLimits {
  /** Wall-clock seconds; 10 by default. */
  readonly seconds?: number;
  /** Bytes of memory; 1 GiB by default. */
  readonly memory?: number;
  /** Bytes beyond which groups and sorts go to disk; half of `memory` by default. */
  readonly spill?: number;
  /** Asked when the question's turn comes: where nobody wants the answer any more it fails with STORE_QUERY_UNWANTED instead. */
  readonly wanted?: () => boolean;
}

/** Values of `{name:Type}` in the SQL. A Date is taken as UTC; lists become arrays. */
export type QueryParameters = Readonly<Record<string, unknown>>;

export interface Answer<Row> {
  readonly rows: Row[];
  /** Rows and bytes the engine read to answer, and the seconds it took by its own account. */
  readonly read: { readonly rows: number; readonly bytes: number; readonly seconds: number };
}

/** Forms in which the engine itself writes an answer. */
export type RawFormat = "CSVWithNames" | "Parquet" | "JSONEachRow";

export interface RollUpOutcome {
  /** Bucket revisions made in this pass, over all roll-ups. */
  readonly made: number;
  /** Buckets that closed or were reopened by late rows and still wait (for their minute, or for a next pass). */
  readonly waiting: number;
}

/**
 * Where flows are kept and asked. Appending is at-least-once for the caller and once in the store: after `append` has
 * resolved, the batch survives the process being killed at any moment, and appending it again changes nothing.
 * All times are microseconds since 1970 UTC, event time unless said otherwise.
 */
export interface FlowStore {
  /** How long rows are kept, by the clock. */
  readonly retention: Retention;
  /** Keeps a batch: flows (with ASN and country of the source), aggregates and the sensor's report. */
  append(arrived: ArrivedBatch): Promise<AppendOutcome>;
  /** Asks. 64-bit integers come as numbers, NULL as null, times as the SQL formats them. */
  query<Row>(sql: string, parameters?: QueryParameters, limits?: QueryLimits): Promise<Answer<Row>>;
  /** The answer as the engine's own bytes, for downloads. */
  queryRaw(sql: string, format: RawFormat, parameters?: QueryParameters, limits?: QueryLimits): Promise<Uint8Array>;
  /**
   * Computes every bucket that ends at or before `now` and has rows that no committed revision covers. `now` is the event
   * time that all sensors have passed (a replay passes Infinity at its end); a reopened bucket waits until a minute after
   * its last revision was made by `clock` (default `now`), in microseconds.
   */
  rollUp(now: number, clock?: number): Promise<RollUpOutcome>;
  /** Up to where each grain is rolled up: for `rollupSource`. */
  frontiers(): Frontiers;
  /** Withdraws what a sensor sent about `since` and later (event time) and computes every roll-up it had touched again. */
  revoke(sensor: string, since: number): Promise<void>;
  /** Takes newer prefix files when they changed; resolves to whether it did. Rows that arrive meanwhile use the old ones. */
  reloadPrefixes(): Promise<boolean>;
  /**
   * Copies everything of the store into `flows` of a folder, as it is at one moment between two batches; those that arrive meanwhile
   * wait. @throws AppError BACKUP_FAILED for a server, which has its own way.
   */
  backUp(folder: string): Promise<void>;
  /** Waits for what runs, then lets go of the engine. */
  close(): Promise<void>;
}
