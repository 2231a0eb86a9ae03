// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { generateKeyPairSync, verify } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { join } from "node:path";
import { FINAL_AFTER } from "../model/final.ts";
import type { FlowBatch } from "../model/flows.ts";
import { IPV4_SPACE } from "../model/report.ts";
import type { SensorReport } from "../model/report.ts";
import { AppError } from "../platform/errors.ts";
import type { Logger } from "../platform/log.ts";
import { createDoor } from "./door.ts";
import type { Asked, Door, DoorOptions, Reply } from "./door.ts";
import { writeWhole } from "../platform/files.ts";
import { bodyBytes, decodeBatch } from "./format.ts";
import { splitFrames, verifyFrame } from "./frame.ts";
import type { Frame } from "./frame.ts";
import { fileHashes } from "./hashes.ts";
import { nextMessage } from "./next.ts";
import { Quarantine, quarantineLimits } from "./quarantine.ts";
import type { QuarantineLimits } from "./quarantine.ts";
import type { SensorRecord, SensorRegistry } from "./registry.ts";
import { Seen } from "./seen.ts";
import type { SeenState } from "./seen.ts";

/** Frames a request may bring. */
export const FRAMES = 64;
/** Bytes of an enrolment or a question, which anybody may send. */
const ENROLMENT = 4_096;
/** How far ahead of the node's clock (the measured offset allowed for) a row may lie, microseconds. */
const AHEAD = 2_000_000;
const HOUR = 3_600_000_000;
/**
 * How far behind the node's clock a row may lie, microseconds: five weeks, where a spool holds days. What is older would make
 * a partition for each of its days; captures of the past are for `layang replay`.
 */
const BEHIND = 35 * 86_400_000_000;
/** An offset above this is no offset but a wrong clock. */
const LARGEST_OFFSET = 60_000_000;
/** Unpacked bytes of one request that wait to be stored. */
const UNPACKED = 48 << 20;
/** What a batch takes beside its bytes: each has all columns, however few its rows. */
const BATCH = 32 << 10;
/** The same of all requests: those that would pass it wait with their bytes as they came, while many small ones are stored together. */
const AT_ONCE = 4 * UNPACKED;

/** A batch that has passed every check and is not yet acknowledged. Its shape is that of the store's `ArrivedBatch`. */
export interface ReceivedBatch {
  readonly identity: { readonly sensor: string; readonly sequence: number; readonly hash: string };
  readonly batch: FlowBatch;
  readonly report: SensorReport;
  /** When its request arrived, microseconds UTC by the node's clock. */
  readonly received: number;
  /** Bytes on the wire. */
  readonly size: number;
  readonly version: number;
}

/** What the node knows of a sensor from what arrived since it started; the store has the history. */
export interface SensorStanding {
  readonly name: string;
  readonly highest: number;
  readonly gaps: readonly { readonly first: number; readonly last: number }[];
  /** Microseconds, node's clock; null while nothing came since the start. */
  readonly lastSeen: number | null;
  readonly report: SensorReport | null;
  /** Arrival minus the watermark, node's clock, microseconds. */
  readonly lag: number | null;
  readonly stored: number;
  readonly repeated: number;
  readonly quarantined: number;
  /** Of the stored ones, those whose interval was final when they came out of the sensor's spool. */
  readonly late: number;
  /** Of the quarantined ones, given up for room since. */
  readonly quarantineLost: number;
  readonly refused: Readonly<Record<string, number>>;
}

export interface ReceiverOptions extends DoorOptions {
  readonly registry: SensorRegistry;
  /** The registry's folder: sequences are noted beside the records. */
  readonly folder: string;
  readonly quarantine: string;
  /** Stores a batch durably, once per identity; only when it has resolved is the batch acknowledged. */
  accept(received: ReceivedBatch): Promise<unknown>;
  readonly log: Logger;
  /** Microseconds UTC. */
  readonly clock?: () => number;
  readonly quarantineLimits?: QuarantineLimits;
  /** How old a row may be, microseconds; by default five weeks. */
  readonly behind?: number;
  /** How old an interval may be when its batch is made, microseconds; by default 25 h, when intervals are final. */
  readonly final?: number;
}

export interface Receiver {
  readonly address: Door["address"];
  standings(): SensorStanding[];
  /** Removes from the quarantine what is old or of a revoked sensor; to be called now and then. */
  tidy(): void;
  /** Stops listening, waits for what is being stored. */
  close(): Promise<void>;
}

interface State {
  readonly seen: Seen;
  lastSeen: number | null;
  report: SensorReport | null;
  lag: number | null;
  stored: number;
  repeated: number;
  quarantined: number;
  late: number;
  /** When a quarantined batch was last told of. */
  said: number;
  /** Likewise a late one. */
  saidLate: number;
  readonly refused: Record<string, number>;
  busy: boolean;
}

export type FrameStatus = "stored" | "repeated" | "quarantined";

/** `path`: of a sensor's files, without the end of their names. */
const openState = (path: string, log: Logger): State => {
  let seen: SeenState | undefined;
  try {
    seen = JSON.parse(readFileSync(`${path}.seen`, "utf8")) as SeenState;
  } catch (error) {
    // The file is not synced, so a power cut may empty it. The store knows each batch again, so that nothing is doubled.
    if (error instanceof SyntaxError)
      log.error({ file: `${path}.seen` }, "a sensor's sequences are unreadable; they begin anew");
    else if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  return {
    seen: new Seen(fileHashes(`${path}.hashes`), seen),
    lastSeen: null,
    report: null,
    lag: null,
    stored: 0,
    repeated: 0,
    quarantined: 0,
    late: 0,
    said: Number.NEGATIVE_INFINITY,
    saidLate: Number.NEGATIVE_INFINITY,
    refused: {},
    busy: false,
  };
};

const count = ({ refused }: State, code: string): void => {
  refused[code] = (refused[code] ?? 0) + 1;
};

const fields = (body: Uint8Array, names: readonly string[]): Record<string, string> => {
  let tree: unknown;
  try {
    tree = JSON.parse(new TextDecoder().decode(body));
  } catch {
    throw new AppError("REQUEST_INVALID", "the body is not JSON");
  }
  const found = (typeof tree === "object" && tree !== null ? tree : {}) as Record<string, unknown>;
  for (const name of names) {
    const value = found[name];
    if (typeof value !== "string" || value.length > 256)
      throw new AppError("REQUEST_INVALID", `${name} is missing or too long`);
  }
  return found as Record<string, string>;
};

/** Opens the sensors' door: POST /enrol, POST /next, POST /batches, GET /time. Resolves when it listens. */
export const openReceiver = async (options: ReceiverOptions): Promise<Receiver> => {
  const { registry, folder, accept, log } = options;
  const clock = options.clock ?? (() => Date.now() * 1_000);
  const behind = options.behind ?? BEHIND;
  const final = options.final ?? FINAL_AFTER;
  const quarantine = new Quarantine(
    options.quarantine,
    options.quarantineLimits ?? quarantineLimits,
    () => clock() / 1_000,
  );
  const tidy = (): void => quarantine.tidy((name) => (registry.get(name)?.revoked ?? null) !== null);
  const states = new Map<string, State>();
  const pathOf = (name: string): string => join(folder, name);
  const stateOf = (name: string): State => {
    const known = states.get(name);
    if (known !== undefined) return known;
    const fresh = openState(pathOf(name), log);
    states.set(name, fresh);
    return fresh;
  };

  let free = AT_ONCE;
  const queue: { readonly bytes: number; readonly go: () => void }[] = [];
  /** Works when there is room for so many unpacked bytes, in order. */
  const inTurn = async <T>(bytes: number, work: () => Promise<T>): Promise<T> => {
    if (queue.length > 0 || bytes > free) await new Promise<void>((go) => queue.push({ bytes, go }));
    else free -= bytes;
    try {
      return await work();
    } finally {
      free += bytes;
      for (let next = queue[0]; next !== undefined && next.bytes <= free; next = queue[0]) {
        free -= next.bytes;
        queue.shift();
        next.go();
      }
    }
  };

  const enrol = (body: Uint8Array): Reply => {
    const { name = "", token = "", key = "", proof = "" } = fields(body, ["name", "token", "key", "proof"]);
    const record = registry.enrol({ name, token, key, proof });
    log.info({ sensor: name }, "sensor enrolled");
    const { country, realm, exercise } = record;
    return {
      status: 200,
      body: { sensor: name, country, realm, exercise, next: stateOf(name).seen.highest + 1, now: clock() },
    };
  };

  /** Nobody's: what is asked under a name that is not known takes as long as under one that is. */
  const decoy = generateKeyPairSync("ed25519").publicKey;
  /**
   * The record of the sensor whose key was proven. Whoever has it not is told one thing, whether the name is known, enrolled, revoked or
   * none; that a sensor was revoked is told to itself. @throws AppError SENSOR_UNKNOWN, SENSOR_REVOKED.
   */
  const proven = (name: string, proves: (key: KeyObject) => boolean): SensorRecord => {
    const holder = registry.holder(name);
    const holds = proves(holder?.key ?? decoy);
    if (holds) return registry.admit(name);
    // The node's operator sees that somebody used the name.
    if (holder !== undefined) count(stateOf(name), "SIGNATURE_INVALID");
    throw new AppError("SENSOR_UNKNOWN", "no sensor of this name and key is known here");
  };

  const next = (body: Uint8Array): Reply => {
    const { name = "", proof = "" } = fields(body, ["name", "proof"]);
    proven(name, (key) => verify(null, nextMessage(name), key, Buffer.from(proof, "base64url")));
    return { status: 200, body: { next: stateOf(name).seen.highest + 1 } };
  };

  /** What is to be done with one frame. @throws AppError for a frame that is refused. */
  const judge = (
    frame: Frame,
    record: SensorRecord,
    state: State,
    received: number,
  ): ReceivedBatch | "repeated" | "quarantined" => {
    const { sequence, hash } = frame;
    const standing = state.seen.standing(sequence, hash);
    if (standing === "repeated") return "repeated";
    const reused = `batch ${sequence} of ${record.name} was here already with other content`;
    if (standing === "reused") throw new AppError("SEQUENCE_REUSED", reused);
    const decoded = decodeBatch(frame.batch);
    if (!decoded.ok) throw new AppError(decoded.code, `batch ${sequence} of ${record.name}: ${decoded.reason}`);
    const { batch, report, version } = decoded;
    if (standing === "too-old") {
      // What was made after all that came was never here: its sensor counts from an old copy of its state.
      if (state.report !== null && report.closedAt > state.report.closedAt)
        throw new AppError("SEQUENCE_REUSED", reused);
      throw new AppError(
        "SEQUENCE_TOO_OLD",
        `batch ${sequence} of ${record.name} is too far behind ${state.seen.highest}`,
      );
    }
    if (decoded.sequence !== sequence || batch.sensor !== record.name) {
      throw new AppError("BATCH_INVALID", "the batch's head names another sensor or sequence than its frame");
    }
    if (batch.realm !== record.realm || batch.exercise !== record.exercise) {
      throw new AppError("BATCH_INVALID", "the batch is for another realm or exercise than the sensor was added for");
    }
    const offset = Math.max(-LARGEST_OFFSET, Math.min(LARGEST_OFFSET, report.clockOffset ?? 0));
    const { oldest, newest } = span(batch);
    const end = batch.interval + batch.intervalLength;
    const far =
      Math.max(newest, report.watermark) - offset > received + AHEAD
        ? "batches lie too far ahead of the node's clock"
        : oldest - offset < received - behind
          ? "batches lie too far behind the node's clock"
          : // Not the delivery is late but the batch: no spool held it, so nothing says that its time is true.
            end < Math.min(report.closedAt, received + offset) - final
            ? "batches were made when their interval was final; captures of the past are for `layang replay`"
            : undefined;
    if (far !== undefined) {
      // Once an hour: a wrong clock makes a batch a second. The metrics count them all.
      if (received - state.said > HOUR) {
        state.said = received;
        log.warn({ sensor: record.name, sequence }, `${far}: quarantined`);
      }
      quarantine.keep(record.name, sequence, frame.batch);
      return "quarantined";
    }
    if (end - offset < received - final) {
      state.late++;
      if (received - state.saidLate > HOUR) {
        state.saidLate = received;
        log.warn(
          { sensor: record.name, sequence },
          "batches of more than 25 h ago come out of the sensor's spool: they count, what was detected then stays as it is",
        );
      }
    }
    return {
      identity: { sensor: record.name, sequence, hash },
      batch,
      report,
      received,
      size: frame.batch.length,
      version,
    };
  };

  /** Judges frames in order, up to the first that is refused; stores what is new; then answers for each. */
  const take = async (
    frames: readonly Frame[],
    record: SensorRecord,
    state: State,
    received: number,
  ): Promise<Reply> => {
    const results: { sequence: number; status: FrameStatus }[] = [];
    const storing: { frame: Frame; report: SensorReport; done: Promise<unknown> }[] = [];
    const taken = new Set<number>();
    let refused: AppError | undefined;
    let unpacked = 0;
    for (const frame of frames) {
      try {
        const verdict = taken.has(frame.sequence) ? "repeated" : judge(frame, record, state, received);
        taken.add(frame.sequence);
        if (typeof verdict === "string") {
          results.push({ sequence: frame.sequence, status: verdict });
          if (verdict === "quarantined") state.seen.add(frame.sequence, frame.hash);
          state[verdict]++;
        } else {
          results.push({ sequence: frame.sequence, status: "stored" });
          storing.push({ frame, report: verdict.report, done: accept(verdict) });
          unpacked += bodyBytes(frame.batch);
          if (unpacked > UNPACKED) {
            await Promise.allSettled(storing.map(({ done }) => done));
            unpacked = 0;
          }
        }
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        refused = error;
        count(state, error.code);
        log.warn({ sensor: record.name, sequence: frame.sequence, code: error.code }, error.message);
        break;
      }
    }
    const outcomes = await Promise.allSettled(storing.map(({ done }) => done));
    for (const [i, { frame, report }] of storing.entries()) {
      if (outcomes[i]?.status !== "fulfilled") continue;
      state.seen.add(frame.sequence, frame.hash);
      state.stored++;
      if (state.report !== null && report.closedAt < state.report.closedAt) continue;
      const before = state.report?.darkAddresses ?? report.darkAddresses;
      // Above the IPv4 space a sensor of an earlier version told of IPv6 beside it: that one has been renewed.
      if (report.darkAddresses < before && (before <= IPV4_SPACE || report.darkAddresses > IPV4_SPACE)) {
        log.warn({ sensor: record.name, before, now: report.darkAddresses }, "dark addresses retired: they speak");
      }
      if (report.spoolLost > 0) log.warn({ sensor: record.name, batches: report.spoolLost }, "the sensor lost batches");
      state.report = report;
    }
    const failed = outcomes.find((outcome) => outcome.status === "rejected");
    writeWhole(`${pathOf(record.name)}.seen`, `${JSON.stringify(state.seen.state)}\n`);
    state.lastSeen = received;
    if (state.report !== null) state.lag = received - (state.report.watermark - (state.report.clockOffset ?? 0));
    // What was stored is noted; the sensor sends all of it again and gets "repeated" for that.
    if (failed !== undefined) {
      log.error({ sensor: record.name, error: String(failed.reason) }, "a batch could not be stored");
      throw new AppError("DOOR_BUSY", "the node cannot store now; send it again");
    }
    const next = state.seen.highest + 1;
    if (refused !== undefined && results.length === 0) {
      return {
        status: refused.status,
        body: {
          code: refused.code,
          detail: refused.message,
          sequence: frames[0]?.sequence,
          next,
          received,
          answered: clock(),
        },
      };
    }
    return { status: 200, body: { results, next, received, answered: clock() } };
  };

  const batches = async (asked: Asked): Promise<Reply> => {
    const received = clock();
    const name = asked.headers["layang-sensor"];
    if (typeof name !== "string") throw new AppError("REQUEST_INVALID", "the header layang-sensor is missing");
    // Read before the name is looked up: a name that is not known is refused no sooner than another.
    const frames = splitFrames(await asked.body(), FRAMES);
    if (frames === undefined || frames.length === 0) {
      throw new AppError("REQUEST_INVALID", `the body is not 1 to ${FRAMES} frames`);
    }
    const record = proven(name, (key) => frames.every((frame) => verifyFrame(frame, name, key)));
    const state = stateOf(name);
    try {
      // One request of a sensor at a time: its batches stay in order, and a repetition cannot overtake its original. Only
      // now, when it is known to be the sensor's: who merely knows its name must not keep it waiting with a slow body.
      if (state.busy) throw new AppError("DOOR_BUSY", `another request of ${name} is being stored`);
      state.busy = true;
      try {
        const unpacked = frames.reduce((sum, { batch }) => sum + bodyBytes(batch) + BATCH, 0);
        return await inTurn(Math.min(UNPACKED, unpacked), () => take(frames, record, state, received));
      } finally {
        state.busy = false;
      }
    } catch (error) {
      if (error instanceof AppError) count(state, error.code);
      throw error;
    }
  };

  tidy();
  const door = await createDoor(options, async (asked) => {
    if (asked.method === "GET" && asked.path === "/time") return { status: 200, body: { now: clock() } };
    if (asked.method === "POST" && asked.path === "/enrol") return enrol(await asked.body(ENROLMENT));
    if (asked.method === "POST" && asked.path === "/next") return next(await asked.body(ENROLMENT));
    if (asked.method === "POST" && asked.path === "/batches") return batches(asked);
    throw new AppError("REQUEST_INVALID", "this door knows POST /enrol, /next, /batches and GET /time");
  });

  return {
    address: door.address,
    tidy,
    standings: () =>
      registry.list().map(({ name }): SensorStanding => {
        const { seen, lastSeen, report, lag, stored, repeated, quarantined, late, refused } = stateOf(name);
        const { highest, gaps } = seen;
        const counts = {
          stored,
          repeated,
          quarantined,
          late,
          quarantineLost: quarantine.given(name),
          refused: { ...refused },
        };
        return { name, highest, gaps, lastSeen, report, lag, ...counts };
      }),
    close: async () => {
      await door.close();
      for (const { seen } of states.values()) seen.close();
    },
  };
};

/** The earliest and latest time that a batch claims, microseconds. */
const span = ({ flows, aggregates, interval }: FlowBatch): { oldest: number; newest: number } => {
  // Rows lie within the interval from its start on: the form prescribes it.
  let newest = 0;
  for (let i = 0; i < flows.count; i++) newest = Math.max(newest, flows.columns.last_seen.values[i] ?? 0);
  for (let i = 0; i < aggregates.count; i++) newest = Math.max(newest, aggregates.columns.last_seen.values[i] ?? 0);
  return { oldest: interval, newest };
};
