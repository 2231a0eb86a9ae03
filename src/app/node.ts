// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { newToken } from "../access/guard.ts";
import { lotOf } from "../access/secrets.ts";
import { toldSources } from "../access/told.ts";
import { defaultSilence } from "../alert/silence.ts";
import { verifySilence } from "../cases/silence.ts";
import type { EvidenceOf, SilenceOptions } from "../cases/silence.ts";
import { createLive } from "../api/live.ts";
import { createApi } from "../api/server.ts";
import { linkActor } from "../cases/links.ts";
import type { FlowBatch } from "../model/flows.ts";
import { systemActor } from "../model/actor.ts";
import { standingOfLetters } from "../notify/letters.ts";
import { mailFolder, openMaildir, takeMails } from "../notify/maildir.ts";
import { publicKeyPath } from "../notify/post.ts";
import { receiveMail } from "../notify/receive.ts";
import { inForce } from "../observe/asked.ts";
import { createReleased } from "../observe/released.ts";
import { listOwner } from "../observe/research-list.ts";
import { silenceEvidence } from "../observe/silence.ts";
import { parseIp } from "../net/ip.ts";
import type { Observatory } from "../observe/observatory.ts";
import { AppError } from "../platform/errors.ts";
import { writeDurably } from "../platform/files.ts";
import { makeFolder } from "../platform/folder.ts";
import { lockFolder } from "../platform/lock.ts";
import type { Logger } from "../platform/log.ts";
import { openReceiver } from "../ship/receiver.ts";
import type { ReceivedBatch, ReceiverOptions } from "../ship/receiver.ts";
import { SensorRegistry } from "../ship/registry.ts";
import type { Desk } from "../store/desk/desk.ts";
import type { OriginFiles, Origins } from "../store/flows/origins.ts";
import type { FlowStore } from "../store/flows/store.ts";
import { attribution, version } from "./attribution.ts";
import { openAccess, originsOf } from "./access.ts";
import { openAlarms } from "./alarms.ts";
import { withBackup } from "../api/desk/backup.ts";
import { backUp } from "./backup.ts";
import { openConstituency, originsOver } from "./constituency.ts";
import { openEgress } from "./egress.ts";
import { startDetection } from "./detection.ts";
import type { DetectorState, Past } from "./detection.ts";
import { isPortalLocal, warningsOf } from "./config.ts";
import type { Settings } from "./config.ts";
import { mailOf, nodeSecretFile, openDeskStore, openNodeDesk } from "./desk.ts";
import type { MailSettings, NodeDesk } from "./desk.ts";
import { deskRoutes } from "./desk-routes.ts";
import { liveEvent } from "./live-event.ts";
import { nodeMetrics } from "./node-metrics.ts";
import { openObservatory, readNamed } from "./observatory.ts";
import { createOperatorDoor } from "./operator.ts";
import { requestFault } from "./request-fault.ts";
import { createRing } from "./ring-live.ts";
import { firstLinkFile, runningText } from "./running.ts";
import { doorFile, doorOf } from "./sensors.ts";
import { openStore } from "./stores.ts";
import { withdrawRevoked } from "./withdrawing.ts";

const ROLL_UP_EVERY = 5_000;
const ALARMS_EVERY = 10_000;
const CARE_EVERY = 60_000;
const SILENCE_EVERY = 15_000;
const MAIL_EVERY = 2_000;
const HOURLY = 3_600_000;
/** A detector that fails must not keep a sensor from enrolling anew for longer. */
const LOOKING_AGAIN = 600_000;
const portalFolder = join(import.meta.dirname, "../../portal/dist");

/** How far back a subject's own past is read to tell how often it came by. */
const SILENCE_PAST = 30 * 86_400e6;
export const silenceOf =
  (store: FlowStore): EvidenceOf =>
  (scope, subjects, now) =>
    silenceEvidence(store, { ...scope, past: SILENCE_PAST, limits: { seconds: 30 } }, subjects, now);

export interface NodeOptions {
  readonly log: Logger;
  /** The rows are invented: said on every page and export. */
  readonly simulated?: boolean;
  /** Economy of the node, where the configuration names none. */
  readonly country?: string;
  /** The mail server instead of the configured one (the demo's own). */
  readonly mail?: MailSettings;
  /** A first letter to a contact waits until somebody has looked at it; so it is unless this says no. */
  readonly previewFirst?: boolean;
  /** Prefix data instead of the packaged or configured ones (the demo's invented networks). */
  readonly origins?: OriginFiles;
  readonly name?: string;
  /**
   * A past to be lived before the present begins. Until then what follows from judging (cases, letters) goes by `clock`, and the outbox and
   * the questions for silence are its alone.
   */
  readonly past?: Past & { readonly clock: () => number };
  /** Another policy of silence than the default one. */
  readonly silence?: SilenceOptions["policy"];
}

export interface RunningNode {
  /** Where people go; with the token in it where that is the way in. */
  readonly portal: string;
  /** Null where people have accounts. */
  readonly token: string | null;
  /** The one-time link that makes the first administrator; null when there is one. Good for 15 minutes. */
  readonly first: string | null;
  /** The data folder, absolute. */
  readonly data: string;
  /** There was no node in the data folder before. */
  readonly made: boolean;
  /** Where sensors send. */
  readonly door: string;
  readonly store: FlowStore;
  readonly registry: SensorRegistry;
  readonly observatory: Observatory;
  readonly desk: NodeDesk;
  close(): Promise<void>;
}

/** A token shorter than this could be guessed, or is the empty text of a file that was never filled. */
const shortestToken = 16;

/**
 * The token of the printed address: configured, or made at the first start and kept in the data folder.
 * @throws AppError CONFIG_INVALID for a configured one that is too short.
 */
export const portalToken = ({ config, secret }: Settings, data: string): string => {
  if (config.portal.token !== undefined) {
    const token = secret(config.portal.token).trim();
    if (/^[\w.~-]+$/.test(token) && token.length >= shortestToken) return token;
    throw new AppError(
      "CONFIG_INVALID",
      `\`portal.token\`: at least ${shortestToken} characters, only letters, digits and . _ ~ -`,
    );
  }
  const file = join(data, "portal.token");
  const kept = existsSync(file) ? readFileSync(file, "utf8").trim() : "";
  if (kept.length >= shortestToken) return kept;
  // Whole or not at all: an empty one would be right for everybody.
  const token = newToken();
  writeDurably(file, token, 0o600);
  return token;
};

/** Milliseconds in which what sensors send is put together: an insert a second, however many sensors there are. */
const GATHER = 1_000;

/** Opens store and desk, both or none. The store's engine locks its folder by itself, so it comes first: the desk's does not. */
const openBoth = async (
  settings: Settings,
  data: string,
  prefixes: OriginFiles | undefined,
): Promise<{ desk: Desk; store: FlowStore; origins: Origins }> => {
  const opened = await openStore(settings, data, { prefixes, gather: GATHER });
  try {
    return { desk: await openDeskStore(settings, data), ...opened };
  } catch (error) {
    await opened.store.close();
    throw error;
  }
};

/**
 * Runs a node: store, sensors' door, portal and API. Resolves when both doors are open. What a killed node had begun is
 * finished before the first new batch is taken. A start that fails closes what it had opened: no door stays open, and the process can end.
 */
export const startNode = async (settings: Settings, options: NodeOptions): Promise<RunningNode> => {
  const opened = new AsyncDisposableStack();
  try {
    return await openNode(settings, options, opened);
  } catch (error) {
    await opened.disposeAsync();
    throw error;
  }
};

const openNode = async (
  settings: Settings,
  options: NodeOptions,
  opened: AsyncDisposableStack,
): Promise<RunningNode> => {
  const { config, path } = settings;
  const { log } = options;
  const simulated = options.simulated ?? false;
  if (!simulated) for (const warning of warningsOf(config)) log.warn(warning);
  const started = new Date().toISOString().replace(/\.\d+Z/, "Z");
  const data = path(config.data);
  makeFolder(data, "the data folder");
  const made = !existsSync(nodeSecretFile(data));
  openMaildir(mailFolder(data));

  // The embedded desk keeps nobody off by itself, nor does a store that lies on a server.
  const unlock = await lockFolder(data, "STORE_UNAVAILABLE");
  opened.defer(unlock);
  const { desk, store, origins } = await openBoth(settings, data, options.origins);
  opened.defer(() => store.close());
  opened.defer(() => desk.close());
  const closeBoth = async (): Promise<void> => {
    await desk.close();
    await store.close();
    unlock();
  };
  let names = new Map(origins.names);
  const folder = join(data, "sensors");
  // There also without sensors: it tells a node's data from those of a replay.
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const registry = new SensorRegistry(folder);
  const live = createLive({ run: started });
  const alarms = openAlarms(log);

  const observatory = openObservatory(store, { settings, simulated, registry, alarms });

  // Who wants to know of batches comes later than the door, and so does who is asked for the detectors' state.
  let detectors = (): readonly DetectorState[] => [];
  let arrived = (_batch: FlowBatch): void => undefined;
  const accept = async (received: ReceivedBatch): Promise<unknown> => {
    // A request that was let in before its sensor was revoked must not store after the withdrawal.
    registry.admit(received.identity.sensor);
    const outcome = await store.append(received);
    if (outcome === "stored") {
      const event = liveEvent(received.batch, origins, names);
      if (event !== null) live.publish(event);
      alarms.look(received);
      arrived(received.batch);
    }
    return outcome;
  };
  const { tls } = config.sensors;
  const behind: ReceiverOptions = {
    host: config.sensors.host,
    port: config.sensors.port,
    tls:
      tls === undefined ? undefined : { certificate: readNamed(path(tls.certificate)), key: readNamed(path(tls.key)) },
    log,
    registry,
    folder,
    quarantine: join(data, "quarantine"),
    accept,
  };
  const receiver = await openReceiver(behind);
  opened.defer(() => receiver.close());

  const failures = new Map<string, number>();
  const now = (): number => Date.now() * 1000;
  const clock = options.past?.clock ?? now;
  // Throw-away data need no accounts: whoever has the printed address is in, on this machine alone.
  const token = simulated || config.portal.access === "token" ? portalToken(settings, data) : null;
  let port = config.portal.port;
  const addressOf = (): string => `http://${config.portal.host === "::1" ? "[::1]" : config.portal.host}:${port}`;
  const egress = openEgress(settings);
  const nodeDesk = await openNodeDesk(
    desk,
    {
      name: options.name ?? config.name,
      country: config.country ?? options.country ?? null,
      // With the name that was printed: who has its token is known there.
      portal: () => (token === null ? (originsOf(settings, port)[0] ?? "") : addressOf()),
      local: !simulated && isPortalLocal(config),
      mail: options.mail ?? mailOf(settings),
      previewFirst: options.previewFirst ?? true,
      simulated,
    },
    data,
    {
      log,
      now: clock,
      egress,
      asnOf: (words, at) => {
        const segment = origins.table.find(words, at);
        return segment < 0 ? 0 : origins.table.asnOf(segment);
      },
      sensors: () => observatory.sensors().filter((one) => inForce(one, Date.now())).length,
      originOf: (address) => {
        const words = parseIp(address);
        const segment = words === undefined ? -1 : origins.table.find(Uint32Array.from(words), 0);
        if (segment < 0) return { asn: null, country: null };
        const asn = origins.table.asnOf(segment);
        return {
          asn: asn === 0 ? null : asn,
          country: origins.table.countries[origins.table.countryOf(segment) - 1] ?? null,
        };
      },
    },
  );
  opened.defer(() => nodeDesk.close());
  const constituency = openConstituency({
    settings,
    desk,
    egress,
    owners: nodeDesk.held,
    origins: originsOver(origins),
    tokenOf: (link) => nodeDesk.cases.tokenOf(link),
    dutyMail: nodeDesk.duty,
    onFault: (error) => log.error({ err: error }, "the constituency failed"),
  });
  const ring = createRing({
    desk,
    now,
    sensors: () => observatory.sensors().map(({ name }) => name),
    key: nodeDesk.key,
    simulated,
    onFault: (error) => log.error({ err: error }, "the ring view failed"),
  });
  opened.defer(() => ring.close());
  const access = openAccess({
    settings,
    desk,
    data,
    log,
    name: options.name ?? config.name,
    port: () => port,
    token,
    post: nodeDesk.post,
    testing: nodeDesk.testMail !== null,
    link: (secret) => linkActor(desk, secret, Date.now() * 1000),
  });
  const operator = createOperatorDoor(data);
  const portalTls = config.portal.tls;
  const released = createReleased({ engine: store, now: Date.now, simulated, lot: lotOf(nodeDesk.key) });
  const api = createApi({
    observatory,
    live,
    guard: access.guard,
    audit: access.audit,
    released,
    told: toldSources(desk, (address) => nodeDesk.owners().ownerOf("", address, now())?.organisation ?? null),
    desk: [
      ...access.routes,
      ...deskRoutes({ node: nodeDesk, ring, observatory, released, name: options.name ?? config.name, simulated, now }),
      ...constituency.routes,
      (server) =>
        withBackup(server, (to, flows) => backUp({ desk, store: flows ? store : null, data }, to, Date.now())),
    ],
    operator: operator.isOperator,
    proxies: config.portal.proxies,
    ...(portalTls === undefined
      ? {}
      : { tls: { certificate: readNamed(path(portalTls.certificate)), key: readNamed(path(portalTls.key)) } }),
    portalFolder,
    ...(nodeDesk.publicKey === null ? {} : { publicKey: { path: publicKeyPath, armored: nodeDesk.publicKey } }),
    metrics: nodeMetrics({
      standings: receiver.standings,
      live,
      frontiers: () => store.frontiers(),
      failures,
      detectors: () => detectors(),
      letters: () => standingOfLetters(desk, systemActor),
    }),
    status: () => ({
      name: options.name ?? config.name,
      version,
      started,
      attribution: attribution.map((one) => ({ ...one })),
    }),
    onFault: requestFault(log),
  });
  opened.defer(() => api.close());
  await api.listen({ host: config.portal.host, port });
  opened.defer(() => operator.close());
  if (!(await operator.open(api.routing)))
    log.warn({ data }, "the data folder's path is too long for the operator's socket");
  ({ port } = api.server.address() as AddressInfo);

  let present = false;
  const detection = startDetection({
    store,
    desk,
    log,
    ...(options.past === undefined ? {} : { past: options.past }),
    around: {
      owners: nodeDesk.owners,
      home: config.country ?? options.country ?? null,
      researcher: (address) => listOwner(observatory.options.research?.() ?? null, address),
    },
    take: async (trx, detections, context) => {
      // A past is taken by its own time: what follows from it happened then.
      await nodeDesk.cases.takeDetections(trx, detections, present ? context : { ...context, now: clock() });
      if (detections.length === 0 && context.withdrawn.length === 0) return;
      // The letters can be seen once the transaction is over: the outbox looks by itself every second, this only hurries it.
      setImmediate(() => {
        if (!present) return;
        nodeDesk.outbox.poke();
        ring.poke();
      });
    },
    sensors: () => {
      const countries = new Map(registry.list().map(({ name, country }) => [name, country]));
      return receiver.standings().map(({ name, lastSeen, report }) => ({
        name,
        country: countries.get(name) ?? null,
        lastSeen,
        watermark: report?.watermark ?? null,
      }));
    },
  });
  detectors = detection.states;
  arrived = (batch) => {
    detection.arrived(batch);
    ring.see(batch);
  };
  const arriving = detection.present.then(() => {
    present = true;
    nodeDesk.outbox.start();
    ring.poke();
  });

  const closing = new AbortController();
  /** One pass after another, `pause` milliseconds apart, until the node closes; a failure is logged and the next pass tries again. */
  const every = (pause: number, what: string, work: () => Promise<unknown>): Promise<void> => {
    failures.set(what, 0);
    const turn = async (): Promise<void> => {
      while (!closing.signal.aborted) {
        try {
          await work();
        } catch (error) {
          failures.set(what, (failures.get(what) ?? 0) + 1);
          log.error({ err: error }, `${what} failed`);
        }
        await rest(pause);
      }
    };
    return turn();
  };
  const sleepers = new Set<() => void>();
  const rest = (pause: number): Promise<void> =>
    new Promise((resolve) => {
      if (closing.signal.aborted) return resolve();
      const end = (): void => {
        clearTimeout(timer);
        sleepers.delete(end);
        resolve();
      };
      const timer = setTimeout(end, pause);
      sleepers.add(end);
    });
  const work = [
    every(ROLL_UP_EVERY, "rolling up", () => store.rollUp(Date.now() * 1000, Date.now() * 1000)),
    every(ROLL_UP_EVERY, "withdrawing", () =>
      withdrawRevoked({
        registry,
        store,
        released,
        judged: (name, since) => Promise.race([detection.withdrew(name, since), rest(LOOKING_AGAIN)]),
        isClosing: () => closing.signal.aborted,
        log,
      }),
    ),
    every(ALARMS_EVERY, "looking for alarms", async () => {
      for (const { name, revoked } of registry.list()) if (revoked !== null) alarms.forget(name);
      alarms.check();
    }),
    every(CARE_EVERY, "keeping the constituency", constituency.tick),
    every(SILENCE_EVERY, "asking for silence", async () => {
      if (!present) return;
      const policy = { ...defaultSilence, ...options.silence };
      // Silence is counted in stretches: what is asked more often than five times in one tells nothing new.
      const pause = policy.stretch / 5;
      const { quiet, moved, closed } = await verifySilence(desk, silenceOf(store), now(), { policy, pause });
      if (quiet + moved + closed > 0) ring.poke();
    }),
    every(MAIL_EVERY, "reading mail that came in", () =>
      takeMails(
        mailFolder(data),
        async (message) => {
          await receiveMail(
            {
              desk,
              domain: nodeDesk.domain,
              returnTagOf: nodeDesk.sender.returnTagOf,
              onBounce: constituency.checks.markBounced,
            },
            message,
            now(),
          );
        },
        (error) => log.warn({ err: error }, "a mail was put aside"),
      ),
    ),
    every(CARE_EVERY, "clearing the quarantine", async () => receiver.tidy()),
    every(HOURLY, "signing the audit log", access.hourly),
    every(CARE_EVERY, "reading prefix data", async () => {
      if (await store.reloadPrefixes()) {
        names = new Map(origins.names);
        log.info("newer prefix data in force");
      }
    }),
  ];
  /** Lets what goes on by itself come to its end. */
  const halt = async (): Promise<void> => {
    closing.abort();
    for (const end of sleepers) end();
    await Promise.all(work);
    await detection.close();
    await arriving;
  };
  opened.defer(halt);
  const address = token === null ? (originsOf(settings, port)[0] ?? "") : addressOf();
  const first = token === null ? ((await access.accounts?.people.first())?.link ?? null) : null;
  // Of a life before, or of the node that a backup was taken of.
  if (first === null) rmSync(firstLinkFile(data), { force: true });
  writeFileSync(join(data, "portal.address"), runningText(address));
  const sensorsDoor = doorOf(config, receiver.address.port);
  writeFileSync(doorFile(data), runningText(sensorsDoor));
  log.info({ portal: port, door: receiver.address.url, version }, "node started");

  return {
    portal: token === null ? `${address}/` : `${address}/?token=${token}`,
    token,
    first,
    data,
    made,
    door: sensorsDoor,
    store,
    registry,
    observatory,
    desk: nodeDesk,
    close: async () => {
      closing.abort();
      for (const end of sleepers) end();
      rmSync(join(data, "portal.address"), { force: true });
      rmSync(doorFile(data), { force: true });
      await receiver.close();
      await operator.close();
      await api.close();
      await halt();
      ring.close();
      await nodeDesk.close();
      await closeBoth();
      log.info("node stopped");
    },
  };
};
