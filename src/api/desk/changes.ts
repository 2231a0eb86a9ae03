// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance } from "fastify";
import type { Actor } from "../../model/actor.ts";
import { isTooWide, networkKeyOf } from "../../constituency/network.ts";
import { cursorText, readCursor } from "../../platform/cursor.ts";
import { AppError } from "../../platform/errors.ts";
import type { Changes } from "../../registry/changes.ts";
import type { Claims } from "../../registry/claims.ts";
import type { Desk, DeskTransaction } from "../../store/desk/desk.ts";
import { isStaff, seesOrganisation } from "../../store/desk/steps.ts";
import { staff } from "../../access/rule.ts";
import { organisationEndpoints as at } from "../contract/desk/organisations.ts";
import type { ChangeRow } from "../contract/desk/organisations.ts";
import { touch } from "./actor.ts";
import type { ActorOf } from "./actor.ts";
import { mount } from "./route.ts";
import { timeOf, timeOrNull } from "./times.ts";

export interface ChangeServices {
  readonly desk: Desk;
  readonly now: () => number;
  readonly changes: Changes;
  readonly claims: Claims;
}
const who = [...staff, "member"] as const;
const open = ["asked", "proof", "waiting"] as const;

const rows = (trx: DeskTransaction, actor: Actor) =>
  trx
    .selectFrom("changes")
    .innerJoin("organisations", "organisations.id", "changes.organisation_id")
    .selectAll("changes")
    .select("organisations.name")
    .where("changes.realm", "in", ["", ...(isStaff(actor) ? [] : actor.realms)])
    .$if(!isStaff(actor), (query) => query.where("organisation_id", "in", ["", ...actor.organisations]));

const rowOf = (row: Awaited<ReturnType<ReturnType<typeof rows>["executeTakeFirstOrThrow"]>>): ChangeRow => ({
  id: row.id,
  organisation: { id: row.organisation_id, name: row.name },
  at: timeOf(row.at),
  by: row.actor,
  kind: row.kind,
  subject: row.subject.slice(0, 253),
  before: row.before,
  after: row.after,
  state: row.state,
  waitsUntil: timeOrNull(row.waits_until),
  proof:
    row.method === null
      ? null
      : { method: row.method, shown: timeOrNull(row.shown), instruction: row.instruction ?? "" },
  reason: row.reason,
});

/** What members ask for, what staff decide, and what waits for an objection. */
export const withChanges = (
  server: FastifyInstance,
  { desk, now, changes, claims }: ChangeServices,
  actorOf: ActorOf,
): void => {
  const one = (actor: Actor, id: string): Promise<ChangeRow> =>
    desk.as(actor, async (trx) => {
      const row = await rows(trx, actor).where("changes.id", "=", id).executeTakeFirst();
      if (row === undefined) throw new AppError("NOT_FOUND", "there is no such request");
      return rowOf(row);
    });
  mount(server, at.changes, { who, audit: "change.list", scope: "constituency:read" }, ({ query, request }) => {
    const actor = actorOf(request);
    const { cursor, limit = 50, state = "open", organisation } = query;
    if (organisation !== undefined && !seesOrganisation(actor, organisation))
      throw new AppError("NOT_FOUND", "there is no such organisation");
    const [offset] = cursor === undefined ? [0] : readCursor(cursor, "offset");
    return desk.as(actor, async (trx) => {
      const wanted = rows(trx, actor).$if(organisation !== undefined, (q) =>
        q.where("organisation_id", "=", organisation ?? ""),
      );
      const ofOpen = wanted.where("state", "in", open);
      const found = await (state === "open" ? ofOpen : wanted.where("state", "not in", open))
        .orderBy("at", state === "open" ? "asc" : "desc")
        .orderBy("changes.id")
        .offset(offset)
        .limit(limit + 1)
        .execute();
      const facts = await ofOpen
        .clearSelect()
        .select((eb) => [
          eb.fn.countAll<number>().as("open"),
          eb.fn.countAll<number>().filterWhere("kind", "=", "claim").as("claims"),
          eb.fn.min<number | null>("at").as("oldest"),
        ])
        .executeTakeFirstOrThrow();
      const total =
        state === "open"
          ? facts.open
          : (
              await wanted
                .where("state", "not in", open)
                .clearSelect()
                .select((eb) => eb.fn.countAll<number>().as("n"))
                .executeTakeFirstOrThrow()
            ).n;
      return {
        asked: timeOf(now()),
        total,
        next: found.length > limit ? cursorText(offset + limit) : null,
        facts: { open: facts.open, claims: facts.claims, oldest: timeOrNull(facts.oldest) },
        rows: found.slice(0, limit).map(rowOf),
      };
    });
  });
  mount(
    server,
    at["change/decide"],
    { who, audit: "change.decide", scope: "constituency:write" },
    async ({ params, body, request }) => {
      touch(request, `change:${params.change}`, body.decision);
      await changes.decide(actorOf(request), params.change, body.decision, body.reason ?? null);
      return one(actorOf(request), params.change);
    },
  );
  mount(
    server,
    at["change/prove"],
    { who, audit: "change.prove", scope: "constituency:write" },
    async ({ params, request }) => {
      touch(request, `change:${params.change}`);
      await claims.prove(actorOf(request), params.change);
      return one(actorOf(request), params.change);
    },
  );
  mount(
    server,
    at["claims/new"],
    { who, audit: "claim.new", scope: "constituency:write" },
    async ({ body, request }) => {
      const actor = actorOf(request);
      const given = [body.prefix, body.asn === undefined ? undefined : `AS${body.asn}`, body.domain].filter(
        (text) => text !== undefined,
      );
      const key = given.length === 1 ? networkKeyOf(given[0] ?? "") : undefined;
      if (key === undefined)
        throw new AppError("NETWORK_INVALID", "give one prefix, AS number or domain, with no bit set behind a prefix");
      if (isTooWide(key, ""))
        throw new AppError("NETWORK_INVALID", `${key.prefix} is more than any organisation holds`);
      touch(request, `organisation:${body.organisation}`, `network:${given[0] ?? ""}`);
      const id = await claims.claim(actor, body.organisation, key, body.method);
      return one(actor, id);
    },
  );
};
