// SPDX-License-Identifier: Apache-2.0
import { subjectShown } from "../alert/subject.ts";
import { anomalyFor, packetsFor } from "../api/desk/ring.ts";
import { alertRow } from "../api/desk/shapes.ts";
import { createStream } from "../api/desk/stream.ts";
import type { EventStream } from "../api/desk/stream.ts";
import { ringClasses } from "../api/contract/desk/ring.ts";
import type { Anomaly, Ring, RingView } from "../api/contract/desk/ring.ts";
import { listAlerts } from "../cases/board.ts";
import { hasRole, systemActor } from "../model/actor.ts";
import type { Actor } from "../model/actor.ts";
import type { FlowBatch } from "../model/flows.ts";
import { parseIp } from "../net/ip.ts";
import type { Desk, DeskTransaction } from "../store/desk/desk.ts";
import { RingSampler, layRings, pseudonyms } from "./ring.ts";
import type { RingMap, RingOrganisation } from "./ring.ts";

export interface RingOptions {
  readonly desk: Desk;
  /** Microseconds. */
  readonly now: () => number;
  /** Names of sensors of the shared realm. */
  readonly sensors: () => readonly string[];
  /** The node's secret: pseudonyms follow from it. */
  readonly key: Uint8Array;
  readonly simulated: boolean;
  readonly onFault: (error: unknown) => void;
}
export interface LiveRing {
  readonly stream: EventStream;
  /** A batch was stored. */
  see(batch: FlowBatch): void;
  /** Alerts or organisations may have changed: look soon. */
  poke(): void;
  view(actor: Actor, exercise: string): Promise<RingView>;
  close(): void;
}

const severities = ["low", "medium", "high", "critical"] as const;
const DAY = 86_400e6;
const TICK = 250;
const LOOK = 1_000;
const FRESH = 60_000;
/** Open alerts of the list beside the picture. */
const OPEN = 100;

interface AlertLine {
  readonly id: string;
  readonly number: number | null;
  readonly at: number;
  readonly kind: Anomaly["kind"];
  readonly severity: Anomaly["severity"];
  readonly family: string | null;
  readonly organisation: string | null;
  readonly name: string | null;
  readonly subject: string;
  readonly source: string | null;
  readonly packets: number;
}

/** Alerts that began or came back since a time, newest first. */
const newsSince = async (trx: DeskTransaction, since: number, exercise: string, most: number): Promise<AlertLine[]> =>
  (await trx
    .selectFrom("alerts")
    .leftJoin("organisations", "organisations.id", "alerts.organisation_id")
    .leftJoin("cases", "cases.id", "alerts.case_id")
    .select([
      "alerts.id",
      "cases.number",
      "alerts.detected as at",
      "alerts.kind",
      "alerts.severity",
      "alerts.family",
      "alerts.organisation_id as organisation",
      "organisations.name",
      "alerts.subject",
      "alerts.source",
      "alerts.packets",
    ])
    .where("alerts.realm", "=", "")
    .where("alerts.exercise", "=", exercise)
    .where("alerts.detected", ">", since)
    .where("alerts.state", "in", ["new", "continuing", "relapsed"])
    .where("alerts.organisation_id", "is not", null)
    .where("alerts.kind", "<>", "sighting")
    .orderBy("alerts.detected", "desc")
    .limit(most)
    .execute()) as AlertLine[];

const organisationsOf = async (trx: DeskTransaction, exercise: string): Promise<RingOrganisation[]> => {
  const organisations = await trx
    .selectFrom("organisations")
    .select(["id", "name", "country", "essential"])
    .where("ended", "is", null)
    .execute();
  const networks = await trx
    .selectFrom("networks")
    .select(["organisation_id", "prefix", "dark"])
    .where("realm", "=", "")
    .where("prefix", "is not", null)
    .where("valid_until", "is", null)
    .execute();
  const open = await trx
    .selectFrom("alerts")
    .select(["organisation_id", "severity", ({ fn }) => fn.countAll<number>().as("n")])
    .where("realm", "=", "")
    .where("exercise", "=", exercise)
    .where("state", "in", ["new", "continuing", "relapsed"])
    .where("kind", "<>", "sighting")
    .groupBy(["organisation_id", "severity"])
    .execute();
  const prefixes = Map.groupBy(networks, ({ organisation_id }) => organisation_id);
  const alerts = Map.groupBy(open, ({ organisation_id }) => organisation_id ?? "");
  return organisations.map((one) => {
    const own = alerts.get(one.id) ?? [];
    return {
      ...one,
      prefixes: (prefixes.get(one.id) ?? []).flatMap(({ prefix }) => prefix ?? []),
      dark: (prefixes.get(one.id) ?? []).flatMap(({ dark }) => dark),
      openAlerts: own.reduce((sum, { n }) => sum + Number(n), 0),
      severity: severities.findLast((severity) => own.some((alert) => alert.severity === severity)) ?? null,
    };
  });
};

/** The ring view's world: organisations and their places, a bounded sample of live packets, anomalies as they are found. */
export const createRing = (options: RingOptions): LiveRing => {
  const { desk, now, onFault } = options;
  const stream = createStream();
  const sampler = new RingSampler();
  let map: RingMap = layRings([]);
  let laidAt = 0;
  let known = "";
  let newest = now();
  let wanted = true;
  let looking: Promise<void> | null = null;
  let names = pseudonyms(options.sensors(), options.key);

  const anomalyOf = (line: AlertLine): Anomaly => {
    const words = line.source === null ? undefined : parseIp(line.source);
    return {
      alert: line.id,
      case: line.number === null ? null : Number(line.number),
      at: new Date(Math.floor(line.at / 1000)).toISOString(),
      kind: line.kind,
      severity: line.severity,
      family: line.family,
      organisation: line.organisation,
      name: line.name,
      subject: subjectShown(line.subject),
      on: line.organisation === null || words === undefined ? null : map.placeOn(line.organisation, words[3]),
      port: null,
      packets: line.packets,
    };
  };
  const lay = async (): Promise<void> => {
    map = layRings(await desk.as(systemActor, (trx) => organisationsOf(trx, "")));
    laidAt = Date.now();
    names = pseudonyms(options.sensors(), options.key);
    const shape = JSON.stringify([map.rings.map(({ id, arcs }) => [id, arcs.length]), [...names.keys()]]);
    if (known !== "" && shape !== known) stream.publish(() => ({ event: "rings", data: {} }));
    known = shape;
  };
  const look = async (): Promise<void> => {
    wanted = false;
    if (Date.now() - laidAt > FRESH) await lay();
    const found = await desk.as(systemActor, (trx) => newsSince(trx, newest, "", 20));
    newest = Math.max(newest, ...found.map(({ at }) => at));
    for (const line of found.toReversed()) {
      const anomaly = anomalyOf(line);
      stream.publish((actor) => {
        const shown = anomalyFor(anomaly, actor);
        return shown === null ? null : { event: "anomaly", data: shown };
      });
    }
  };
  let last = Date.now();
  const tick = setInterval(() => {
    const seconds = (Date.now() - last) / 1000;
    last = Date.now();
    const event = sampler.take(seconds);
    if (event !== null && stream.clients > 0) {
      stream.publish((actor) => ({ event: "packets", data: packetsFor(event, map.rings, actor) }));
    }
  }, TICK);
  const eye = setInterval(() => {
    if (looking !== null || (!wanted && Date.now() - laidAt <= FRESH)) return;
    looking = look()
      .catch(onFault)
      .finally(() => {
        looking = null;
      });
  }, LOOK);
  tick.unref();
  eye.unref();

  return {
    stream,
    see: (batch) => {
      const sensor = names.get(batch.sensor);
      if (sensor !== undefined) sampler.add(batch, map, sensor);
    },
    poke: () => {
      wanted = true;
    },
    view: async (actor, exercise) => {
      // Everybody sees the same rings in the same order: packets name them by their place.
      if (Date.now() - laidAt > LOOK) await lay();
      const rings: Ring[] = [...map.rings];
      const staff = hasRole(actor, "administrator", "analyst", "system");
      const found = await desk.as(actor, (trx) => newsSince(trx, now() - DAY, exercise, 20));
      // What the picture shows, as a list: of alerts somebody answers for, and that who asks may see.
      const open = await listAlerts(
        desk,
        actor,
        { states: ["new", "continuing", "relapsed"], owned: true, realm: "", exercise },
        "rank",
        { limit: OPEN },
        now(),
      );
      return {
        asked: new Date().toISOString(),
        exercise,
        simulated: options.simulated,
        rings,
        more: map.more,
        sensors: [...names].toSorted(([, a], [, b]) => a - b).map(([, i]) => `Sensor ${i + 1}`),
        classes: [...ringClasses].slice(0, 32),
        open: open.rows.map(alertRow),
        anomalies: found.map(anomalyOf).filter((one) => staff || one.organisation !== null),
      };
    },
    close: () => {
      clearInterval(tick);
      clearInterval(eye);
      stream.close();
    },
  };
};
