// SPDX-License-Identifier: Apache-2.0
import { createWriteStream, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { SilenceOptions } from "../cases/silence.ts";
import { AppError } from "../platform/errors.ts";
import { lockFolder } from "../platform/lock.ts";
import type { Logger } from "../platform/log.ts";
import { writeDurably, writeWhole } from "../platform/files.ts";
import { tokenSecret } from "../ship/keys.ts";
import type { SensorRecord } from "../ship/registry.ts";
import { asnLines, countryLines } from "../simulate/plan.ts";
import type { Plan } from "../simulate/plan.ts";
import { Region } from "../simulate/region.ts";
import { DAY, HOUR } from "../simulate/scenario.ts";
import { originsIn } from "../store/flows/origins.ts";
import { openConfig } from "./config.ts";
import { fillHistory, historyChunks } from "./demo-history.ts";
import { cleanedSubjects, fillConstituency } from "./demo-constituency.ts";
import { startLive } from "./demo-live.ts";
import { openMailbox } from "./demo-mailbox.ts";
import { simulatedOwners } from "./demo-owners.ts";
import { beginOf, livePast, pastClock } from "./demo-past.ts";
import type { Past } from "./detection.ts";
import { startNode } from "./node.ts";
import type { RunningNode } from "./node.ts";
import { runningAddress } from "./running.ts";
import { openScenario } from "./scenario.ts";
import { simulatedPlan } from "./simulated-plan.ts";

const SEED = 20130913;
/** The node's own economy. */
const HOME = "ID";
/** Of the past: a week to compare with, and a day that is compared, a day before it that the early warning only watches. */
const HISTORY = 9 * DAY;
/** Of it, how long there has been a desk. */
const CASES = 2 * DAY;
/** After a pause longer than this the region is made anew; a shorter one shows as an outage. */
const STALE = 6 * HOUR;
const FORM = 3;
/**
 * A visitor does not wait for a day. What the simulated hosts send does not pause to sleep for hours, so that two minutes are enough where the chance of such
 * a silence is a tenth of what a node asks for; pages say so.
 */
const SILENCE = { stretch: 10e6, atLeast: 120e6, needed: 0.001 } as const;
const MINUTE = 60e6;
/** Milliseconds that the address waits for the last day. */
const LONGEST_WAIT = 8_000;

export interface DemoOptions {
  /** A folder of the demo's own: it may be emptied. */
  readonly data: string;
  readonly port: number;
  readonly scenario: string;
  readonly log: Logger;
  /** Length of the past, microseconds; nine days where absent. */
  readonly past?: number;
  /** When silence is silence, where not as `SILENCE` says. */
  readonly silence?: SilenceOptions["policy"];
  /** Told what is being done, one line each. */
  readonly say?: (line: string) => void;
  /** Aborted: what was begun is closed again before the next step, and `runDemo` rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}
export interface Demo {
  readonly node: RunningNode;
  /** Where the letters lie that the node sent. */
  readonly mailbox: string;
  /** Resolves when the whole past is there and has been lived. */
  readonly history: Promise<void>;
  close(): Promise<void>;
}

interface State {
  readonly form: number;
  readonly seed: number;
  readonly scenario: string;
  readonly epoch: number;
  /** When the demo was last seen alive. */
  readonly alive: number;
  /** The past is there, and was lived. */
  readonly history: boolean;
  /** When the present began: what is answered from then on is a visitor's. */
  readonly began: number;
}

const now = (): number => Date.now() * 1000;

/** The state of an earlier run that can go on, or a new one in an emptied folder. @throws AppError CONFIG_INVALID. */
const openState = (folder: string, scenario: string): { state: State; save: (state: State) => void } => {
  const file = join(folder, "demo.json");
  const save = (state: State): void => writeWhole(file, `${JSON.stringify(state)}\n`);
  if (existsSync(folder)) {
    if (!existsSync(file)) {
      throw new AppError("CONFIG_INVALID", `${folder} is no demo's folder: it has no demo.json, and is left alone`);
    }
    const state = JSON.parse(readFileSync(file, "utf8")) as State;
    const same = state.form === FORM && state.seed === SEED && state.scenario === scenario && state.history;
    if (same && now() - state.alive < STALE) return { state, save };
    for (const part of ["node", "sensors", "prefixes", "mailbox"])
      rmSync(join(folder, part), { recursive: true, force: true });
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // To the minute: what the scenario has begin some minutes after the start does so.
  const epoch = Math.floor(now() / MINUTE) * MINUTE;
  const state = { form: FORM, seed: SEED, scenario, epoch, alive: now(), history: false, began: now() };
  save(state);
  return { state, save };
};

const writeLines = async (file: string, lines: Iterable<string>): Promise<void> => {
  const stream = createWriteStream(file);
  let block: string[] = [];
  for (const line of lines) {
    if (block.push(line) < 8192) continue;
    if (!stream.write(block.join(""))) await once(stream, "drain");
    block = [];
  }
  stream.end(block.join(""));
  await once(stream, "finish");
};

/** The invented networks as prefix data; IPv6 has none, for nobody sends any. */
const writePrefixes = async (folder: string, plan: Plan): Promise<void> => {
  if (existsSync(join(folder, "complete"))) return;
  mkdirSync(folder, { recursive: true });
  await writeLines(join(folder, "asn-ipv4-num.csv"), asnLines(plan));
  await writeLines(join(folder, "geo-whois-asn-country-ipv4-num.csv"), countryLines(plan));
  writeFileSync(join(folder, "asn-ipv6-num.csv"), "");
  writeFileSync(join(folder, "geo-whois-asn-country-ipv6-num.csv"), "");
  writeFileSync(join(folder, "complete"), "");
};

/** The port if it is free on loopback, else 0 for any. */
const freePort = async (port: number): Promise<number> => {
  const probe = createServer();
  try {
    probe.listen(port, "127.0.0.1");
    await once(probe, "listening");
    return port;
  } catch {
    return 0;
  } finally {
    probe.close();
  }
};

/** A sensor with a past was enrolled before it: else its outages then would not count as outages. */
const backdate = (registry: string, name: string, since: number): void => {
  const file = join(registry, `${name}.json`);
  const record = JSON.parse(readFileSync(file, "utf8")) as SensorRecord;
  const time = new Date(since / 1000).toISOString();
  writeDurably(file, `${JSON.stringify({ ...record, added: time, enrolled: time }, null, 2)}\n`, 0o600);
};

/** Keeps another demo off the folder. @throws AppError SENSOR_STATE with the address of the one that runs. */
const lockDemo = async (folder: string): Promise<() => void> => {
  try {
    return await lockFolder(folder, "SENSOR_STATE");
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const file = join(folder, "node", "portal.address");
    const address = existsSync(file) ? runningAddress(readFileSync(file, "utf8")) : undefined;
    throw new AppError(
      "SENSOR_STATE",
      address === undefined
        ? `${error.message}: the demo already runs there, and is at its beginning`
        : `the demo already runs on ${folder}, at ${address}`,
    );
  }
};

/**
 * Runs the simulated region: a node of its own folder, three real sensor processes, and a past. Resolves when the portal
 * answers, and the last day is there or some seconds have passed; the days before follow, newest first.
 */
export const runDemo = async (options: DemoOptions): Promise<Demo> => {
  const opened: (() => void | Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (let one = opened.pop(); one !== undefined; one = opened.pop()) await one();
  };
  try {
    return { ...(await openDemo(options, (closing) => opened.push(closing))), close };
  } catch (error) {
    await close();
    throw error;
  }
};

/** `onClose` takes what closes each thing that was opened, to be done in the opposite order. */
const openDemo = async (
  options: DemoOptions,
  onClose: (closing: () => void | Promise<void>) => void,
): Promise<Omit<Demo, "close">> => {
  const go = (): void => options.signal?.throwIfAborted();
  const say = options.say ?? (() => undefined);
  const { log, past = HISTORY, silence = SILENCE } = options;
  const folder = resolve(options.data);
  const scenario = openScenario(options.scenario);
  // Before anything is looked at: an older state may be emptied, and must not be another demo's that runs.
  const unlock = existsSync(folder) ? await lockDemo(folder) : undefined;
  if (unlock !== undefined) onClose(unlock);
  const { state, save } = openState(folder, scenario.name);
  if (unlock === undefined) onClose(await lockDemo(folder));
  const plan = simulatedPlan(SEED);
  const prefixes = join(folder, "prefixes");
  await writePrefixes(prefixes, plan);
  go();
  const region = new Region({ seed: SEED, scenario, plan, epoch: state.epoch, link: "raw" });

  const base = openConfig(undefined, join(folder, "node"));
  const { portal, sensors } = base.config;
  const config = {
    ...base.config,
    portal: { ...portal, port: await freePort(options.port) },
    sensors: { ...sensors, port: 0 },
  };
  const stop = new AbortController();
  const clock = pastClock();
  const mailbox = await openMailbox(join(folder, "mailbox"), clock.now);
  onClose(() => mailbox.close());
  // The past of an earlier run was lived, and is remembered.
  const judging = Promise.withResolvers<Parameters<Past["live"]>[0]>();
  const lived = Promise.withResolvers<void>();
  const node = await startNode(
    { ...base, config },
    {
      log,
      simulated: true,
      origins: originsIn(prefixes),
      name: "Simulated region",
      country: HOME,
      previewFirst: false,
      silence,
      ...(state.history
        ? {}
        : {
            past: {
              signal: stop.signal,
              begin: (detector) =>
                beginOf(detector, {
                  since: state.epoch - past,
                  desk: state.epoch - Math.min(past, CASES),
                  present: state.epoch,
                }),
              clock: clock.now,
              live: async (judge) => {
                judging.resolve(judge);
                await lived.promise;
              },
            },
          }),
      mail: {
        host: "127.0.0.1",
        port: mailbox.port,
        tls: "none",
        user: null,
        password: null,
        connections: 2,
        from: "Simulated region <desk@simulated.invalid>",
        replyTo: null,
        duty: "duty@simulated.invalid",
      },
    },
  );
  onClose(() => node.close());
  // A past that does not come is waited for by nobody.
  onClose(() => {
    stop.abort();
    lived.resolve();
  });
  go();
  await fillConstituency(node.desk.desk, region.publicOrganisations, state.epoch - past);
  await node.desk.reloadOwners();

  const keys = Object.fromEntries(
    scenario.sensors.map(({ name }) => {
      const home = join(folder, "sensors", name);
      mkdirSync(home, { recursive: true, mode: 0o700 });
      return [name, tokenSecret(home)];
    }),
  );
  const began = now();
  const since = state.history ? state.began : began;
  go();
  const live = await startLive({
    region,
    registry: node.registry,
    door: node.door,
    folder: join(folder, "sensors"),
    // Before the first packet: what a visitor cleaned in an earlier run does not come back with this one.
    cleaned: await cleanedSubjects(node.desk.desk, since),
    log,
  });
  // Kept open until then: what sensors still send is taken.
  onClose(() => live.close());
  // A visitor who says that a machine was cleaned has cleaned it, in this region: it falls silent.
  const answers = setInterval(() => {
    cleanedSubjects(node.desk.desk, since).then(
      (addresses) => {
        for (const address of addresses) live.clean(address);
      },
      (error: unknown) => log.warn({ err: error }, "answers could not be read"),
    );
  }, 2_000);
  onClose(() => clearInterval(answers));
  go();
  for (const { name } of scenario.sensors) backdate(join(folder, "node", "sensors"), name, state.epoch - past);
  const chunks = state.history ? [] : historyChunks(scenario, state.epoch, state.epoch - past, began);
  const recent = chunks.filter(({ to }) => to > began - DAY).length;
  let done = 0;
  let ready = (): void => undefined;
  const dayIsThere = new Promise<void>((resolved) => {
    ready = resolved;
    if (recent === 0) resolved();
  });
  const filling = fillHistory(
    node.store,
    { seed: SEED, scenario, epoch: state.epoch, chunks, keys },
    stop.signal,
    () => {
      if (++done === recent) ready();
    },
  );
  let alive: State = { ...state, began: since };
  const history = filling
    .then(async (packets) => {
      if (state.history || stop.signal.aborted) return;
      say(`${(packets / 1e6).toFixed(1)} million packets of the past are there; the detectors go through them.`);
      const whole = await livePast({
        node,
        judge: await judging.promise,
        clock,
        owners: simulatedOwners(region, node.desk, began),
        silence,
        from: state.epoch - Math.min(past, CASES),
        to: began,
        signal: stop.signal,
      });
      if (!whole) return;
      alive = { ...alive, history: true, alive: now() };
      save(alive);
      say("The past was judged: letters that come from now on are of the present, and their owners are you.");
    })
    // Whatever came of it, the present begins.
    .finally(lived.resolve);
  history.catch((error: unknown) => log.error({ err: error }, "the past could not be prepared"));
  onClose(async () => {
    stop.abort();
    await live.close();
    await history.catch(() => undefined);
    save({ ...alive, alive: now() });
  });
  const pulse = setInterval(() => save((alive = { ...alive, alive: now() })), 30_000);
  onClose(() => clearInterval(pulse));
  // Who opens the page meanwhile sees live packets and the last hours; the rest follows.
  const stopped = new Promise<void>((resolved) => {
    options.signal?.addEventListener("abort", () => resolved(), { once: true });
  });
  await Promise.race([dayIsThere, history, stopped, sleep(LONGEST_WAIT, undefined, { ref: false })]);
  go();
  return { node, mailbox: mailbox.folder, history };
};
