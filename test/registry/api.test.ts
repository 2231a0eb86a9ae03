// SPDX-License-Identifier: Apache-2.0
import { Ajv } from "ajv";
import formats from "ajv-formats";
import Fastify from "fastify";
import type { FastifyInstance } from "fastify";
import { sql } from "kysely";
import type { TSchema } from "typebox";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Visitor } from "../../src/access/guard.ts";
import { refusalOf } from "../../src/access/rule.ts";
import { operatorVisitor } from "../../src/access/guard.ts";
import { organisationEndpoints, exportPath } from "../../src/api/contract/desk/organisations.ts";
import { unclaimedEndpoints } from "../../src/api/contract/desk/unclaimed.ts";
import { actorOf } from "../../src/api/desk/actor.ts";
import { lookupEndpoint } from "../../src/api/desk/tuency.ts";
import { sendProblem } from "../../src/api/problem.ts";
import { openConfig } from "../../src/app/config.ts";
import { openConstituency } from "../../src/app/constituency.ts";
import type { Constituency } from "../../src/app/constituency.ts";
import { holdOwners } from "../../src/app/owners.ts";
import type { HeldOwners } from "../../src/app/owners.ts";
import { systemActor } from "../../src/model/actor.ts";
import type { Actor, Role } from "../../src/model/actor.ts";
import { AppError } from "../../src/platform/errors.ts";
import type { Desk } from "../../src/store/desk/desk.ts";
import type { DeskPlace } from "../../src/store/desk/desk.conformance.ts";
import { embeddedPlace, serverPlace } from "../desk/place.ts";

const actor = (role: Role, organisations: readonly string[] = []): Actor => ({
  id: `person:${role}-${organisations.join("-")}`,
  roles: [role],
  organisations,
  realms: [],
  sensors: [],
});
const analyst = actor("analyst");
const ajv = new Ajv({ strict: false });
formats.default(ajv);
const endpoints = { ...organisationEndpoints, ...unclaimedEndpoints };
type Name = keyof typeof endpoints;

const suite = (name: string, make: () => Promise<DeskPlace>) =>
  describe(name, () => {
    let place: DeskPlace;
    let desk: Desk;
    let owners: HeldOwners;
    let room: Constituency;
    let server: FastifyInstance;
    let who: Actor = analyst;
    beforeAll(async () => {
      place = await make();
      desk = await place.open();
      // The packaged data, as small as this test needs them.
      const asnOf = (words: Uint32Array, at: number): number => (words[at + 3]! >>> 24 === 203 ? 64_500 : 0);
      owners = await holdOwners(desk, { asnOf });
      room = openConstituency({
        settings: openConfig(undefined),
        desk,
        owners,
        origins: {
          asnOf,
          countryOf: (words, at) => (words[at + 3]! >>> 24 === 203 ? "TH" : null),
          nameOf: (asn) => (asn === 64_500 ? "Example Télécom Co., Ltd." : null),
          search: (text) => (text === "exam" ? [64_500] : []),
        },
        tokenOf: (link) => `secret-of-${link.replaceAll(/[^\w-]/g, "-")}`,
        dutyMail: null,
        onFault: (error) => {
          throw error;
        },
      });
      server = Fastify({ logger: false });
      server.decorateRequest("visitor", null);
      server.decorateRequest("touched");
      server.addHook("onRequest", async (request) => {
        const visitor: Visitor = { ...operatorVisitor, actor: who, name: who.id };
        request.visitor = visitor;
        request.touched = [];
        const rule = request.routeOptions.config.rule;
        const refusal = rule === undefined ? undefined : refusalOf(rule, who);
        if (refusal !== undefined) throw new AppError(refusal.code, refusal.why);
      });
      server.setErrorHandler((error, request, reply) =>
        sendProblem(reply, error, request, (fault) => {
          throw fault;
        }),
      );
      for (const one of room.routes) one(server, actorOf);
    });
    afterAll(async () => {
      await server.close();
      await desk.close();
      await place.remove();
    });

    /** Asks, and holds every answer against the contract. */
    const ask = async (
      endpoint: Name,
      {
        as = analyst,
        params = {},
        query = {},
        body,
      }: { as?: Actor; params?: Record<string, string | number>; query?: Record<string, string>; body?: unknown } = {},
      // eslint-disable-next-line typescript/no-explicit-any -- JSON of any route; what is not there fails the test
    ): Promise<{ status: number; body: any }> => {
      who = as;
      const { method, path, answer } = endpoints[endpoint] as { method: "GET" | "POST"; path: string; answer: TSchema };
      const url = `${path.replaceAll(/\{(\w+)\}/g, (_, key: string) => String(params[key] ?? ""))}?${new URLSearchParams(query)}`;
      const response = await server.inject({
        method,
        url,
        ...(method === "POST" ? { payload: (body ?? {}) as object } : {}),
      });
      const value: unknown = JSON.parse(response.body);
      if (response.statusCode === 200) {
        const check = ajv.compile(JSON.parse(JSON.stringify(answer)) as object);
        if (!check(value)) throw new Error(`${endpoint}: ${ajv.errorsText(check.errors)}`);
      }
      return { status: response.statusCode, body: value };
    };
    const at = { organisation: "isp" };
    const isp = actor("member", ["isp"]);
    const other = actor("member", ["grid"]);

    it("makes organisations with networks and contacts, as the contract says", async () => {
      const made = { name: "Provider", country: "TH", sector: null, essential: false, note: "calls back" };
      expect((await ask("organisations/new", { body: { id: "isp", ...made } })).body.organisation.id).toBe("isp");
      expect((await ask("organisations/new", { body: { id: "isp", ...made } })).body.code).toBe("ORGANISATION_EXISTS");
      expect(
        (await ask("organisations/new", { body: { id: "grid", ...made, name: "Grid", essential: true } })).status,
      ).toBe(200);
      expect((await ask("organisations/new", { as: isp, body: { id: "x", ...made } })).status).toBe(403);
      expect((await ask("organisations/new", { body: { id: "x", ...made, ended: null } })).body.code).toBe(
        "BODY_INVALID",
      );
      const network = await ask("network/new", {
        params: at,
        body: { prefix: "198.18.0.0/15", translation: "cgnat", dark: ["198.18.4.0/24"] },
      });
      expect(network.body).toMatchObject({
        outcome: "done",
        organisation: { networks: [{ prefix: "198.18.0.0/15", dark: ["198.18.4.0/24"] }] },
      });
      for (const body of [
        { translation: "none" },
        { prefix: "198.18.0.1/15", translation: "none" },
        { prefix: "198.19.0.0/16", asn: 1, translation: "none" },
        // More than any organisation holds: what nobody else has would be told to it.
        { prefix: "0.0.0.0/0", translation: "none" },
        { prefix: "::/0", translation: "none" },
      ]) {
        expect((await ask("network/new", { params: at, body })).body.code).toBe("NETWORK_INVALID");
      }
      expect(
        (
          await ask("network/new", {
            params: { organisation: "grid" },
            body: { prefix: "198.18.7.0/24", translation: "none" },
          })
        ).status,
      ).toBe(200);
      const contact = { role: "abuse", name: null, mail: "abuse@isp.example", phone: null, language: "th" };
      expect((await ask("contact/new", { params: at, body: contact })).body.organisation.contacts[0]).toMatchObject({
        state: "active",
        openpgp: null,
      });
      expect((await ask("contact/new", { params: at, body: { ...contact, openpgpKey: "no key" } })).body.code).toBe(
        "BODY_INVALID",
      );
      expect(
        (await ask("organisation/change", { params: at, body: { ...made, sector: "telecommunications" } })).body
          .outcome,
      ).toBe("done");
    });

    it("shows members their own alone, and takes their wishes as requests", async () => {
      expect((await ask("organisations", { as: isp })).body).toMatchObject({
        total: 1,
        rows: [{ id: "isp", addresses: 131_072 }],
      });
      expect((await ask("organisations", { query: { order: "created", limit: "1" } })).body).toMatchObject({
        total: 2,
        rows: [{ id: "grid" }],
      });
      const [first] = [(await ask("organisations", { query: { limit: "1" } })).body];
      expect((await ask("organisations", { query: { limit: "1", cursor: first.next } })).body.rows[0].id).toBe("isp");
      expect((await ask("organisations", { query: { cursor: "bm90IG91cnM" } })).body.code).toBe("QUERY_PARAMETER");
      expect((await ask("organisation", { as: other, params: at })).body.code).toBe("NOT_FOUND");
      const page = (await ask("organisation", { as: isp, params: at })).body;
      expect([page.note, page.may]).toEqual([null, ["request", "check"]]);
      const asked = await ask("network/new", {
        as: isp,
        params: at,
        body: { prefix: "192.0.2.0/24", translation: "none" },
      });
      expect(asked.body).toMatchObject({
        outcome: "requested",
        organisation: { networks: [{ prefix: "198.18.0.0/15" }] },
      });
      const changes = (await ask("changes", { as: isp })).body;
      expect(changes).toMatchObject({
        total: 1,
        facts: { open: 1 },
        rows: [{ kind: "network", subject: "192.0.2.0/24", state: "asked" }],
      });
      const params = { change: changes.rows[0].id };
      expect((await ask("changes", { as: other })).body.total).toBe(0);
      expect((await ask("change/decide", { as: other, params, body: { decision: "withdraw" } })).status).toBe(404);
      expect((await ask("change/decide", { as: isp, params, body: { decision: "approve" } })).status).toBe(403);
      expect((await ask("change/decide", { params, body: { decision: "approve" } })).body.state).toBe("approved");
      expect((await ask("changes", { query: { state: "done" } })).body.total).toBe(1);
      const claim = await ask("claims/new", {
        as: isp,
        body: { organisation: "isp", prefix: "203.0.112.0/24", method: "dns" },
      });
      expect(claim.body).toMatchObject({ kind: "claim", state: "proof", proof: { method: "dns", shown: null } });
      expect(
        (await ask("claims/new", { as: other, body: { organisation: "isp", prefix: "203.0.112.0/24", method: "dns" } }))
          .status,
      ).toBe(404);
      const all = { organisation: "isp", prefix: "0.0.0.0/0", method: "dns" };
      expect((await ask("claims/new", { as: isp, body: all })).body.code).toBe("NETWORK_INVALID");
      const secrets = await desk.as(systemActor, (trx) => trx.selectFrom("contact_secrets").selectAll().execute());
      expect(secrets).toEqual([]);
    });

    it("holds back a contact that would be diverted, and lets the mailbox stop it", async () => {
      const { contacts } = (await ask("organisation", { as: isp, params: at })).body;
      const params = { ...at, contact: contacts[0].id };
      const body = { role: "abuse", name: null, mail: "new@isp.example", phone: null, language: "th" };
      expect((await ask("contact/change", { as: other, params, body })).status).toBe(404);
      expect(
        (await ask("contact/change", { as: other, params: { organisation: "grid", contact: contacts[0].id }, body }))
          .status,
      ).toBe(404);
      const held = (await ask("contact/change", { as: isp, params, body })).body;
      expect(held).toMatchObject({ outcome: "waiting", organisation: { contacts: [{ mail: "abuse@isp.example" }] } });
      expect(held.organisation.contacts[0].waitsUntil).toBe(held.until);
      const { rows } = await desk.as(systemActor, (trx) =>
        sql<{ link: string }>`SELECT payload->'plain'->>'link' AS link FROM outbox`.execute(trx),
      );
      const token = `secret-of-${rows[0]?.link.replaceAll(/[^\w-]/g, "-") ?? ""}`;
      expect((await ask("contact/confirm", { as: actor("observer"), body: { token } })).body).toEqual({
        organisation: "Provider",
        mail: "abuse@isp.example",
      });
      expect((await ask("contact/confirm", { body: { token } })).status).toBeGreaterThanOrEqual(400);
      expect((await ask("organisation", { as: isp, params: at })).body.contacts[0]).toMatchObject({
        mail: "abuse@isp.example",
        waitsUntil: null,
      });
      expect((await ask("contact/check", { as: isp, params })).body).toEqual({ done: true });
    });

    it("answers who owns an address, and what overlaps", async () => {
      await owners.reload();
      expect((await ask("owner", { query: { address: "198.18.7.1" } })).body).toMatchObject({
        owner: { organisation: { id: "grid" }, network: "198.18.7.0/24", translation: "none" },
      });
      expect((await ask("owner", { query: { address: "198.18.8.1" }, as: isp })).body.owner.organisation.id).toBe(
        "isp",
      );
      expect((await ask("owner", { query: { address: "198.18.7.1" }, as: isp })).body.owner).toBeNull();
      expect(
        (await ask("owner", { query: { address: "198.18.8.1", time: "2020-05-03T00:00:00Z" } })).body.owner,
      ).toBeNull();
      expect((await ask("owner", { query: { address: "203.1.1.1" } })).body).toMatchObject({
        owner: null,
        asn: 64_500,
        network: "Example Télécom Co., Ltd.",
        country: "TH",
      });
      expect((await ask("overlaps")).body).toMatchObject({
        total: 1,
        facts: { conflicts: 0, nested: 1 },
        rows: [
          {
            kind: "nested",
            prefix: "198.18.0.0/15",
            holders: [{ organisation: { id: "isp" } }, { organisation: { id: "grid" } }],
          },
        ],
      });
      expect((await ask("overlaps", { as: isp })).status).toBe(403);
      expect((await ask("proposals", { query: { asn: "64500" } })).body).toMatchObject({ on: false, rows: [] });
    });

    it("takes a file, shows first, and gives it back", async () => {
      const content = "organisation,name,network\nnew,New,192.0.3.0/24\n";
      const dry = (await ask("import", { body: { form: "csv", content, apply: false, replace: false } })).body;
      expect(dry).toMatchObject({
        applied: false,
        added: 2,
        faults: [],
        rows: [{ what: "organisation" }, { what: "network" }],
      });
      expect((await ask("import", { body: { form: "csv", content, apply: true, replace: false } })).body.applied).toBe(
        true,
      );
      expect(
        (await ask("import", { body: { form: "csv", content: "x", apply: true, replace: false } })).body,
      ).toMatchObject({ applied: false, faults: [{ line: 1 }, { line: 1 }] });
      expect(
        (await ask("import", { as: isp, body: { form: "csv", content, apply: true, replace: true } })).status,
      ).toBe(403);
      who = analyst;
      const file = await server.inject({ method: "GET", url: `${exportPath}?form=csv` });
      expect([file.statusCode, file.headers["content-type"], file.body.includes("192.0.3.0/24")]).toEqual([
        200,
        "text/csv; charset=utf-8; header=present",
        true,
      ]);
      who = isp;
      expect((await server.inject({ method: "GET", url: exportPath })).statusCode).toBe(403);
      await owners.reload();
    });

    it("lists what belongs to nobody, and makes an organisation of it in one call", async () => {
      await desk.as(systemActor, (trx) =>
        sql`INSERT INTO alerts (id, realm, exercise, kind, subject, source, state, severity, rank, first, last, packets, dark_addresses, sensors, confidence, held, detected, marking, origin, asn, country)
SELECT 'a' || i, '', CASE WHEN i = 5 THEN 'drill' ELSE '' END, 'infected-host', '203.0.113.' || i, ('203.0.113.' || i)::inet, 'new', 'high', 1, 1000000, 2000000 + i, 10, 3, '{}', 1, '{}', 1, 'TLP:AMBER', 'node', 64500, 'TH'
FROM generate_series(1, 5) AS i`.execute(trx),
      );
      const list = (await ask("unclaimed")).body;
      expect(list).toMatchObject({
        total: 1,
        facts: { networks: 1, alerts: 4, countries: 1, topCountry: "TH", topAlerts: 4 },
        rows: [
          {
            asn: 64_500,
            network: "Example Télécom Co., Ltd.",
            country: "TH",
            alerts: 4,
            sources: 4,
            packets: 40,
            organisation: null,
            proposedId: "example-te-le-com-co-ltd",
          },
        ],
      });
      // An organisation of that name is there already: what lacks is its network.
      await desk.as(systemActor, (trx) =>
        sql`UPDATE organisations SET name = 'Example Télécom Co., Ltd.' WHERE id = 'grid'`.execute(trx),
      );
      expect((await ask("unclaimed")).body.rows[0].organisation).toEqual({
        id: "grid",
        name: "Example Télécom Co., Ltd.",
      });
      await desk.as(systemActor, (trx) => sql`UPDATE organisations SET name = 'Grid' WHERE id = 'grid'`.execute(trx));
      expect((await ask("unclaimed", { query: { q: "exam" } })).body.total).toBe(1);
      expect((await ask("unclaimed", { query: { q: "other" } })).body.total).toBe(0);
      expect((await ask("unclaimed", { query: { country: "JP" } })).body.total).toBe(0);
      expect((await ask("unclaimed", { as: isp })).status).toBe(403);
      const taken = (await ask("unclaimed/take", { params: { asn: 64_500 }, body: { mail: "abuse@telecom.example" } }))
        .body;
      expect(taken).toMatchObject({
        organisation: { id: list.rows[0].proposedId, country: "TH", openAlerts: 4 },
        networks: [{ asn: 64_500 }],
        contacts: [{ mail: "abuse@telecom.example" }],
      });
      expect((await ask("unclaimed")).body.total).toBe(0);
      expect((await ask("unclaimed/take", { params: { asn: 64_500 }, body: {} })).body.code).toBe("NETWORK_INVALID");
      await owners.reload();
      expect((await ask("owner", { query: { address: "203.9.9.9" } })).body.owner).toMatchObject({
        network: "AS64500",
      });
      await room.tick();
    });

    it("answers IntelMQ as tuency does", async () => {
      const look = async (query: Record<string, string>, as: Actor = analyst) => {
        who = as;
        const response = await server.inject({
          method: "GET",
          url: `${lookupEndpoint.path}?${new URLSearchParams(query)}`,
        });
        return { status: response.statusCode, body: JSON.parse(response.body) as unknown };
      };
      const asked = {
        classification_taxonomy: "malicious-code",
        classification_type: "infected-system",
        feed_provider: "p",
        feed_name: "n",
        feed_status: "production",
      };
      const destinations = [{ source: "portal", name: "Provider", contacts: [{ email: "abuse@isp.example" }] }];
      expect((await look({ ...asked, ip: "198.18.8.1" })).body).toEqual({
        ip: { destinations },
        interval: { unit: "immediate", length: 1 },
      });
      expect((await look({ ...asked, ip: "198.18.8.1", domain: "nobody.example" })).body).toEqual({
        ip: { destinations },
        domain: { destinations: [] },
        interval: { unit: "immediate", length: 1 },
      });
      // Nobody's, and somebody without a contact: never without `interval`, without which the client forgets the contacts.
      expect((await look({ ...asked, ip: "8.8.8.8" })).body).toEqual({
        ip: { destinations: [] },
        interval: { unit: "immediate", length: 1 },
      });
      expect((await look({ ...asked, ip: "198.18.7.1" })).body).toEqual({
        ip: { destinations: [{ source: "portal", name: "Grid", contacts: [] }] },
        interval: { unit: "immediate", length: 1 },
      });
      expect((await look({ ...asked, feed_status: "testing", ip: "198.18.8.1" })).body).toMatchObject({
        suppress: true,
      });
      expect((await look(asked)).status).toBe(400);
      expect((await look({ ...asked, ip: "198.18.8.1", x: "1" })).status).toBe(400);
      // What an organisation wishes decides: a digest a day, a week, or nothing.
      const prefer = (how: string, every = "day") =>
        desk.as(systemActor, (trx) =>
          sql`INSERT INTO preferences (organisation_id, document, changed, actor) VALUES ('isp', ${JSON.stringify({ rules: [{ kind: "infected-host", severity: "low", how }], digest: { every, hour: 8 } })}::jsonb, 1, 'x')
ON CONFLICT (organisation_id) DO UPDATE SET document = excluded.document`.execute(trx),
        );
      await prefer("digest");
      expect((await look({ ...asked, ip: "198.18.8.1" })).body).toEqual({
        ip: { destinations },
        interval: { unit: "days", length: 1 },
      });
      await prefer("digest", "week");
      expect((await look({ ...asked, ip: "198.18.8.1" })).body).toMatchObject({
        interval: { unit: "weeks", length: 1 },
      });
      // A name that is nobody's has no wish that would hurry a digest.
      expect((await look({ ...asked, ip: "198.18.8.1", domain: "nobody.example" })).body).toEqual({
        ip: { destinations },
        domain: { destinations: [] },
        interval: { unit: "weeks", length: 1 },
      });
      await prefer("never");
      expect((await look({ ...asked, ip: "198.18.8.1" })).body).toMatchObject({ suppress: true });
      expect((await look({ ...asked, ip: "198.18.8.1", domain: "nobody.example" })).body).toMatchObject({
        suppress: true,
      });
      // Who wants nothing is left out, and does not silence the other owner.
      await ask("network/new", {
        params: { organisation: "grid" },
        body: { domain: "grid.example", translation: "none" },
      });
      const grid = { role: "abuse", name: null, mail: "abuse@grid.example", phone: null, language: "en" };
      await ask("contact/new", { params: { organisation: "grid" }, body: grid });
      await owners.reload();
      expect((await look({ ...asked, ip: "198.18.8.1", domain: "www.grid.example" })).body).toEqual({
        ip: { destinations: [] },
        domain: { destinations: [{ source: "portal", name: "Grid", contacts: [{ email: "abuse@grid.example" }] }] },
        interval: { unit: "immediate", length: 1 },
      });
      // Another kind follows another rule; a member's token finds its own organisation alone.
      expect(
        (await look({ ...asked, classification_type: "phishing", classification_taxonomy: "fraud", ip: "198.18.8.1" }))
          .body,
      ).not.toHaveProperty("suppress");
      expect((await look({ ...asked, ip: "198.18.8.1" }, other)).body).toMatchObject({ ip: { destinations: [] } });
      expect((await look({ ...asked, ip: "198.18.8.1" }, actor("observer"))).status).toBe(403);
    });
  });

suite("the constituency's API over PGlite", embeddedPlace);
suite("the constituency's API over PostgreSQL", serverPlace);
