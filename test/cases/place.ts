// SPDX-License-Identifier: Apache-2.0
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { sql } from "kysely";
import { simpleParser } from "mailparser";
import type { ParsedMail } from "mailparser";
import { SMTPServer } from "smtp-server";
import type { Owner } from "../../src/alert/alert.ts";
import { createCases } from "../../src/cases/cases.ts";
import type { Cases, CasesOptions } from "../../src/cases/cases.ts";
import { systemActor } from "../../src/model/actor.ts";
import type { Detection } from "../../src/model/detection.ts";
import { parseIp } from "../../src/net/ip.ts";
import { parsePrefix, prefixContains } from "../../src/net/prefix.ts";
import { createDeliver } from "../../src/notify/deliver.ts";
import type { DeliverOptions } from "../../src/notify/deliver.ts";
import { createOutbox } from "../../src/notify/outbox.ts";
import type { Outbox, OutboxOptions } from "../../src/notify/outbox.ts";
import { messageIdOf } from "../../src/notify/post.ts";
import { returnTagOf } from "../../src/notify/returns.ts";
import { openSmtp } from "../../src/notify/smtp.ts";
import type { Desk } from "../../src/store/desk/desk.ts";

export const hour = 3_600_000_000;
export const day = 24 * hour;
/** 1 June 2026, 00:00 UTC. */
export const start = 1_780_272_000_000_000;
export const key = new Uint8Array(32).fill(7);

export const owner = (organisation: string, network: string, more: Partial<Owner> = {}): Owner => ({
  organisation,
  network,
  translation: "none",
  essential: false,
  country: "ID",
  ...more,
});

/** A small constituency: the first prefix that holds the address. */
export const ownersOf = (list: readonly Owner[]): CasesOptions["owners"] => {
  const prefixes = list.map((one) => ({ one, prefix: parsePrefix(one.network) }));
  return {
    ownerOf: (_realm, address) => {
      const words = parseIp(address);
      if (words === undefined) return null;
      return prefixes.find(({ prefix }) => prefix !== undefined && prefixContains(prefix, words))?.one ?? null;
    },
  };
};

let counter = 0;
export const detection = (source: string, more: Partial<Detection> = {}): Detection => ({
  id: (counter++).toString(16).padStart(32, "0"),
  detector: "infected",
  version: 1,
  kind: "infected-host",
  realm: "",
  exercise: "",
  source,
  protocol: "tcp",
  port: 23,
  first: start,
  last: start + 60_000_000,
  packets: 40,
  darkAddresses: 20,
  sensors: ["s-one", "s-two"],
  confidence: 0.97,
  family: "mirai",
  held: [],
  evidence: { rule: "scan with a mark", signature: "14600:mss:1460:-" },
  samples: [{ time: start + 1_234_000, error: 2_000, sourcePort: 40_001, port: 23 }],
  ...more,
});

/** An organisation with one contact. */
export const organisation = async (
  desk: Desk,
  id: string,
  contact: {
    readonly mail?: string | null;
    readonly language?: string;
    readonly webhook?: string;
    readonly key?: string;
    readonly exercise?: string;
  } = {},
): Promise<string> =>
  desk.as(systemActor, async (trx) => {
    await sql`INSERT INTO organisations (id, name, created, exercise) VALUES (${id}, ${`The ${id}`}, ${start}, ${contact.exercise ?? ""})`.execute(
      trx,
    );
    const { rows } = await sql<{
      id: string;
    }>`INSERT INTO contacts (organisation_id, role, mail, language, webhook, openpgp_key, state, valid_from)
VALUES (${id}, 'abuse', ${contact.mail === undefined ? `abuse@${id}.example` : contact.mail}, ${contact.language ?? "en"}, ${contact.webhook ?? null}, ${contact.key ?? null}, 'active', ${start}) RETURNING id`.execute(
      trx,
    );
    return rows[0]?.id ?? "";
  });

export const makeCases = (desk: Desk, owners: readonly Owner[], more: Partial<CasesOptions> = {}): Cases =>
  createCases({
    desk,
    key,
    origin: "test",
    owners: ownersOf(owners),
    ...more,
    policy: { previewFirst: false, ...more.policy },
  });

export interface Sink {
  readonly port: number;
  readonly mails: {
    readonly to: string;
    readonly envelopeFrom: string;
    readonly raw: string;
    readonly parsed: ParsedMail;
  }[];
  close(): Promise<void>;
}

/** A real SMTP server of the test's own; keeps what it accepts. */
export const smtpSink = async (refuse: (to: string) => string | null = () => null): Promise<Sink> => {
  const mails: Sink["mails"] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    onRcptTo: ({ address }, _session, done) => {
      const why = refuse(address);
      if (why === null) return done();
      return done(Object.assign(new Error(why.slice(4)), { responseCode: Number(why.slice(0, 3)) }));
    },
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const raw = Buffer.concat(chunks).toString("utf8");
        void simpleParser(raw).then((parsed) => {
          const { mailFrom, rcptTo } = session.envelope;
          mails.push({ to: rcptTo[0]?.address ?? "", envelopeFrom: mailFrom ? mailFrom.address : "", raw, parsed });
          done();
        });
      });
    },
  });
  // A client that breaks off is its own affair.
  server.on("error", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server.server, "listening");
  return {
    port: (server.server.address() as AddressInfo).port,
    mails,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
};

export const makeOutbox = (
  desk: Desk,
  cases: Cases,
  port: number,
  now: () => number,
  more: Partial<DeliverOptions> &
    Partial<Pick<OutboxOptions, "onOutcome" | "parallel" | "alone">> & {
      /** Each letter from an address of its own. */
      readonly verp?: boolean;
      /** Sees every attempt begin and end. */
      readonly watch?: (moment: "begins" | "ended") => void;
    } = {},
): Outbox & { close(): Promise<void> } => {
  const smtp = openSmtp({ host: "127.0.0.1", port, tls: "none", user: null, password: null, connections: 4 });
  const deliver = createDeliver({
    desk,
    now,
    smtp,
    pgp: null,
    fetch: null,
    testMail: null,
    webhookSecretOf: (contact) => `secret of ${contact}`,
    sender: {
      reporter: { org: "Layang test", contact: "desk@node.example", domain: "node.example" },
      from: "Layang <desk@node.example>",
      replyTo: null,
      portal: "https://layang.example",
      tokenOf: cases.tokenOf,
      linkFor: cases.rules.policy.linkFor,
      returnTagOf: returnTagOf(key),
      verp: more.verp ?? false,
    },
    ...more,
  });
  const watched: OutboxOptions["deliver"] = async (letter) => {
    more.watch?.("begins");
    const sent = await deliver(letter);
    more.watch?.("ended");
    return sent;
  };
  const outbox = createOutbox({ desk, now, deliver: watched, messageIdOf: messageIdOf("node.example"), ...more });
  return {
    ...outbox,
    close: async () => {
      await outbox.stop();
      smtp.close();
    },
  };
};
