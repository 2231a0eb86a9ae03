// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { cpSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SensorReport } from "../../model/report.ts";
import { AppError } from "../../platform/errors.ts";
import { createSql, mergeSettings, retentionSql, storeTables } from "./ddl.ts";
import type { AskLimits, Engine } from "./engine.ts";
import { Gathering } from "./gathering.ts";
import type { Waiting } from "./gathering.ts";
import { Journal, groupOf, rowsOf } from "./journal.ts";
import type { JournalBatch, JournalEntry, JournalGroup, JournalRevocation } from "./journal.ts";
import { encodeAggregates, encodeFlows, encodeNetworks, nativeSink } from "./native.ts";
import type { Sink } from "./native.ts";
import type { Origins } from "./origins.ts";
import type { Retention } from "./retention.ts";
import { defaultRetention } from "./retention.ts";
import { RollUps } from "./rollup-run.ts";
import { bucketOf, grainLength, grains } from "./buckets.ts";
import { refillSql } from "./rollup-compute.ts";
import { rollupTables } from "./rollups.ts";
import { aggregatesTable, flowsTable, storedColumns } from "./schema.ts";
import { Sequences } from "./sequences.ts";
import type { AppendOutcome, ArrivedBatch, FlowStore, QueryLimits, QueryParameters } from "./store.ts";

export interface KeeperOptions {
  /** Folder for the journal; it belongs to this store alone. */
  readonly folder: string;
  readonly retention?: Retention;
  /** Where sources come from; absent: flows have neither ASN nor country. */
  readonly origins?: Origins;
  /** `later`: flows lie as they were inserted until the folder is opened without this. For many rows in few, large batches. */
  readonly merges?: "later";
  /**
   * Milliseconds that an insert of few rows waits behind the one before it, for others to join: what inserts cost then does not grow with how many
   * sensors send. 0 by default, for who appends one batch after another.
   */
  readonly gather?: number;
}

/** Nothing is small enough to be merged. (Stopping merges by statement makes closing wait for ever when some are due.) */
const unmerged = "max_bytes_to_merge_at_max_space_in_pool";

const defaultLimits: AskLimits = { seconds: 10, memory: 2 ** 30 };
const internalLimits: AskLimits = { seconds: 600, memory: 4 * 2 ** 30 };
const tables = { flows: flowsTable, aggregates: aggregatesTable } as const;
const decoder = new TextDecoder();

const literal = (value: string): string => `'${value.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
const micros = (time: number): string => {
  const text = new Date(Math.floor(time / 1_000)).toISOString();
  return `${text.slice(0, 10)} ${text.slice(11, 23)}${String(Math.floor(time) % 1_000).padStart(3, "0")}`;
};

const reportRow = ({ identity, batch, report, received }: ArrivedBatch): Record<string, unknown> => {
  const { watermark, closedAt, clockOffset, notDark, undecoded, ...counts }: SensorReport = report;
  return {
    sensor: identity.sensor,
    realm: batch.realm,
    exercise: batch.exercise,
    sequence: identity.sequence,
    hash: identity.hash,
    interval: micros(batch.interval),
    interval_length: batch.intervalLength,
    received: micros(received),
    watermark: micros(watermark),
    closed_at: micros(closedAt),
    clock_offset: clockOffset === null ? null : Math.round(clockOffset),
    read: counts.read,
    counted: counts.counted,
    not_dark: notDark,
    undecoded,
    retired: counts.retired,
    dropped_by_kernel: counts.droppedByKernel,
    dropped_by_interface: counts.droppedByInterface,
    dark_addresses: counts.darkAddresses,
    spool_bytes: counts.spoolBytes,
    spool_lost: counts.spoolLost,
    degraded: batch.degraded || counts.degraded,
    flow_rows: batch.flows.count,
    aggregate_rows: batch.aggregates.count,
  };
};

/** The 5-minute buckets that an interval touches. */
const bucketsOf = (interval: number, length: number): number[] => {
  const found: number[] = [];
  for (let at = bucketOf(interval, "5m"); at < interval + Math.max(1, length); at += grainLength["5m"]) found.push(at);
  return found;
};

/** A name for files and tokens that tells sensor, sequence and content apart and holds no foreign character. */
const idOf = ({ sensor, sequence, hash }: ArrivedBatch["identity"]): string => {
  const digest = createHash("sha256").update(`${sensor}\n${hash}`).digest("hex").slice(0, 24);
  return `${String(sequence).padStart(16, "0")}-${digest}`;
};

/** The store over either engine: journal, exactly-once, roll-ups, revocation. Opening ends what a killed process began. */
export class Keeper implements FlowStore {
  readonly retention: Retention;
  readonly #engine: Engine;
  readonly #journal: Journal;
  /** Blocks of flows are written here, and from here into the journal. */
  readonly #sink = nativeSink();
  readonly #origins: Origins | null;
  readonly #seen = new Map<string, Sequences>();
  readonly #gathering: Gathering;
  #inserting = false;
  /** Whoever closes the store waits for what is on its way. */
  #closing = false;
  /** Groups that were begun and are not in the store, by each batch of theirs. */
  readonly #left = new Map<string, JournalGroup>();
  /** Batches that came into the store with others of their group while nobody waited for them: whoever brings them again is the first to hear of it. */
  readonly #untold = new Set<string>();
  /** Appends on their way, by sensor and sequence: a repetition waits for the first. */
  readonly #pending = new Map<string, Promise<AppendOutcome>>();
  readonly #rollUps: RollUps;
  #changing: Promise<unknown> = Promise.resolve();
  /** Batches wait for this while the store is copied. */
  #held: Promise<void> | null = null;
  readonly #places = new Map<string, string>();
  /** Batches came since the sequences were written down. */
  #unsaved = false;

  private constructor(engine: Engine, options: KeeperOptions) {
    this.#engine = engine;
    this.#journal = new Journal(join(options.folder, "journal"));
    this.#origins = options.origins ?? null;
    this.#gathering = new Gathering(options.gather ?? 0);
    this.retention = options.retention ?? defaultRetention;
    this.#rollUps = new RollUps(engine, (sql) => this.#rows(sql), this.#place, this.retention.sources);
  }

  static async open(engine: Engine, options: KeeperOptions): Promise<Keeper> {
    const keeper = new Keeper(engine, options);
    try {
      await keeper.#prepare(keeper.retention, options.merges === "later");
      return keeper;
    } catch (error) {
      await engine.close();
      throw error;
    }
  }

  async #prepare(retention: Retention, later: boolean): Promise<void> {
    await this.#renew(retention);
    for (const table of storeTables) await this.#engine.run(createSql(table, retention), "append");
    await this.#keepFor(retention, later);
    await this.#rollUps.load();
    await this.#loadSequences();
    for (const entry of this.#journal.begun()) {
      if (entry.kind === "group") await this.#keep(entry, new Set());
      else await this.#withdraw(entry);
    }
    await this.#nameNetworks();
  }

  /**
   * Roll-ups of an earlier form: what they hold is kept, and is computed again where the base still has its rows. Cut short, it is done
   * again from what was put aside. On a cluster `layang schema` says what is to be there.
   */
  async #renew(retention: Retention): Promise<void> {
    const held = await this.#rows<{ name: string; key: string; columns: string[] }>(
      `SELECT t.name AS name, t.sorting_key AS key, c.columns AS columns FROM (SELECT name, sorting_key FROM system.tables WHERE database = currentDatabase() AND engine = 'MergeTree') AS t
INNER JOIN (SELECT table, groupArray(name) AS columns FROM system.columns WHERE database = currentDatabase() GROUP BY table) AS c ON c.table = t.name`,
    );
    const found = new Map(held.map((one) => [one.name, one]));
    const aside = (name: string): string => `${name}_aside`;
    const outdated = rollupTables.filter(({ name, orderBy, columns }) => {
      const one = found.get(name);
      if (found.has(aside(name))) return true;
      return (
        one !== undefined && (`(${one.key})` !== orderBy || !columns.every((own) => one.columns.includes(own.name)))
      );
    });
    if (outdated.length === 0) return;
    const [base] = await this.#rows<{ first: number }>(
      "SELECT if(count() = 0, 4294967295, toUnixTimestamp(toStartOfDay(min(first_seen)))) AS first FROM flows",
    );
    await this.#engine.run(
      `ALTER TABLE rollup_revisions DELETE WHERE toUnixTimestamp(bucket) >= ${base?.first ?? 0} SETTINGS mutations_sync = 2`,
      "append",
    );
    for (const table of outdated) {
      const { name } = table;
      const run = (sql: string): Promise<void> => this.#engine.run(sql, "append");
      const columns = found.get(found.has(aside(name)) ? aside(name) : name)?.columns ?? [];
      await run(
        found.has(aside(name)) ? `DROP TABLE IF EXISTS ${name} SYNC` : `RENAME TABLE ${name} TO ${aside(name)}`,
      );
      await run(createSql(table, retention));
      const kept = storedColumns(table)
        .filter((column) => columns.includes(column))
        .join(", ");
      await run(`INSERT INTO ${name} (${kept}) SELECT ${kept} FROM ${aside(name)}`);
      await run(`DROP TABLE ${aside(name)} SYNC`);
    }
  }

  /** Finds where the tables lie, and brings them to the retention in force and to merging or not. */
  async #keepFor(retention: Retention, later: boolean): Promise<void> {
    const made = await this.#rows<{ name: string; engine_full: string; create_table_query: string }>(
      "SELECT name, engine_full, create_table_query FROM system.tables WHERE database = currentDatabase()",
    );
    const sqlOf = new Map(made.map((one) => [one.name, one.create_table_query]));
    for (const { name, engine_full } of made) {
      const cluster = /^Distributed\('((?:[^'\\]|\\.)+)'/.exec(engine_full)?.[1];
      if (cluster !== undefined) this.#places.set(name, `${name}_local ON CLUSTER '${cluster}'`);
    }
    for (const table of storeTables) {
      const place = this.#place(table.name);
      const held = sqlOf.get(place.split(" ")[0] ?? "") ?? "";
      if (held.includes(unmerged) !== (later && table === flowsTable)) {
        const change = later ? `MODIFY SETTING ${unmerged} = 1` : `RESET SETTING ${unmerged}`;
        await this.#engine.run(`ALTER TABLE ${place} ${change}`, "append");
      }
      const lacking = mergeSettings.filter((setting) => !new RegExp(`\\b${setting}\\b`).test(held));
      if (lacking.length > 0)
        await this.#engine.run(`ALTER TABLE ${place} MODIFY SETTING ${lacking.join(", ")}`, "append");
      const days = /TTL .*?toIntervalDay\((\d+)\)/.exec(held)?.[1] ?? null;
      const ttl = retentionSql(table, retention);
      const wanted = table.keeps === null ? null : retention[table.keeps.days];
      if (days === (wanted === null ? null : String(wanted))) continue;
      await this.#engine.run(`ALTER TABLE ${place} ${ttl === undefined ? "REMOVE TTL" : `MODIFY ${ttl}`}`, "append");
    }
  }

  /** Where a table is changed: on a cluster its rows lie in local tables. */
  readonly #place = (table: string): string => this.#places.get(table) ?? table;

  /** Reads which batches are here, and writes that down for the next time. */
  async #loadSequences(): Promise<void> {
    const runs = await this.#rows<{ sensor: string; first: number; last: number; news: number }>(
      `WITH (SELECT max(snapshot) FROM sequences) AS newest
SELECT sensor, first, last, 0 AS news FROM sequences WHERE snapshot = newest
UNION ALL
SELECT sensor, min(sequence), max(sequence), 1 FROM
(SELECT sensor, sequence, sequence - row_number() OVER (PARTITION BY sensor ORDER BY sequence) AS run FROM reports WHERE stamp > newest)
GROUP BY sensor, run`,
    );
    for (const { sensor, first, last } of runs) this.#seenOf(sensor).add(first, last);
    if (runs.some(({ news }) => news === 1)) await this.#writeSequences();
  }

  /** Only while no batch is on its way: a snapshot covers every stamp drawn so far. */
  async #writeSequences(): Promise<void> {
    const snapshot = this.#rollUps.draw();
    const rows = [...this.#seen].flatMap(([sensor, seen]) =>
      seen.runs.map(([first, last]) => JSON.stringify({ snapshot, sensor, first, last })),
    );
    if (rows.length === 0) return;
    await this.#engine.run(`INSERT INTO sequences FORMAT JSONEachRow ${rows.join("\n")}`, "append");
    await this.#engine.run(`ALTER TABLE ${this.#place("sequences")} DELETE WHERE snapshot < ${snapshot}`, "append");
  }

  #seenOf(sensor: string): Sequences {
    let seen = this.#seen.get(sensor);
    if (seen === undefined) this.#seen.set(sensor, (seen = new Sequences()));
    return seen;
  }

  append(arrived: ArrivedBatch): Promise<AppendOutcome> {
    const { sensor, sequence } = arrived.identity;
    if (this.#seenOf(sensor).has(sequence)) return Promise.resolve(this.#known(arrived));
    const key = `${sequence} ${sensor}`;
    const same = this.#pending.get(key);
    if (same !== undefined) return same.then(() => "repeated");
    const mine = this.#append(arrived).finally(() => this.#pending.delete(key));
    this.#pending.set(key, mine);
    return mine;
  }

  async #append(arrived: ArrivedBatch): Promise<AppendOutcome> {
    await this.#held;
    return new Promise<AppendOutcome>((resolve, reject) => {
      this.#gathering.add({ arrived, id: idOf(arrived.identity), resolve, reject });
      void this.#insert();
    });
  }

  /** What is said of a batch that is in the store already. */
  #known({ identity }: ArrivedBatch): AppendOutcome {
    return this.#untold.size > 0 && this.#untold.delete(idOf(identity)) ? "stored" : "repeated";
  }

  /** Inserts what waits, group after group. */
  async #insert(): Promise<void> {
    if (this.#inserting) return;
    this.#inserting = true;
    // Batches of one request come one after another in this turn.
    await Promise.resolve();
    while (this.#gathering.size > 0) {
      if (!this.#closing && this.#held === null) await this.#gathering.pause();
      // A group that was begun again may have brought some of them in.
      const here = this.#gathering.takeOut(({ arrived: { identity } }) =>
        this.#seenOf(identity.sensor).has(identity.sequence),
      );
      for (const { arrived, resolve } of here) resolve(this.#known(arrived));
      // What was begun before has the bytes it was begun with: part of them may be in the store.
      const members = this.#gathering.next((id) => this.#left.get(id));
      const [first] = members;
      if (first === undefined) break;
      try {
        await this.#keep(this.#left.get(first.id) ?? this.#begin(members), new Set(members.map(({ id }) => id)));
        for (const { resolve } of members) resolve("stored");
      } catch (error) {
        for (const { reject } of members) reject(error);
      }
    }
    this.#inserting = false;
  }

  /** Writes down what is begun with. */
  #begin(members: readonly Waiting[]): JournalGroup {
    const batches = members.map(({ arrived, id }): JournalBatch => ({
      id,
      sensor: arrived.identity.sensor,
      sequence: arrived.identity.sequence,
      flows: arrived.batch.flows.count,
      aggregates: arrived.batch.aggregates.count,
      buckets: bucketsOf(arrived.batch.interval, arrived.batch.intervalLength),
      report: reportRow(arrived),
    }));
    const group = groupOf(batches);
    const encoded = members[0]!.arrived.encoded;
    const table = this.#origins?.table ?? null;
    // One sink for all: each block is written before the next is made.
    const blocks = function* (sink: Sink<ArrayBuffer>): Generator<Uint8Array> {
      for (const { arrived } of members)
        if (arrived.batch.flows.count > 0) yield encodeFlows(arrived.batch, table, sink);
    };
    this.#journal.begin(group, {
      ...(rowsOf(group, "flows") > 0 ? { flows: encoded ?? blocks(this.#sink) } : {}),
      ...(rowsOf(group, "aggregates") > 0
        ? {
            aggregates: members
              .filter(({ arrived }) => arrived.batch.aggregates.count > 0)
              .map(({ arrived }) => encodeAggregates(arrived.batch)),
          }
        : {}),
    });
    for (const one of batches) this.#left.set(one.id, group);
    return group;
  }

  /** Inserts what a journal entry holds, for those who wait for batches of it. Doing it again changes nothing. */
  async #keep(group: JournalGroup, waiting: ReadonlySet<string>): Promise<void> {
    for (const table of ["flows", "aggregates"] as const) {
      const rows = rowsOf(group, table);
      if (rows === 0) continue;
      const columns = storedColumns(tables[table]);
      const path = this.#journal.blockPath(group.id, table);
      const taken = await this.#engine.insertFile(table, columns, path, group.id);
      if (taken !== rows) {
        throw new AppError(
          "STORE_ROWS_LOST",
          `the engine took ${taken} of ${rows} rows of ${group.batches.length} batches`,
          {
            id: group.id,
          },
        );
      }
    }
    // The stamp is drawn when the rows can be seen: a roll-up with a later number has read them.
    const stamp = this.#rollUps.draw();
    const rows = group.batches.map(({ report }) => ({ ...report, stamp }));
    await this.#engine.run(
      `INSERT INTO reports (${Object.keys(rows[0]!).join(", ")}) SETTINGS insert_deduplication_token = '${group.id}' FORMAT JSONEachRow ${rows.map((row) => JSON.stringify(row)).join("\n")}`,
      "append",
    );
    for (const { id, sensor, sequence, flows, aggregates, buckets } of group.batches) {
      if (flows + aggregates > 0) this.#rollUps.touched(buckets, stamp, aggregates > 0);
      this.#seenOf(sensor).add(sequence);
      if (this.#left.delete(id) && !waiting.has(id)) this.#untold.add(id);
    }
    this.#unsaved = true;
    this.#journal.end(group);
  }

  async #rows<Row>(sql: string): Promise<Row[]> {
    return (await this.query<Row>(sql, {}, internalLimits)).rows;
  }

  async query<Row>(sql: string, parameters: QueryParameters = {}, limits: QueryLimits = {}) {
    const answer = await this.#engine.ask(sql, "JSONEachRow", parameters, {
      ...defaultLimits,
      ...limits,
    });
    // Parsed in one go: a line for each row would cost twice as much time, and objects that live for a moment. A line's end inside a text is written otherwise.
    const lines = decoder.decode(answer.bytes).trimEnd();
    const rows = JSON.parse(`[${lines.replaceAll("\n", ",")}]`) as Row[];
    return { rows, read: { rows: answer.rowsRead, bytes: answer.bytesRead, seconds: answer.seconds } };
  }

  async queryRaw(sql: string, format: string, parameters: QueryParameters = {}, limits: QueryLimits = {}) {
    return (await this.#engine.ask(sql, format, parameters, { ...defaultLimits, ...limits })).bytes;
  }

  /** Roll-ups and revocations take turns: both write revisions. */
  #change<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#changing.then(work);
    // The next one does not care how this one ended; its caller does.
    this.#changing = mine.catch(() => undefined);
    return mine;
  }

  rollUp(now: number, clock = now) {
    return this.#change(() => this.#rollUps.pass(now, clock));
  }

  frontiers() {
    return this.#rollUps.frontiers();
  }

  revoke(sensor: string, since: number): Promise<void> {
    return this.#change(async () => {
      // What came before and is on its way, or was begun and failed, would be here after it was withdrawn.
      await Promise.allSettled([...this.#pending].flatMap(([key, work]) => (key.endsWith(` ${sensor}`) ? [work] : [])));
      for (const entry of this.#journal.leftBy(sensor)) await this.#keep(entry, new Set());
      const rows = await this.#rows<{ bucket: number }>(
        `SELECT DISTINCT toUnixTimestamp(toStartOfFiveMinutes(first_seen)) AS bucket FROM
(SELECT first_seen FROM flows WHERE sensor = ${literal(sensor)} AND first_seen >= fromUnixTimestamp64Micro(${Math.floor(since)})
UNION ALL SELECT first_seen FROM aggregates WHERE sensor = ${literal(sensor)} AND first_seen >= fromUnixTimestamp64Micro(${Math.floor(since)}))`,
      );
      const id = `revoke-${createHash("sha256").update(`${sensor}\n${since}`).digest("hex").slice(0, 24)}`;
      const entry: JournalRevocation = {
        kind: "revocation",
        id,
        sensor,
        since,
        buckets: rows.map(({ bucket }) => bucket * 1e6),
      };
      this.#journal.begin(entry);
      await this.#withdraw(entry);
    });
  }

  /** Deletes and computes again. Doing it again changes nothing. */
  async #withdraw(entry: JournalRevocation): Promise<void> {
    const from = `sensor = ${literal(entry.sensor)}`;
    const since = `fromUnixTimestamp64Micro(${Math.floor(entry.since)})`;
    for (const [table, column] of [
      ["flows", "first_seen"],
      ["aggregates", "first_seen"],
      ["reports", "interval"],
    ] as const) {
      await this.#engine.run(
        `ALTER TABLE ${this.#place(table)} DELETE WHERE ${from} AND ${column} >= ${since} SETTINGS mutations_sync = 2`,
        "roll-up",
      );
    }
    // Buckets whose base was given up by its retention cannot be computed again: there the sensor's own rows leave.
    const first = entry.buckets.reduce((least, bucket) => Math.min(least, bucket), Infinity);
    for (const { name, columns } of rollupTables) {
      const grain = grains.find((one) => name.endsWith(`_${one}`));
      if (grain === undefined || !columns.some((column) => column.name === "sensor")) continue;
      const before = first === Infinity ? "1" : `bucket < toDateTime(${bucketOf(first, grain) / 1e6}, 'UTC')`;
      const where = `${from} AND bucket >= ${since} AND ${before}`;
      const [found] = await this.#rows<{ n: number }>(`SELECT count() AS n FROM ${name} WHERE ${where}`);
      if (found?.n === 0) continue;
      await this.#engine.run(
        `ALTER TABLE ${this.#place(name)} DELETE WHERE ${where} SETTINGS mutations_sync = 2`,
        "roll-up",
      );
    }
    for (const { table, where, insert } of refillSql(entry.since, first === Infinity ? null : first)) {
      await this.#engine.run(
        `ALTER TABLE ${this.#place(table)} DELETE WHERE ${where} SETTINGS mutations_sync = 2`,
        "roll-up",
      );
      await this.#engine.run(insert, "roll-up");
    }
    this.#rollUps.touched(entry.buckets, this.#rollUps.draw(), true);
    await this.#rollUps.again(entry.buckets);
    this.#journal.end(entry satisfies JournalEntry);
  }

  backUp(folder: string): Promise<void> {
    return this.#change(async () => {
      const before = [...this.#pending.values()];
      let release = (): void => undefined;
      this.#held = new Promise((resolve) => {
        release = resolve;
      });
      try {
        this.#gathering.hurry();
        await Promise.allSettled(before);
        if (this.#unsaved) {
          await this.#writeSequences();
          this.#unsaved = false;
        }
        await this.#engine.backUp(folder);
        // Batches whose insert failed wait in the journal, and go along.
        cpSync(this.#journal.folder, join(folder, "journal"), { recursive: true });
      } finally {
        release();
        this.#held = null;
      }
    });
  }

  async reloadPrefixes(): Promise<boolean> {
    if (this.#origins === null || !this.#origins.reload()) return false;
    await this.#nameNetworks();
    return true;
  }

  /** Brings the names of origin ASes into the engine where they are not those of the prefix data in force. */
  async #nameNetworks(): Promise<void> {
    const names = this.#origins?.names ?? [];
    if (this.#origins === null) return;
    const lines = names.map(([asn, name]) => `${asn} ${name}`).join("\n");
    const [held] = await this.#rows<{ hash: string }>(
      "SELECT lower(hex(SHA256(arrayStringConcat(arrayMap(one -> concat(toString(one.1), ' ', one.2), arraySort(groupArray((asn, name)))), '\\n')))) AS hash FROM networks",
    );
    if (held?.hash === createHash("sha256").update(lines).digest("hex")) return;
    const fill = async (table: string): Promise<void> => {
      const path = join(this.#journal.folder, "networks.block");
      writeFileSync(path, encodeNetworks(names));
      await this.#engine.insertFile(table, ["asn", "name"], path, "networks");
      rmSync(path, { force: true });
    };
    // On a cluster the rows lie on many machines, which cannot change at one moment: there they are gone for a short while.
    if (names.length === 0 || this.#places.has("networks")) {
      await this.#engine.run(`TRUNCATE TABLE ${this.#place("networks")}`, "append");
      if (names.length > 0) await fill("networks");
      return;
    }
    // Made aside and put in place at once: an answer has the old names or the new ones.
    await this.#engine.run("DROP TABLE IF EXISTS networks_next SYNC", "append");
    await this.#engine.run("CREATE TABLE networks_next AS networks", "append");
    await fill("networks_next");
    await this.#engine.run("ALTER TABLE networks REPLACE PARTITION tuple() FROM networks_next", "append");
    await this.#engine.run("DROP TABLE networks_next SYNC", "append");
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#gathering.hurry();
    await Promise.allSettled([...this.#pending.values(), this.#changing]);
    if (this.#unsaved) await this.#writeSequences();
    await this.#engine.close();
  }
}
