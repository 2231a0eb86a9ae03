// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance } from "fastify";
import { staff } from "../../access/rule.ts";
import { hasRole } from "../../model/actor.ts";
import type { Actor } from "../../model/actor.ts";
import { AppError } from "../../platform/errors.ts";
import { RingPackets, ringEndpoints as at, ringLivePath } from "../contract/desk/ring.ts";
import type { Anomaly, Ring, RingView } from "../contract/desk/ring.ts";
import type { ActorOf } from "./actor.ts";
import { mount } from "./route.ts";
import type { EventStream } from "./stream.ts";

export interface RingServices {
  /** The whole picture, as staff sees it, and what an actor's own rows add: open alerts and anomalies. */
  readonly view: (actor: Actor, exercise: string) => Promise<RingView>;
  readonly stream: EventStream;
}

/** Everybody's rings, but only one's own have a name and networks. */
export const ringFor = (ring: Ring, actor: Actor): Ring =>
  hasRole(actor, ...staff) || actor.organisations.includes(ring.id)
    ? ring
    : {
        ...ring,
        id: "other",
        name: "",
        essential: false,
        arcs: [{ from: 0, to: 1, kind: "live", prefix: null }],
        openAlerts: 0,
        severity: null,
      };

/** Where packets come from and go to, for who may not see every source: the first eight bits, and places on own rings alone. */
export const packetsFor = (event: RingPackets, rings: readonly Ring[], actor: Actor): RingPackets => {
  if (hasRole(actor, ...staff)) return event;
  const own = new Set(rings.flatMap(({ id }, i) => (actor.organisations.includes(id) ? [i] : [])));
  return {
    ...event,
    rows: event.rows.map(([from = 0, ring = -1, on = 0, ...rest]) =>
      own.has(ring) ? [from, ring, on, ...rest] : [Math.floor(from * 256) / 256, -1, 0, ...rest],
    ),
  };
};

/** Whether an actor may be told of an anomaly. */
export const anomalyFor = (anomaly: Anomaly, actor: Actor): Anomaly | null =>
  hasRole(actor, ...staff) || (anomaly.organisation !== null && actor.organisations.includes(anomaly.organisation))
    ? anomaly
    : null;

/** The ring view: what it draws, and what moves in it. */
export const withRing = (server: FastifyInstance, { view, stream }: RingServices, actorOf: ActorOf): void => {
  // It shows packets as they travel: to anybody but staff that would answer probes at once.
  const who = staff;
  mount(server, at.ring, { who, audit: "ring.read" }, async ({ query, request }) => {
    const actor = actorOf(request);
    const found = await view(actor, query.exercise ?? "");
    return { ...found, rings: found.rings.map((ring) => ringFor(ring, actor)) };
  });
  const endpoint = {
    method: "GET",
    path: ringLivePath,
    answer: RingPackets,
    media: "text/event-stream",
    about:
      "What moves in the ring view, as server-sent events: `packets` (RingPackets, sampled), `anomaly` (Anomaly), `rings` (ask for the view again)",
  } as const;
  server.get(
    ringLivePath,
    { exposeHeadRoute: false, config: { rule: { who, scope: "alerts:read", audit: "ring.watch" }, endpoint } },
    async (request, reply) => {
      const first = Object.keys(request.query as object)[0];
      if (first !== undefined) {
        throw new AppError("QUERY_PARAMETER", `unknown parameter \`${first.slice(0, 64)}\`; none is known here`);
      }
      const actor = actorOf(request);
      if (stream.full) throw new AppError("DOOR_BUSY", "enough pages are live already: close some");
      await server.written(request);
      reply.hijack();
      stream.serve(reply.raw, actor, () => server.stillMay(request));
    },
  );
  server.addHook("preClose", () => stream.close());
};
