// SPDX-License-Identifier: Apache-2.0

/** A statement and the values of its `{name:Type}` places. */
export interface Statement {
  readonly sql: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}
export interface Limits {
  readonly seconds?: number;
  readonly memory?: number;
  /** Whether anybody still waits: asked when a statement's turn comes. */
  readonly wanted?: () => boolean;
}

/** What questions need of a flow store; the wiring passes one. 64-bit integers come as numbers, NULL as null. */
export interface Engine {
  query<Row>(
    sql: string,
    parameters?: Readonly<Record<string, unknown>>,
    limits?: Limits,
  ): Promise<{ readonly rows: Row[] }>;
  queryRaw(
    sql: string,
    format: "CSVWithNames" | "Parquet" | "JSONEachRow",
    parameters?: Readonly<Record<string, unknown>>,
    limits?: Limits,
  ): Promise<Uint8Array>;
}

/** One question may take this long and this much: 5 s, 1 GiB. */
export const defaultLimits: Limits = { seconds: 5, memory: 1 << 30 };
