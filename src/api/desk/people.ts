// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance } from "fastify";
import type { People, PersonView } from "../../access/people.ts";
import { staff } from "../../access/rule.ts";
import type { MadeLink } from "../../access/invitations.ts";
import { peopleEndpoints as at } from "../contract/desk/people.ts";
import type { PersonRow } from "../contract/desk/people.ts";
import { touch } from "./actor.ts";
import type { ActorOf } from "./actor.ts";
import { cursorText, readCursor } from "../../platform/cursor.ts";
import { mount } from "./route.ts";
import { timeOf, timeOrNull } from "./times.ts";

export interface PeopleServices {
  readonly people: People;
  /** Microseconds. */
  readonly now: () => number;
  /** Mails a one-time link; false where mail is not set up. */
  readonly mailLink?: (mail: string, language: string, link: MadeLink) => Promise<boolean>;
}

const rowOf = (person: PersonView): PersonRow => ({
  ...person,
  roles: [...person.roles],
  organisations: [...person.organisations],
  sensors: [...person.sensors],
  may: [...person.may],
  created: timeOf(person.created),
  seen: timeOrNull(person.seen),
});

/** People: who there is, invitations, roles, one-time links for new passwords. */
export const withPeople = (server: FastifyInstance, services: PeopleServices, actorOf: ActorOf): void => {
  const { people, now } = services;
  const invited = async (found: { person: PersonView; link: MadeLink }) => ({
    person: rowOf(found.person),
    link: found.link.link,
    expires: timeOf(found.link.expires),
    mailed:
      (await services.mailLink?.(found.person.mail, found.person.language, found.link).catch(() => false)) ?? false,
  });

  mount(server, at.people, { who: staff, audit: "people.read" }, async ({ query, request }) => {
    const actor = actorOf(request);
    const { cursor, limit = 100, ...filter } = query;
    const [after] = cursor === undefined ? [""] : readCursor(cursor, "text");
    const { total, rows } = await people.list(actor, filter, { after, limit });
    const last = rows.at(-1);
    return {
      asked: timeOf(now()),
      total,
      next: rows.length === limit && last !== undefined ? cursorText(last.mail) : null,
      facts: await people.counts(actor),
      rows: rows.map(rowOf),
    };
  });
  mount(server, at.colleagues, { who: staff, audit: null }, async ({ request }) => ({
    rows: await people.colleagues(actorOf(request)),
  }));
  mount(server, at["people/invite"], { who: staff, audit: "person.invite" }, async ({ body, request }) => {
    const { name = "", sensors = [], ...rest } = body;
    const found = await people.invite(actorOf(request), { ...rest, name, sensors });
    touch(
      request,
      `person:${found.person.id}`,
      ...body.roles.map((role) => `role:${role}`),
      ...body.organisations.map((id) => `organisation:${id}`),
    );
    return invited(found);
  });
  mount(server, at["person/change"], { who: staff, audit: "person.change" }, async ({ params, body, request }) => {
    touch(
      request,
      `person:${params.person}`,
      ...body.roles.map((role) => `role:${role}`),
      ...body.organisations.map((id) => `organisation:${id}`),
    );
    return rowOf(await people.change(actorOf(request), params.person, { ...body, sensors: body.sensors ?? [] }));
  });
  mount(server, at["person/act"], { who: staff, audit: "person.state" }, async ({ params, body, request }) => {
    touch(request, `person:${params.person}`, body.action, body.reason ?? "");
    return rowOf(
      await people.setState(actorOf(request), params.person, body.action === "disable" ? "disabled" : "active"),
    );
  });
  mount(server, at["person/reset"], { who: staff, audit: "person.reset" }, async ({ params, request }) => {
    touch(request, `person:${params.person}`);
    return invited(await people.reset(actorOf(request), params.person));
  });
};
