// SPDX-License-Identifier: Apache-2.0
import { cpSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { AppError } from "../../../platform/errors.ts";
import { Turns, asStoreError, spillAt, stillWanted } from "../engine.ts";
import type { Engine, EngineAnswer, Lane } from "../engine.ts";
import { forgetLostParts, lostParts } from "./lost-parts.ts";

/** The part of chdb that is used. */
interface Result {
  readonly elapsed: number;
  readonly rowsRead: number;
  readonly bytesRead: number;
  bytes(): Uint8Array;
}
interface Session {
  queryAsync(sql: string, options?: { format?: string }): Promise<Result>;
  queryBindAsync(sql: string, parameters: object, options?: { format?: string }): Promise<Result>;
  close(): void;
}
interface Chdb {
  Session: new (path: string, options?: { connectionArgs?: readonly string[] }) => Session;
}

const load = async (): Promise<Chdb> => {
  try {
    return (await import("chdb")) as unknown as Chdb;
  } catch (error) {
    throw new AppError(
      "STORE_ENGINE_MISSING",
      "the embedded engine (npm package chdb) is not installed: run npm ci, or set a ClickHouse server",
      { cause: String(error) },
    );
  }
};

const settings = [
  "max_insert_threads = 1",
  "async_insert = 0",
  "output_format_json_quote_64bit_integers = 0",
  "input_format_native_allow_types_conversion = 1",
];

/** The one folder that the engine writes copies of itself into, and reads them from. */
export const backupFolder = (path: string): string => join(dirname(path), "backup");
const literal = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;

/** Fills a new folder with what `backUp` copied to `backup/flows` beside it. */
export const restoreEmbedded = async (path: string): Promise<void> => {
  const engine = await embeddedEngine(path, 0);
  try {
    await engine.run(`RESTORE DATABASE default FROM File(${literal(join(backupFolder(path), "flows"))})`, "append");
  } finally {
    await engine.close();
  }
};

/** Blocks of one file become one block, and so one part under one token, however many there are. */
const oneBlock = "min_insert_block_size_rows = 1000000000, min_insert_block_size_bytes = 1000000000000";

/**
 * Bytes that the process has grown by. The engine keeps what it freed for a while, and without a thread of its own to see to that for good: a node
 * held 190 MB after five minutes' roll-up. Giving it back takes some 50 ms.
 */
const worthTrimming = 48 * 2 ** 20;

/**
 * chDB in this process, several sessions on one folder: one for appends, one for roll-ups, `readers` for questions. Each
 * session holds a thread of Node's pool while it works (four by default), so `readers` stays at 2 unless the pool is larger.
 */
export const embeddedEngine = async (path: string, readers = 2): Promise<Engine> => {
  const { Session } = await load();
  const sessions: Session[] = [];
  const open = async (own: readonly string[] = []): Promise<Session> => {
    try {
      const session = new Session(path, {
        connectionArgs: [
          "--background_pool_size=2",
          "--logger.level=none",
          `--backups.allowed_path=${backupFolder(path)}`,
        ],
      });
      sessions.push(session);
      await session.queryAsync([...settings, ...own].map((one) => `SET ${one}`).join("; "));
      return session;
    } catch (error) {
      throw new AppError("STORE_UNAVAILABLE", `the embedded store ${path} cannot be opened: ${String(error)}`);
    }
  };
  let append = await open();
  // From here on nobody else has the folder.
  const lost = lostParts(path);
  if (lost.length > 0) {
    for (const session of sessions.splice(0)) session.close();
    forgetLostParts(lost);
    append = await open();
  }
  const lanes: Record<Lane, { session: Session; turns: Turns }> = {
    append: { session: append, turns: new Turns() },
    // Nobody waits for a roll-up: on one core it takes half the memory, and leaves the others to who asks.
    "roll-up": { session: await open(["max_threads = 1"]), turns: new Turns() },
  };
  const idle: Session[] = [];
  for (let i = 0; i < readers; i++) idle.push(await open());
  const waiting: ((session: Session) => void)[] = [];
  const borrow = (): Promise<Session> => {
    const session = idle.pop();
    return session === undefined
      ? new Promise<Session>((resolve) => {
          waiting.push(resolve);
        })
      : Promise.resolve(session);
  };
  const giveBack = (session: Session): void => {
    const next = waiting.shift();
    if (next === undefined) idle.push(session);
    else next(session);
  };
  const work = new Set<Promise<unknown>>();
  const track = async <T>(promise: Promise<T>): Promise<T> => {
    work.add(promise);
    try {
      return await promise;
    } catch (error) {
      throw asStoreError(error);
    } finally {
      work.delete(promise);
    }
  };

  const limitsOf = new Map<Session, string>();
  const ask: Engine["ask"] = async (sql, format, parameters, limits) => {
    const session = await borrow();
    try {
      stillWanted(limits);
      const limited = `SET max_execution_time = ${limits.seconds}, max_memory_usage = ${Math.floor(limits.memory)}, max_bytes_before_external_group_by = ${spillAt(limits)}, max_bytes_before_external_sort = ${spillAt(limits)}`;
      // It holds for the session until another is stated: most questions have the limits of the one before.
      if (limitsOf.get(session) !== limited) {
        limitsOf.delete(session);
        await session.queryAsync(limited);
        limitsOf.set(session, limited);
      }
      const answer =
        Object.keys(parameters).length > 0
          ? await session.queryBindAsync(sql, parameters, { format })
          : await session.queryAsync(sql, { format });
      return {
        bytes: answer.bytes(),
        rowsRead: answer.rowsRead,
        bytesRead: answer.bytesRead,
        seconds: answer.elapsed,
      } satisfies EngineAnswer;
    } finally {
      giveBack(session);
    }
  };
  let settled = process.memoryUsage.rss();
  return {
    ask: (sql, format, parameters, limits) => track(ask(sql, format, parameters, limits)),
    run: async (sql, lane) => {
      const { session, turns } = lanes[lane];
      await track(turns.take(() => session.queryAsync(sql)));
    },
    insertFile: async (table, columns, file, token) => {
      const { session, turns } = lanes.append;
      const sql = `INSERT INTO ${table} (${columns.join(", ")}) FROM INFILE '${file.replaceAll("'", "''")}' SETTINGS insert_deduplication_token = '${token}', ${oneBlock} FORMAT Native`;
      return (await track(turns.take(() => session.queryAsync(sql)))).rowsRead;
    },
    trim: async () => {
      // What shrank by itself meanwhile counts from there.
      settled = Math.min(settled, process.memoryUsage.rss());
      if (process.memoryUsage.rss() - settled < worthTrimming) return;
      const { session, turns } = lanes["roll-up"];
      // An engine that was built without its own allocator has nothing to give.
      await track(turns.take(() => session.queryAsync("SYSTEM JEMALLOC PURGE"))).catch(() => undefined);
      settled = process.memoryUsage.rss();
    },
    backUp: async (folder) => {
      const inside = join(backupFolder(path), "flows");
      mkdirSync(backupFolder(path), { recursive: true, mode: 0o700 });
      rmSync(inside, { recursive: true, force: true });
      const { session, turns } = lanes["roll-up"];
      await track(turns.take(() => session.queryAsync(`BACKUP DATABASE default TO File(${literal(inside)})`)));
      try {
        renameSync(inside, join(folder, "flows"));
      } catch {
        // Another file system.
        cpSync(inside, join(folder, "flows"), { recursive: true });
        rmSync(inside, { recursive: true, force: true });
      }
      rmSync(backupFolder(path), { recursive: true, force: true });
    },
    close: async () => {
      await Promise.allSettled(work);
      for (const session of sessions) session.close();
    },
  };
};
