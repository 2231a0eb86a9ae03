// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listCases } from "../../src/cases/list.ts";
import { systemActor } from "../../src/model/actor.ts";
import type { Desk } from "../../src/store/desk/desk.ts";
import type { DeskPlace } from "../../src/store/desk/desk.conformance.ts";
import { embeddedPlace, serverPlace } from "../desk/place.ts";
import { day, detection, hour, makeCases, makeOutbox, organisation, owner, smtpSink, start } from "./place.ts";
import type { Sink } from "./place.ts";

const conformance = (name: string, make: () => Promise<DeskPlace>): void => {
  describe(name, () => {
    let place: DeskPlace;
    let desk: Desk;
    let sink: Sink;
    beforeAll(async () => {
      place = await make();
      desk = await place.open();
      sink = await smtpSink();
      await organisation(desk, "alpha");
    });
    afterAll(async () => {
      await desk.close();
      await place.remove();
      await sink.close();
    });

    it("carries a detection to a mail with a link, and an answer back to the case", async () => {
      const cases = makeCases(desk, [owner("alpha", "198.51.100.0/24")]);
      const now = start + hour;
      const found = detection("198.51.100.7");
      const take = (at: number, ...list: (typeof found)[]) =>
        desk.as(systemActor, (trx) => cases.takeDetections(trx, list, { now: at }));
      expect(await take(now, found)).toMatchObject({ opened: 1, told: 1, held: 0 });
      // The same interval judged again, as after a crash.
      expect(await take(now + 1, found)).toMatchObject({ opened: 0, changed: 0, told: 0 });
      expect(await take(now + 2, { ...found, packets: 90, last: found.last + 5 })).toMatchObject({
        changed: 1,
        told: 0,
      });
      const alert = await desk.as(systemActor, (trx) => trx.selectFrom("alerts").selectAll().executeTakeFirstOrThrow());
      expect(alert).toMatchObject({
        state: "new",
        packets: 90,
        organisation_id: "alpha",
        subject: "198.51.100.7",
        notified: null,
      });

      const outbox = makeOutbox(desk, cases, sink.port, () => now + 1_000_000);
      expect(await outbox.drain()).toBe(1);
      expect(await outbox.drain()).toBe(0);
      await outbox.close();
      expect(sink.mails).toHaveLength(1);
      const { parsed } = sink.mails[0] ?? {};
      expect(parsed?.subject).toBe("[LAYANG-1] Infected host 198.51.100.7 (mirai)");
      expect(parsed?.text).toContain("source port 40001");
      expect(parsed?.attachments.map(({ filename }) => filename)).toEqual(["findings.csv", "xarf.json"]);
      const token = /https:\/\/layang\.example\/help#([\w-]{43})\s/.exec(parsed?.text ?? "")?.[1] ?? "";

      const bearer = await cases.linkActor(token, now + day);
      expect(bearer.roles).toEqual(["link"]);
      await expect(
        cases.linkActor(
          token.replace(/.$/, (c) => (c === "A" ? "B" : "A")),
          now,
        ),
      ).rejects.toThrow("ended");
      await expect(cases.linkActor(token, now + 31 * day)).rejects.toThrow("ended");
      await cases.answerByLink(
        bearer,
        { answer: "cleaned", channel: null, note: "factory reset", alerts: [] },
        now + day,
      );
      const after = await desk.as(systemActor, (trx) => trx.selectFrom("alerts").selectAll().executeTakeFirstOrThrow());
      // A claim: nothing is suppressed, nothing is quiet.
      expect(after).toMatchObject({
        state: "new",
        suppressed_until: null,
        acknowledged: now + day,
        acted: now + day,
        notified: now + 1_000_000,
      });
      const { rows } = await desk.as(systemActor, (trx) =>
        sql<{ kind: string }>`SELECT kind FROM case_events ORDER BY id`.execute(trx),
      );
      expect(rows.map(({ kind }) => kind)).toEqual(["detected", "letter", "notified", "answered"]);
      // The bearer sees this case, and of it only what is the owner's.
      const seen = await desk.as(bearer, async (trx) => ({
        cases: await trx.selectFrom("cases").select("id").execute(),
        organisations: await trx.selectFrom("organisations").select("id").execute(),
        letters: await trx.selectFrom("outbox").select("id").execute(),
        links: await trx.selectFrom("help_links").select("id").execute(),
      }));
      expect(seen).toEqual({ cases: [{ id: bearer.case }], organisations: [], letters: [], links: [] });
      // Told and not answered it waited for its owner; the answer puts it back on the desk.
      const stateOf = async () =>
        (
          await desk.as(systemActor, (trx) =>
            trx.selectFrom("cases").select("state").where("id", "=", bearer.case).executeTakeFirstOrThrow(),
          )
        ).state;
      expect(await stateOf()).toBe("open");

      // Quiet, then back: what is told and shown is of this time, not of the time before the clean-up.
      const quieted = found.last + hour;
      await desk.as(systemActor, async (trx) => {
        await sql`UPDATE alerts SET state = 'quiet', quieted = ${quieted}, last = ${quieted}`.execute(trx);
      });
      const again = quieted + day;
      const sampleAt = (time: number) => ({ time, error: 2_000, sourcePort: 50_000, port: 23 });
      // The detector's claim goes on and names packets of both times.
      await take(again + hour, {
        ...found,
        packets: 120,
        last: again,
        samples: [...found.samples, sampleAt(again - 10), sampleAt(again)],
      });
      const samples = async () =>
        (
          await desk.as(systemActor, (trx) => trx.selectFrom("alerts").select("samples").executeTakeFirstOrThrow())
        ).samples.map(({ time }) => time);
      expect(await samples()).toEqual([again - 10, again]);
      const back = await listCases(
        desk,
        systemActor,
        { realm: "", exercise: "" },
        "touched",
        { limit: 10 },
        again + hour,
      );
      expect(back.rows[0]).toMatchObject({ state: "open", relapsed: again + hour, answer: null, quieted: null });
      const second = makeOutbox(desk, cases, sink.port, () => again + 2 * hour);
      expect(await second.drain()).toBe(1);
      await second.close();
      expect(sink.mails[1]?.parsed.subject).toContain("It is back");
      expect(sink.mails[1]?.parsed.text).not.toContain("source port 40001");
      expect(sink.mails[1]?.parsed.text).toContain("source port 50000");
      expect(await stateOf()).toBe("waiting");
      // And so does what follows.
      await take(again + 3 * hour, {
        ...found,
        packets: 130,
        last: again + hour,
        samples: [...found.samples, sampleAt(again + hour)],
      });
      expect(await samples()).toEqual([again - 10, again, again + hour]);
      const waits = await listCases(
        desk,
        systemActor,
        { realm: "", exercise: "" },
        "touched",
        { limit: 10 },
        again + 4 * hour,
      );
      expect(waits.facts).toMatchObject({ open: 0, waiting: 1, unanswered: 1 });
      expect(await cases.revokeLinks(systemActor, { case: bearer.case }, now + 3 * day)).toBe(2);
      await expect(cases.linkActor(token, now + 3 * day)).rejects.toThrow("ended");
    });
  });
};

conformance("an alert's life in the process (PGlite)", embeddedPlace);
conformance("an alert's life on a server (PostgreSQL)", serverPlace);
