// SPDX-License-Identifier: Apache-2.0
import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createHmac } from "node:crypto";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { actOnAlerts } from "../../src/cases/actions.ts";
import { listAlerts } from "../../src/cases/board.ts";
import type { Cases } from "../../src/cases/cases.ts";
import type { Actor } from "../../src/model/actor.ts";
import { systemActor } from "../../src/model/actor.ts";
import type { Detection } from "../../src/model/detection.ts";
import { actOnLetter, listLetters } from "../../src/notify/letters.ts";
import { savePreferences } from "../../src/notify/preferences.ts";
import { defaultPreferences } from "../../src/alert/delivery.ts";
import { backoff } from "../../src/notify/outbox.ts";
import { createEgress } from "../../src/platform/egress.ts";
import type { Desk } from "../../src/store/desk/desk.ts";
import type { DeskPlace } from "../../src/store/desk/desk.conformance.ts";
import { embeddedPlace, serverPlace } from "../desk/place.ts";
import { day, detection, hour, makeCases, makeOutbox, organisation, owner, smtpSink, start } from "./place.ts";
import type { Sink } from "./place.ts";

const analyst: Actor = { id: "person:ana", roles: ["analyst"], organisations: [], realms: [], sensors: [] };

const conformance = (name: string, make: () => Promise<DeskPlace>): void => {
  describe(name, () => {
    let place: DeskPlace;
    let desk: Desk;
    let sink: Sink;
    const refused = new Map<string, string>();
    beforeAll(async () => {
      place = await make();
      desk = await place.open();
      sink = await smtpSink((to) => refused.get(to) ?? null);
    });
    afterAll(async () => {
      await desk.close();
      await place.remove();
      await sink.close();
    });
    const take = (cases: Cases, list: readonly Detection[], now: number, withdrawn: readonly string[] = []) =>
      desk.as(systemActor, (trx) => cases.takeDetections(trx, list, { now, withdrawn }));
    const rowsOf = async <R>(text: ReturnType<typeof sql<R>>): Promise<R[]> =>
      (await desk.as(systemActor, (trx) => text.execute(trx))).rows;
    const drain = async (cases: Cases, now: number, more: Parameters<typeof makeOutbox>[4] = {}): Promise<number> => {
      const outbox = makeOutbox(desk, cases, sink.port, () => now, more);
      const made = await outbox.drain();
      await outbox.close();
      return made;
    };

    it("gives one alert for a /64, and for an address and family behind translation, with its list of times and ports", async () => {
      await organisation(desk, "carrier");
      const cases = makeCases(desk, [
        owner("carrier", "100.64.0.0/16", { translation: "cgnat" }),
        owner("carrier", "2001:db8:5::/48"),
      ]);
      const many = Array.from({ length: 40 }, (_, i) => ({
        time: start + i * 1_000_000,
        error: 500,
        sourcePort: 20_000 + i,
        port: 23,
      }));
      await take(
        cases,
        [
          detection("100.64.7.7", { samples: many.slice(0, 20) }),
          detection("100.64.7.7", { samples: many.slice(20) }),
          detection("100.64.7.7", { family: "mozi", samples: [] }),
          detection("2001:db8:5:1::1"),
          detection("2001:db8:5:1:abcd::2"),
          detection("2001:db8:5:2::1"),
        ],
        start + hour,
      );
      const alerts = await rowsOf(
        sql<{
          subject: string;
          samples: unknown[];
          packets: number;
        }>`SELECT subject, samples, packets FROM alerts WHERE organisation_id = 'carrier' ORDER BY subject`,
      );
      expect(alerts.map(({ subject }) => subject)).toEqual([
        "100.64.7.7#mirai",
        "100.64.7.7#mozi",
        "2001:db8:5:1::/64",
        "2001:db8:5:2::/64",
      ]);
      expect(alerts[0]).toMatchObject({ packets: 80 });
      expect(alerts[0]?.samples).toHaveLength(16);
      await drain(cases, start + hour);
      const texts = sink.mails.map(({ parsed }) => parsed.text ?? "");
      expect(texts.filter((text) => text.includes("it cannot be attributed"))).toHaveLength(1);
      expect(texts.filter((text) => text.includes("Time and source port together"))).toHaveLength(1);
    });

    it("makes one digest of what is more than an owner reads, holds what is more than that, and calls an analyst once", async () => {
      await organisation(desk, "flooded");
      const cases = makeCases(desk, [owner("flooded", "198.18.0.0/16")], {
        policy: { immediatePerHour: 3, ownerBreaker: 30 },
        dutyMail: "duty@node.example",
      });
      const now = start + 2 * day;
      const hosts = (from: number, n: number) =>
        Array.from({ length: n }, (_, i) => detection(`198.18.1.${from + i}`, { first: now - hour, last: now - 1 }));
      expect(await take(cases, hosts(0, 20), now)).toMatchObject({ told: 20, held: 0 });
      // The digest that waits takes more; the counts go on.
      expect(await take(cases, hosts(20, 25), now + 1)).toMatchObject({ told: 10, held: 15 });
      const letters = await rowsOf(
        sql<{
          form: string;
          items: number;
        }>`SELECT form, jsonb_array_length(payload->'items') AS items FROM outbox WHERE organisation_id = 'flooded' AND channel = 'mail' ORDER BY form, id`,
      );
      expect(letters.map(({ form, items }) => [form, Number(items)])).toEqual([
        ["digest", 27],
        ["notice", 1],
        ["notice", 1],
        ["notice", 1],
      ]);
      expect(await rowsOf(sql`SELECT id FROM outbox WHERE form = 'breaker'`)).toHaveLength(1);
      const before = sink.mails.length;
      await drain(cases, now + 16 * 60_000_000);
      const sent = sink.mails.slice(before);
      expect(sent.map(({ to }) => to).toSorted()).toEqual([
        ...Array.from({ length: 4 }, () => "abuse@flooded.example"),
        "duty@node.example",
      ]);
      const digest = sent.find(({ parsed }) => parsed.subject === "27 findings in networks of The flooded");
      // A link for each: 27 cases, 27 answers.
      expect(new Set(digest?.parsed.text?.match(/help#[\w-]{43}/g)).size).toBe(27);
      // A digest that has left is not written into again.
      const late = await take(
        makeCases(desk, [owner("flooded", "198.18.0.0/16")], { policy: { immediatePerHour: 3, ownerBreaker: 1_000 } }),
        hosts(100, 2),
        now + 16 * 60_000_000 - 1_000,
      );
      expect(late.told).toBe(2);
      expect(
        await rowsOf(
          sql`SELECT id FROM outbox WHERE organisation_id = 'flooded' AND form = 'digest' AND state = 'waiting'`,
        ),
      ).toHaveLength(1);
    });

    it("takes back what a later revision withdraws: a letter that waits does not leave, one that left is corrected", async () => {
      await organisation(desk, "wronged");
      const cases = makeCases(desk, [owner("wronged", "198.19.0.0/16")]);
      const now = start + 5 * day;
      const [told, waiting, kept] = [
        detection("198.19.0.1"),
        detection("198.19.0.2"),
        detection("198.19.0.3"),
      ] as const;
      await take(cases, [told, kept], now);
      await drain(cases, now);
      await take(cases, [waiting, detection("198.19.0.3", { id: "e".repeat(32), port: 80 })], now + 1);
      await take(cases, [], now + 2, [told.id, waiting.id, kept.id]);
      const alerts = await rowsOf(
        sql<{
          subject: string;
          state: string;
          closing: string | null;
          packets: number;
        }>`SELECT subject, state, closing, packets FROM alerts WHERE organisation_id = 'wronged' ORDER BY subject`,
      );
      expect(alerts.map(({ state, closing }) => [state, closing])).toEqual([
        ["closed", "withdrawn"],
        ["closed", "withdrawn"],
        ["new", null],
      ]);
      expect(alerts[2]?.packets).toBe(40);
      const before = sink.mails.length;
      await drain(cases, now + 3);
      expect(sink.mails.slice(before).map(({ parsed }) => parsed.subject)).toEqual([
        expect.stringMatching(/^\[LAYANG-\d+\] Correction: Infected host 198\.19\.0\.1/),
      ]);
      // Taken back twice is taken back once.
      await take(cases, [], now + 4, [told.id]);
      expect(await drain(cases, now + 5)).toBe(0);
    });

    it("takes out of what waits the withdrawn finding alone: a digest keeps the others, a case with others their letters", async () => {
      await organisation(desk, "mixed");
      const cases = makeCases(desk, [owner("mixed", "198.51.20.0/24")], { policy: { previewFirst: true } });
      const now = start + 6 * day;
      const set = (how: "immediate" | "digest") =>
        savePreferences(
          desk,
          analyst,
          "mixed",
          { ...defaultPreferences, rules: [{ kind: null, severity: "low", how }] },
          [],
          now,
        );
      const mails = () =>
        rowsOf(
          sql<{
            id: string;
            form: string;
            state: string;
            subjects: string[];
          }>`SELECT id, form, state, ARRAY(SELECT i->>'subject' FROM jsonb_array_elements(payload->'items') AS i ORDER BY 1) AS subjects FROM outbox WHERE organisation_id = 'mixed' AND channel = 'mail' ORDER BY form, state`,
        );
      const [one, two, three, four] = [1, 2, 3, 4].map((n) => detection(`198.51.20.${n}`)) as [
        Detection,
        Detection,
        Detection,
        Detection,
      ];
      await set("digest");
      await take(cases, [one, two], now);
      await set("immediate");
      await take(cases, [three, four], now);
      const pair = await rowsOf(
        sql<{
          id: string;
          version: number;
        }>`SELECT id, version FROM alerts WHERE subject IN ('198.51.20.3', '198.51.20.4')`,
      );
      await actOnAlerts(desk, cases.rules, analyst, pair, { action: "merge", title: "both" }, now);
      await take(cases, [], now + 1, [one.id, three.id]);
      expect(await mails()).toMatchObject([
        { form: "digest", state: "held", subjects: ["198.51.20.2"] },
        { form: "notice", state: "dead", subjects: [] },
        { form: "notice", state: "held", subjects: ["198.51.20.4"] },
      ]);
      // A digest of which nothing is left does not leave.
      await take(cases, [], now + 2, [two.id]);
      expect(await mails()).toMatchObject([{ form: "digest", state: "dead", subjects: [] }, {}, {}]);
      const [, , waiting] = await mails();
      await actOnLetter(desk, analyst, waiting?.id ?? "", "release", null, now + 3);
      const before = sink.mails.length;
      expect(await drain(cases, now + 3)).toBe(1);
      expect(sink.mails[before]?.parsed.subject).toContain("198.51.20.4");
    });

    it("keeps the transaction whole: when the cursor fails, nothing of alerts or letters is there", async () => {
      await organisation(desk, "whole");
      const cases = makeCases(desk, [owner("whole", "198.51.7.0/24")]);
      await expect(
        desk.as(systemActor, async (trx) => {
          await cases.takeDetections(trx, [detection("198.51.7.1")], { now: start });
          throw new Error("cursor");
        }),
      ).rejects.toThrow("cursor");
      expect(
        await rowsOf(
          sql`SELECT id FROM alerts WHERE organisation_id = 'whole' UNION ALL SELECT id FROM outbox WHERE organisation_id = 'whole'`,
        ),
      ).toEqual([]);
    });

    it("holds a first letter until somebody has looked, then lets all of its owner go", async () => {
      await organisation(desk, "fresh");
      const cases = makeCases(desk, [owner("fresh", "198.51.8.0/24")], { policy: { previewFirst: true } });
      const now = start + 8 * day;
      await take(cases, [detection("198.51.8.1"), detection("198.51.8.2")], now);
      expect(await drain(cases, now)).toBe(0);
      const { rows, facts } = await listLetters(
        desk,
        analyst,
        { exercise: "", organisation: "fresh" },
        { limit: 10 },
        now,
      );
      expect(facts.held).toBe(2);
      await actOnLetter(desk, analyst, rows[0]?.id ?? "", "release", null, now);
      expect(await drain(cases, now)).toBe(2);
      await take(cases, [detection("198.51.8.3")], now + 1);
      expect(await drain(cases, now + 1)).toBe(1);
    });

    it("lets a held letter of no organisation go by itself", async () => {
      const id = "f".repeat(32);
      await rowsOf(
        sql`INSERT INTO outbox (id, exercise, realm, channel, recipient, payload, state, due, created, form) VALUES (${id}, '', '', 'mail', 'duty@node.example', '{"items":[]}', 'held', 1, 1, 'plain')`,
      );
      await actOnLetter(desk, analyst, id, "release", null, start);
      expect(await rowsOf(sql`SELECT state, due FROM outbox WHERE id = ${id}`)).toEqual([
        { state: "waiting", due: start },
      ]);
      await actOnLetter(desk, analyst, id, "discard", null, start);
    });

    it("tries again with patience, gives up in the open, and learns which address is dead", async () => {
      await organisation(desk, "greylisted");
      await organisation(desk, "gone");
      refused.set("abuse@greylisted.example", "451 later");
      refused.set("abuse@gone.example", "550 5.1.1 no such user");
      const cases = makeCases(desk, [owner("greylisted", "198.51.9.0/24"), owner("gone", "198.51.10.0/24")]);
      let now = start + 9 * day;
      const learnt: (string | null)[] = [];
      const more = {
        onOutcome: (_trx: unknown, letter: { contact_id: string | null }, sent: { outcome: string }) => {
          if (sent.outcome === "refused") learnt.push(letter.contact_id);
          return Promise.resolve();
        },
      };
      await take(cases, [detection("198.51.9.1"), detection("198.51.10.1")], now);
      expect(await drain(cases, now, more)).toBe(2);
      expect(await drain(cases, now, more)).toBe(0);
      expect(learnt).toHaveLength(1);
      const stateOf = async (id: string) =>
        (
          await rowsOf(
            sql<{
              state: string;
              attempts: number;
              error: string | null;
              due: number;
            }>`SELECT state, attempts, error, due FROM outbox WHERE organisation_id = ${id} AND channel = 'mail'`,
          )
        )[0];
      expect(await stateOf("gone")).toMatchObject({
        state: "dead",
        attempts: 1,
        error: expect.stringContaining("550"),
      });
      expect(await stateOf("greylisted")).toMatchObject({ state: "waiting", attempts: 1, due: now + backoff(1) });
      refused.delete("abuse@greylisted.example");
      now += backoff(1);
      expect(await drain(cases, now, more)).toBe(1);
      expect(await stateOf("greylisted")).toMatchObject({ state: "sent", attempts: 2 });
      // Dead letters are seen, and sent again when somebody mended the address.
      const dead = await listLetters(
        desk,
        analyst,
        { exercise: "", states: ["dead"], organisation: "gone" },
        { limit: 10 },
        now,
      );
      expect(dead.rows).toHaveLength(1);
      refused.delete("abuse@gone.example");
      await actOnLetter(desk, analyst, dead.rows[0]?.id ?? "", "retry", null, now);
      expect(await drain(cases, now, more)).toBe(1);
      const ids = await rowsOf(
        sql<{
          message_id: string;
        }>`SELECT DISTINCT message_id FROM deliveries d JOIN outbox b ON b.id = d.outbox_id WHERE b.organisation_id = 'greylisted'`,
      );
      // One letter, one Message-ID, however often it was tried.
      expect(ids).toHaveLength(1);
    });

    it("gives a letter that was given up as many attempts again, and to where the contact is reached by now", async () => {
      const id = await organisation(desk, "away");
      refused.set("abuse@away.example", "451 later");
      const cases = makeCases(desk, [owner("away", "198.51.14.0/24")]);
      let now = start + 20 * day;
      await take(cases, [detection("198.51.14.1")], now);
      const letter = async () =>
        (
          await rowsOf(
            sql<{
              id: string;
              state: string;
              attempts: number;
              recipient: string;
            }>`SELECT id, state, attempts, recipient FROM outbox WHERE organisation_id = 'away' AND channel = 'mail'`,
          )
        )[0];
      const tryFor = async (attempts: number): Promise<void> => {
        for (let i = 0; i < attempts; i++, now += 5 * hour) await drain(cases, now);
      };
      /** As if it had been tried so often. */
      const tried = (attempts: number): Promise<unknown> =>
        desk.as(systemActor, (trx) =>
          trx.updateTable("outbox").set({ attempts }).where("organisation_id", "=", "away").execute(),
        );
      await tryFor(2);
      await tried(30);
      await tryFor(1);
      expect(await letter()).toMatchObject({ state: "waiting", attempts: 31 });
      await tryFor(1);
      expect(await letter()).toMatchObject({ state: "dead", attempts: 32 });
      await actOnLetter(desk, analyst, (await letter())?.id ?? "", "retry", null, now);
      await tryFor(2);
      await tried(62);
      await tryFor(1);
      expect(await letter()).toMatchObject({ state: "waiting", attempts: 63 });
      await tryFor(1);
      expect(await letter()).toMatchObject({ state: "dead", attempts: 64 });
      await desk.as(systemActor, (trx) =>
        trx.updateTable("contacts").set({ mail: "new@away.example" }).where("id", "=", id).execute(),
      );
      await actOnLetter(desk, analyst, (await letter())?.id ?? "", "retry", null, now);
      await tryFor(1);
      expect(await letter()).toMatchObject({ state: "sent", recipient: "new@away.example" });
      expect(sink.mails.at(-1)?.to).toBe("new@away.example");
    });

    it("sends to the test mailbox alone in mail-test mode, and says to whom it would have gone", async () => {
      await organisation(desk, "tested");
      const cases = makeCases(desk, [owner("tested", "198.51.11.0/24")]);
      await take(cases, [detection("198.51.11.1")], start + 11 * day);
      const before = sink.mails.length;
      await drain(cases, start + 11 * day, { testMail: "test@node.example" });
      const [mail] = sink.mails.slice(before);
      expect(mail?.to).toBe("test@node.example");
      expect(mail?.parsed.subject).toMatch(/^\[TEST\] \[LAYANG-/);
      expect(mail?.parsed.headers.get("x-layang-test-recipient")).toBe("abuse@tested.example");
    });

    it("tells each recipient by its own rules: digest, quiet hours, holidays, or the inbox alone", async () => {
      await organisation(desk, "choosy");
      const cases = makeCases(desk, [owner("choosy", "198.51.12.0/24")], {
        isHoliday: (country, date) => country === "ID" && date === "2026-08-17",
      });
      const now = Date.parse("2026-08-16T20:00:00Z") * 1000;
      const set = (more: Partial<typeof defaultPreferences>) =>
        savePreferences(
          desk,
          analyst,
          "choosy",
          { ...defaultPreferences, timeZone: "Asia/Jakarta", holidays: "ID", ...more },
          ["ID"],
          now,
        );
      await set({
        rules: [
          { kind: "scanning-host", severity: "low", how: "inbox" },
          { kind: "dos-victim", severity: "low", how: "digest" },
          { kind: null, severity: "low", how: "immediate" },
        ],
      });
      await take(
        cases,
        [
          detection("198.51.12.1"),
          detection("198.51.12.2", { kind: "scanning-host" }),
          detection("198.51.12.3", { kind: "dos-victim" }),
        ],
        now,
      );
      const letters = await rowsOf(
        sql<{
          form: string;
          channel: string;
          due: number;
        }>`SELECT form, channel, due FROM outbox WHERE organisation_id = 'choosy' ORDER BY channel, form`,
      );
      // 17 August is Independence Day in Jakarta: both wait for the 18th.
      expect(letters.map(({ form, channel, due }) => [form, channel, new Date(due / 1000).toISOString()])).toEqual([
        ["notice", "inbox", "2026-08-16T20:00:00.000Z"],
        ["notice", "inbox", "2026-08-16T20:00:00.000Z"],
        ["notice", "inbox", "2026-08-16T20:00:00.000Z"],
        ["digest", "mail", "2026-08-18T01:00:00.000Z"],
        ["notice", "mail", "2026-08-17T17:00:00.000Z"],
      ]);
    });

    it("calls a webhook with a signature that its owner can check", async () => {
      const calls: { headers: IncomingMessage["headers"]; body: string }[] = [];
      const server = createServer((request, response) => {
        let body = "";
        request.on("data", (chunk: Buffer) => (body += chunk.toString()));
        request.on("end", () => {
          calls.push({ headers: request.headers, body });
          response.statusCode = calls.length === 1 ? 503 : 204;
          response.end();
        });
      }).listen(0, "127.0.0.1");
      await once(server, "listening");
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
      const contact = await organisation(desk, "hooked", { mail: null, webhook: url });
      const cases = makeCases(desk, [owner("hooked", "198.51.13.0/24")]);
      const now = start + 13 * day;
      await take(cases, [detection("198.51.13.1")], now);
      expect(await drain(cases, now, { fetch: (to, init) => fetch(to, init) })).toBe(1);
      expect(await drain(cases, now + backoff(1), { fetch: (to, init) => fetch(to, init) })).toBe(1);
      const last = calls.at(-1);
      const signature = createHmac("sha256", `secret of ${contact}`)
        .update(`${String(last?.headers["x-layang-timestamp"])}.${last?.body}`)
        .digest("hex");
      expect(last?.headers["x-layang-signature"]).toBe(`sha256=${signature}`);
      expect(JSON.parse(last?.body ?? "")).toMatchObject({
        organisation: "hooked",
        findings: [{ source: "198.51.13.1" }],
        xarf: { type: "infected_host" },
      });
      server.close();
    });

    it("says of a webhook that was never called no more than that, and of one that broke off that it may have arrived", async () => {
      const server = createServer((_request, response) => response.destroy()).listen(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      const egress = createEgress({
        allow: ["127.0.0.0/8"],
        resolve: (host) =>
          host === "gone.example" ? Promise.reject(new Error("no such name")) : Promise.resolve(["127.0.0.1"]),
      });
      const now = start + 13 * day;
      for (const [id, n, url, outcome] of [
        ["nameless", 1, "https://gone.example/", "deferred"],
        // It speaks no TLS.
        ["untrusted", 2, `https://hook.example:${port}/`, "deferred"],
        ["breaking", 3, `http://hook.example:${port}/`, "unknown"],
      ] as const) {
        await organisation(desk, id, { mail: null, webhook: url });
        const cases = makeCases(desk, [owner(id, "198.51.23.0/24")]);
        await take(cases, [detection(`198.51.23.${n}`)], now);
        expect(await drain(cases, now, { fetch: (to, init) => egress.fetch(to, init) })).toBe(1);
        const found = await rowsOf(
          sql<{
            outcome: string;
            said: number;
          }>`SELECT outcome, (SELECT count(*)::int FROM case_events e WHERE e.organisation_id = ${id} AND e.kind = 'delivery-unknown') AS said FROM deliveries WHERE organisation_id = ${id}`,
        );
        expect(found, id).toEqual([{ outcome, said: outcome === "unknown" ? 1 : 0 }]);
      }
      server.close();
    });

    it("keeps no letter waiting for a webhook that does not answer", async () => {
      await organisation(desk, "tarpit", { mail: null, webhook: "https://hook.tarpit.example/" });
      await organisation(desk, "brisk");
      const cases = makeCases(desk, [owner("tarpit", "198.51.21.0/24"), owner("brisk", "198.51.22.0/24")]);
      const now = start + 12 * day;
      const answer = Promise.withResolvers<Response>();
      let calls = 0;
      const outbox = makeOutbox(desk, cases, sink.port, () => now, {
        parallel: 2,
        fetch: () => {
          calls++;
          return answer.promise;
        },
      });
      await take(
        cases,
        [1, 2, 3].map((n) => detection(`198.51.21.${n}`)),
        now,
      );
      outbox.start();
      await vi.waitFor(() => expect(calls).toBe(2), 20_000);
      const before = sink.mails.length;
      await take(cases, [detection("198.51.22.1")], now);
      outbox.poke();
      await vi.waitFor(() => expect(sink.mails).toHaveLength(before + 1), 20_000);
      answer.resolve(new Response(null, { status: 204 }));
      await vi.waitFor(() => expect(calls).toBe(3), 20_000);
      await outbox.close();
    });

    it("shows no owner, analyst or link what is another realm's", async () => {
      const cases = makeCases(desk, [owner("carrier", "10.0.0.0/8")]);
      await take(cases, [detection("10.1.1.1", { realm: "carrier-inside" })], start + 14 * day);
      const rows = await rowsOf(
        sql<{ marking: string; case_id: string }>`SELECT marking, case_id FROM alerts WHERE realm = 'carrier-inside'`,
      );
      expect(rows).toMatchObject([{ marking: "TLP:AMBER+STRICT" }]);
      expect(
        (await listAlerts(desk, analyst, { realm: "carrier-inside", exercise: "" }, "rank", { limit: 10 }, start))
          .total,
      ).toBe(0);
      const inside = {
        id: "person:c",
        roles: ["member"],
        organisations: ["carrier"],
        realms: ["carrier-inside"],
        sensors: [],
      } as const;
      expect(
        (await listAlerts(desk, inside, { realm: "carrier-inside", exercise: "" }, "rank", { limit: 10 }, start)).total,
      ).toBe(1);
      expect(
        (
          await listAlerts(
            desk,
            { ...inside, realms: [] },
            { realm: "carrier-inside", exercise: "" },
            "rank",
            { limit: 10 },
            start,
          )
        ).total,
      ).toBe(0);
      const refusedAct = await actOnAlerts(
        desk,
        cases.rules,
        analyst,
        [{ id: rows[0]?.case_id ?? "", version: 1 }],
        { action: "unsuppress" },
        start,
      );
      expect(refusedAct.refused).toMatchObject([{ code: "NOT_FOUND" }]);
    });
  });
};

conformance("what happens to detections, in the process (PGlite)", embeddedPlace);
conformance("what happens to detections, on a server (PostgreSQL)", serverPlace);
