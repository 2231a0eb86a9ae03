// SPDX-License-Identifier: Apache-2.0
import { cursorText, readCursor } from "../../platform/cursor.ts";
import type { FastifyInstance } from "fastify";
import { idOfAs, takeUnclaimed } from "../../registry/unclaimed.ts";
import type { Origins } from "../../registry/unclaimed.ts";
import type { Desk } from "../../store/desk/desk.ts";
import { listUnclaimed } from "../../store/desk/unclaimed.ts";
import { staff } from "../../access/rule.ts";
import { unclaimedEndpoints as at } from "../contract/desk/unclaimed.ts";
import type { UnclaimedRow } from "../contract/desk/unclaimed.ts";
import { touch } from "./actor.ts";
import type { ActorOf } from "./actor.ts";
import { organisationPage } from "./organisations.ts";
import { mount } from "./route.ts";
import { timeOf } from "./times.ts";

export interface UnclaimedServices {
  readonly desk: Desk;
  readonly now: () => number;
  readonly origins: Origins;
  /** AS numbers whose name holds a text. */
  readonly search: (text: string) => readonly number[];
  /** Mail address that the registries propose; null: none, or asking is off. */
  readonly registered: (asn: number) => Promise<string | null>;
  readonly changed: () => void;
}

/** What belongs to nobody, and two clicks to make an organisation of it. */
export const withUnclaimed = (server: FastifyInstance, services: UnclaimedServices, actorOf: ActorOf): void => {
  const { desk, now, origins } = services;
  mount(server, at.unclaimed, { who: staff, audit: "unclaimed.list" }, async ({ query, request }) => {
    const { cursor, limit = 100, country, q, order, exercise, realm = "" } = query;
    const [offset] = cursor === undefined ? [0] : readCursor(cursor, "offset");
    const { rows, facts } = await desk.as(actorOf(request), (trx) =>
      listUnclaimed(trx, {
        offset,
        // Of a member's own realm nothing is shown here.
        limit: realm === "" ? limit : 0,
        ...(country === undefined ? {} : { country }),
        ...(q === undefined ? {} : { asns: services.search(q) }),
        ...(order === undefined ? {} : { order }),
        ...(exercise === undefined ? {} : { exercise }),
      }),
    );
    const named = rows.map((row) => ({ id: idOfAs(row.asn, origins.nameOf(row.asn)), name: origins.nameOf(row.asn) }));
    const there =
      named.length === 0
        ? []
        : await desk.as(actorOf(request), (trx) =>
            trx
              .selectFrom("organisations")
              .select(["id", "name"])
              .where("ended", "is", null)
              .where(({ or, eb }) =>
                or([
                  eb("id", "in", [...new Set(named.map(({ id }) => id))]),
                  eb("name", "in", [...new Set(named.map(({ name }) => name ?? ""))]),
                ]),
              )
              .limit(1000)
              .execute(),
          );
    return {
      asked: timeOf(now()),
      total: facts.networks,
      next: offset + rows.length < facts.networks && rows.length === limit ? cursorText(offset + limit) : null,
      facts: {
        networks: facts.networks,
        alerts: facts.alerts,
        countries: facts.countries,
        topCountry: facts.top_country,
        topAlerts: facts.top_alerts,
      },
      rows: rows.map((row): UnclaimedRow => {
        const name = origins.nameOf(row.asn);
        return {
          asn: row.asn,
          network: name === null ? null : name.slice(0, 200),
          country: row.country,
          alerts: row.alerts,
          sources: row.sources,
          packets: row.packets,
          kinds: [...row.kinds],
          families: row.families.map((family) => family.slice(0, 100)),
          first: timeOf(row.first),
          last: timeOf(row.last),
          organisation: there.find((one) => one.name === name || one.id === idOfAs(row.asn, name)) ?? null,
          proposedId: idOfAs(row.asn, name),
        };
      }),
    };
  });
  mount(server, at["unclaimed/take"], { who: staff, audit: "unclaimed.take" }, async ({ params, body, request }) => {
    const actor = actorOf(request);
    const { asn } = params;
    const { rows } = await desk.as(actor, (trx) => listUnclaimed(trx, { asns: [asn], offset: 0, limit: 1 }));
    const mail = body.mail ?? (await services.registered(asn).catch(() => null));
    const id = await takeUnclaimed(
      desk,
      actor,
      {
        asn,
        id: body.id ?? null,
        name: body.name ?? null,
        mail,
        language: body.language ?? null,
        country: rows[0]?.country ?? null,
      },
      origins.nameOf(asn),
      now(),
    );
    touch(request, `organisation:${id}`, `network:AS${asn}`);
    services.changed();
    return desk.as(actor, (trx) => organisationPage(trx, actor, id, now()));
  });
};
