// SPDX-License-Identifier: Apache-2.0
import { createHmac } from "node:crypto";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Actor } from "../model/actor.ts";
import { systemActor } from "../model/actor.ts";
import type { ContactRecord, NetworkRecord, Step } from "../model/constituency.ts";
import { contactsOf, reachedContacts, unreachable } from "../store/desk/contacts.ts";
import type { Desk } from "../store/desk/desk.ts";
import type { DeskPlace } from "../store/desk/desk.conformance.ts";
import { heldNetworks, networkIds, networksOf } from "../store/desk/networks.ts";
import { historyOf, listOrganisations, loadOrganisation } from "../store/desk/organisations.ts";
import { doStep } from "../store/desk/steps.ts";
import { createChanges } from "./changes.ts";
import { createClaims } from "./claims.ts";
import type { Changes } from "./changes.ts";
import { createChecks } from "./checks.ts";
import type { Checks } from "./checks.ts";
import { day, objectionFor } from "./options.ts";

const analyst: Actor = { id: "person:ana", roles: ["analyst"], organisations: [], realms: [], sensors: [] };
const member = (organisation: string, realms: readonly string[] = []): Actor => ({
  id: `person:of-${organisation}`,
  roles: ["member"],
  organisations: [organisation],
  realms,
  sensors: [],
});
const start = 1_764_000_000_000_000;
const network = (organisation: string, part: Partial<NetworkRecord>): Step => ({
  what: "network",
  change: "added",
  record: {
    organisation,
    realm: "",
    prefix: null,
    asn: null,
    domain: null,
    translation: "none",
    from: start,
    until: null,
    dark: [],
    ...part,
  },
});
const contact = (organisation: string, part: Partial<ContactRecord>): ContactRecord => ({
  organisation,
  role: "abuse",
  name: null,
  mail: `abuse@${organisation}.example`,
  phone: null,
  language: "en",
  openpgpKey: null,
  webhook: null,
  ...part,
});

/** What the constituency's repositories and the registry promise, whatever engine is behind them. */
export const registryConformance = (name: string, make: () => Promise<DeskPlace>): void => {
  describe(name, () => {
    let place: DeskPlace;
    let desk: Desk;
    let now = start;
    let changed = 0;
    let records: Record<string, string[]> = {};
    let changes: Changes;
    let claims: ReturnType<typeof createClaims>;
    let checks: Checks;
    const tokenOf = (link: string): string => createHmac("sha256", "key").update(link).digest("base64url");
    const step = (actor: Actor, one: Step) =>
      desk.as(actor, (trx) => doStep(trx, actor, one, { at: now, origin: "analyst" }));
    interface Letter {
      recipient: string;
      organisation_id: string | null;
      contact_id: string | null;
      payload: { plain: { subject: string; text: string; link: string | null } };
    }
    const letters = async (): Promise<Letter[]> => {
      const { rows } = await desk.as(systemActor, (trx) =>
        sql<Letter>`SELECT * FROM outbox ORDER BY created, id`.execute(trx),
      );
      return rows;
    };
    const tokenIn = async (recipient: string): Promise<string> =>
      tokenOf((await letters()).findLast((one) => one.recipient === recipient)?.payload.plain.link ?? "");
    const contacts = (id: string) => desk.as(systemActor, (trx) => contactsOf(trx, id));
    const changeRows = (actor: Actor) =>
      desk.as(actor, (trx) => trx.selectFrom("changes").selectAll().orderBy("at").execute());

    beforeAll(async () => {
      place = await make();
      desk = await place.open();
      const options = {
        desk,
        now: () => now,
        tokenOf,
        dutyMail: "duty@node.example",
        txt: (at: string) => Promise.resolve(records[at] ?? []),
        registered: ({ asn }: { asn: number | null }) =>
          Promise.resolve(asn === 64_511 ? "abuse@registry.example" : null),
        changed: () => changed++,
      };
      changes = createChanges(options);
      claims = createClaims(options);
      checks = createChecks(options);
      for (const id of ["alpha", "beta"]) {
        await step(analyst, {
          what: "organisation",
          change: "added",
          record: {
            id,
            name: `${id} 100%`,
            names: { ja: "名" },
            country: "TH",
            sector: null,
            essential: id === "alpha",
            note: null,
          },
        });
        await step(analyst, { what: "contact", change: "added", record: contact(id, {}) });
      }
      await step(analyst, network("alpha", { prefix: "192.0.2.0/24" }));
      await step(analyst, network("alpha", { asn: 64_500 }));
      await step(analyst, network("beta", { prefix: "2001:db8::/32" }));
    });
    afterAll(async () => {
      await desk.close();
      await place.remove();
    });

    it("shows each actor what is theirs, counted", async () => {
      const list = (actor: Actor, q?: string) =>
        desk.as(actor, (trx) =>
          listOrganisations(trx, actor, { offset: 0, limit: 10, ...(q === undefined ? {} : { q }) }, now),
        );
      expect(
        (await list(analyst)).rows.map(({ id, networks, addresses, contacts: n }) => [id, networks, addresses, n]),
      ).toEqual([
        ["alpha", 2, 256, 1],
        ["beta", 1, 0, 1],
      ]);
      expect((await list(member("beta"))).facts).toMatchObject({ total: 1, networks: 1, essential: 0 });
      // A wildcard that somebody typed is a letter.
      expect((await list(analyst, "_lpha")).rows).toEqual([]);
      expect((await list(analyst, "100%")).rows).toHaveLength(2);
      await expect(
        desk.as(member("beta"), (trx) => loadOrganisation(trx, member("beta"), "alpha", now)),
      ).rejects.toMatchObject({ code: "NOT_FOUND" });
      await expect(desk.as(analyst, (trx) => loadOrganisation(trx, analyst, "gamma", now))).rejects.toMatchObject({
        code: "NOT_FOUND",
      });
    });

    it("refuses what cannot be, and a second copy of what is", async () => {
      await expect(step(analyst, network("alpha", { prefix: "192.0.2.0/24" }))).rejects.toMatchObject({
        code: "NETWORK_INVALID",
      });
      await expect(step(analyst, { what: "network", change: "ended", id: "nowhere" })).rejects.toMatchObject({
        code: "NOT_FOUND",
      });
      await expect(step(member("alpha"), network("alpha", { prefix: "198.51.100.0/24" }))).rejects.toMatchObject({
        code: "ACCESS_DENIED",
      });
      await expect(step(member("beta"), network("alpha", { prefix: "198.51.100.0/24" }))).rejects.toMatchObject({
        code: "NOT_FOUND",
      });
    });

    it("keeps who held what: nothing is deleted", async () => {
      const [held] = await desk.as(analyst, (trx) => networksOf(trx, analyst, "beta", { now }));
      now += day;
      await step(analyst, { what: "network", change: "ended", id: held!.id });
      await step(
        analyst,
        network("alpha", { prefix: "2001:db8::/32", from: now, translation: "cgnat", dark: ["2001:db8:d::/48"] }),
      );
      const rows = [];
      for await (const page of heldNetworks(desk)) rows.push(...page);
      expect(
        rows
          .filter(({ prefix }) => prefix === "2001:db8::/32")
          .map(({ organisation, from, until, essential }) => [organisation, from, until, essential])
          .toSorted(),
      ).toEqual([
        ["alpha", now, null, true],
        ["beta", start, now, false],
      ]);
      const history = await desk.as(analyst, (trx) => historyOf(trx, analyst, "beta", 10));
      expect(history[0]).toMatchObject({
        what: "network",
        change: "ended",
        subject: "2001:db8::/32",
        actor: "person:ana",
      });
      const ids = await desk.as(analyst, (trx) =>
        networkIds(trx, [{ organisation: "alpha", prefix: "2001:db8::/32" }], now),
      );
      expect(ids.get("alpha 2001:db8::/32")?.name).toBe("alpha 100%");
      await expect(
        desk.as(systemActor, (trx) => trx.updateTable("constituency_history").set({ actor: "nobody" }).execute()),
      ).rejects.toThrow(/permission denied/);
    });

    it("lets a member keep its own realm, which staff never see", async () => {
      const own = member("alpha", ["alpha-inside"]);
      await step(own, network("alpha", { realm: "alpha-inside", prefix: "10.0.0.0/8" }));
      const seen = (actor: Actor) => desk.as(actor, (trx) => networksOf(trx, actor, "alpha", { now }));
      expect((await seen(own)).map(({ prefix }) => prefix)).toContain("10.0.0.0/8");
      expect((await seen(analyst)).map(({ prefix }) => prefix)).not.toContain("10.0.0.0/8");
      await expect(
        step(analyst, network("alpha", { realm: "alpha-inside", prefix: "10.1.0.0/16" })),
      ).rejects.toMatchObject({ code: "ACCESS_DENIED" });
      expect(
        (await desk.as(analyst, (trx) => historyOf(trx, analyst, "alpha", 100))).some(({ realm }) => realm !== ""),
      ).toBe(false);
    });

    it("lets who belongs to two organisations show neither the inside of the other", async () => {
      const both: Actor = { ...member("alpha", ["alpha-inside"]), organisations: ["alpha", "beta"] };
      await expect(step(both, network("beta", { realm: "alpha-inside", prefix: "10.9.0.0/16" }))).rejects.toMatchObject(
        { code: "ACCESS_DENIED" },
      );
      await step(both, network("alpha", { realm: "alpha-inside", prefix: "10.9.0.0/16" }));
    });

    it("takes a member's wish as a request, which staff decide once", async () => {
      const own = member("beta");
      expect(await changes.ask(own, "beta", network("beta", { prefix: "203.0.113.0/24" }))).toEqual({
        outcome: "requested",
        until: null,
      });
      const [row] = await changeRows(own);
      expect(row).toMatchObject({
        kind: "network",
        subject: "203.0.113.0/24",
        state: "asked",
        organisation_id: "beta",
      });
      await expect(changes.decide(own, row!.id, "approve", null)).rejects.toMatchObject({ code: "ACCESS_DENIED" });
      await expect(changes.decide(member("alpha"), row!.id, "withdraw", null)).rejects.toMatchObject({
        code: "NOT_FOUND",
      });
      const before = changed;
      await changes.decide(analyst, row!.id, "approve", null);
      expect(changed).toBe(before + 1);
      await expect(changes.decide(analyst, row!.id, "approve", null)).rejects.toMatchObject({ code: "CHANGE_DECIDED" });
      expect((await desk.as(own, (trx) => networksOf(trx, own, "beta", { now }))).map(({ prefix }) => prefix)).toEqual([
        "203.0.113.0/24",
      ]);
      // Row-level security behind: a member that goes around the repository decides nothing either.
      await changes.ask(own, "beta", network("beta", { prefix: "198.18.0.0/24" }));
      await expect(
        desk.as(own, (trx) =>
          trx.updateTable("changes").set({ state: "approved" }).where("state", "=", "asked").execute(),
        ),
      ).rejects.toThrow(/row-level security/);
      await expect(
        desk.as(own, (trx) =>
          trx
            .updateTable("contacts")
            .set({ mail: "x@evil.example" })
            .where("organisation_id", "=", "beta")
            .returningAll()
            .execute(),
        ),
      ).resolves.toEqual([]);
    });

    it("refuses a path that names one organisation and a row of another", async () => {
      const [of] = await contacts("alpha");
      await expect(
        changes.ask(member("beta"), "beta", {
          what: "contact",
          change: "changed",
          id: of!.id,
          record: contact("beta", { mail: "x@evil.example" }),
        }),
      ).rejects.toMatchObject({ code: "NOT_FOUND" });
      await expect(
        changes.ask(analyst, "beta", { what: "contact", change: "ended", id: of!.id }),
      ).rejects.toMatchObject({ code: "NOT_FOUND" });
    });

    it("tells the old contact of a change and waits 48 hours, for staff too", async () => {
      const [old] = await contacts("alpha");
      // What somebody asked for is told, and takes no part in the letter: its link stands once, where we put it.
      const to = contact("alpha", { mail: "new@alpha.example", name: "https://evil.example/?{link}" });
      for (const actor of [member("alpha"), analyst]) {
        expect(
          await changes.ask(actor, "alpha", { what: "contact", change: "changed", id: old!.id, record: to }),
        ).toEqual({
          outcome: "waiting",
          until: now + objectionFor,
        });
      }
      // The newer wish replaced the older one.
      expect((await changeRows(analyst)).filter(({ state }) => state === "waiting")).toHaveLength(1);
      const letter = (await letters()).at(-1)!;
      expect(letter.recipient).toBe("abuse@alpha.example");
      expect(letter.payload.plain.text).toContain("new@alpha.example");
      expect(letter.payload.plain.text.split("{link}")).toHaveLength(2);
      // Nobody of the organisation reads the secret, or the letter.
      expect(letter.organisation_id).toBeNull();
      expect(await desk.as(member("alpha"), (trx) => trx.selectFrom("contact_secrets").selectAll().execute())).toEqual(
        [],
      );
      expect(await desk.as(analyst, (trx) => trx.selectFrom("contact_secrets").selectAll().execute())).toEqual([]);
      const waiting = (await changeRows(analyst)).find(({ state }) => state === "waiting")!;
      await expect(changes.decide(analyst, waiting.id, "approve", null)).rejects.toMatchObject({
        code: "CHANGE_DECIDED",
      });
      now += objectionFor - 1;
      expect(await changes.applyDue()).toBe(0);
      expect((await contacts("alpha")).map(({ mail }) => mail)).toEqual(["abuse@alpha.example"]);
      now += 1;
      expect(await changes.applyDue()).toBe(1);
      expect((await contacts("alpha")).map(({ mail }) => mail)).toEqual(["new@alpha.example"]);
    });

    it("lets the old contact stop it with its link, once", async () => {
      const [old] = await contacts("alpha");
      await changes.ask(member("alpha"), "alpha", { what: "contact", change: "ended", id: old!.id });
      const token = await tokenIn("new@alpha.example");
      expect(await checks.confirm(token)).toEqual({ organisation: "alpha 100%", mail: "new@alpha.example" });
      await expect(checks.confirm(token)).rejects.toMatchObject({ code: "LINK_ENDED" });
      now += objectionFor;
      expect(await changes.applyDue()).toBe(0);
      expect((await contacts("alpha")).map(({ mail, state }) => [mail, state])).toEqual([
        ["new@alpha.example", "active"],
      ]);
      await expect(checks.confirm("x".repeat(43))).rejects.toMatchObject({ code: "LINK_ENDED" });
    });

    it("waits for a new telephone number as well", async () => {
      const [old] = await contacts("alpha");
      const record = contact("alpha", { mail: old!.mail, phone: "+62 21 000 000" });
      expect(
        await changes.ask(member("alpha"), "alpha", { what: "contact", change: "changed", id: old!.id, record }),
      ).toMatchObject({ outcome: "waiting" });
      const open = (await changeRows(analyst)).find(({ state }) => state === "waiting");
      await changes.decide(analyst, open!.id, "refuse", "no");
    });

    it("tells whom staff take off the list, so that nobody is diverted without a word", async () => {
      await changes.ask(analyst, "alpha", {
        what: "contact",
        change: "added",
        record: contact("alpha", { mail: "leaves@alpha.example", role: "noc", language: "id" }),
      });
      const added = (await contacts("alpha")).find(({ mail }) => mail === "leaves@alpha.example");
      expect(await changes.ask(analyst, "alpha", { what: "contact", change: "ended", id: added!.id })).toEqual({
        outcome: "done",
        until: null,
      });
      const [letter, ...more] = (await letters()).filter(({ recipient }) => recipient === "leaves@alpha.example");
      expect(more).toEqual([]);
      expect(letter!.payload.plain.text).toMatch(/^Alamat ini adalah kontak noc .*dihapus/s);
      expect(letter!.payload.plain.text).not.toContain("{");
      expect((await contacts("alpha")).map(({ mail }) => mail)).not.toContain("leaves@alpha.example");
    });

    it("changes what diverts nothing at once", async () => {
      const [old] = await contacts("alpha");
      const same = contact("alpha", { mail: old!.mail, language: "th", name: "Somchai" });
      expect(
        await changes.ask(member("alpha"), "alpha", { what: "contact", change: "changed", id: old!.id, record: same }),
      ).toMatchObject({ outcome: "done" });
      expect((await contacts("alpha"))[0]).toMatchObject({ id: old!.id, language: "th", name: "Somchai" });
    });

    it("grants a claim only after control was shown in the DNS", async () => {
      const own = member("beta");
      const id = await claims.claim(own, "beta", { prefix: "198.51.100.0/24", asn: null, domain: null }, "dns");
      await expect(claims.claim(own, "beta", { prefix: null, asn: 64_500, domain: null }, "dns")).rejects.toMatchObject(
        { code: "CLAIM_UNPROVEN" },
      );
      await expect(
        claims.claim(own, "alpha", { prefix: "198.51.100.0/24", asn: null, domain: null }, "dns"),
      ).rejects.toMatchObject({ code: "NOT_FOUND" });
      const row = (await changeRows(own)).find((one) => one.id === id)!;
      expect(row.instruction).toContain("100.51.198.in-addr.arpa");
      await expect(claims.prove(own, id)).rejects.toMatchObject({ code: "CLAIM_UNPROVEN" });
      await expect(changes.decide(analyst, id, "approve", null)).rejects.toMatchObject({ code: "CLAIM_UNPROVEN" });
      records = { "100.51.198.in-addr.arpa": ["v=spf1 -all", `layang-claim=${row.challenge ?? ""}`] };
      await claims.prove(own, id);
      expect((await changeRows(own)).find((one) => one.id === id)).toMatchObject({ state: "asked", shown: now });
      await changes.decide(analyst, id, "approve", null);
      const held = await desk.as(own, (trx) => networksOf(trx, own, "beta", { now }));
      expect(held.find(({ prefix }) => prefix === "198.51.100.0/24")).toMatchObject({ valid_from: now });
      // Nobody but the program says that control was shown.
      await expect(
        desk.as(own, (trx) =>
          sql`INSERT INTO changes (organisation_id, at, actor, kind, subject, step, state, shown) VALUES ('beta', 1, 'x', 'claim', 's', '{}', 'proof', 1)`.execute(
            trx,
          ),
        ),
      ).rejects.toThrow(/row-level security/);
    });

    it("or by whoever reads the registered mailbox, or by staff who say why", async () => {
      const own = member("beta");
      await expect(
        claims.claim(own, "beta", { prefix: null, asn: 64_512, domain: null }, "rdap"),
      ).rejects.toMatchObject({ code: "CLAIM_UNPROVEN" });
      const id = await claims.claim(own, "beta", { prefix: null, asn: 64_511, domain: null }, "rdap");
      await expect(claims.prove(own, id)).rejects.toMatchObject({ code: "CLAIM_UNPROVEN" });
      expect(await checks.confirm(await tokenIn("abuse@registry.example"))).toMatchObject({
        organisation: "beta 100%",
      });
      await changes.decide(analyst, id, "approve", null);
      now += 1;
      // Inside alpha's prefix: alpha is asked.
      const inside = await claims.claim(own, "beta", { prefix: "192.0.2.128/25", asn: null, domain: null }, "mail");
      expect((await letters()).at(-1)?.recipient).toBe("new@alpha.example");
      await changes.decide(analyst, inside, "approve", "the letter of authority was seen");
      expect((await changeRows(own)).find((one) => one.id === inside)).toMatchObject({
        state: "approved",
        method: "staff",
      });
      await claims.claim(own, "beta", { prefix: null, asn: null, domain: "beta.example" }, "mail");
      expect((await letters()).map(({ recipient }) => recipient)).toContain("postmaster@beta.example");
    });

    it("is no mail cannon: who withdraws and asks again writes few letters a day", async () => {
      const own = member("beta");
      const before = (await letters()).length;
      const again = async (): Promise<void> => {
        const id = await claims.claim(own, "beta", { prefix: null, asn: null, domain: "stranger.example" }, "mail");
        await changes.decide(own, id, "withdraw", null);
      };
      await expect(
        (async () => {
          for (let i = 0; i < 40; i++) await again();
        })(),
      ).rejects.toMatchObject({ code: "DOOR_BUSY" });
      expect((await letters()).length - before).toBeLessThanOrEqual(20);
      now += day + 1;
      await again();
      // Nor who asks for all of them at the same moment.
      now += day + 1;
      const start = (await letters()).length;
      const asked = await Promise.allSettled(
        Array.from({ length: 40 }, (_, i) =>
          claims.claim(own, "beta", { prefix: null, asn: null, domain: `n${i}.stranger.example` }, "mail"),
        ),
      );
      expect((await letters()).length - start).toBe(20);
      for (const claim of asked)
        if (claim.status === "fulfilled") await changes.decide(own, claim.value, "withdraw", null);
      now += day + 1;
    });

    it("does what is due though something before it cannot be done any more", async () => {
      const [old] = await contacts("alpha");
      const due = (id: string, step: Step) =>
        sql`INSERT INTO changes (id, organisation_id, at, actor, kind, subject, step, contact_id, state, waits_until) VALUES (${id}, 'alpha', 1, 'x', 'contact', 's', ${JSON.stringify(step)}::jsonb, ${old!.id}, 'waiting', 1)`.execute(
          desk.owner,
        );
      await due("a-broken", { what: "contact", change: "ended", id: "nobody" });
      const record = contact("alpha", { mail: old!.mail, language: "th", name: "Malee" });
      await due("b-whole", { what: "contact", change: "changed", id: old!.id, record });
      await expect(changes.applyDue()).rejects.toMatchObject({ code: "NOT_FOUND" });
      expect((await contacts("alpha"))[0]).toMatchObject({ name: "Malee" });
      await sql`UPDATE changes SET state = 'withdrawn' WHERE id = 'a-broken'`.execute(desk.owner);
    });

    it("asks contacts twice a year, and takes one click for an answer", async () => {
      expect(await checks.sendDue()).toBe(0);
      now += 181 * day;
      expect(await checks.sendDue()).toBe(2);
      expect(await checks.sendDue()).toBe(0);
      const before = await contacts("beta");
      expect(before[0]).toMatchObject({ last_check: now, verified: null });
      now += day;
      expect(await checks.confirm(await tokenIn("abuse@beta.example"))).toEqual({
        organisation: "beta 100%",
        mail: "abuse@beta.example",
      });
      expect((await contacts("beta"))[0]).toMatchObject({ verified: now, bounces: 0 });
      const written = (await letters()).length;
      await checks.send(member("beta"), "beta", before[0]!.id);
      await checks.send(member("beta"), "beta", before[0]!.id);
      expect((await letters()).length).toBe(written + 1);
      await expect(checks.send(member("alpha"), "beta", before[0]!.id)).rejects.toMatchObject({ code: "NOT_FOUND" });
      now += 31 * day;
      await expect(checks.confirm(await tokenIn("abuse@beta.example"))).rejects.toMatchObject({ code: "LINK_ENDED" });
    });

    it("passes on from a dead contact to the next role, and then to analysts", async () => {
      await step(analyst, {
        what: "contact",
        change: "added",
        record: contact("beta", { role: "noc", mail: "noc@beta.example" }),
      });
      const bounce = (id: string, hard: boolean) =>
        desk.as(systemActor, (trx) => checks.markBounced(trx, id, now, hard));
      const [abuse, noc] = await contacts("beta");
      expect(await bounce(abuse!.id, false)).toMatchObject({ dead: false });
      expect(await bounce(abuse!.id, true)).toMatchObject({ dead: false });
      expect(await bounce(abuse!.id, true)).toEqual({ organisation: "beta", dead: true, next: "noc" });
      expect(await desk.as(analyst, (trx) => reachedContacts(trx, "beta"))).toMatchObject({
        role: "noc",
        contacts: [{ mail: "noc@beta.example" }],
      });
      const written = (await letters()).length;
      await bounce(noc!.id, true);
      expect(await bounce(noc!.id, true)).toEqual({ organisation: "beta", dead: true, next: null });
      expect((await letters()).slice(written).map(({ recipient }) => recipient)).toEqual(["duty@node.example"]);
      expect(await desk.as(analyst, (trx) => unreachable(trx))).toEqual([{ id: "beta", name: "beta 100%" }]);
      // A dead contact cannot object: its change does not wait.
      expect(
        await changes.ask(analyst, "beta", {
          what: "contact",
          change: "changed",
          id: abuse!.id,
          record: contact("beta", { mail: "alive@beta.example" }),
        }),
      ).toMatchObject({ outcome: "done" });
      expect(await desk.as(analyst, (trx) => reachedContacts(trx, "beta"))).toMatchObject({ role: "abuse" });
      expect(await bounce("nowhere", true)).toBeNull();
    });

    it("ends an organisation with its networks and contacts", async () => {
      const own = member("beta");
      await changes.ask(own, "beta", network("beta", { prefix: "198.19.0.0/24" }));
      await changes.ask(own, "beta", {
        what: "contact",
        change: "added",
        record: contact("beta", { role: "noc", mail: "late@beta.example" }),
      });
      await step(analyst, { what: "organisation", change: "ended", id: "beta" });
      expect(await desk.as(analyst, (trx) => networksOf(trx, analyst, "beta", { now }))).toEqual([]);
      expect(await contacts("beta")).toEqual([]);
      const rows = [];
      for await (const page of heldNetworks(desk)) rows.push(...page);
      expect(rows.filter(({ organisation, until }) => organisation === "beta" && until === null)).toEqual([]);
      // What it still asked for gives nothing to who is gone.
      const asked = (await changeRows(analyst)).filter(
        ({ organisation_id, state }) => organisation_id === "beta" && state === "asked",
      );
      expect(asked.length).toBeGreaterThanOrEqual(2);
      for (const { id } of asked) {
        await expect(changes.decide(analyst, id, "approve", null)).rejects.toMatchObject({ code: "NOT_FOUND" });
        await changes.decide(analyst, id, "refuse", "it has ended");
      }
      expect(await contacts("beta")).toEqual([]);
    });
  });
};
