// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import fc from "fast-check";
import { simpleParser } from "mailparser";
import { beforeAll, describe, expect, it } from "vitest";
import { itemOf } from "../../src/alert/notice.ts";
import type { NoticeForm, NoticeItem, NoticePayload } from "../../src/alert/notice.ts";
import { defaultPolicy, toldKinds } from "../../src/alert/alert.ts";
import { defaultPreferences } from "../../src/alert/delivery.ts";
import { open } from "../../src/alert/life.ts";
import type { Detection } from "../../src/model/detection.ts";
import { composeLetter } from "../../src/notify/compose.ts";
import type { Sender } from "../../src/notify/compose.ts";
import { darknetColumns, darknetCsv } from "../../src/notify/csv.ts";
import { holidayCountries, holidayFiles, holidaysWith } from "../../src/notify/holidays.ts";
import { stepsFor } from "../../src/notify/letter.ts";
import { buildMail } from "../../src/notify/mail.ts";
import { checkPublicKey, makeSigningKey, openPgp } from "../../src/notify/pgp.ts";
import { languages, wordsOf } from "../../src/notify/templates/index.ts";
import { checkXarf, xarfOf } from "../../src/notify/xarf.ts";
import { detection, start } from "./place.ts";

const data = join(import.meta.dirname, "../../../shared/data/xarf");
const reporter = { org: "National CSIRT", contact: "desk@node.example", domain: "node.example" };
const sender: Sender = {
  reporter,
  from: "Layang <desk@node.example>",
  replyTo: null,
  portal: "https://layang.example",
  tokenOf: () => "T".repeat(43),
  linkFor: 30 * 86_400_000_000,
  returnTagOf: () => "0".repeat(20),
};
const itemFrom = (found: Detection, number = 42): NoticeItem => {
  const { alert } = open(
    "a".repeat(32),
    found,
    { organisation: "alpha", network: "192.0.2.0/24", translation: "none", essential: false, country: "ID" },
    defaultPolicy,
    start,
    { marking: "TLP:AMBER", origin: "n", asn: 64_500, country: "ID" },
  );
  return itemOf(alert, "notice", { case: "c".repeat(32), number, link: "l".repeat(32) });
};
const payloadOf = (items: readonly NoticeItem[], more: Partial<NoticePayload> = {}): NoticePayload => ({
  form: "notice",
  language: "en",
  timeZone: "UTC",
  organisation: { id: "alpha", name: "The alpha" },
  exercise: "",
  attach: { csv: true, xarf: true },
  encrypt: true,
  at: start,
  items,
  ...more,
});

describe("a letter to who is attacked", () => {
  it.each(languages)(
    "accuses nobody, has answers of its own, and names what is attached and no more (%s)",
    (language) => {
      const words = wordsOf(language);
      const write = (found: Detection, more: Partial<NoticePayload> = {}) =>
        composeLetter("f".repeat(32), payloadOf([itemFrom(found)], { language, ...more }), sender);
      const flood = { kind: "dos-victim", detector: "dos-victim", family: null, port: 443, samples: [] } as const;
      const attacked = write(detection("192.0.2.80", flood));
      expect(attacked.text).toContain(words.openingOfVictim.notice);
      expect(attacked.text).toContain(words.answerOfVictim);
      expect(attacked.text).toContain(words.methodOfVictim);
      expect(attacked.text).toContain(`${words.label.attacked}: tcp 443`);
      for (const blamed of [words.opening.notice, words.answer, words.method, "XARF"]) {
        expect(attacked.text).not.toContain(blamed);
      }
      expect(attacked.parts.map(({ filename }) => filename)).toEqual(["findings.csv"]);
      expect(attacked.text).toContain(words.attachments.csv);
      for (const form of ["relapse", "reminder"] as const) {
        expect(write(detection("192.0.2.80", flood), { form }).text).toContain(words.openingOfVictim[form]);
      }
      const infected = write(detection("192.0.2.9"));
      expect(infected.text).toContain(words.opening.notice);
      expect(infected.text).toContain(words.attachments.both);
      const bare = write(detection("192.0.2.9"), { attach: { csv: false, xarf: true } });
      expect(bare.text).toContain(words.attachments.xarf);
      expect(bare.text).not.toContain("CSV");
      expect(write(detection("192.0.2.9"), { attach: { csv: false, xarf: false } }).text).not.toMatch(/CSV|XARF/);
    },
  );
});

describe("what leaves", () => {
  /** Addresses of the dark network, as a careless detector might write them wherever it has room. */
  const dark = ["203.0.113.77", "2001:db8:dead::77", "::ffff:203.0.113.77"];
  const poison: fc.Arbitrary<Record<string, unknown>> = fc.dictionary(
    fc.constantFrom("rule", "mode", "signature", "signatures", "ports", "dark", "note", "samples", "network"),
    fc.oneof(
      fc.constantFrom(...dark),
      fc.constantFrom(...dark).map((address) => `seen at ${address}`),
      fc.constantFrom(...dark).map((address) => [address]),
      fc.constantFrom(...dark).map((address) => ({ [address]: 3, "23/tcp": 1 })),
    ),
  );
  it("has no dark address anywhere, and no sensor's name", () =>
    fc.assert(
      fc.property(poison, fc.constantFrom(...toldKinds), fc.constantFrom(...languages), (evidence, kind, language) => {
        const found = detection("192.0.2.9", {
          kind,
          evidence,
          sensors: ["sensor-203-0-113-77"],
          // More than the model names, as a plugin might give.
          samples: [{ time: start, error: null, sourcePort: 40_001, port: 23, destination: dark[0] } as never],
        });
        const item = itemFrom(found);
        const { text, subject, parts, headers } = composeLetter(
          "f".repeat(32),
          payloadOf([item], { language }),
          sender,
        );
        const reports = parts.map(({ content }) => content);
        const evidenceInside = reports.flatMap((content) =>
          [...content.matchAll(/"payload": "([A-Za-z0-9+/=]+)"/g)].map(([, base64 = ""]) =>
            Buffer.from(base64, "base64").toString(),
          ),
        );
        const all = JSON.stringify([item, text, subject, reports, headers, evidenceInside]);
        for (const address of [...dark, "203.0.113", "db8:dead", "sensor-203"]) expect(all).not.toContain(address);
      }),
      { numRuns: 300 },
    ));
});

describe("a letter", () => {
  it("is whole in every language: every form and kind, no place left empty", () => {
    const forms: readonly NoticeForm[] = ["notice", "relapse", "reminder", "digest", "correction"];
    const texts = new Set<string>();
    for (const language of languages) {
      for (const form of forms) {
        for (const kind of toldKinds) {
          const { subject, text } = composeLetter(
            "f".repeat(32),
            payloadOf([itemFrom(detection("192.0.2.9", { kind }))], { language, form }),
            sender,
          );
          expect(`${subject}\n${text}`).not.toMatch(/\{\w+\}|undefined|null|NaN/);
          if (form !== "digest") expect(subject).toContain("[LAYANG-42]");
          if (form !== "correction") expect(text).toContain(`https://layang.example/help#${"T".repeat(43)}`);
          expect(text).toContain("192.0.2.9");
          texts.add(`${subject}\n${text}`);
        }
      }
      expect(stepsFor(language, "infected-host", "mirai")).toHaveLength(3);
      expect(stepsFor(language, "infected-host", "mirai")).not.toEqual(stepsFor(language, "infected-host", null));
    }
    expect(texts.size).toBe(languages.length * forms.length * toldKinds.length);
    expect(languages).toEqual(["en", "id", "ja", "th"]);
    expect(wordsOf("ja-JP").language).toBe("ja");
    expect(wordsOf("km").language).toBe("en");
  });
  it("bears no link that leads to this machine alone, and asks for a reply instead, in every language", () => {
    const local: Sender = { ...sender, portal: "http://localhost:8420", local: true };
    const item = itemFrom(detection("192.0.2.9"));
    for (const language of languages) {
      for (const form of ["notice", "digest"] as const) {
        const { text } = composeLetter("f", payloadOf([item], { language, form }), local);
        expect(text).not.toContain("localhost");
        expect(text).toContain(`${wordsOf(language).answerHeading}\n${wordsOf(language).replyAlone}`);
      }
    }
    expect(composeLetter("f", payloadOf([item], { exercise: "acid" }), local).text).toContain("localhost:8420/help#");
    expect(composeLetter("f", payloadOf([item]), sender).text).not.toContain(wordsOf("en").replyAlone);
  });
  it("counts one sensor as one, and says when nobody knows how far a clock was off", () => {
    const samples = [{ time: start, error: null, sourcePort: 40_001, port: 23 }];
    const item = itemFrom(detection("192.0.2.9", { sensors: ["s-one"], darkAddresses: 1, samples }));
    const { text } = composeLetter("f", payloadOf([item]), sender);
    expect(text).toContain("1 unused address, seen by 1 sensor\n");
    expect(text).toContain("00:00:00.000 UTC (clock error unknown)  source port 40001");
  });
  it("says who it cannot name: behind translation, with samples and without", () => {
    const shared = { ...itemFrom(detection("192.0.2.9")), translation: "cgnat" as const };
    expect(composeLetter("f", payloadOf([shared]), sender).text).toMatch(
      /Time and source port together[\s\S]*00:00:01\.234 UTC ± 2 ms {2}source port 40001/,
    );
    const bare = { ...shared, samples: [], attributable: false };
    const { text } = composeLetter("f", payloadOf([bare]), sender);
    expect(text).toContain("it cannot be attributed");
    expect(text).not.toContain("source port 4");
  });
  it("bears the mark of an exercise where nobody overlooks it", () => {
    const { subject, text, headers } = composeLetter(
      "f",
      payloadOf([itemFrom(detection("192.0.2.9"))], { exercise: "acid 2026", language: "th" }),
      sender,
    );
    expect(subject).toMatch(/^\[การฝึกซ้อม\]/);
    expect(text.split("\n")[0]).toContain("นี่คือการฝึกซ้อม");
    expect(headers["X-Layang-Exercise"]).toBe("acid-2026");
  });
  it("stays one line of subject, whatever a name holds", async () => {
    const evil = payloadOf([itemFrom(detection("192.0.2.9", { family: "x\r\nBcc: all@example.org" }))], {
      organisation: { id: "alpha", name: "A\r\nX-Evil: 1" },
    });
    const composed = composeLetter("f", evil, sender);
    const mail = await buildMail(
      composed,
      { from: sender.from, replyTo: null, to: "abuse@alpha.example", messageId: "<f@node.example>", date: start },
      null,
      null,
    );
    const head = mail.slice(0, mail.indexOf("\r\n\r\n"));
    expect(head).not.toMatch(/^(Bcc|X-Evil):/im);
    expect((await simpleParser(mail)).headers.get("auto-submitted")).toBe("auto-generated");
    // The same letter is the same bytes at every attempt.
    expect(
      await buildMail(
        composed,
        { from: sender.from, replyTo: null, to: "abuse@alpha.example", messageId: "<f@node.example>", date: start },
        null,
        null,
      ),
    ).toBe(mail);
  });
});

it("names every rule that an owner is told of in the words of the letter", () => {
  for (const language of languages) {
    for (const [detector, kind] of [
      ["infected-host", "infected-host"],
      ["amplification", "amplification-scan"],
      ["dos-victim", "dos-victim"],
    ] as const) {
      for (const evidence of [{}, { rule: "packets" }, { rule: "mark", mode: "outbound, seen at home and abroad" }]) {
        const item = itemFrom(detection("192.0.2.9", { detector, kind, family: null, evidence }));
        expect(item.tests[0]).toMatch(new RegExp(`^${detector}`));
        const { text } = composeLetter("p".repeat(32), payloadOf([item], { language }), sender);
        const { label, test } = wordsOf(language);
        const said = new RegExp(`^ {2}${label.tests.replaceAll(/[()]/g, "\\$&")}: (.+)$`, "m").exec(text)?.[1] ?? "";
        expect(said, language).toContain(test.detectors[detector]);
        expect(said, language).not.toMatch(/infected-host|dos-victim|mark:|outbound/);
        if (["ja", "th"].includes(language)) expect(said).not.toMatch(/[a-z]/i);
      }
    }
  }
});

describe("the table", () => {
  it("has Shadowserver's columns, with severity where the live format has it", () => {
    expect(darknetColumns).toHaveLength(32);
    expect(darknetColumns.slice(11, 17)).toEqual([
      "device_vendor",
      "device_type",
      "device_model",
      "severity",
      "dst_ip",
      "dst_port",
    ]);
    const [head, row = ""] = darknetCsv([itemFrom(detection("192.0.2.9"))], "node").split("\r\n");
    expect(head?.split(",").map((one) => one.slice(1, -1))).toEqual([...darknetColumns]);
    const cells = row.split(",");
    const of = (name: (typeof darknetColumns)[number]): string => cells[darknetColumns.indexOf(name)] ?? "";
    expect(of("timestamp")).toBe('"2026-06-01 00:00:01"');
    expect([
      of("src_ip"),
      of("src_port"),
      of("src_asn"),
      of("dst_ip"),
      of("dst_port"),
      of("severity"),
      of("infection"),
      of("count"),
    ]).toEqual(['"192.0.2.9"', "40001", "64500", "", "23", '"high"', '"mirai"', "40"]);
  });
  it("is no program for a spreadsheet", () =>
    fc.assert(
      fc.property(
        fc.oneof(
          fc.constantFrom(
            '=cmd|" /C calc"!A0',
            "+1",
            "-2",
            "@SUM(A1)",
            "\t=1",
            "a\r\n=2",
            '"=3',
            "\uff1d1+1",
            "\u3000\uff20SUM(A1)",
          ),
          fc.string(),
        ),
        (family) => {
          const csv = darknetCsv([itemFrom(detection("192.0.2.9", { family }))], family);
          expect(csv.split("\r\n")).toHaveLength(3);
          for (const [, cell = ""] of csv.matchAll(/"((?:[^"]|"")*)"/g))
            expect(cell.trimStart()).not.toMatch(/^[=+\-@\uff1d\uff0b\uff0d\uff20]/);
        },
      ),
    ));
});

describe.skipIf(!existsSync(data))(
  `XARF v4 (needs ${existsSync(data) ? "nothing" : "the schemas beside the project, shared/data/xarf"})`,
  () => {
    const ajv = new Ajv2020({ strict: false, allErrors: true });
    formats.default(ajv as never);
    const read = (path: string): Record<string, unknown> =>
      JSON.parse(readFileSync(join(data, path), "utf8")) as Record<string, unknown>;
    // A suite that is skipped is collected all the same.
    beforeAll(() => {
      ajv.addSchema(read("schemas/v4/xarf-core.json"));
      for (const name of readdirSync(join(data, "schemas/v4/types"))) ajv.addSchema(read(`schemas/v4/types/${name}`));
    });
    const files: Readonly<Record<string, string>> = {
      infected_host: "connection-infected-host",
      port_scan: "connection-port-scan",
      reconnaissance: "connection-reconnaissance",
      botnet: "infrastructure-botnet",
    };
    const found = fc.record({
      kind: fc.constantFrom(...toldKinds),
      protocol: fc.constantFrom("tcp", "udp", "icmp", null),
      port: fc.option(fc.nat(65_535)),
      family: fc.option(fc.string({ maxLength: 40 })),
      source: fc.constantFrom("192.0.2.9", "2001:db8::9"),
      samples: fc.array(
        fc.record({
          time: fc.constant(start),
          error: fc.constant(null),
          sourcePort: fc.nat(65_535),
          port: fc.constant(23),
        }),
        { maxLength: 2 },
      ),
      packets: fc.nat(1e6),
    });
    it("validates against the published schemas, whatever was found, by their rules and by ours", () => {
      const types = new Set<string>();
      fc.assert(
        fc.property(found, ({ source, ...more }) => {
          const report = xarfOf(itemFrom(detection(source, more)), reporter, "letter");
          if (report === null) return;
          types.add(String(report["type"]));
          expect(report).not.toHaveProperty("destination_ip");
          const check = ajv.getSchema(`https://xarf.org/schemas/v4/types/${files[String(report["type"])]}.json`);
          expect(check?.(report) === true ? [] : check?.errors).toEqual([]);
          expect(checkXarf(report)).toEqual([]);
        }),
        { numRuns: 400 },
      );
      expect([...types].toSorted()).toEqual(["botnet", "infected_host", "port_scan", "reconnaissance"]);
    });
    it("is refused by our own rules where the schemas refuse it", () => {
      const report = xarfOf(itemFrom(detection("192.0.2.9")), reporter, "letter") ?? {};
      const broken = [
        { report_id: "x" },
        { timestamp: "yesterday" },
        { source_identifier: 7 },
        { protocol: "sctp" },
        { confidence: 2 },
        { tags: ["no namespace"] },
        { reporter: { ...reporter, contact: "Layang <x>" } },
        { source_port: 0 },
      ];
      for (const wrong of broken) {
        const check = ajv.getSchema("https://xarf.org/schemas/v4/types/connection-infected-host.json");
        expect([check?.({ ...report, ...wrong }), checkXarf({ ...report, ...wrong }).length > 0]).toEqual([
          false,
          true,
        ]);
      }
    });
    it("reads the samples that come with the schemas as we understand them", () => {
      expect(checkXarf(read("samples/v4/connection-infected-host.json"))).toEqual([]);
      expect(checkXarf(read("samples/v4/connection-port-scan.json"))).toEqual([]);
    });
  },
);

describe("OpenPGP", () => {
  it(
    "signs what everybody may read, and encrypts what has a key: the subject keeps the number alone",
    { timeout: 60_000 },
    async () => {
      const openpgp = await import("openpgp");
      const node = await openPgp(await makeSigningKey("Test node", "desk@node.example"));
      const theirs = await openpgp.generateKey({ userIDs: [{ email: "abuse@alpha.example" }], format: "object" });
      const armored = theirs.publicKey.armor();
      expect(await checkPublicKey(armored)).toBeNull();
      expect(await checkPublicKey(theirs.privateKey.armor())).toMatch(/private/);
      expect(await checkPublicKey("hello")).not.toBeNull();
      const composed = composeLetter(
        "f".repeat(32),
        payloadOf([itemFrom(detection("192.0.2.9"))], { language: "ja" }),
        sender,
      );
      const envelope = {
        from: sender.from,
        replyTo: null,
        to: "abuse@alpha.example",
        messageId: "<f@node.example>",
        date: start,
      };
      const verificationKeys = await openpgp.readKey({ armoredKey: node.publicKey });

      const sealed = await buildMail(composed, envelope, node, armored);
      expect(sealed).toContain("multipart/encrypted");
      expect((await simpleParser(sealed)).subject).toBe("[LAYANG-42]");
      expect(sealed).not.toMatch(/192\.0\.2\.9|mirai|findings\.csv/);
      // A node that signs nothing still sends nothing in clear to who has a key.
      const unsigned = await buildMail(composed, envelope, null, armored);
      expect(unsigned).toContain("multipart/encrypted");
      expect(unsigned).not.toMatch(/192\.0\.2\.9|mirai|findings\.csv/);
      const read = await openpgp.decrypt({
        message: await openpgp.readMessage({
          armoredMessage: /-----BEGIN PGP MESSAGE-----[\s\S]+-----END PGP MESSAGE-----/.exec(unsigned)?.[0] ?? "",
        }),
        decryptionKeys: theirs.privateKey,
      });
      expect((await simpleParser(String(read.data))).text).toContain("192.0.2.9");
      // A drill is seen to be one before it is opened; of whom a digest is, is not.
      for (const [form, subject] of [
        ["notice", "[EXERCISE] [LAYANG-42]"],
        ["digest", "[EXERCISE]"],
      ] as const) {
        const drill = composeLetter(
          "d".repeat(32),
          payloadOf([itemFrom(detection("192.0.2.9"))], { exercise: "acid", form }),
          sender,
        );
        expect((await simpleParser(await buildMail(drill, envelope, node, armored))).subject).toBe(subject);
      }
      const block = /-----BEGIN PGP MESSAGE-----[\s\S]+-----END PGP MESSAGE-----/.exec(sealed)?.[0] ?? "";
      const opened = await openpgp.decrypt({
        message: await openpgp.readMessage({ armoredMessage: block }),
        decryptionKeys: theirs.privateKey,
        verificationKeys,
      });
      await expect(opened.signatures[0]?.verified).resolves.toBe(true);
      const inner = await simpleParser(String(opened.data));
      expect(inner.text).toContain("192.0.2.9");
      expect(inner.attachments.map(({ filename }) => filename)).toEqual(["findings.csv", "xarf.json"]);

      // Whoever opens the file of an English letter reads it, link and all; of a script that ASCII does not have the source says nothing either way.
      const english = composeLetter("e".repeat(32), payloadOf([itemFrom(detection("192.0.2.9"))]), sender);
      const bare = await buildMail(english, envelope, null, null);
      expect(bare).toContain(`\r\n  https://layang.example/help#${"T".repeat(43)}\r\n`);
      expect(bare).not.toMatch(/[^\r]\n/);
      expect(bare).toMatch(/Content-Transfer-Encoding: quoted-printable[\s\S]+To the security team of The alpha/);
      expect((await simpleParser(bare)).text?.trim()).toBe(english.text.trim());
      const thai = composeLetter(
        "x".repeat(32),
        payloadOf([itemFrom(detection("192.0.2.9"))], { language: "th" }),
        sender,
      );
      const foreign = await buildMail(thai, envelope, null, null);
      expect(foreign).not.toContain("quoted-printable");
      expect((await simpleParser(foreign)).text?.trim()).toBe(thai.text.trim());

      const signed = await buildMail(composed, envelope, node, null);
      const boundary = /boundary="([^"]+)"/.exec(signed)?.[1] ?? "";
      const [, entity = "", signature = ""] = signed.split(new RegExp(`\r\n?--${boundary}(?:--)?\r\n`));
      const verified = await openpgp.verify({
        message: await openpgp.createMessage({ text: entity }),
        signature: await openpgp.readSignature({ armoredSignature: signature.slice(signature.indexOf("-----BEGIN")) }),
        verificationKeys,
      });
      await expect(verified.signatures[0]?.verified).resolves.toBe(true);
      // One letter changed on the way.
      const forged = await openpgp.verify({
        message: await openpgp.createMessage({ text: entity.replace("base64", "base65") }),
        signature: await openpgp.readSignature({ armoredSignature: signature.slice(signature.indexOf("-----BEGIN")) }),
        verificationKeys,
      });
      await expect(forged.signatures[0]?.verified).rejects.toThrow();
      expect((await simpleParser(signed)).text).toContain("192.0.2.9");
    },
  );
});

it("knows public holidays of ASEAN and Japan in 2026 and 2027, says where they come from, and takes corrections", () => {
  expect(holidayCountries).toEqual(["BN", "ID", "JP", "KH", "LA", "MM", "MY", "PH", "SG", "TH", "TL", "VN"]);
  for (const { country, source, days, moon } of holidayFiles) {
    expect(source.length, country).toBeGreaterThan(40);
    const dates = [...Object.keys(days), ...Object.keys(moon)];
    for (const date of dates) expect(new Date(`${date}T00:00:00Z`).toISOString().slice(0, 10), country).toBe(date);
    for (const year of ["2026", "2027"])
      expect(dates.filter((date) => date.startsWith(year)).length, country).toBeGreaterThan(6);
  }
  const known = holidaysWith({ ID: { "2026-03-20": "Eid al-Fitr, as announced", "2026-03-22": null } });
  expect([
    known("JP", "2026-05-06"),
    known("JP", "2026-05-07"),
    known("ID", "2026-03-20"),
    known("ID", "2026-03-22"),
    known("XX", "2026-01-01"),
  ]).toEqual([true, false, true, false, false]);
  expect(holidaysWith()("ID", "2026-03-22")).toBe(true);
  expect(defaultPreferences.holidays).toBeNull();
});
