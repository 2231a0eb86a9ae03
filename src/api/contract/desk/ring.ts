// SPDX-License-Identifier: Apache-2.0
import { Type, type Static } from "typebox";
import { classes } from "../../../model/traffic.ts";
import { Count, Share, Time, oneOf, orNull, strict } from "../shapes.ts";
import { AlertRow } from "./alerts.ts";
import { Country, Exercise, Id, Kind, OrganisationId, Port, Severity, base, some, text } from "./shapes.ts";

/**
 * The ring view. A ring is one organisation's registered IPv4 space laid end to end, in address order, round its circumference:
 * an arc says from where to where, as shares of one turn. `dark` is space that the member declares for display; it has
 * nothing to do with where sensors are. Those who may not see an organisation's networks get its ring as one live arc.
 */
export const Arc = strict({ from: Share, to: Share, kind: oneOf(["live", "dark"]), prefix: orNull(text(49)) });
export const Ring = strict({
  id: OrganisationId,
  name: text(200),
  country: orNull(Country),
  essential: Type.Boolean(),
  /** IPv4 addresses registered: the ring's size goes by its logarithm. */
  addresses: Count,
  arcs: some(Arc, 128),
  openAlerts: Count,
  severity: orNull(Severity),
});
export const Anomaly = strict({
  /** Of the alert. */
  alert: Id,
  case: orNull(Count),
  at: Time,
  kind: Kind,
  severity: Severity,
  family: orNull(text(100)),
  organisation: orNull(OrganisationId),
  name: orNull(text(200)),
  /** Address or port it is about; null when who looks may not see it. */
  subject: orNull(text(64)),
  /** Place on its ring, a share of one turn. */
  on: orNull(Share),
  port: orNull(Port),
  packets: Count,
});
export const RingView = strict({
  asked: Time,
  exercise: Exercise,
  simulated: Type.Boolean(),
  /** Largest first. Members see their own and the others without names. */
  rings: some(Ring, 60),
  /** Organisations that are not drawn. */
  more: Count,
  /** Pseudonyms: where trails end. They do not tell how many sensors stand where. */
  sensors: some(text(32), 64),
  classes: some(text(32), 32),
  /** Open alerts by organisation, for the list beside the picture. */
  open: some(AlertRow, 100),
  /** Newest anomalies, newest first. */
  anomalies: some(Anomaly, 20),
});
export const RingQuery = strict({ exercise: Type.Optional(Exercise) });

/**
 * `event: packets` about four times a second. Sampled: `shown` rows stand for `packets` packets. Each row is an array, to be small:
 * [from, ring, on, sensor, class, port, weight]: `from` the source's place (its IPv4 address / 2^32; IPv6: its first 64 bits / 2^64),
 * `ring` the index in `rings` or -1, `on` the place on that ring (0 without one), `sensor` the index in `sensors`, `class` the index in
 * `classes`, `port` or -1, `weight` the packets that the row stands for.
 */
export const RingPackets = strict({
  /** Start of the flow interval. */
  interval: Time,
  packets: Count,
  shown: Count,
  /** Packets a second over the last ten seconds. */
  rate: Type.Number({ minimum: 0 }),
  rows: some(Type.Array(Type.Number(), { minItems: 7, maxItems: 7 }), 120),
});
/** `event: anomaly`, as it is found: an alert that is new or relapsed and that who looks may see. */
export const RingAnomaly = Anomaly;
/** `event: rings` without data: organisations changed, ask for the view again. */
export const ringLivePath = `${base}/ring/live`;
export const ringEndpoints = {
  ring: { method: "GET", path: `${base}/ring`, query: RingQuery, answer: RingView },
} as const;
/** The order of `classes` when the server gives none other. */
export const ringClasses = classes;
export type Arc = Static<typeof Arc>;
export type Ring = Static<typeof Ring>;
export type Anomaly = Static<typeof Anomaly>;
export type RingView = Static<typeof RingView>;
export type RingPackets = Static<typeof RingPackets>;
