// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createCases } from "../cases/cases.ts";
import type { Cases } from "../cases/cases.ts";
import { createOwners } from "../constituency/owners.ts";
import type { Owners } from "../constituency/owners.ts";
import type { Network } from "../constituency/network.ts";
import { systemActor } from "../model/actor.ts";
import { createDeliver, messageIdOf } from "../notify/deliver.ts";
import { createOutbox } from "../notify/outbox.ts";
import type { Outbox } from "../notify/outbox.ts";
import { openSmtp } from "../notify/smtp.ts";
import type { Smtp, SmtpOptions } from "../notify/smtp.ts";
import type { Logger } from "../platform/log.ts";
import type { Desk } from "../store/desk/desk.ts";
import type { Settings } from "./config.ts";

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
  /** Asks again whose networks there are; look-ups meanwhile see the old ones. */
  reloadOwners(): Promise<void>;
  owners(): Owners;
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
  { log, asnOf }: { readonly log: Logger; readonly asnOf: (words: Uint32Array, at: number) => number },
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
    policy: { country: settings.country, previewFirst: settings.previewFirst },
    dutyMail: mail?.duty ?? null,
  });
  const smtp: Smtp | null = mail === null ? null : openSmtp(mail);
  const domain = mail?.from.replace(/^.*@/, "").replace(/>.*$/, "") ?? "layang.invalid";
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
      sender: {
        reporter: { org: settings.name, contact: mail?.from ?? "", domain },
        from: mail?.from ?? "",
        replyTo: mail?.replyTo ?? null,
        get portal() {
          return settings.portal();
        },
        tokenOf: (link) => cases.tokenOf(link),
        linkFor: cases.rules.policy.linkFor,
      },
    }),
    onFault: (error) => log.error({ err: error }, "a letter failed"),
  });
  return {
    desk,
    cases,
    outbox,
    owners: () => owners,
    reloadOwners: async () => {
      owners = createOwners(await networksOf(desk), { asnOf });
    },
    close: async () => {
      await outbox.stop();
      smtp?.close();
      await desk.close();
    },
  };
};
