// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance } from "fastify";
import { releasedMonths } from "../../access/audience.ts";
import { people } from "../../access/rule.ts";
import { responseTimes } from "../../cases/response.ts";
import { cleanUp, measuredPrecision, summaryOf } from "../../cases/statistics.ts";
import type { Curve } from "../../cases/statistics.ts";
import { personOf } from "../../cases/board.ts";
import type { Actor } from "../../model/actor.ts";
import { hasRole, systemActor } from "../../model/actor.ts";
import { AppError } from "../../platform/errors.ts";
import { statisticsEndpoints as at } from "../contract/desk/statistics.ts";
import type { Curve as CurveShape } from "../contract/desk/statistics.ts";
import type { ActorOf } from "./actor.ts";
import type { AlertServices } from "./alerts.ts";
import { mount } from "./route.ts";
import { microsOf } from "./shapes.ts";
import { timeOf, timeOrNull } from "./times.ts";

export interface StatisticsServices extends AlertServices {
  /** Figures of the shell that other rooms have. */
  readonly beside?: (
    actor: Actor,
  ) => Promise<{ readonly rising: number; readonly changes: number; readonly exercise: string | null }>;
}

/** Whether an actor has rows of its own to look at; others see aggregates alone. */
const seesOwn = (actor: Actor): boolean => hasRole(actor, "system", "administrator", "analyst", "member");
/**
 * Whose rows a statistic counts: staff and members their own by the desk's rules; who sees aggregates alone, those of all, but no owner
 * by name.
 */
const readerOf = (actor: Actor, byOwner: boolean): Actor => {
  if (seesOwn(actor)) return actor;
  if (byOwner) throw new AppError("ACCESS_DENIED", "your role sees no owner by name");
  return systemActor;
};
const curveShape = (curve: Curve): CurveShape => ({
  group: curve.group.slice(0, 200),
  label: curve.label.slice(0, 200),
  n: curve.n,
  censored: curve.censored,
  medianDays: curve.medianDays,
  points: curve.points.slice(0, 400).map(({ time, still, low, high, atRisk, ended, censored }) => ({
    day: time,
    still,
    low,
    high,
    atRisk,
    quiet: ended,
    censored,
  })),
});
/** Microseconds. */
const day = 86_400_000_000;
const longest = 3 * 366 * day;

/** Clean-up curves, response times, measured precision, and the shell's small figures. Nothing of an exercise is in any of them. */
export const withStatistics = (server: FastifyInstance, services: StatisticsServices, actorOf: ActorOf): void => {
  const { desk, now } = services;
  const periodOf = (
    query: { readonly from?: string | undefined; readonly to?: string | undefined },
    days: number,
    actor: Actor,
  ): { from: number; to: number } => {
    const asked = seesOwn(actor) ? null : now();
    const to = query.to === undefined ? now() : microsOf(query.to);
    const from = query.from === undefined ? to - days * day : microsOf(query.from);
    if (asked !== null) {
      const whole = releasedMonths(from, to, asked);
      if (whole === null)
        throw new AppError("QUERY_PERIOD", "your role is told whole months (UTC), a week after their end");
      return whole;
    }
    if (from >= to || to - from > longest)
      throw new AppError("QUERY_PERIOD", "`from` lies before `to`, at most three years");
    return { from, to };
  };
  const shown = ({ from, to }: { from: number; to: number }) => ({ from: timeOf(from), to: timeOf(to) });

  mount(server, at.summary, { who: people, audit: null }, async ({ request }) => {
    const actor = actorOf(request);
    // Nothing here is of people who see aggregates alone: what moves at once would answer probes.
    const found = await summaryOf(desk, actor, personOf(actor), now());
    const beside = await services.beside?.(actor);
    // How far the present reaches names no host and no owner.
    const judged = await desk.as(systemActor, (trx) =>
      trx
        .selectFrom("detector_cursors")
        .select("position")
        .where("detector", "=", "infected-host")
        .where("realm", "=", "")
        .where("exercise", "=", "")
        .executeTakeFirst(),
    );
    return {
      asked: timeOf(now()),
      judged: timeOrNull(judged?.position ?? null),
      ...found,
      warnings: { rising: beside?.rising ?? 0 },
      changes: beside?.changes ?? 0,
      exercise: beside?.exercise ?? null,
    };
  });
  mount(server, at["statistics/clean-up"], { who: people, audit: null }, async ({ query, request }) => {
    const { by = "none", days = 60, kind, organisation } = query;
    const period = periodOf(query, 90, actorOf(request));
    const actor = readerOf(actorOf(request), by === "owner" || organisation !== undefined);
    const found = await cleanUp(
      desk,
      actor,
      {
        by,
        days,
        ...period,
        ...(kind === undefined ? {} : { kind }),
        ...(organisation === undefined ? {} : { organisation }),
      },
      now(),
    );
    return {
      asked: timeOf(now()),
      period: shown(period),
      by,
      all: curveShape(found.all),
      groups: found.groups.map(curveShape),
      least: found.least,
      baseline: found.baseline === null ? null : curveShape(found.baseline),
      before: found.before,
      unconfirmed: found.unconfirmed,
    };
  });
  mount(server, at["statistics/response"], { who: people, audit: null }, async ({ query, request }) => {
    const { by = "kind" } = query;
    const period = periodOf(query, 90, actorOf(request));
    const found = await responseTimes(desk, readerOf(actorOf(request), by === "owner"), { by, ...period });
    const { firstNotified, detectedNotified, notifiedAcknowledged, notifiedActed, actedQuiet, answered } = found.all;
    return {
      asked: timeOf(now()),
      period: shown(period),
      by,
      all: { firstNotified, detectedNotified, notifiedAcknowledged, notifiedActed, actedQuiet, answered },
      rows: found.rows.slice(0, 200),
    };
  });
  mount(server, at["statistics/precision"], { who: people, audit: null }, async ({ request }) => {
    const actor = actorOf(request);
    const asked = now();
    const since = asked - 2 * 366 * day;
    const rows = await measuredPrecision(desk, readerOf(actor, false), since);
    const whole = seesOwn(actor) ? null : timeOf(releasedMonths(since, asked, asked)?.to ?? 0).slice(0, 7);
    return { asked: timeOf(asked), rows: rows.filter(({ month }) => whole === null || month < whole) };
  });
};
