// SPDX-License-Identifier: Apache-2.0
import { aggregateColumns, emptyColumns } from "../model/flows.ts";
import type { AggregateRows } from "../model/flows.ts";
import { addToken, estimateRegisters, REGISTERS } from "../model/distinct.ts";

/** Rows by port; beyond them a port's packets join the row of their protocol and class that names no port. */
const PORT_ROWS = 512;
/** Protocols times classes that can occur without a port. */
const REST_ROWS = 300;
const ROWS = PORT_ROWS + REST_ROWS;

/**
 * The last resort of the flow table: one row per (protocol, dst_port, class) with a sketch of its sources. Holds at most
 * 512 rows with a port and one row per protocol and class without one: 3.5 MB, which are taken when a storm first comes.
 */
export class Aggregates {
  /** Rows to hand on. `settle` brings `src_count` up to date. */
  rows: AggregateRows = { count: 0, columns: emptyColumns(aggregateColumns, 0) };
  readonly #index = new Map<number, number>();
  #withPort = 0;

  /** Adds a packet; `meta` and `hasPort` as in entry.ts, `token` the keyed token of its source. */
  add(meta: number, hasPort: boolean, time: number, bytes: number, token: number): void {
    if (this.rows.columns.packets.values.length === 0) this.#reserve();
    let port = hasPort;
    // Protocol and class need 13 bits, port and its presence 17: a small integer.
    const short = (meta >>> 24) * 32 + ((meta >>> 16) & 31);
    let key = short * 131072 + (port ? 65536 + (meta & 0xffff) : 0);
    let row = this.#index.get(key);
    if (row === undefined && port && this.#withPort === PORT_ROWS) {
      port = false;
      key = short * 131072;
      row = this.#index.get(key);
    }
    const c = this.rows.columns;
    if (row === undefined) {
      row = this.rows.count++;
      if (port) this.#withPort++;
      this.#index.set(key, row);
      c.first_seen.values[row] = time;
      c.last_seen.values[row] = time;
      c.protocol.values[row] = meta >>> 24;
      c.dst_port.present[row] = port ? 1 : 0;
      c.dst_port.values[row] = port ? meta & 0xffff : 0;
      c.class.values[row] = (meta >>> 16) & 31;
      c.packets.values[row] = 0;
      c.bytes.values[row] = 0;
      c.src_registers.values.fill(0, row * REGISTERS, (row + 1) * REGISTERS);
      c.src_registers.ends[row] = (row + 1) * REGISTERS;
    }
    c.packets.values[row]!++;
    c.bytes.values[row]! += bytes;
    if (time < c.first_seen.values[row]!) c.first_seen.values[row] = time;
    if (time > c.last_seen.values[row]!) c.last_seen.values[row] = time;
    addToken(c.src_registers.values, row * REGISTERS, token);
  }

  settle(): void {
    const { src_count, src_registers } = this.rows.columns;
    for (let row = 0; row < this.rows.count; row++)
      src_count.values[row] = Math.round(estimateRegisters(src_registers.values, row * REGISTERS));
  }

  clear(): void {
    this.rows.count = 0;
    this.#withPort = 0;
    this.#index.clear();
  }

  #reserve(): void {
    const columns = emptyColumns(aggregateColumns, ROWS);
    columns.src_registers.values = new Uint8Array(ROWS * REGISTERS);
    this.rows = { count: 0, columns };
  }
}
