// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance } from "fastify";
import { staff } from "../../access/rule.ts";
import type { AlertActionOf } from "../../cases/actions.ts";
import { actOnAlerts } from "../../cases/actions.ts";
import { listAlerts, loadAlert } from "../../cases/board.ts";
import type { AlertFilter } from "../../cases/board.ts";
import type { Cases } from "../../cases/cases.ts";
import type { Desk } from "../../store/desk/desk.ts";
import { alertEndpoints as at } from "../contract/desk/alerts.ts";
import type { AlertAction } from "../contract/desk/alerts.ts";
import { touch } from "./actor.ts";
import type { ActorOf } from "./actor.ts";
import { mount } from "./route.ts";
import { alertRow, classificationFor, clocksOf, listOf, microsOf, samplesOf, silenceOf } from "./shapes.ts";
import { timeOf, timeOrNull } from "./times.ts";

export interface AlertServices {
  readonly desk: Desk;
  readonly cases: Cases;
  /** Microseconds. */
  readonly now: () => number;
  /** Letters were written: look at the outbox now. */
  readonly poke?: () => void;
}
/** Who looks after alerts, and who owns what they are about; what each sees, the desk decides. */
export const readers = [...staff, "member"] as const;

const actionOf = (body: AlertAction): AlertActionOf => {
  if (body.action === "suppress") return { ...body, until: microsOf(body.until) };
  return body as AlertActionOf;
};

/** The board: alerts, one alert, and what is done to many at once. */
export const withAlerts = (server: FastifyInstance, services: AlertServices, actorOf: ActorOf): void => {
  const { desk, cases, now } = services;

  mount(server, at.alerts, { who: readers, audit: "alert.list" }, async ({ query, request }) => {
    const {
      state,
      kind,
      severity,
      only,
      order = "rank",
      cursor,
      limit = 100,
      realm = "",
      exercise = "",
      ...rest
    } = query;
    const filter = {
      ...rest,
      realm,
      exercise,
      states: listOf(state),
      kinds: listOf(kind),
      severities: listOf(severity),
      only: listOf(only),
    } as AlertFilter;
    const asked = now();
    const found = await listAlerts(
      desk,
      actorOf(request),
      filter,
      order,
      { limit, ...(cursor === undefined ? {} : { cursor }) },
      asked,
    );
    return {
      asked: timeOf(asked),
      total: found.total,
      next: found.next,
      facts: { ...found.facts, oldestUnnotified: timeOrNull(found.facts.oldestUnnotified) },
      rows: found.rows.map(alertRow),
    };
  });

  mount(server, at.alert, { who: readers, audit: "alert.read" }, async ({ params, request }) => {
    const { row, detections, moved } = await loadAlert(desk, actorOf(request), params.alert);
    touch(request, `alert:${row.id}`);
    return {
      asked: timeOf(now()),
      exercise: row.exercise,
      alert: alertRow(row),
      clocks: clocksOf(row),
      silence: silenceOf(row),
      classification: classificationFor(row.kind),
      samples: samplesOf(row.samples),
      detections: detections.map(({ dark_addresses, first, last, ...one }) => ({
        ...one,
        first: timeOf(first),
        last: timeOf(last),
        darkAddresses: dark_addresses,
      })),
      possiblyMoved: moved.map(({ id, subject, first }) => ({ alert: id, subject, since: timeOf(first) })),
    };
  });

  mount(server, at["alerts/act"], { who: staff, audit: "alert.act" }, async ({ body, request }) => {
    touch(request, ...body.alerts.map(({ id }) => `alert:${id}`));
    const { alerts, ...action } = body;
    const acted = await actOnAlerts(
      desk,
      cases.rules,
      actorOf(request),
      alerts,
      actionOf(action as AlertAction),
      now(),
    );
    services.poke?.();
    return { ...acted, refused: [...acted.refused] };
  });
};
