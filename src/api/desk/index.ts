// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance } from "fastify";
import { actorOf } from "./actor.ts";
import type { ActorOf } from "./actor.ts";

export { actorOf, touch, visitorOf } from "./actor.ts";
export type { ActorOf } from "./actor.ts";
export { mount } from "./route.ts";
export type { Call, DeskEndpoint } from "./route.ts";

/** A room's routes: `withAlerts(server, services, actorOf)` with its services bound by the wiring. */
export type DeskRoutes = (server: FastifyInstance, actorOf: ActorOf) => void;

/** Mounts the rooms' routes behind the guard. `createApi` calls it with what the wiring gives it as `desk`. */
export const withDesk = (server: FastifyInstance, rooms: readonly DeskRoutes[]): void => {
  for (const room of rooms) room(server, actorOf);
};
