// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { overlapsOf } from "../../constituency/overlaps.ts";
import type { Owners } from "../../constituency/owners.ts";
import type { OwnerTables } from "../../constituency/tables.ts";
import type { LineError } from "../../constituency/csv.ts";
import { parseIp } from "../../net/ip.ts";
import { cursorText, readCursor } from "../../platform/cursor.ts";
import { languages } from "../../notify/templates/index.ts";
import { AppError } from "../../platform/errors.ts";
import { exportText, importText } from "../../registry/transfer.ts";
import { hasRole } from "../../model/actor.ts";
import type { Desk } from "../../store/desk/desk.ts";
import { networkIds } from "../../store/desk/networks.ts";
import { isStaff } from "../../store/desk/steps.ts";
import { staff } from "../../access/rule.ts";
import { exportPath, organisationEndpoints as at } from "../contract/desk/organisations.ts";
import type { Imported, OverlapRow, Proposals } from "../contract/desk/organisations.ts";
import { touch } from "./actor.ts";
import type { ActorOf } from "./actor.ts";
import { historyRow } from "./organisations.ts";
import { mount } from "./route.ts";
import { microsecondsOf } from "./shapes.ts";
import { timeOf, timeOrNull } from "./times.ts";

const linesOf = (lines: readonly LineError[]): Imported["faults"] =>
  lines.slice(0, 200).map(({ line, message }) => ({ line, detail: message.slice(0, 500) }));

/** What the packaged data know of addresses. */
export interface OriginServices {
  /** Origin AS of an address (four words), 0 when not known. */
  readonly asnOf: (words: Uint32Array, at: number) => number;
  readonly countryOf: (words: Uint32Array, at: number) => string | null;
  readonly nameOf: (asn: number) => string | null;
}
export interface ConstituencyServices {
  readonly desk: Desk;
  readonly now: () => number;
  readonly owners: () => Owners;
  readonly tables: () => OwnerTables;
  readonly origins: OriginServices;
  readonly changed: () => void;
  /** What the registries propose; null: asking them is off. */
  readonly proposals:
    | ((asked: { readonly asn?: number; readonly prefix?: string }) => Promise<Proposals["rows"]>)
    | null;
}
const importAtMost = 24 * 1024 * 1024;
const exported = {
  method: "GET",
  path: exportPath,
  query: Type.Object({ form: Type.Optional(Type.Enum(["csv", "yaml"])) }, { additionalProperties: false }),
  media: "text/csv",
  about: "The whole constituency as a file, as `import` reads it",
} as const;

/** Who owns what: questions about all of it, files in and out. */
export const withConstituency = (server: FastifyInstance, services: ConstituencyServices, actorOf: ActorOf): void => {
  const { desk, now, origins } = services;
  mount(
    server,
    at.overlaps,
    { who: staff, audit: "constituency.overlaps", scope: "constituency:read" },
    async ({ query, request }) => {
      const { cursor, limit = 100, kind } = query;
      const [offset] = cursor === undefined ? [0] : readCursor(cursor, "offset");
      const asked = now();
      const { conflicts, nested, rows } = overlapsOf(services.tables(), "", asked, { kind, offset, limit });
      const ids = await desk.as(actorOf(request), (trx) =>
        networkIds(
          trx,
          rows.flatMap(({ holders }) => holders),
          asked,
        ),
      );
      const total = kind === "conflict" ? conflicts : kind === "nested" ? nested : conflicts + nested;
      return {
        asked: timeOf(asked),
        total,
        next: offset + limit < total ? cursorText(offset + limit) : null,
        facts: { conflicts, nested },
        rows: rows.map(({ prefix, kind: of, holders }): OverlapRow => ({
          prefix,
          kind: of,
          holders: holders.flatMap(({ organisation, prefix: own, from, until }) => {
            // One that ended since the tables were made is left out.
            const row = ids.get(`${organisation} ${own}`);
            return row === undefined
              ? []
              : [
                  {
                    organisation: { id: organisation, name: row.name },
                    network: row.id,
                    prefix: own,
                    from: timeOf(from),
                    until: timeOrNull(until),
                  },
                ];
          }),
        })),
      };
    },
  );
  mount(
    server,
    at.owner,
    { who: [...staff, "member"], audit: "constituency.owner", scope: "constituency:read" },
    async ({ query, request }) => {
      const actor = actorOf(request);
      const { address, realm = "" } = query;
      const time = microsecondsOf(query.time) ?? now();
      const words = parseIp(address);
      if (words === undefined)
        throw new AppError("QUERY_PARAMETER", "`address` is no IPv4 or IPv6 address", { parameter: "address" });
      touch(request, `address:${address}`);
      const mine = realm === "" || hasRole(actor, "system") || actor.realms.includes(realm);
      const found = mine ? services.owners().ownerOf(realm, address, time) : null;
      // A member learns of its own networks, and not whose the others are.
      const owner =
        found !== null && (isStaff(actor) || actor.organisations.includes(found.organisation)) ? found : null;
      const name =
        owner === null
          ? undefined
          : await desk.as(actor, (trx) =>
              trx
                .selectFrom("organisations")
                .select(["id", "name"])
                .where("id", "=", owner.organisation)
                .executeTakeFirst(),
            );
      const asn = realm === "" ? origins.asnOf(Uint32Array.from(words), 0) : 0;
      return {
        address,
        time: timeOf(time),
        owner:
          owner === null || name === undefined
            ? null
            : { organisation: name, network: owner.network, translation: owner.translation },
        asn: asn === 0 ? null : asn,
        network: asn === 0 ? null : (origins.nameOf(asn)?.slice(0, 200) ?? null),
        country: realm === "" ? origins.countryOf(Uint32Array.from(words), 0) : null,
      };
    },
  );
  mount(
    server,
    at.import,
    { who: staff, audit: "constituency.import", scope: "constituency:write", bodyLimit: importAtMost },
    async ({ body, request }) => {
      const actor = actorOf(request);
      const asked = now();
      const done = await importText(desk, actor, { ...body, languages }, asked);
      touch(
        request,
        body.apply ? "import:apply" : "import:dry-run",
        `added:${done.added}`,
        `changed:${done.changed}`,
        `ended:${done.ended}`,
      );
      if (done.applied) services.changed();
      return {
        ...done,
        faults: linesOf(done.faults),
        warnings: linesOf(done.warnings),
        rows: done.rows.map((row) => historyRow({ ...row, at: asked, actor: actor.id })),
      };
    },
  );
  mount(
    server,
    exported,
    { who: staff, audit: "constituency.export", scope: "constituency:read" },
    async ({ query, request, reply }) => {
      const { form = "csv" } = query;
      const text = await exportText(desk, actorOf(request), form);
      return reply
        .type(form === "csv" ? "text/csv; charset=utf-8; header=present" : "application/yaml; charset=utf-8")
        .header("content-disposition", `attachment; filename="layang-constituency.${form}"`)
        .send(text);
    },
  );
  mount(
    server,
    at.proposals,
    { who: staff, audit: "constituency.proposals", scope: "constituency:read" },
    async ({ query }) => ({
      asked: timeOf(now()),
      on: services.proposals !== null,
      rows: services.proposals === null ? [] : await services.proposals(query),
    }),
  );
};
