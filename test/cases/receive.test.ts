// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Cases } from "../../src/cases/cases.ts";
import { actOnAlerts } from "../../src/cases/actions.ts";
import { timelineRow } from "../../src/api/desk/shapes.ts";
import { idOf } from "../../src/cases/ids.ts";
import { actOnCase, loadWhole } from "../../src/cases/page.ts";
import { systemActor } from "../../src/model/actor.ts";
import { readIncoming } from "../../src/notify/incoming.ts";
import { dropMail, openMaildir, takeMails } from "../../src/notify/maildir.ts";
import { readReturnPath, returnHeader, returnPath, returnTagOf } from "../../src/notify/returns.ts";
import { receiveMail } from "../../src/notify/receive.ts";
import { writeLetter } from "../../src/registry/letters.ts";
import type { Desk } from "../../src/store/desk/desk.ts";
import type { DeskPlace } from "../../src/store/desk/desk.conformance.ts";
import { embeddedPlace } from "../desk/place.ts";
import { day, detection, hour, key, makeCases, makeOutbox, organisation, owner, smtpSink, start } from "./place.ts";
import type { Sink } from "./place.ts";

const domain = "node.example";
let place: DeskPlace;
let desk: Desk;
let sink: Sink;
let cases: Cases;
let contact = "";
const bounces: { contact: string; hard: boolean }[] = [];
const letters = new Map<string, { id: string; subject: string; messageId: string }>();

beforeAll(async () => {
  place = await embeddedPlace();
  desk = await place.open();
  sink = await smtpSink();
  contact = await organisation(desk, "alpha");
  cases = makeCases(desk, [owner("alpha", "198.51.100.0/24")]);
  const found = ["1", "2", "3", "4"].map((n) => detection(`198.51.100.${n}`));
  await desk.as(systemActor, (trx) => cases.takeDetections(trx, found, { now: start + hour }));
  const outbox = makeOutbox(desk, cases, sink.port, () => start + hour);
  await outbox.drain();
  await outbox.close();
  for (const { parsed } of sink.mails) {
    const source = /198\.51\.100\.\d+/.exec(parsed.subject ?? "")?.[0] ?? "";
    letters.set(source, {
      id: (parsed.messageId ?? "").slice(1, 33),
      subject: parsed.subject ?? "",
      messageId: parsed.messageId ?? "",
    });
  }
});
afterAll(async () => {
  await desk.close();
  await place.remove();
  await sink.close();
});

const mail = (
  headers: Readonly<Record<string, string>>,
  body = "We cleaned it.\n\nOn Monday the desk wrote:\n> A machine in your network\n",
): Uint8Array =>
  Buffer.from(
    `${Object.entries({
      From: "Abuse <abuse@alpha.example>",
      To: "desk@node.example",
      Date: "Mon, 1 Jun 2026 03:00:00 +0000",
      ...headers,
    })
      .map(([name, value]) => `${name}: ${value}`)
      .join("\r\n")}\r\n\r\n${body.replaceAll("\n", "\r\n")}`,
  );
const take = (message: Uint8Array) =>
  receiveMail(
    {
      desk,
      domain,
      returnTagOf: returnTagOf(key),
      onBounce: (_trx, who, _at, hard) => Promise.resolve(bounces.push({ contact: who, hard })),
    },
    message,
    start + 2 * hour,
  );
const timeline = async (source: string) =>
  (
    await desk.as(systemActor, (trx) =>
      sql<{
        kind: string;
        body: Record<string, unknown>;
        audience: string;
        actor: string;
      }>`SELECT e.kind, e.body, e.audience, e.actor FROM case_events e JOIN alerts a ON a.case_id = e.case_id WHERE a.subject = ${source} ORDER BY e.id`.execute(
        trx,
      ),
    )
  ).rows;
const alertOf = async (source: string) =>
  (
    await desk.as(systemActor, (trx) =>
      sql<{
        acknowledged: number | null;
        acted: number | null;
        state: string;
        id: string;
        version: number;
      }>`SELECT * FROM alerts WHERE subject = ${source}`.execute(trx),
    )
  ).rows[0];

/** When the page of a letter's case says that its owner wrote. */
const repliedOf = async (subject = ""): Promise<number | null> =>
  (await loadWhole(desk, systemActor, Number(/\d+/.exec(subject)?.[0]))).replied;

describe("mail that comes in", () => {
  it("lands on its case by the letter it answers, or by the number in its subject", async () => {
    const one = letters.get("198.51.100.1");
    expect(
      await take(
        mail({ "Message-ID": "<r1@alpha.example>", Subject: "your mail", "In-Reply-To": one?.messageId ?? "" }),
      ),
    ).toMatchObject({ kind: "reply", case: Number(/\d+/.exec(one?.subject ?? "")?.[0]) });
    const events = await timeline("198.51.100.1");
    expect(events.at(-1)).toMatchObject({
      kind: "reply",
      audience: "owner",
      actor: `mail:contact-${contact}`,
      body: { text: "We cleaned it.\n\nOn Monday the desk wrote:".split("\n")[0], known: true },
    });
    // A person has taken note; that something was done, an answer says.
    expect(await alertOf("198.51.100.1")).toMatchObject({ acknowledged: start + 2 * hour, acted: null, state: "new" });
    expect(await repliedOf(one?.subject)).toBe(start + 2 * hour);
    expect(
      (
        await take(
          mail({ "Message-ID": "<r1@alpha.example>", Subject: "your mail", "In-Reply-To": one?.messageId ?? "" }),
        )
      ).kind,
    ).toBe("known");
    expect(await timeline("198.51.100.1")).toHaveLength(events.length);
    expect(
      await take(mail({ "Message-ID": "<r2@alpha.example>", Subject: `AW: ${letters.get("198.51.100.2")?.subject}` })),
    ).toMatchObject({ kind: "reply" });
  });
  it("lets a stranger who knows a number write to analysts alone", async () => {
    await take(
      mail({
        From: "eve@evil.example",
        "Message-ID": "<e1@evil.example>",
        Subject: letters.get("198.51.100.3")?.subject ?? "",
      }),
    );
    expect((await timeline("198.51.100.3")).at(-1)).toMatchObject({
      kind: "reply",
      audience: "staff",
      body: { known: false, why: "address" },
    });
    expect(await alertOf("198.51.100.3")).toMatchObject({ acknowledged: null });
    expect(await repliedOf(letters.get("198.51.100.3")?.subject)).toBeNull();
  });
  it("takes nobody for the owner by the address in From alone, nor by a letter's Message-ID alone", async () => {
    const { subject = "", messageId = "" } = letters.get("198.51.100.3") ?? {};
    const strangers: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
      // Numbers of cases follow one another, and addresses for abuse are public.
      ["letter", { Subject: `Re: ${subject}` }],
      ["letter", { Subject: `Re: ${subject}`, "Authentication-Results": "mx.alpha.example; dmarc=pass" }],
      ["letter", { Subject: `Re: ${subject}`, "In-Reply-To": `<${"0".repeat(32)}@${domain}>` }],
      ["address", { From: "colleague@alpha.example", Subject: `Re: ${subject}`, "In-Reply-To": messageId }],
    ];
    for (const [i, [why, headers]] of strangers.entries()) {
      const taken = await take(mail({ "Message-ID": `<forged${i}@mail.example>`, ...headers }));
      expect(taken, String(i)).toMatchObject({ kind: "reply", case: Number(/\d+/.exec(subject)?.[0]) });
      expect((await timeline("198.51.100.3")).at(-1), String(i)).toMatchObject({
        kind: "reply",
        audience: "staff",
        actor: expect.stringMatching(/^mail:[0-9a-f]{16}$/),
        body: { known: false, why },
      });
    }
    expect(await alertOf("198.51.100.3")).toMatchObject({ acknowledged: null });
  });
  it("makes Message-IDs that nobody works out from what a letter says", async () => {
    const ids = await desk.as(systemActor, (trx) =>
      sql<{
        id: string;
        alert: string;
        contact: string;
      }>`SELECT b.id, b.payload->'items'->0->>'alert' AS alert, b.contact_id AS contact FROM outbox b WHERE channel = 'mail' AND form = 'notice'`.execute(
        trx,
      ),
    );
    expect(ids.rows.length).toBeGreaterThan(3);
    for (const { id, alert, contact: to } of ids.rows)
      expect(id).not.toBe(idOf("letter", alert, 0, "notice", start + hour, to, "mail"));
  });
  it("takes no report that a program makes of a letter for a person's answer", async () => {
    // Somebody pressed "this is spam" (RFC 5965), or opened it (RFC 8098): the letter comes back whole, and none of the headers that tell a program.
    for (const type of ["feedback-report", "disposition-notification"]) {
      const taken = await take(
        mail(
          {
            From: "fbl@mailer.example",
            "Message-ID": `<${type}@mailer.example>`,
            Subject: "report",
            "MIME-Version": "1.0",
            "Content-Type": `multipart/report; report-type=${type}; boundary="b"`,
          },
          `--b\nContent-Type: text/plain\n\nReport.\n\n--b\nContent-Type: message/${type}\n\nUser-Agent: x/1\n\n--b\nContent-Type: message/rfc822\n\nMessage-ID: ${letters.get("198.51.100.3")?.messageId}\nSubject: x\n\nbody\n--b--\n`,
        ),
      );
      expect(taken.kind).toBe("automatic");
      expect((await timeline("198.51.100.3")).at(-1)).toMatchObject({ kind: "automatic", audience: "staff" });
    }
    expect(await alertOf("198.51.100.3")).toMatchObject({ acknowledged: null });
  });
  it("does not take a letter to somebody else, or a digest, for a right to speak on a foreign case", async () => {
    await organisation(desk, "beta");
    const digest = "d".repeat(32);
    await desk.as(systemActor, (trx) =>
      sql`INSERT INTO outbox (id, exercise, realm, organisation_id, channel, recipient, payload, state, due, created, form)
VALUES (${digest}, '', '', 'beta', 'mail', 'abuse@beta.example', '{"items":[]}', 'sent', ${start}, ${start}, 'digest')`.execute(
        trx,
      ),
    );
    await take(
      mail({
        From: "abuse@beta.example",
        "Message-ID": "<b1@beta.example>",
        "In-Reply-To": `<${digest}@${domain}>`,
        Subject: letters.get("198.51.100.3")?.subject ?? "",
      }),
    );
    expect((await timeline("198.51.100.3")).at(-1)).toMatchObject({ audience: "staff", body: { known: false } });
    expect(await alertOf("198.51.100.3")).toMatchObject({ acknowledged: null });
  });
  it("keeps room for the owner's attachments, whatever strangers send", async () => {
    const subject = letters.get("198.51.100.4")?.subject ?? "";
    const attached = (from: string, key: string, more: Readonly<Record<string, string>> = {}): Uint8Array =>
      mail(
        {
          From: from,
          "Message-ID": `<${key}@mail.example>`,
          Subject: subject,
          ...more,
          "Content-Type": "multipart/mixed; boundary=b",
        },
        `--b\nContent-Type: text/plain\n\nSee there.\n${[1, 2, 3, 4, 5].map((n) => `--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename=${n}.txt\n\nnumber ${n}\n`).join("")}--b--\n`,
      );
    for (const n of [1, 2, 3, 4, 5]) await take(attached("eve@evil.example", `x${n}`));
    for (const n of [1, 2, 3, 4, 5]) await take(attached("abuse@alpha.example", `forged-own${n}`));
    const answer = { "In-Reply-To": letters.get("198.51.100.4")?.messageId ?? "" };
    for (const n of [1, 2, 3]) await take(attached("abuse@alpha.example", `own${n}`, answer));
    // What is brought by hand has its place among the owner's.
    const { timeline: lines } = await actOnCase(
      desk,
      cases.rules,
      systemActor,
      Number(/\d+/.exec(subject)?.[0]),
      { action: "attach", name: "log.txt", type: "text/plain", content: Buffer.from("x"), marking: "TLP:AMBER" },
      start + 2 * hour,
    );
    for (const n of [4, 5]) await take(attached("abuse@alpha.example", `own${n}`, answer));
    // Nor does the page show a stranger's mail as the owner's.
    expect(
      lines.filter(({ kind }) => kind === "reply").map((line) => [line.body["known"], timelineRow(line).who]),
    ).toEqual([
      ...Array.from({ length: 10 }, () => [false, "system"]),
      ...Array.from({ length: 3 }, () => [true, "owner"]),
    ]);
    const { rows } = await desk.as(systemActor, (trx) =>
      sql<{
        actor: string;
        n: number;
      }>`SELECT x.actor, count(*)::int AS n FROM attachments x JOIN alerts a ON a.case_id = x.case_id WHERE a.subject = '198.51.100.4' GROUP BY x.actor`.execute(
        trx,
      ),
    );
    expect(new Map(rows.map(({ actor, n }) => [actor, n])).get(`mail:contact-${contact}`)).toBe(19);
    expect(rows.reduce((sum, { n }) => sum + n, 0)).toBe(25);
  });
  it("keeps so many lines of a case's mails and says once that more came, and still takes the owner's", async () => {
    const source = "198.51.100.8";
    const own = await smtpSink();
    await desk.as(systemActor, (trx) => cases.takeDetections(trx, [detection(source)], { now: start + hour }));
    const outbox = makeOutbox(desk, cases, own.port, () => start + hour);
    await outbox.drain();
    await outbox.close();
    await own.close();
    const { subject = "", messageId = "" } = own.mails[0]?.parsed ?? {};
    for (let i = 0; i < 60; i++) {
      const headers = { From: "eve@evil.example", "Message-ID": `<many${i}@evil.example>`, Subject: subject };
      await take(mail(i % 2 === 0 ? headers : { ...headers, "Auto-Submitted": "auto-replied" }));
    }
    const lines = await timeline(source);
    expect(lines.filter(({ actor }) => actor.startsWith("mail:"))).toHaveLength(50);
    expect(lines.at(-1)).toMatchObject({ kind: "mail-left-out", audience: "staff", body: { known: false, most: 50 } });
    expect(lines.filter(({ kind }) => kind === "mail-left-out")).toHaveLength(1);
    await take(mail({ "Message-ID": "<much@alpha.example>", Subject: subject, "In-Reply-To": messageId }));
    expect((await timeline(source)).at(-1)).toMatchObject({ kind: "reply", audience: "owner", body: { known: true } });
    expect(await alertOf(source)).toMatchObject({ acknowledged: start + 2 * hour });
  });
  it("keeps what no database takes: zero bytes, halves of characters, and what looks like one", async () => {
    const subject = letters.get("198.51.100.2")?.subject ?? "";
    const texts = [`${"a".repeat(7_999)}😀 end`, "a backslash \\u0000 of a log", "a zero \0 byte"];
    for (const [i, text] of texts.entries()) {
      expect(
        await take(
          mail(
            { "Message-ID": `<odd${i}@alpha.example>`, Subject: subject, "Content-Type": "text/plain; charset=utf-8" },
            text,
          ),
        ),
        String(i),
      ).toMatchObject({ kind: "reply" });
    }
    expect((await timeline("198.51.100.2")).at(-2)?.body["text"]).toContain("\\u0000 of a log");
  });
  it("notes automatic replies and goes on: nothing is acknowledged, nothing is answered", async () => {
    const subject = letters.get("198.51.100.3")?.subject ?? "";
    const robots: readonly Readonly<Record<string, string>>[] = [
      { "Auto-Submitted": "auto-replied" },
      { "Auto-Submitted": "auto-generated (vacation)" },
      { Precedence: "bulk" },
      { "X-Autoreply": "yes" },
      { "Return-Path": "<>" },
      { "X-Loop": "rt" },
    ];
    const sent = sink.mails.length;
    for (const [i, header] of robots.entries()) {
      expect(
        await take(mail({ ...header, "Message-ID": `<a${i}@alpha.example>`, Subject: `Out of office: ${subject}` })),
      ).toMatchObject({ kind: "automatic" });
    }
    expect((await readIncoming(mail({ "Auto-Submitted": "no", Subject: subject }))).kind).toBe("reply");
    expect(await alertOf("198.51.100.3")).toMatchObject({ acknowledged: null });
    const outbox = makeOutbox(desk, cases, sink.port, () => start + 3 * hour);
    expect(await outbox.drain()).toBe(0);
    await outbox.close();
    expect(sink.mails).toHaveLength(sent);
  });
  const report = (
    name: string,
    source: string,
    what: {
      readonly action?: string;
      readonly status?: string;
      readonly to?: string;
      readonly tag?: string;
      readonly returns?: boolean;
    } = {},
  ): Uint8Array => {
    const { messageId = "", id = "" } = letters.get(source) ?? {};
    const { action = "failed", status = "5.1.1", to = "desk@node.example", tag = returnTagOf(key)(id) } = what;
    const original =
      what.returns === false
        ? ""
        : `--b\nContent-Type: text/rfc822-headers\n\nFrom: desk@node.example\nMessage-ID: ${messageId}\nSubject: [LAYANG-4]\n${tag === "" ? "" : `${returnHeader}: ${tag}\n`}\n`;
    return mail(
      {
        From: "MAILER-DAEMON@mx.alpha.example",
        To: to,
        "Message-ID": `<${name}@mx.alpha.example>`,
        Subject: "Undelivered Mail Returned to Sender",
        "MIME-Version": "1.0",
        "Content-Type": 'multipart/report; report-type=delivery-status; boundary="b"',
        "Auto-Submitted": "auto-replied",
      },
      `--b\nContent-Type: text/plain\n\nSorry.\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.alpha.example\nArrival-Date: Mon, 1 Jun 2026 03:00:00 +0000\n\nFinal-Recipient: rfc822; abuse@alpha.example\nAction: ${action}\nStatus: ${status}\nDiagnostic-Code: smtp; 550 5.1.1 <abuse@alpha.example>:\n Recipient address rejected\n\n${original}--b--\n`,
    );
  };
  const letterOf = (source: string) =>
    desk.as(systemActor, (trx) =>
      trx
        .selectFrom("outbox")
        .selectAll()
        .where("id", "=", letters.get(source)?.id ?? "")
        .executeTakeFirstOrThrow(),
    );
  it("believes no report that brings a Message-ID alone: those stand in every reply", async () => {
    const other = letters.get("198.51.100.1")?.id ?? "";
    const forged = [
      report("f1", "198.51.100.4", { tag: "" }),
      report("f2", "198.51.100.4", { tag: "0".repeat(20) }),
      // The tag of another letter, in the header or in the address, is none of this one.
      report("f3", "198.51.100.4", { tag: returnTagOf(key)(other) }),
      report("f4", "198.51.100.4", {
        tag: "",
        to: returnPath("desk@node.example", {
          letter: letters.get("198.51.100.4")?.id ?? "",
          tag: returnTagOf(key)(other),
        }),
      }),
    ];
    for (const one of forged) expect(await take(one)).toMatchObject({ kind: "bounce" });
    expect(bounces).toEqual([]);
    expect(await letterOf("198.51.100.4")).toMatchObject({ state: "sent", error: null });
    const events = (await timeline("198.51.100.4")).slice(-4);
    expect(events.map(({ kind, audience }) => [kind, audience])).toEqual(
      forged.map(() => ["bounce-not-counted", "staff"]),
    );
  });
  it("reads a delivery report (RFC 3464) that brings the letter's tag back to its letter and its contact, once", async () => {
    expect(await take(report("b1", "198.51.100.4", { action: "delayed", status: "4.4.1" }))).toMatchObject({
      kind: "bounce",
    });
    expect(bounces).toEqual([]);
    expect(await take(report("b2", "198.51.100.4"))).toMatchObject({ kind: "bounce" });
    expect(bounces).toEqual([{ contact, hard: true }]);
    expect(await letterOf("198.51.100.4")).toMatchObject({ state: "dead", error: expect.stringContaining("5.1.1") });
    // Who has the letter may report it as often as they like.
    expect(await take(report("b3", "198.51.100.4"))).toMatchObject({ kind: "bounce" });
    expect(bounces).toHaveLength(1);
    expect((await timeline("198.51.100.4")).slice(-3).map(({ kind, audience }) => [kind, audience])).toEqual([
      ["delayed", "staff"],
      ["bounce", "staff"],
      ["bounce-not-counted", "staff"],
    ]);
  });
  it("knows a report without headers by the letter's own address, softly, and none that comes too late", async () => {
    const own = (source: string): string => {
      const letter = letters.get(source)?.id ?? "";
      return returnPath("desk@node.example", { letter, tag: returnTagOf(key)(letter) });
    };
    await take(
      report("v1", "198.51.100.3", { returns: false, status: "5.2.2", to: own("198.51.100.3").toUpperCase() }),
    );
    expect(bounces.at(-1)).toEqual({ contact, hard: false });
    const had = bounces.length;
    await desk.as(systemActor, (trx) =>
      trx
        .updateTable("outbox")
        .set({ sent: start - 11 * day })
        .where("id", "=", letters.get("198.51.100.2")?.id ?? "")
        .execute(),
    );
    await take(report("v2", "198.51.100.2"));
    expect(bounces).toHaveLength(had);
  });
  it("learns from a contact check that comes back, by its headers and by its own address", async () => {
    const options = { after: "", role: "abuse", organisation: "The alpha", until: "then" };
    for (const way of ["headers", "address"] as const) {
      await desk.as(systemActor, (trx) =>
        writeLetter(trx, {
          kind: "check",
          recipient: "abuse@alpha.example",
          language: "en",
          contact,
          organisation: { id: "alpha", name: "The alpha" },
          link: null,
          at: start + hour,
          values: options,
        }),
      );
      const own = await smtpSink();
      const outbox = makeOutbox(desk, cases, own.port, () => start + hour, { verp: way === "address" });
      await outbox.drain();
      await outbox.close();
      await own.close();
      const sent = own.mails.find(({ parsed }) => parsed.subject?.startsWith("Is this still"));
      const id = (sent?.parsed.messageId ?? "").slice(1).split("@")[0] ?? "";
      letters.set(way, { id, subject: "", messageId: sent?.parsed.messageId ?? "" });
      const had = bounces.length;
      await take(
        way === "headers"
          ? report("check1", way)
          : report("check2", way, { returns: false, to: sent?.envelopeFrom ?? "" }),
      );
      expect(bounces.slice(had)).toEqual([{ contact, hard: true }]);
    }
  });
  it("sends each letter from its own address where that is wanted", async () => {
    const own = await smtpSink();
    await desk.as(systemActor, (trx) =>
      cases.takeDetections(trx, [detection("198.51.100.9")], { now: start + 2 * hour }),
    );
    const outbox = makeOutbox(desk, cases, own.port, () => start + 2 * hour, { verp: true });
    await outbox.drain();
    await outbox.close();
    await own.close();
    const [sent] = own.mails;
    const letter = (sent?.parsed.messageId ?? "").slice(1, 33);
    const tag = returnTagOf(key)(letter);
    expect(readReturnPath(sent?.envelopeFrom ?? "")).toEqual({ letter, tag });
    expect((sent?.envelopeFrom ?? "").split("@")[0]?.length).toBeLessThanOrEqual(64);
    expect(sent?.parsed.from?.text).toContain("<desk@node.example>");
    expect(sent?.raw).toContain(`${returnHeader}: ${tag}`);
    expect(sink.mails[0]?.envelopeFrom).toBe("desk@node.example");
    const long = `${"n".repeat(40)}@node.example`;
    expect(returnPath(long, { letter, tag })).toBe(long);
    expect(readReturnPath(`desk+${"z".repeat(41)}@node.example`)).toBeUndefined();
  });
  it("follows a case that was merged, and keeps what answers nothing", async () => {
    const both = [await alertOf("198.51.100.1"), await alertOf("198.51.100.2")];
    const merged = await actOnAlerts(
      desk,
      cases.rules,
      systemActor,
      both.map((one) => ({ id: one?.id ?? "", version: one?.version ?? 0 })),
      { action: "merge", title: "both" },
      start + 3 * hour,
    );
    expect(
      await take(mail({ "Message-ID": "<r9@alpha.example>", Subject: letters.get("198.51.100.2")?.subject ?? "" })),
    ).toMatchObject({ kind: "reply", case: merged.case });
    // And on, where that was merged too.
    const again = [await alertOf("198.51.100.1"), await alertOf("198.51.100.2")];
    const further = await actOnAlerts(
      desk,
      cases.rules,
      systemActor,
      again.map((one) => ({ id: one?.id ?? "", version: one?.version ?? 0 })),
      { action: "merge", title: "both again" },
      start + 4 * hour,
    );
    expect(further.case).not.toBe(merged.case);
    expect(
      await take(mail({ "Message-ID": "<r10@alpha.example>", Subject: letters.get("198.51.100.2")?.subject ?? "" })),
    ).toMatchObject({ kind: "reply", case: further.case });
    expect(await take(mail({ "Message-ID": "<x@alpha.example>", Subject: "hello" }))).toEqual({
      kind: "unknown",
      case: null,
    });
  });
  it("is not moved by bytes that are no mail", { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 2_000 }),
        fc.constantFrom(
          "",
          "Content-Type: multipart/report; boundary=x\r\n\r\n--x\r\nContent-Type: message/delivery-status\r\n\r\nAction: failed\r\n",
          "Subject: [LAYANG-99999999999999999999]\r\n\r\n",
        ),
        async (bytes, before) => {
          const read = await readIncoming(Buffer.concat([Buffer.from(before), bytes]));
          expect(["reply", "bounce", "automatic"]).toContain(read.kind);
          expect(read.text.length).toBeLessThanOrEqual(8_000);
        },
      ),
      { numRuns: 150 },
    );
  });
});

it("takes mail from a maildir: what cannot be read is put aside, what the desk could not take stays", async () => {
  const folder = mkdtempSync(join(tmpdir(), "layang-maildir-"));
  try {
    openMaildir(folder);
    expect(() => dropMail(folder, Buffer.from("no header here"))).toThrow(/no header/);
    expect(() => dropMail(folder, Buffer.alloc((10 << 20) + 1, 65))).toThrow(/10 MiB/);
    dropMail(folder, mail({ Subject: "one" }));
    dropMail(folder, mail({ Subject: "two" }));
    writeFileSync(join(folder, "new", "0.large"), Buffer.alloc((10 << 20) + 1, 65));
    const seen: string[] = [];
    const faults: unknown[] = [];
    const taken = await takeMails(
      folder,
      async (message) => {
        const { subject } = await readIncoming(message);
        seen.push(subject);
        if (subject === "two") throw new Error("a fault of ours");
      },
      (error) => faults.push(error),
    );
    expect(taken).toBe(1);
    expect(seen.toSorted()).toEqual(["one", "two"]);
    expect(faults).toHaveLength(2);
    expect(readdirSync(join(folder, "new"))).toEqual([]);
    expect(readdirSync(join(folder, "failed"))).toHaveLength(2);
    expect(readdirSync(join(folder, "cur"))).toHaveLength(1);
    expect(readdirSync(join(folder, "tmp"))).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it("acknowledges no mail that the disk took a part of: what is left of it is taken by nobody", () => {
  const folder = mkdtempSync(join(tmpdir(), "layang-maildir-"));
  try {
    const drop = (name: string) => {
      const file = join(import.meta.dirname, "../../src/notify/maildir.ts");
      const bytes = `Buffer.concat([Buffer.from("Subject: x\\r\\n\\r\\n"), Buffer.alloc(1 << 20, 65)])`;
      const code = `const { dropMail } = await import(${JSON.stringify(file)}); dropMail(${JSON.stringify(join(folder, name))}, ${bytes});`;
      // A file of 512 KiB at most: the first write beyond takes what fits, without an error, as that to a disk that fills up does.
      const limit = name === "limited" ? "ulimit -f 1024;" : "";
      return spawnSync("/bin/sh", ["-c", `${limit} exec "$0" --input-type=module -e "$1"`, process.execPath, code]);
    };
    expect(drop("free")).toMatchObject({ status: 0 });
    expect(readdirSync(join(folder, "free", "new"))).toHaveLength(1);
    expect(drop("limited").status).not.toBe(0);
    expect(readdirSync(join(folder, "limited", "new"))).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
