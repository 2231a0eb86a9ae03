// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance } from "fastify";
import { people, staff } from "../../access/rule.ts";
import { findOnDesk } from "../../cases/search.ts";
import { personOf } from "../../cases/board.ts";
import type { Actor } from "../../model/actor.ts";
import { AppError } from "../../platform/errors.ts";
import type { Desk } from "../../store/desk/desk.ts";
import { listDetections } from "../../store/desk/detections.ts";
import { keepView, listViews, removeView } from "../../store/desk/views.ts";
import { searchEndpoints as at } from "../contract/desk/search.ts";
import type { DeskSearch, Views } from "../contract/desk/search.ts";
import type { ActorOf } from "./actor.ts";
import { campaignName } from "./campaigns.ts";
import { mount } from "./route.ts";
import { timeOf } from "./times.ts";

export interface SearchServices {
  readonly desk: Desk;
  /** Microseconds. */
  readonly now: () => number;
}
type Row = DeskSearch["rows"][number];

const most = 20;
/** Campaigns whose names are looked through. */
const campaigns = 200;
const cut = (text: string | null): string | null => (text === null || text.length <= 200 ? text : text.slice(0, 200));

/** Filters belong to people: a token without one, or the node's own, keeps none. */
const personOrNull = (actor: Actor): string | null => (actor.id.startsWith("person:") ? personOf(actor) : null);

/** What `/` finds on the desk, of what who asks may see, and the filters that people keep. */
export const withSearch = (server: FastifyInstance, { desk, now }: SearchServices, actorOf: ActorOf): void => {
  mount(
    server,
    at["desk/search"],
    { who: [...staff, "member"], audit: "search", scope: "cases:read" },
    async ({ query, request }) => {
      const actor = actorOf(request);
      const scope = { realm: query.realm ?? "", exercise: query.exercise ?? "" };
      const typed = query.q.trim();
      if (typed === "") return { rows: [] };
      const rows = await desk.as(actor, async (trx): Promise<Row[]> => {
        const found: Row[] = (await findOnDesk(trx, actor, typed, scope)).map((hit) => ({
          kind: hit.kind,
          label: cut(hit.label) ?? "",
          detail: cut(hit.detail),
          case: hit.number,
          organisation: hit.organisation,
          id: hit.id,
        }));
        if (typed.length < 3) return found;
        const words = typed.toLowerCase();
        for (const row of await listDetections(trx, { ...scope, kinds: ["campaign"] }, campaigns)) {
          const name = campaignName(row);
          if (!`${name} ${row.family ?? ""}`.toLowerCase().includes(words)) continue;
          found.push({
            kind: "campaign",
            label: cut(name) ?? "",
            detail: cut(row.family),
            case: null,
            organisation: null,
            id: row.id,
          });
        }
        return found;
      });
      return { rows: rows.slice(0, most) };
    },
  );

  const viewsOf = async (actor: Actor): Promise<Views> => {
    if (personOrNull(actor) === null) return { rows: [] };
    const rows = await desk.as(actor, listViews);
    return { rows: rows.map(({ id, page, name, search, made }) => ({ id, page, name, search, made: timeOf(made) })) };
  };
  mount(server, at.views, { who: people, audit: null }, ({ request }) => viewsOf(actorOf(request)));
  mount(server, at["views/new"], { who: people, audit: "view.keep" }, async ({ body, request }) => {
    const actor = actorOf(request);
    const person = personOrNull(actor);
    if (person === null) throw new AppError("ACCESS_DENIED", "filters are kept by people: sign in with an account");
    await desk.as(actor, (trx) => keepView(trx, { ...body, person_id: person, made: now() }));
    return viewsOf(actor);
  });
  mount(server, at["view/remove"], { who: people, audit: "view.remove" }, async ({ params, request }) => {
    await desk.as(actorOf(request), (trx) => removeView(trx, params.view));
    return { done: true };
  });
};
