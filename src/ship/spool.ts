// SPDX-License-Identifier: Apache-2.0

/**
 * The sensor's batches on disk, from before they are sent until the node has acknowledged them. One file a frame,
 * `SEQUENCE-LOST-HASH.frame`; LOST is the loss that the batch's own report tells, HASH the beginning of the frame's SHA-256.
 *
 * What survives: a frame is written aside, synced, and renamed, then the folder is synced, before `add` resolves; so
 * neither kill -9 nor a power cut takes back what was added. A file that is torn all the same (a failing disk) is told by
 * its hash, put aside and counted as lost. Sequences go up for ever: the next one is above every file and above the
 * acknowledged one, which is written down before files are removed.
 *
 * What is lost when room ends (the limit, or a full disk): the OLDEST batches, because alarms live from the newest and the
 * node sees the gap in the sequences. Each loss is told in the next batch's report (`spoolLost`), which is itself spooled.
 */
import { open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../platform/errors.ts";
import { writeDurably, writeWhole } from "../platform/files.ts";
import { sha256 } from "./frame.ts";

export interface SpoolOptions {
  readonly folder: string;
  /** Bytes that may wait. */
  readonly limit: number;
  /** Told of every loss as it happens. */
  readonly onLost?: (batches: number, reason: "limit" | "disk full" | "torn" | "refused") => void;
}
export interface Waiting {
  readonly sequence: number;
  readonly bytes: Uint8Array;
}
interface Entry {
  readonly sequence: number;
  readonly lost: number;
  readonly hash: string;
  readonly size: number;
}

const fileName = ({ sequence, lost, hash }: Entry): string =>
  `${String(sequence).padStart(16, "0")}-${lost}-${hash}.frame`;
const form = /^(\d{16})-(\d+)-([0-9a-f]{16})\.frame$/;
/** A batch that the node refused for good is kept for the operator, up to so many bytes. */
const REFUSED_BYTES = 64 << 20;
/** Half a day of backlog is 150,000 hashes: none may hold on to the longer text that it was cut from. */
const alone = (hash: string): string => Buffer.from(hash, "latin1").toString("latin1");
const hashOf = (bytes: Uint8Array): string => alone(sha256(bytes).slice(0, 16));
const full = (error: unknown): boolean => ["ENOSPC", "EDQUOT"].includes((error as NodeJS.ErrnoException).code ?? "");

const numberIn = (path: string): number => {
  try {
    const value = Number(readFileSync(path, "utf8").trim());
    return Number.isSafeInteger(value) && value >= 0 ? value : 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw error;
  }
};

export class Spool {
  readonly #folder: string;
  readonly #options: SpoolOptions;
  /** Ascending. */
  #entries: Entry[] = [];
  #bytes = 0;
  #next = 1;
  #acknowledged: number;
  /** Losses that no spooled batch has told yet. */
  #lost = 0;
  #lostTotal = 0;
  #refusedBytes = 0;
  /** Sequences that are being sent: they are not given up for room. */
  #sending = new Set<number>();
  #turn: Promise<unknown> = Promise.resolve();
  #wake: (() => void)[] = [];

  constructor(options: SpoolOptions) {
    this.#options = options;
    this.#folder = options.folder;
    mkdirSync(join(this.#folder, "refused"), { recursive: true, mode: 0o700 });
    this.#acknowledged = numberIn(join(this.#folder, "acknowledged"));
    for (const name of readdirSync(this.#folder)) {
      const path = join(this.#folder, name);
      // Never renamed into place: its batch was never promised, its sequence never used.
      if (name.endsWith(".tmp")) rmSync(path);
      const [, sequence, lost, hash = ""] = form.exec(name) ?? [];
      if (sequence === undefined) continue;
      const entry = { sequence: Number(sequence), lost: Number(lost), hash: alone(hash), size: statSync(path).size };
      if (entry.sequence <= this.#acknowledged) rmSync(path);
      else this.#entries.push(entry);
    }
    this.#entries.sort((a, b) => a.sequence - b.sequence);
    this.#endRenumbering();
    this.#bytes = this.#entries.reduce((sum, { size }) => sum + size, 0);
    this.#next = Math.max(this.#acknowledged, this.#entries.at(-1)?.sequence ?? 0) + 1;
    this.#restoreLost();
    for (const name of readdirSync(join(this.#folder, "refused"))) {
      this.#refusedBytes += statSync(join(this.#folder, "refused", name)).size;
    }
  }

  /** Bytes and batches that wait. */
  get bytes(): number {
    return this.#bytes;
  }
  get batches(): number {
    return this.#entries.length;
  }
  /** Batches given up since the start. */
  get lostTotal(): number {
    return this.#lostTotal;
  }
  get acknowledged(): number {
    return this.#acknowledged;
  }
  /** When the oldest waiting batch was numbered; undefined when none waits. */
  get oldestSequence(): number | undefined {
    return this.#entries[0]?.sequence;
  }

  /** The note of losses says in which batch they will be told; when that one is there or was sent, they have been. */
  #restoreLost(): void {
    let text: string;
    try {
      text = readFileSync(join(this.#folder, "lost"), "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
      throw error;
    }
    const [lost, sequence] = text.split(" ").map(Number);
    if (lost !== undefined && sequence !== undefined && sequence >= this.#next) this.#lost = lost;
  }

  /** A process that was killed between a batch's new file and the end of its old one leaves both: the old one goes. */
  #endRenumbering(): void {
    const note = join(this.#folder, "renumbered");
    if (!existsSync(note)) return;
    const [old, now] = readFileSync(note, "utf8").split(" ").map(Number);
    const entry = this.#entries.find(({ sequence }) => sequence === old);
    if (entry !== undefined && this.#entries.some(({ sequence }) => sequence === now)) {
      rmSync(join(this.#folder, fileName(entry)));
      this.#entries = this.#entries.filter((one) => one !== entry);
    }
    rmSync(note);
  }

  #noteLost(batches: number, reason: "limit" | "disk full" | "torn" | "refused", own = 0): void {
    this.#lost += batches + own;
    this.#lostTotal += batches;
    this.#options.onLost?.(batches, reason);
    try {
      writeWhole(join(this.#folder, "lost"), `${this.#lost} ${this.#next}`);
    } catch (error) {
      // On a full disk the number lives in memory until room was made; the gap in the sequences tells it in any case.
      if (!full(error)) throw error;
    }
  }

  /** One thing at a time: sequences are given in the order of the calls. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  /**
   * Adds a frame. `make` gets its sequence and the losses its report has to tell, and is called again with others when the
   * disk was full. Resolves to the sequence when the frame will survive, or to undefined when it had to be given up.
   */
  add(make: (sequence: number, lost: number) => Uint8Array): Promise<number | undefined> {
    return this.#inTurn(() => this.#add(make));
  }

  async #add(make: (sequence: number, lost: number) => Uint8Array): Promise<number | undefined> {
    for (;;) {
      const sequence = this.#next;
      const lost = this.#lost;
      const bytes = make(sequence, lost);
      const { limit } = this.#options;
      while (this.#bytes + bytes.length > limit && (await this.#giveUpOldest("limit")));
      if (this.#bytes + bytes.length > limit) {
        this.#noteLost(1, "limit", 0);
        return undefined;
      }
      if (this.#lost !== lost) continue; // what was given up is to be told by this very batch
      const entry = { sequence, lost, hash: hashOf(bytes), size: bytes.length };
      if (await this.#write(entry, bytes)) {
        this.#next = sequence + 1;
        this.#lost -= lost;
        this.#entries.push(entry);
        this.#bytes += entry.size;
        for (const wake of this.#wake.splice(0)) wake();
        return sequence;
      }
      // Room for the batch and then some, so that a full disk is not touched at every batch.
      let freed = 0;
      while (freed < 4 * bytes.length) {
        const size = await this.#giveUpOldest("disk full");
        if (size === 0) break;
        freed += size;
      }
      if (freed === 0) {
        this.#noteLost(1, "disk full");
        return undefined;
      }
    }
  }

  /**
   * Gives a frame the next sequence, because the node knows other rows under its own. `remake` makes the new frame from the
   * old one. The batch is neither lost nor doubled when the process is killed on the way.
   */
  renumber(sequence: number, remake: (frame: Uint8Array, sequence: number, lost: number) => Uint8Array): Promise<void> {
    return this.#inTurn(async () => {
      const entry = this.#entries.find((one) => one.sequence === sequence);
      if (entry === undefined) return;
      const path = join(this.#folder, fileName(entry));
      const content = await readFile(path).catch(() => undefined); // told as torn below
      if (content === undefined || hashOf(content) !== entry.hash) return this.#putAside(entry, "torn");
      const note = join(this.#folder, "renumbered");
      try {
        writeDurably(note, `${sequence} ${this.#next}`, 0o600);
      } catch (error) {
        if (!full(error)) throw error; // a full disk is told by `#add`
      }
      this.#drop(entry);
      this.#lost += entry.lost; // told by the new frame
      await this.#add((now, lost) => remake(content, now, lost));
      await rm(path, { force: true });
      await rm(note, { force: true });
    });
  }

  async #syncFolder(): Promise<void> {
    const folder = await open(this.#folder, "r");
    await folder.sync().finally(() => folder.close());
  }

  /** False when the disk is full. */
  async #write(entry: Entry, bytes: Uint8Array): Promise<boolean> {
    const path = join(this.#folder, fileName(entry));
    const temporary = `${path}.tmp`;
    try {
      const handle = await open(temporary, "w", 0o600);
      try {
        await handle.writeFile(bytes);
        await handle.datasync();
      } finally {
        await handle.close();
      }
      await rename(temporary, path);
      await this.#syncFolder();
      return true;
    } catch (error) {
      await rm(temporary, { force: true });
      if (full(error)) return false;
      throw new AppError(
        "SENSOR_STATE",
        `the spool cannot be written (${(error as NodeJS.ErrnoException).code ?? String(error)})`,
      );
    }
  }

  /** Takes an entry off the list at once, before anything is waited for. False when it had left already. */
  #drop(entry: Entry): boolean {
    const at = this.#entries.indexOf(entry);
    if (at < 0) return false;
    this.#entries.splice(at, 1);
    this.#bytes -= entry.size;
    return true;
  }

  /** Bytes that became free; 0 when there was nothing to give up. */
  async #giveUpOldest(reason: "limit" | "disk full"): Promise<number> {
    const entry = this.#entries.find(({ sequence }) => !this.#sending.has(sequence));
    if (entry === undefined) return 0;
    this.#drop(entry);
    await rm(join(this.#folder, fileName(entry)), { force: true });
    // The losses that the lost batch would have told are told with it.
    this.#noteLost(1, reason, entry.lost);
    return entry.size;
  }

  /**
   * The oldest frames, at least one when one waits, within `bytes` and `most`. They are not given up for room until
   * `release`. Torn files are put aside on the way.
   */
  async oldest(bytes: number, most: number): Promise<Waiting[]> {
    const found: Waiting[] = [];
    let size = 0;
    for (const entry of this.#entries.slice(0, most)) {
      if (found.length > 0 && size + entry.size > bytes) break;
      this.#sending.add(entry.sequence);
      const content = await readFile(join(this.#folder, fileName(entry))).catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT" || error.code === "EIO") return undefined; // given up meanwhile, or unreadable: as torn
        throw error;
      });
      if (content === undefined || hashOf(content) !== entry.hash) {
        await this.#putAside(entry, "torn");
        continue;
      }
      found.push({ sequence: entry.sequence, bytes: content });
      size += content.length;
    }
    return found;
  }

  release(): void {
    this.#sending.clear();
  }

  /** Forgets frames that the node has. */
  acknowledge(sequences: readonly number[]): Promise<void> {
    return this.#inTurn(async () => {
      const known = new Set(sequences);
      const gone = this.#entries.filter(({ sequence }) => known.has(sequence));
      this.#entries = this.#entries.filter(({ sequence }) => !known.has(sequence));
      for (const { size } of gone) this.#bytes -= size;
      // Only as far as everything before has left too, or those files would be taken for acknowledged at the next start.
      const below = (this.#entries[0]?.sequence ?? this.#next) - 1;
      let noted = true;
      if (below > this.#acknowledged) {
        this.#acknowledged = below;
        noted = await this.#noteAcknowledged();
      }
      // On a full disk the newest file stays in the note's place: it keeps its sequence from being given again after a
      // restart, and sent again it is acknowledged again. The removal of the others may make the room.
      const last = gone.at(-1);
      for (const entry of gone)
        if (noted || entry !== last) await rm(join(this.#folder, fileName(entry)), { force: true });
      if (!noted && last !== undefined && (await this.#noteAcknowledged())) {
        await rm(join(this.#folder, fileName(last)), { force: true });
      }
    });
  }

  /** False when the disk is full. */
  async #noteAcknowledged(): Promise<boolean> {
    const path = join(this.#folder, "acknowledged");
    try {
      await writeFile(`${path}.tmp`, `${this.#acknowledged}\n`, { flush: true });
      await rename(`${path}.tmp`, path);
      await this.#syncFolder();
      return true;
    } catch (error) {
      if (!full(error)) throw error;
      return false;
    }
  }

  /** Puts a frame aside that the node will never take, and counts it as lost. */
  refuse(sequence: number): Promise<void> {
    return this.#inTurn(async () => {
      const entry = this.#entries.find((one) => one.sequence === sequence);
      if (entry !== undefined) await this.#putAside(entry, "refused");
    });
  }

  async #putAside(entry: Entry, reason: "torn" | "refused"): Promise<void> {
    if (!this.#drop(entry)) return;
    const path = join(this.#folder, fileName(entry));
    if (this.#refusedBytes + entry.size > REFUSED_BYTES) await rm(path, { force: true });
    else {
      this.#refusedBytes += entry.size;
      await rename(path, join(this.#folder, "refused", fileName(entry))).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "ENOENT") throw error; // somebody removed the file: there is nothing to put aside
      });
    }
    this.#noteLost(1, reason, entry.lost);
  }

  /** Goes on above the sequences that the node knows (a state folder restored from an old copy). */
  raise(next: number): Promise<void> {
    return this.#inTurn(async () => {
      if (next <= this.#next) return;
      this.#next = next;
      // Held by the acknowledged sequence as long as no file holds it.
      if (this.#entries.length === 0) {
        this.#acknowledged = next - 1;
        await this.#noteAcknowledged();
      }
    });
  }

  /** Resolves when a frame waits, or when the signal is given. */
  async waiting(signal: AbortSignal): Promise<void> {
    if (this.#entries.length > 0 || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        signal.removeEventListener("abort", wake);
        resolve();
      };
      signal.addEventListener("abort", wake);
      this.#wake.push(wake);
    });
  }
}
