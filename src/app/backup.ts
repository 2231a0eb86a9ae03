// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import {
  createReadStream,
  createWriteStream,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { createInterface } from "node:readline";
import { once } from "node:events";
import { copyFile } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { backupEndpoint } from "../api/desk/backup.ts";
import { systemActor } from "../model/actor.ts";
import { mailFolder } from "../notify/maildir.ts";
import { AppError } from "../platform/errors.ts";
import { checkParent, makeFolder } from "../platform/folder.ts";
import type { Desk } from "../store/desk/desk.ts";
import { dumpDesk, migrationsOf, restoreDesk } from "../store/desk/dump.ts";
import { isOriginCache } from "../store/flows/origins.ts";
import type { FlowStore } from "../store/flows/store.ts";
import { version } from "./attribution.ts";
import type { Settings } from "./config.ts";
import { lockIdle, openDeskStore, openIdleDesk } from "./desk.ts";
import { noData } from "./no-data.ts";
import { firstLinkName, runningAddress } from "./running.ts";
import { openStore } from "./stores.ts";

/**
 * A backup is a folder:
 *
 *     manifest.json   what it is, and the length and SHA-256 of every other file
 *     desk.jsonl.gz   the desk, the same for both engines
 *     flows/          the flow store, in the engine's own form
 *     journal/        batches that the store had begun
 *     files/          the rest of the data folder: sensors, keys, secrets, settings
 *
 * It holds every secret of the node, and is as secret as the node's data folder.
 */
interface Manifest {
  readonly layang: "backup";
  readonly format: 1;
  readonly version: string;
  readonly made: string;
  readonly flows: boolean;
  readonly desk: Readonly<Record<string, number>>;
  readonly files: readonly { readonly path: string; readonly size: number; readonly sha256: string }[];
}
export interface BackedUp {
  readonly folder: string;
  readonly bytes: number;
  readonly files: number;
  readonly flows: boolean;
  readonly rows: number;
}

/** Where a running node is asked for one, at its operator's socket. */
export const backupPath = backupEndpoint.path;

/** What is not copied as it lies: engines copy themselves, and what belongs to a running process ends with it. */
const apart = new Set([
  "chdb",
  "desk",
  "journal",
  "backup",
  "portal.address",
  "door.address",
  "node.sock",
  firstLinkName,
]);

const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .toSorted();

const digestOf = async (file: string): Promise<string> => {
  const hash = createHash("sha256");
  for await (const part of createReadStream(file)) hash.update(part as Buffer);
  return hash.digest("hex");
};

/**
 * Writes lines into a zipped file. A disk that is full, or a file that cannot be written, ends `make` with its error: it never waits for room
 * that does not come. @throws what the file or `make` failed with.
 */
export const zipped = async <T>(
  file: string,
  make: (write: (line: string) => Promise<void>) => Promise<T>,
): Promise<T> => {
  const zip = createGzip();
  const written = pipeline(zip, createWriteStream(file, { mode: 0o600 }));
  let fault: unknown;
  written.catch((error: unknown) => (fault = error));
  const failed = written.then(() => undefined);
  failed.catch(() => undefined);
  try {
    const made = await make(async (line) => {
      if (fault !== undefined) throw fault;
      if (!zip.write(`${line}\n`)) await Promise.race([once(zip, "drain"), failed]);
    });
    zip.end();
    await written;
    return made;
  } catch (error) {
    // Of the file first, then of `make`: what follows from ending here says nothing.
    const first = fault ?? error;
    zip.destroy();
    await written.catch(() => undefined);
    throw first;
  }
};

const mailName = basename(mailFolder("."));
/** Copies files that come and go meanwhile, and lets the node go on in between: one that is gone by its turn is left out. */
const copyLiving = async (from: string, to: string): Promise<void> => {
  if (!existsSync(from)) return;
  mkdirSync(to, { recursive: true, mode: 0o700 });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [one, copy] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await copyLiving(one, copy);
    else if (entry.isFile())
      await copyFile(one, copy).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "ENOENT") throw error;
      });
  }
};

/**
 * Copies a node into a new folder, while it runs. The desk goes before the flows: what the desk has judged is in
 * the flows, and what came in between is judged again. @throws AppError BACKUP_FAILED.
 */
export const backUp = async (
  { desk, store, data }: { readonly desk: Desk; readonly store: FlowStore | null; readonly data: string },
  target: string,
  now: number,
): Promise<BackedUp> => {
  const folder = resolve(target);
  if (existsSync(folder)) throw new AppError("BACKUP_FAILED", `${folder} is there already; name a new folder`);
  const inside = relative(data, folder);
  if (inside === "" || !(inside.startsWith("..") || inside.startsWith("/"))) {
    throw new AppError(
      "BACKUP_FAILED",
      "a backup inside the data folder would not outlive it; name a folder elsewhere",
    );
  }
  const part = `${folder}.part`;
  checkParent(folder, "the backup folder");
  rmSync(part, { recursive: true, force: true });
  mkdirSync(part, { mode: 0o700 });
  try {
    // Mail goes before the desk: what is taken meanwhile stands in the desk, and is known when it is taken again; the other way round it would
    // stand in neither. It moves on between two looks: where it went to is looked at later, so it is copied there, or twice, and taken once.
    for (const folder of ["new", "cur", "failed"])
      await copyLiving(join(mailFolder(data), folder), join(mailFolder(join(part, "files")), folder));
    const rows = await zipped(join(part, "desk.jsonl.gz"), (write) => dumpDesk(desk.owner, write));
    if (store !== null) await store.backUp(part);
    for (const name of readdirSync(data)) {
      if (apart.has(name) || isOriginCache(name) || name === mailName || name.endsWith(".part")) continue;
      // Up to 256 MiB, of which nothing depends on the rest.
      if (name === "quarantine") {
        await copyLiving(join(data, name), join(part, "files", name));
        continue;
      }
      cpSync(join(data, name), join(part, "files", name), {
        recursive: true,
        filter: (from) => !statSync(from).isSocket(),
      });
    }
    const files = [];
    for (const path of filesIn(part)) {
      const file = join(part, path);
      files.push({ path, size: statSync(file).size, sha256: await digestOf(file) });
    }
    const manifest: Manifest = {
      layang: "backup",
      format: 1,
      version,
      made: new Date(now).toISOString(),
      flows: store !== null,
      desk: rows,
      files,
    };
    writeFileSync(join(part, "manifest.json"), `${JSON.stringify(manifest, null, 1)}\n`, { mode: 0o600 });
    renameSync(part, folder);
    return {
      folder,
      bytes: files.reduce((sum, { size }) => sum + size, 0),
      files: files.length,
      flows: store !== null,
      rows: Object.values(rows).reduce((sum, count) => sum + count, 0),
    };
  } catch (error) {
    // Half a copy holds the secrets whole, and takes the room that the next one needs.
    rmSync(part, { recursive: true, force: true });
    throw error;
  }
};

/** Reads the manifest and holds every file against it. @throws AppError BACKUP_INVALID. */
export const checkBackup = async (folder: string): Promise<Manifest> => {
  const refuse = (why: string): never => {
    throw new AppError("BACKUP_INVALID", `${folder}: ${why}`);
  };
  let manifest: Manifest;
  try {
    manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as Manifest;
  } catch {
    return refuse("holds no manifest.json of a backup");
  }
  if (manifest.layang !== "backup" || manifest.format !== 1 || !Array.isArray(manifest.files))
    refuse("is no backup of a form that is known here");
  const there = new Set(filesIn(folder));
  for (const { path, size, sha256 } of manifest.files) {
    // A path of the manifest is one below the folder, whatever somebody wrote there.
    if (!there.has(path)) refuse(`${path} is missing`);
    if (statSync(join(folder, path)).size !== size || (await digestOf(join(folder, path))) !== sha256)
      refuse(`${path} is not what was written`);
    there.delete(path);
  }
  there.delete("manifest.json");
  const [extra] = there;
  if (extra !== undefined) refuse(`${extra} does not belong to it`);
  return manifest;
};

async function* linesOf(file: string): AsyncGenerator<string> {
  yield* createInterface({ input: createReadStream(file).pipe(createGunzip()), crlfDelay: Number.POSITIVE_INFINITY });
}

export interface Restored {
  readonly made: string;
  readonly version: string;
  readonly rows: number;
  /** Letters that were still to be sent: held, since they may have left after the backup was made. */
  readonly heldLetters: number;
}

/** Why a folder is no place to restore into; undefined: it is. */
const occupied = (data: string): string | undefined => {
  const address = join(data, "portal.address");
  if (existsSync(address) && runningAddress(readFileSync(address, "utf8")) !== undefined)
    throw new AppError("NODE_RUNNING", `a node runs on ${data}: stop it first`);
  return existsSync(data) && readdirSync(data).length > 0
    ? "is not empty: restore into a new folder, or move this one away"
    : undefined;
};

/**
 * Brings a node back whole into an empty data folder (and an empty database, where the desk is on a server). A backup whose desk was in the
 * process may be restored to a server, and the other way round. @throws AppError BACKUP_INVALID, NODE_RUNNING.
 */
export const restore = async (settings: Settings, from: string): Promise<Restored> => {
  const data = settings.path(settings.config.data);
  const folder = resolve(from);
  const why = occupied(data);
  if (why !== undefined) throw new AppError("BACKUP_INVALID", `${data} ${why}`);
  const manifest = await checkBackup(folder);
  for await (const line of linesOf(join(folder, "desk.jsonl.gz"))) {
    migrationsOf(line);
    break;
  }
  if (manifest.flows && settings.config.store.clickhouse !== undefined) {
    throw new AppError(
      "BACKUP_INVALID",
      "the backup holds an embedded flow store; restore it without `store.clickhouse`",
    );
  }
  makeFolder(data, "the data folder");
  // From here on no node starts on half of one.
  const unlock = await lockIdle(data);
  if (readdirSync(data).length > 0) {
    unlock();
    throw new AppError("BACKUP_INVALID", `${data} was taken meanwhile`);
  }
  try {
    if (existsSync(join(folder, "files"))) cpSync(join(folder, "files"), data, { recursive: true });
    if (manifest.flows) {
      const { backupFolder, restoreEmbedded } = await import("../store/flows/embedded/engine.ts");
      const path = join(data, "chdb");
      mkdirSync(path, { recursive: true, mode: 0o700 });
      cpSync(join(folder, "flows"), join(backupFolder(path), "flows"), { recursive: true });
      await restoreEmbedded(path);
      rmSync(backupFolder(path), { recursive: true, force: true });
      if (existsSync(join(folder, "journal")))
        cpSync(join(folder, "journal"), join(data, "journal"), { recursive: true });
    }
    const desk = await openDeskStore(settings, data);
    try {
      const rows = await restoreDesk(desk.owner, linesOf(join(folder, "desk.jsonl.gz")));
      const wrong = Object.entries(manifest.desk).find(([table, count]) => (rows[table] ?? 0) !== count);
      if (wrong !== undefined)
        throw new AppError(
          "BACKUP_INVALID",
          `${wrong[0]} has ${rows[wrong[0]] ?? 0} rows, the backup said ${wrong[1]}`,
        );
      const held = await desk.as(systemActor, (trx) =>
        trx
          .updateTable("outbox")
          .set({ state: "held", leased_until: null, error: "restored from a backup: it may have left already" })
          .where("state", "in", ["waiting", "sending"])
          .executeTakeFirst(),
      );
      return {
        made: manifest.made,
        version: manifest.version,
        rows: Object.values(rows).reduce((sum, count) => sum + count, 0),
        heldLetters: Number(held.numUpdatedRows),
      };
    } finally {
      await desk.close();
    }
  } catch (error) {
    // Half a node is none: what was empty is empty again, so that the command can be given again.
    for (const name of readdirSync(data)) rmSync(join(data, name), { recursive: true, force: true });
    throw error;
  } finally {
    unlock();
  }
};

/** Backs up a node that does not run: its stores are opened for this alone. */
export const backUpStopped = async (settings: Settings, target: string, withFlows: boolean): Promise<BackedUp> => {
  const data = settings.path(settings.config.data);
  if (!existsSync(join(data, "desk")) && settings.config.desk.postgres === undefined) {
    throw noData(data, "node");
  }
  const desk = await openIdleDesk(settings, data);
  try {
    const store = withFlows ? (await openStore(settings, data)).store : null;
    try {
      return await backUp({ desk, store, data }, target, Date.now());
    } finally {
      await store?.close();
    }
  } finally {
    await desk.close();
  }
};
