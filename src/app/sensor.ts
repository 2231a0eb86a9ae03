// SPDX-License-Identifier: Apache-2.0

/**
 * The sensor process:
 *
 *   interface ─▶ capture ─bytes─▶ decode ─packets─▶ flow ─batch─▶ pack ─▶ spool ─┄─▶ sender ─▶ node
 *                                                    ▲                    disk
 *                                            four ticks a second (live): what is held is flushed when its second is over
 */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openCapture } from "../capture/capture.ts";
import { openLive } from "../capture/live.ts";
import type { LiveEvent } from "../capture/live.ts";
import { decode } from "../decode/decode.ts";
import { createFlowTable } from "../flow/table.ts";
import { aggregateColumns, emptyColumns, flowColumns } from "../model/flows.ts";
import type { FlowBatch } from "../model/flows.ts";
import { decodeCounters, packetBatch } from "../model/packets.ts";
import type { RawBatch } from "../model/packets.ts";
import type { Prefix } from "../net/prefix.ts";
import { AppError } from "../platform/errors.ts";
import { lockFolder } from "../platform/lock.ts";
import type { Logger } from "../platform/log.ts";
import { createClient } from "../ship/client.ts";
import { enrol, readEnrolment, wasUsed } from "../ship/enrol.ts";
import type { EnrolledSensor } from "../ship/enrol.ts";
import { packBatch, packetsIn, sealBatch } from "../ship/format.ts";
import { makeFrame, renumberFrame } from "../ship/frame.ts";
import { sensorKey, tokenSecret } from "../ship/keys.ts";
import { askNext } from "../ship/next.ts";
import { createSender } from "../ship/sender.ts";
import { Spool } from "../ship/spool.ts";
import { createCounts } from "./sensor-counts.ts";
import { createPacer } from "./sensor-pace.ts";
import { openDarkness } from "./sensor-state.ts";
import { createSensorTime } from "./sensor-time.ts";

const INTERVAL = 1_000_000;
/** How often it is asked whether the second of what is held is over, milliseconds. Half a second's rows would be rows twice. */
const TICK = 250;
/** Live packets reach us so much later than their time at most (tcpdump's buffer is read once a second). */
const LATENCY = 1_200_000;
/** Rows held: few, so that the process stays small. 100,000 one-packet sources a second flush the table six times. */
const ROWS = 16_384;
const BATCH_ROWS = 4_096;
/** An interval's rows in all before sources are folded into aggregates: half a million. */
const EARLY_FLUSHES = 32;
const PACKETS = 2_048;
/** Packed bytes that wait for the disk before the capture is made to wait. */
const PENDING = 4 << 20;
/** Milliseconds in which a capture that is told to stop may hand over what it has. */
const DRAIN = 2_000;
/** Milliseconds that the node has to say which sequence is next before the capture begins. */
const NEXT_PATIENCE = 2_000;

export interface SensorOptions {
  /** Folder of key, enrolment, retired addresses and spool. */
  readonly state: string;
  /** The node's door; by default the one it enrolled at. */
  readonly node?: string | undefined;
  /** One-time token; needed once. */
  readonly token?: string | undefined;
  /** Path of a PEM file. */
  readonly ca?: string | undefined;
  /** Capture live here, or read: a capture file, or "-" for standard input. One of them. */
  readonly interface?: string | undefined;
  readonly read?: string | undefined;
  /** Event time for each second of the clock while reading; by default as fast as it goes. */
  readonly pace?: number | undefined;
  readonly dark: readonly Prefix[];
  /** Bytes that may wait in the spool. */
  readonly spoolLimit: number;
  /** Port for /healthz and /metrics on loopback. */
  readonly health?: number | undefined;
  readonly log: Logger;
}
/** What went through, told at the end. */
export interface SensorSums {
  readonly read: number;
  readonly counted: number;
  readonly notDark: number;
  readonly undecoded: number;
  readonly retired: number;
  readonly dropped: number;
  readonly batches: number;
  readonly lostBatches: number;
  /** Batches that the node keeps aside: their time cannot be true, or was final when they were made. */
  readonly quarantined: number;
}

export const readCa = (path: string | undefined): string | undefined => {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, "utf8");
  } catch {
    throw new AppError("CONFIG_UNREADABLE", `the CA file ${path} cannot be read`);
  }
};

const framesWait = (state: string): boolean => {
  const spool = join(state, "spool");
  return existsSync(spool) && readdirSync(spool).some((name) => name.endsWith(".frame"));
};

/** The node that a sensor enrolled at. */
export const nodeOf = (state: string): string | undefined => readEnrolment(state)?.node;

/** Enrols the sensor whose state is in a folder. @throws AppError TOKEN_INVALID, NODE_UNREACHABLE, SENSOR_STATE, ... */
export const enrolSensor = async (options: {
  readonly state: string;
  readonly node: string;
  readonly token: string;
  readonly ca?: string | undefined;
}): Promise<EnrolledSensor> => {
  const known = readEnrolment(options.state);
  // Their signatures name the sensor that made them: the node would refuse them under any other name, and all behind them.
  if (known !== undefined && !options.token.startsWith(`${known.sensor}.`) && framesWait(options.state)) {
    throw new AppError(
      "SENSOR_STATE",
      `batches of sensor ${known.sensor} wait in ${options.state}; let it send them, or enrol with another --state`,
    );
  }
  const client = createClient({ node: options.node, ca: readCa(options.ca) });
  try {
    return await enrol(client, options.token, sensorKey(options.state), options.state);
  } finally {
    client.close();
  }
};

const enrolledOr = async ({ state, node, token, ca }: SensorOptions): Promise<EnrolledSensor> => {
  const known = readEnrolment(state);
  // The token in a unit file or shell history is used once; later starts pass it in vain. Another one means a new admission.
  if (known !== undefined && (token === undefined || wasUsed(known, token))) return known;
  if (token === undefined || node === undefined) {
    throw new AppError(
      "SENSOR_NOT_ENROLLED",
      "this sensor is not enrolled: start it once with --node and --token (layang node sensors add NAME prints them)",
    );
  }
  return enrolSensor({ state, node, token, ca });
};

interface Source {
  readonly batches: AsyncIterable<RawBatch>;
  readonly live: boolean;
  drops(): { kernel: number; interface: number };
  /** False while nothing is being captured: time does not go on then. */
  running(): boolean;
  close(): void;
}

const openSource = (options: SensorOptions): Source => {
  const { read, dark, log } = options;
  if ((read === undefined) === (options.interface === undefined)) {
    throw new AppError("USAGE", "a sensor captures from --interface, or reads with --read; one of them");
  }
  if (options.interface !== undefined) {
    if (dark.length === 0) throw new AppError("USAGE", "a sensor needs --dark: the unused addresses it watches");
    const onEvent = (event: LiveEvent): void =>
      event.kind === "down" ? log.error(event, "capture stopped") : log.info(event, "capture");
    const live = openLive({ interface: options.interface, dark, onEvent });
    return {
      batches: live,
      live: true,
      drops: () => live.drops(),
      running: () => live.running,
      close: () => live.close(),
    };
  }
  const capture = openCapture(read === "-" ? { stream: process.stdin, name: "-" } : { path: read ?? "" });
  return {
    batches: capture,
    live: false,
    drops: () => ({ kernel: 0, interface: 0 }),
    running: () => true,
    close: () => (read === "-" ? process.stdin.destroy() : undefined),
  };
};

/**
 * Runs a sensor until the signal is given or, when it reads, until all was read and acknowledged. Whatever was spooled
 * survives its end. @throws AppError for what the operator can mend.
 */
export const runSensor = async (options: SensorOptions, signal: AbortSignal): Promise<SensorSums> => {
  const unlock = await lockFolder(options.state, "SENSOR_STATE");
  try {
    return await run(options, signal);
  } finally {
    unlock();
  }
};

const run = async (options: SensorOptions, signal: AbortSignal): Promise<SensorSums> => {
  const { state, log } = options;
  const key = sensorKey(state);
  const me = await enrolledOr(options);
  const client = createClient({ node: options.node ?? me.node, ca: readCa(options.ca) });
  const darkness = openDarkness(options.dark, state, log);
  const spool = new Spool({
    folder: join(state, "spool"),
    limit: options.spoolLimit,
    onLost: (batches, reason) => log.error({ batches, reason, waiting: spool.batches }, "batches lost"),
  });
  await spool.raise(me.next);
  // A folder restored from an old copy would use numbers twice: the node knows better, if it answers soon.
  const above = askNext(client, me.sensor, key).then((next) => (next === undefined ? undefined : spool.raise(next)));
  above.catch(() => undefined); // awaited below, or too late to matter
  await Promise.race([above, sleep(NEXT_PATIENCE, undefined, { ref: false })]);
  const sender = createSender({
    client,
    spool,
    sensor: me.sensor,
    log,
    renumber: (frame, sequence, lost) => renumberFrame(frame, me.sensor, sequence, lost, key.sign),
  });
  const source = openSource(options);
  const pacer = createPacer(options.pace);
  const decoded = decodeCounters();
  const counts = createCounts();
  const packets = packetBatch(PACKETS);

  let failure: unknown;
  const stop = new AbortController();
  const fail = (error: unknown): void => {
    failure ??= error;
    stop.abort();
  };
  const ended = AbortSignal.any([signal, stop.signal]);

  let pending = 0;
  let settled: Promise<unknown> = Promise.resolve();
  let batches = 0;
  let captured = source.running();
  const time = createSensorTime({ latency: source.live ? LATENCY : null, paced: pacer.now });
  const passed = (): number => time.passed(captured);

  /** Takes a batch whose arrays are the table's: packs it at once, and lets disk and node take their time. */
  const ship = (batch: FlowBatch): void => {
    const packed = packBatch(batch);
    const report = {
      ...counts.take(packetsIn(batch), decoded, table.counters, source.drops()),
      watermark: passed(),
      closedAt: Date.now() * 1_000,
      clockOffset: sender.standing.clockOffset,
      darkAddresses: darkness.set.reported,
      degraded: batch.degraded,
    };
    batches++;
    pending += packed.body.length;
    settled = spool
      .add((sequence, spoolLost) =>
        makeFrame(
          sealBatch(packed, sequence, { ...report, spoolBytes: spool.bytes, spoolLost }),
          me.sensor,
          sequence,
          key.sign,
        ),
      )
      .finally(() => {
        pending -= packed.body.length;
      })
      .catch(fail);
  };

  const table = createFlowTable({
    sensor: me.sensor,
    realm: me.realm,
    exercise: me.exercise,
    intervalLength: INTERVAL,
    key: tokenSecret(state),
    dark: options.dark.length === 0 ? null : darkness.set,
    capacity: ROWS,
    batchRows: BATCH_ROWS,
    earlyFlushes: EARLY_FLUSHES,
    onFlush: ship,
    onSpeaks: darkness.speaks,
  });
  const empty: Pick<FlowBatch, "flows" | "aggregates"> = {
    flows: { count: 0, columns: emptyColumns(flowColumns, 0) },
    aggregates: { count: 0, columns: emptyColumns(aggregateColumns, 0) },
  };
  let shipped = { batches: 0, at: 0 };
  /** Flushes what is held; a batch a second goes out in any case, so that a quiet sensor's time advances too, and one at once where it is the last. */
  const flush = (last = false): void => {
    const now = performance.now();
    table.flush();
    if (batches > shipped.batches) {
      shipped = { batches, at: now };
      return;
    }
    // A file of which nothing was read yet has no time: there is nothing to tell.
    if (passed() === 0 || (!last && now - shipped.at < INTERVAL / 1_000 - TICK / 2)) return;
    const { sensor, realm, exercise } = me;
    const interval = Math.floor(passed() / INTERVAL) * INTERVAL;
    ship({ sensor, realm, exercise, interval, intervalLength: INTERVAL, degraded: false, ...empty });
    shipped = { batches, at: now };
  };
  /** What is held waits until its second is over: nothing is judged before, and later packets of it make no further rows. */
  const beat = (): void => {
    captured = source.running();
    const now = passed();
    const ends = (Math.floor(time.newest / INTERVAL) + 1) * INTERVAL;
    if (now >= ends || !captured) flush();
  };

  const take = (raw: RawBatch): void => {
    let from = 0;
    time.see(raw);
    while (from < raw.count) {
      packets.count = 0;
      from = decode(raw, from, packets, decoded);
      table.add(packets);
    }
  };

  /** Lets the disk and, when reading, the spool's limit hold the capture back: what is read from a file need not be lost. */
  const room = async (): Promise<void> => {
    if (pending > PENDING) await settled;
    while (!source.live && spool.bytes > options.spoolLimit * 0.9 && !ended.aborted) await sleep(50);
  };

  const problem = (): string => {
    if (!source.running()) return "the capture is down";
    if (sender.standing.problem !== "") return sender.standing.problem;
    return spool.bytes > options.spoolLimit / 2 ? "the spool is more than half full" : "";
  };
  const closeHealth =
    options.health === undefined
      ? undefined
      : // Its library is loaded only where it is asked for: the process is to stay small.
        await (
          await import("./sensor-health.ts")
        ).openHealth(
          options.health,
          () => [
            ["packets_read", "packets taken from the capture", counts.sums.read],
            ["packets_counted", "packets that made flows", counts.sums.counted],
            ["packets_not_dark", "packets not from outside to dark addresses", counts.sums.notDark],
            ["packets_undecoded", "packets that could not be decoded", counts.sums.undecoded],
            ["packets_retired", "packets to retired dark addresses", counts.sums.retired],
            ["packets_dropped", "packets dropped by kernel or interface", counts.sums.dropped],
            ["batches", "batches made", batches],
            ["batches_lost", "batches lost for want of room", spool.lostTotal],
            ["batches_waiting", "batches in the spool", spool.batches],
            ["spool_bytes", "bytes in the spool", spool.bytes],
            ["acknowledged", "batches acknowledged by the node", sender.standing.acknowledged],
            ["send_failures", "requests that the node did not take", sender.standing.failures],
            ["clock_offset_seconds", "sensor clock minus node clock", (sender.standing.clockOffset ?? 0) / 1e6],
            ["dark_addresses", "dark addresses in force", darkness.set.size],
            ["dark_addresses_spoke", "times a dark address spoke", darkness.counters.spoke],
          ],
          problem,
        );

  const beating = source.live || options.pace !== undefined;
  const beats = beating ? setInterval(beat, TICK) : undefined;
  const sending = sender.run(ended).catch(fail);
  let stopped = Number.POSITIVE_INFINITY;
  const close = (): void => {
    stopped = performance.now();
    source.close();
  };
  /** A live capture that was told to stop still hands over what it had taken from the kernel. */
  const over = (): boolean => ended.aborted && (!source.live || performance.now() - stopped > DRAIN);
  ended.addEventListener("abort", close);
  log.info({ sensor: me.sensor, node: client.node, dark: darkness.set.size, waiting: spool.batches }, "sensor started");
  try {
    for await (const raw of source.batches) {
      if (over()) break;
      for await (const part of pacer.parts(raw, ended)) {
        take(part);
        await room();
      }
      if (over()) break;
    }
  } catch (error) {
    if (!ended.aborted) fail(error);
  } finally {
    clearInterval(beats);
    ended.removeEventListener("abort", close);
  }
  captured = source.running();
  flush(counts.untold(decoded, table.counters, source.drops()));
  await settled;
  // A file's end is not the sensor's: what was read is brought home first.
  while (!ended.aborted && spool.batches > 0) await sleep(20);
  stop.abort();
  await sending;
  await closeHealth?.();
  client.close();
  if (failure !== undefined) throw failure;
  log.info({ ...counts.sums, batches, waiting: spool.batches }, "sensor stopped");
  const { quarantined } = sender.standing;
  return { ...counts.sums, batches, lostBatches: spool.lostTotal, quarantined };
};
