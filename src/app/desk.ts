// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createCases } from "../cases/cases.ts";
import type { Cases } from "../cases/cases.ts";
import type { CaseRules } from "../cases/options.ts";
import { createOwners } from "../constituency/owners.ts";
import type { Owners } from "../constituency/owners.ts";
import type { Network } from "../constituency/network.ts";
import { systemActor } from "../model/actor.ts";
import type { Sender } from "../notify/compose.ts";
import { holidaysWith } from "../notify/holidays.ts";
import { addressOf, createDeliver, messageIdOf } from "../notify/deliver.ts";
import { createOutbox } from "../notify/outbox.ts";
import type { Outbox } from "../notify/outbox.ts";
import { openSmtp } from "../notify/smtp.ts";
import type { Smtp, SmtpOptions } from "../notify/smtp.ts";
import type { Logger } from "../platform/log.ts";
import type { Desk } from "../store/desk/desk.ts";
import type { Settings } from "./config.ts";
import { readNamed } from "./observatory.ts";

/** Who the node is, where it speaks to the world. */
export interface DeskSettings {
  readonly name: string;
  readonly country: string | null;
  /** Address of the portal as recipients of letters reach it, without a slash at the end; asked late: a port may be chosen. */
  readonly portal: () => string;
  readonly mail: MailSettings | null;
  /** A first letter to a contact waits until somebody has looked at it. */
  readonly previewFirst: boolean;
}
export interface MailSettings extends SmtpOptions {
  readonly from: string;
  readonly replyTo: string | null;
  readonly duty: string | null;
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
    ...(mail.ca === undefined ? {} : { ca: readNamed(path(mail.ca)) }),
  };
};

/** A secret of the node's own, made at the first start and kept beside its data. */
export const nodeSecret = (data: string): Buffer => {
  const file = join(data, "node.secret");
  if (existsSync(file)) return Buffer.from(readFileSync(file, "utf8").trim(), "base64url");
  const made = randomBytes(32);
  // By renaming: a process that is killed here must not leave half of one.
  writeFileSync(`${file}.part`, made.toString("base64url"), { mode: 0o600 });
  renameSync(`${file}.part`, file);
  return made;
};

export interface DeskSurroundings {
  readonly log: Logger;
  /** Origin AS of an address (four words), 0: not known. */
  readonly asnOf: (words: Uint32Array, at: number) => number;
  readonly originOf: CaseRules["originOf"];
}

/** All networks of the constituency, those that have ended among them: who owned it then is asked too. */
const networksOf = (desk: Desk): Promise<Network[]> =>
  desk.as(
    systemActor,
    async (trx) =>
      await trx
        .selectFrom("networks")
        .innerJoin("organisations", "organisations.id", "networks.organisation_id")
        .select([
          "organisations.id as organisation",
          "networks.realm",
          "networks.prefix",
          "networks.asn",
          "networks.domain",
          "networks.translation",
          "organisations.essential",
          "organisations.country",
          "networks.valid_from as from",
          "networks.valid_until as until",
        ])
        .execute(),
  );

/**
 * Opens the desk of a node and what works on it: who owns which network, alerts and cases, letters. Nothing is sent before
 * `outbox.start()`.
 */
export const openNodeDesk = async (
  desk: Desk,
  settings: DeskSettings,
  data: string,
  { log, asnOf, originOf }: DeskSurroundings,
): Promise<NodeDesk> => {
  const now = (): number => Date.now() * 1000;
  let owners = createOwners(await networksOf(desk), { asnOf });
  const key = nodeSecret(data);
  const { mail } = settings;
  const cases = createCases({
    desk,
    owners: { ownerOf: (realm, address, time) => owners.ownerOf(realm, address, time) },
    origin: settings.name,
    key,
    originOf,
    isHoliday: holidaysWith(),
    policy: { country: settings.country, previewFirst: settings.previewFirst },
    dutyMail: mail?.duty ?? null,
  });
  const smtp: Smtp | null = mail === null ? null : openSmtp(mail);
  const domain = mail?.from.replace(/^.*@/, "").replace(/>.*$/, "") ?? "layang.invalid";
  const sender: Sender = {
    reporter: { org: settings.name, contact: addressOf(mail?.from ?? ""), domain },
    from: mail?.from ?? "",
    replyTo: mail?.replyTo ?? null,
    get portal() {
      return settings.portal();
    },
    tokenOf: (link) => cases.tokenOf(link),
    linkFor: cases.rules.policy.linkFor,
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
      pgp: null,
      fetch: null,
      testMail: null,
      webhookSecretOf: () => "",
      sender,
    }),
    onFault: (error) => log.error({ err: error }, "a letter failed"),
  });
  return {
    desk,
    cases,
    outbox,
    key,
    domain,
    sender,
    mails: smtp !== null,
    owners: () => owners,
    reloadOwners: async () => {
      owners = createOwners(await networksOf(desk), { asnOf });
    },
    close: async () => {
      await outbox.stop();
      smtp?.close();
    },
  };
};
