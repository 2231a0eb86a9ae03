// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance } from "fastify";
import { staff } from "../../access/rule.ts";
import type { DetectionKind } from "../../model/detection.ts";
import { cursorText, readCursor } from "../../platform/cursor.ts";
import { AppError } from "../../platform/errors.ts";
import { parseIp } from "../../net/ip.ts";
import { parsePrefix } from "../../net/prefix.ts";
import type { Desk } from "../../store/desk/desk.ts";
import { countDetections, findDetection, listDetections } from "../../store/desk/detections.ts";
import type { DetectionFilter, DetectionRecord } from "../../store/desk/detections.ts";
import { detectionEndpoints as at } from "../contract/desk/detections.ts";
import type { DetectionRow } from "../contract/desk/detections.ts";
import type { ActorOf } from "./actor.ts";
import { seesCounts } from "../view.ts";
import { mount } from "./route.ts";
import { microsecondsOf } from "./shapes.ts";
import { timeOf } from "./times.ts";

export interface DetectionServices {
  readonly desk: Desk;
  /** Microseconds. */
  readonly now: () => number;
}

export const detectionRow = (row: DetectionRecord): DetectionRow => ({
  id: row.id,
  detector: row.detector,
  version: row.version,
  kind: row.kind,
  source: row.source,
  protocol: row.protocol,
  port: row.port,
  first: timeOf(row.first),
  last: timeOf(row.last),
  packets: row.packets,
  darkAddresses: row.dark_addresses,
  sensors: row.sensors.length,
  confidence: row.confidence,
  family: row.family,
  held: [...row.held],
  organisation:
    row.organisation_id === null
      ? null
      : { id: row.organisation_id, name: row.organisation_name ?? row.organisation_id },
  revision: row.revision,
  withdrawn: row.withdrawn,
});

/** Address or prefix as the desk compares it. @throws AppError QUERY_PARAMETER. */
const sourceOf = (text: string | undefined): string | undefined => {
  if (text === undefined || parseIp(text) !== undefined || parsePrefix(text) !== undefined) return text;
  throw new AppError("QUERY_PARAMETER", "`source` takes an address or a network such as 192.0.2.0/24", {
    parameter: "source",
  });
};

/** Claims of detectors: for analysts and, where they are about own networks, for members. */
export const withDetections = (server: FastifyInstance, { desk, now }: DetectionServices, actorOf: ActorOf): void => {
  mount(server, at.detections, { who: [...staff, "member"], audit: "detection.read" }, async ({ query, request }) => {
    const source = sourceOf(query.source);
    const [from, to] = [microsecondsOf(query.from), microsecondsOf(query.to)];
    const filter: DetectionFilter = {
      realm: query.realm ?? "",
      exercise: query.exercise ?? "",
      ...(query.kind === undefined ? {} : { kinds: query.kind.split(",") as DetectionKind[] }),
      ...(query.detector === undefined ? {} : { detector: query.detector }),
      ...(query.organisation === undefined ? {} : { organisation: query.organisation }),
      ...(source === undefined ? {} : { source }),
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
    };
    const limit = query.limit ?? 100;
    // Surges and campaigns that are shared have addresses of their own, where they are told without counts.
    if (!seesCounts(actorOf(request), filter))
      return { asked: timeOf(now()), total: 0, next: null, facts: { kinds: [], sources: 0 }, rows: [] };
    const [last, id] = query.cursor === undefined ? [] : readCursor(query.cursor, "integer", "text");
    return desk.as(actorOf(request), async (trx) => {
      const facts = await countDetections(trx, filter);
      const rows = await listDetections(
        trx,
        filter,
        limit,
        last === undefined || id === undefined ? undefined : { last, id },
      );
      const end = rows.length === limit ? rows.at(-1) : undefined;
      return {
        asked: timeOf(now()),
        total: facts.kinds.reduce((sum, { count }) => sum + count, 0),
        next: end === undefined ? null : cursorText(end.last, end.id),
        facts: { kinds: [...facts.kinds], sources: facts.sources },
        rows: rows.map(detectionRow),
      };
    });
  });
  mount(server, at.detection, { who: [...staff, "member"], audit: "detection.read" }, async ({ params, request }) => {
    const row = await desk.as(actorOf(request), (trx) => findDetection(trx, params.detection));
    if (row === undefined || !seesCounts(actorOf(request), row))
      throw new AppError("NOT_FOUND", "there is no such detection");
    return {
      asked: timeOf(now()),
      detection: detectionRow(row),
      evidence: row.evidence,
      samples: row.samples.slice(0, 100).map((one) => ({
        time: timeOf(one.time),
        errorSeconds: one.error === null ? null : one.error / 1e6,
        sourcePort: one.sourcePort,
        port: one.port,
      })),
      alert: row.alert_id,
    };
  });
};
