// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createCases } from "../cases/cases.ts";
import type { Cases } from "../cases/cases.ts";
import type { CaseRules } from "../cases/options.ts";
import type { Owners } from "../constituency/owners.ts";
import type { Sender } from "../notify/compose.ts";
import { holidaysWith } from "../notify/holidays.ts";
import { createDeliver, webhookSecret } from "../notify/deliver.ts";
import { createOutbox } from "../notify/outbox.ts";
import type { Outbox } from "../notify/outbox.ts";
import { addressOf, createPost, messageIdOf } from "../notify/post.ts";
import type { Post } from "../notify/post.ts";
import { returnTagOf } from "../notify/returns.ts";
import { openSmtp } from "../notify/smtp.ts";
import type { Smtp, SmtpOptions } from "../notify/smtp.ts";
import { AppError } from "../platform/errors.ts";
import { writeDurably } from "../platform/files.ts";
import { lockFolder } from "../platform/lock.ts";
import type { Logger } from "../platform/log.ts";
import { markBounced } from "../registry/bounces.ts";
import { makeSigningKey, openPgp } from "../notify/pgp.ts";
import type { Pgp } from "../notify/pgp.ts";
import type { Egress } from "../platform/egress.ts";
import type { Desk } from "../store/desk/desk.ts";
import type { Settings } from "./config.ts";
import { readNamed } from "./observatory.ts";
import { holdOwners } from "./owners.ts";
import type { HeldOwners } from "./owners.ts";

/** Who the node is, where it speaks to the world. */
export interface DeskSettings {
  readonly name: string;
  readonly country: string | null;
  /** Address of the portal as recipients of letters reach it, without a slash at the end; asked late: a port may be chosen. */
  readonly portal: () => string;
  /** That is this machine alone: letters bear no link. */
  readonly local?: boolean;
  readonly mail: MailSettings | null;
  /** A first letter to a contact waits until somebody has looked at it. */
  readonly previewFirst: boolean;
  /** Invented data have no sensors to hide: findings of few sensors are told without bound. */
  readonly simulated: boolean;
}
export interface MailSettings extends SmtpOptions {
  readonly from: string;
  readonly replyTo: string | null;
  readonly duty: string | null;
  /** Letters are signed with the node's OpenPGP key. */
  readonly sign?: boolean;
  /** Mail-test mode: every letter goes here. */
  readonly test?: string;
  /** Each letter leaves from an address of its own. */
  readonly verp?: boolean;
}

export interface NodeDesk {
  readonly desk: Desk;
  readonly cases: Cases;
  readonly outbox: Outbox;
  /** The node's secret. */
  readonly key: Buffer;
  /** Domain of our letters' Message-IDs. */
  readonly domain: string;
  /** What every letter has in common. */
  readonly sender: Sender;
  /** Mail goes out. */
  readonly mails: boolean;
  /** Asks again whose networks there are; look-ups meanwhile see the old ones. */
  reloadOwners(): Promise<void>;
  owners(): Owners;
  /** The tables behind them. */
  readonly held: HeldOwners;
  /** Where analysts are called. */
  readonly duty: string | null;
  /** Letters are signed. */
  readonly signs: boolean;
  /** By what recipients check it; null: letters are not signed. */
  readonly publicKey: string | null;
  /** Mail-test mode: where every letter goes. */
  readonly testMail: string | null;
  /** Mails that are no letters; null: no mail server is set up. */
  readonly post: Post | null;
  /** Lets go of what it opened; the desk itself is its opener's. */
  close(): Promise<void>;
}

/** The desk that a configuration describes. */
export const openDeskStore = async ({ config, secret }: Settings, data: string): Promise<Desk> => {
  const { postgres } = config.desk;
  if (postgres === undefined) {
    const { openEmbeddedDesk } = await import("../store/desk/embedded/index.ts");
    return openEmbeddedDesk({ folder: data });
  }
  const { openServerDesk } = await import("../store/desk/server/index.ts");
  const { url, password } = postgres;
  return openServerDesk({ url, ...(password === undefined ? {} : { password: secret(password) }) });
};

/**
 * Keeps nodes, and other commands, off a data folder: the desk in the process keeps off nobody. Answers what frees it.
 * @throws AppError NODE_RUNNING when somebody works on it.
 */
export const lockIdle = (data: string): Promise<() => void> => lockFolder(data, "NODE_RUNNING");

/** The desk, for a command while no node runs. @throws AppError NODE_RUNNING when one does that cannot be asked: it starts or stops, or has no operator's socket. */
export const openIdleDesk = async (settings: Settings, data: string): Promise<Desk> => {
  // A server's desk is for many.
  if (settings.config.desk.postgres !== undefined) return openDeskStore(settings, data);
  const unlock = await lockIdle(data);
  try {
    const desk = await openDeskStore(settings, data);
    return { ...desk, close: () => desk.close().finally(unlock) };
  } catch (error) {
    unlock();
    throw error;
  }
};

/** The configured mail server; null: letters wait. */
export const mailOf = ({ config, secret, path }: Settings): MailSettings | null => {
  const { mail } = config;
  if (mail === undefined) return null;
  return {
    host: mail.host,
    port: mail.port,
    tls: mail.tls,
    user: mail.user ?? null,
    password: mail.password === undefined ? null : secret(mail.password),
    connections: 4,
    from: mail.from,
    replyTo: mail.replyTo ?? null,
    duty: mail.duty ?? null,
    sign: mail.sign,
    verp: mail.verp,
    ...(mail.test === undefined ? {} : { test: mail.test }),
    ...(mail.ca === undefined ? {} : { ca: readNamed(path(mail.ca)) }),
  };
};

/** Where the node's own secret is: a data folder without it had no node yet. */
export const nodeSecretFile = (data: string): string => join(data, "node.secret");
/** A secret of the node's own, made at the first start and kept beside its data. */
export const nodeSecret = (data: string): Buffer => {
  const file = nodeSecretFile(data);
  if (existsSync(file)) return Buffer.from(readFileSync(file, "utf8").trim(), "base64url");
  const made = randomBytes(32);
  // Whole or not at all, and durably: links that were sent are made with it.
  writeDurably(file, made.toString("base64url"), 0o600);
  return made;
};

/** The private block; what is given away is made of it. */
const signingKeyFile = (data: string): string => join(data, "openpgp.asc");
/** The public key that letters can be checked by. @throws AppError DATA_NOT_FOUND where there is none yet. */
export const publicKeyOf = async (data: string): Promise<Pick<Pgp, "publicKey" | "fingerprint">> => {
  const file = signingKeyFile(data);
  if (!existsSync(file))
    throw new AppError("DATA_NOT_FOUND", `${data} holds no OpenPGP key: a node with \`mail\` makes one at its start`);
  return openPgp({ armored: readFileSync(file, "utf8"), passphrase: null });
};

/** The node's OpenPGP key, made at the first start and kept beside its data. */
export const nodePgp = async (data: string, name: string, mail: string): Promise<Pgp> => {
  const file = signingKeyFile(data);
  if (!existsSync(file)) {
    const { armored } = await makeSigningKey(name, mail);
    writeDurably(file, armored, 0o600);
  }
  return openPgp({ armored: readFileSync(file, "utf8"), passphrase: null });
};

export interface DeskSurroundings {
  readonly log: Logger;
  /** By what letters leave, microseconds UTC; the machine's clock where absent. */
  readonly now?: () => number;
  /** The one way out, for webhooks; absent: they wait. */
  readonly egress?: Egress;
  /** Origin AS of an address (four words), 0: not known. */
  readonly asnOf: (words: Uint32Array, at: number) => number;
  readonly originOf: CaseRules["originOf"];
  readonly sensors: CaseRules["sensors"];
}

/**
 * Opens the desk of a node and what works on it: who owns which network, alerts and cases, letters. Nothing is sent before
 * `outbox.start()`.
 */
export const openNodeDesk = async (
  desk: Desk,
  settings: DeskSettings,
  data: string,
  { log, egress, asnOf, originOf, sensors, now = () => Date.now() * 1000 }: DeskSurroundings,
): Promise<NodeDesk> => {
  const tables = await holdOwners(desk, { asnOf });
  // What came before a network had an owner is handed over when it has one: at the first look after a start, and whenever the constituency changed.
  let due = true;
  const held: HeldOwners = {
    ...tables,
    reload: async () => {
      const changed = await tables.reload();
      due ||= changed;
      if (!due) return false;
      const { handed, told } = await cases.adopt(now());
      due = false;
      if (handed > 0) log.info({ handed, told }, "alerts that were nobody's have an owner now");
      if (told > 0) outbox.poke();
      return changed;
    },
  };
  const key = nodeSecret(data);
  const { mail } = settings;
  const cases = createCases({
    desk,
    owners: { ownerOf: (realm, address, time) => held.current().ownerOf(realm, address, time) },
    origin: settings.name,
    key,
    sensors,
    originOf,
    isHoliday: holidaysWith(),
    policy: {
      country: settings.country,
      previewFirst: settings.previewFirst,
      ...(settings.simulated ? { fewSensors: null } : {}),
    },
    dutyMail: mail?.duty ?? null,
  });
  const smtp: Smtp | null = mail === null ? null : openSmtp(mail);
  const domain = mail?.from.replace(/^.*@/, "").replace(/>.*$/, "") ?? "layang.invalid";
  const pgp = mail?.sign === true ? await nodePgp(data, settings.name, addressOf(mail.from)) : null;
  const testMail = mail?.test ?? null;
  const sender: Sender = {
    reporter: { org: settings.name, contact: addressOf(mail?.from ?? ""), domain },
    from: mail?.from ?? "",
    replyTo: mail?.replyTo ?? null,
    get portal() {
      return settings.portal();
    },
    local: settings.local === true,
    tokenOf: (link) => cases.tokenOf(link),
    linkFor: cases.rules.policy.linkFor,
    returnTagOf: returnTagOf(key),
    verp: mail?.verp === true,
    simulated: settings.simulated,
  };
  const outbox = createOutbox({
    desk,
    now,
    alone: true,
    messageIdOf: messageIdOf(domain),
    deliver: createDeliver({
      desk,
      now,
      smtp,
      pgp,
      fetch: egress === undefined ? null : (url, init) => egress.fetch(url, init),
      testMail,
      webhookSecretOf: (contact) => webhookSecret(key, contact),
      sender,
    }),
    // A mailbox that the server refuses for good is one letter nearer to being dead; what refuses this letter alone counts less.
    onOutcome: async (trx, letter, sent, at) => {
      if (sent.outcome === "refused" && sent.mailbox !== undefined && letter.contact_id !== null) {
        await markBounced(trx, letter.contact_id, at, sent.mailbox, mail?.duty ?? null);
      }
    },
    onFault: (error) => log.error({ err: error }, "a letter failed"),
    onServer: (away) =>
      away === null
        ? log.info("the mail server takes letters again")
        : log.warn({ answer: away }, "the mail server cannot be spoken to: letters wait and are tried again"),
  });
  return {
    desk,
    cases,
    outbox,
    key,
    domain,
    sender,
    mails: smtp !== null,
    held,
    owners: held.current,
    duty: mail?.duty ?? null,
    signs: pgp !== null,
    publicKey: pgp?.publicKey ?? null,
    testMail,
    post: smtp === null ? null : createPost({ smtp, pgp, sender, testMail }, now),
    reloadOwners: async () => {
      await held.reload();
    },
    close: async () => {
      await outbox.stop();
      smtp?.close();
    },
  };
};
