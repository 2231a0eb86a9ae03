// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import type { FastifyInstance } from "fastify";
import { releasedMonths } from "../../access/audience.ts";
import { staff } from "../../access/rule.ts";
import { ofVictims } from "../../cases/meanings.ts";
import { hasRole, systemActor } from "../../model/actor.ts";
import type { DetectionKind } from "../../model/detection.ts";
import type { Desk } from "../../store/desk/desk.ts";
import type { AnswerKind } from "../../store/desk/tables.ts";
import { detectionEndpoints as at } from "../contract/desk/detections.ts";
import type { DetectorRow } from "../contract/desk/detections.ts";
import type { ActorOf } from "./actor.ts";
import { mount } from "./route.ts";
import { timeOf, timeOrNull } from "./times.ts";
import { wilson } from "../../model/wilson.ts";

/** A detector as the wiring knows it. */
export interface KnownDetector {
  readonly name: string;
  readonly version: number;
  readonly kinds: readonly DetectionKind[];
}
/** What `layang evaluate` measured, when it was. */
export interface MeasuredDetectors {
  /** RFC 3339. */
  readonly made: string;
  readonly rows: Readonly<Record<string, DetectorRow["evaluated"]>>;
}
export interface DetectorServices {
  readonly desk: Desk;
  /** Microseconds. */
  readonly now: () => number;
  readonly detectors: readonly KnownDetector[];
  /** Null: nothing was measured with this version. */
  readonly measured: MeasuredDetectors | null;
}

const DAY = 86_400e6;

/** Detectors: how far they have judged, what they claimed, and how often owners said that they were right. */
export const withDetectors = (server: FastifyInstance, services: DetectorServices, actorOf: ActorOf): void => {
  const { desk, now, measured } = services;
  mount(server, at.detectors, { who: [...staff, "researcher"], audit: "detector.read" }, async ({ query, request }) => {
    const time = now();
    const asked = time - (query.days ?? 90) * DAY;
    // A count that moves with each claim would tell a prober which probe was seen: others are told of whole months, a week later.
    const { from: since, to: until } = hasRole(actorOf(request), ...staff)
      ? { from: asked, to: Number.MAX_SAFE_INTEGER }
      : (releasedMonths(asked, time, time) ?? { from: asked, to: asked });
    const newest = Math.min(time, until);
    // Counts over all of the shared realm: aggregates, in which no host and no owner stands.
    const rows = await desk.as(systemActor, async (trx) => {
      const cursors = await trx
        .selectFrom("detector_cursors")
        .select(["detector", "position"])
        .where("realm", "=", "")
        .where("exercise", "=", "")
        .execute();
      const claims = (
        await sql<{
          detector: string;
          n: number;
          week: number;
        }>`SELECT detector, count(*)::int AS n, (count(*) FILTER (WHERE last > ${newest - 7 * DAY}))::int AS week
FROM detections WHERE realm = '' AND exercise = '' AND NOT withdrawn AND last > ${since} AND last <= ${until} GROUP BY detector`.execute(
          trx,
        )
      ).rows;
      const answers = (
        await sql<{
          detector: string;
          answer: AnswerKind;
          state: string;
          n: number;
        }>`SELECT detector, answer, state, count(*)::int AS n
FROM answers, unnest(detectors) AS detector WHERE realm = '' AND exercise = '' AND at > ${since} AND at <= ${until} GROUP BY detector, answer, state`.execute(
          trx,
        )
      ).rows;
      return services.detectors.map(({ name, version, kinds }): DetectorRow => {
        const position = cursors.find(({ detector }) => detector === name)?.position ?? null;
        const own = claims.find(({ detector }) => detector === name);
        const said = answers.filter(({ detector }) => detector === name);
        const count = (fits: (one: (typeof said)[number]) => boolean): number =>
          said.filter(fits).reduce((sum, { n }) => sum + n, 0);
        const wrong = count(({ answer }) => answer === "false-positive" || answer === "research");
        const right = count(
          ({ answer, state }) => (answer === "cleaned" || ofVictims.has(answer)) && state === "confirmed",
        );
        const all = count(() => true);
        return {
          name,
          version,
          kinds: [...kinds],
          position: timeOrNull(position),
          lagSeconds: position === null ? null : Math.max(0, (time - position) / 1e6),
          detections: own?.n ?? 0,
          week: own?.week ?? 0,
          evaluated: [...(measured?.rows[name] ?? [])],
          feedback: { right, wrong, undecided: all - right - wrong, precision: wilson(right, right + wrong) },
        };
      });
    });
    return { asked: timeOf(time), evaluated: measured?.made ?? null, rows };
  });
};
