// SPDX-License-Identifier: Apache-2.0
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createAccounts } from "../access/accounts.ts";
import type { Accounts } from "../access/accounts.ts";
import { createAuditLog } from "../access/audit.ts";
import type { AuditLog } from "../access/audit.ts";
import { createGuard } from "../access/guard.ts";
import type { FindLink, Guard } from "../access/guard.ts";
import { publicKeyOf, sendHead } from "../access/heads.ts";
import type { HeadSink } from "../access/heads.ts";
import { createPeople } from "../access/people.ts";
import { createSessions } from "../access/sessions.ts";
import { createTokens } from "../access/tokens.ts";
import { withAuditLog } from "../api/desk/audit.ts";
import type { DeskRoutes } from "../api/desk/index.ts";
import { withOperator } from "../api/desk/operator.ts";
import { withPeople } from "../api/desk/people.ts";
import type { PeopleServices } from "../api/desk/people.ts";
import { withDemoSession, withSession } from "../api/desk/session.ts";
import { withTokens } from "../api/desk/tokens.ts";
import { invitationMail } from "../notify/invitation.ts";
import type { Post } from "../notify/post.ts";
import type { Logger } from "../platform/log.ts";
import { writeDurably } from "../platform/files.ts";
import type { Desk } from "../store/desk/desk.ts";
import type { Settings } from "./config.ts";
import { nodeSecret } from "./desk.ts";
import { openEgress } from "./egress.ts";
import { folderSink, mailSink, webhookSink } from "./head-sinks.ts";
import { firstLinkFile } from "./running.ts";

export interface AccessWiring {
  readonly settings: Settings;
  readonly desk: Desk;
  /** The node's data folder. */
  readonly data: string;
  readonly log: Logger;
  readonly name: string;
  /** Where the portal listens; asked when it is known. */
  readonly port: () => number;
  /** Token of the printed address; null where people have accounts. */
  readonly token: string | null;
  readonly link?: FindLink;
  /** Null: no mail server is set up. */
  readonly post: Post | null;
  /** Mail-test mode: a secret is mailed to nobody, least of all to who reads all letters. */
  readonly testing: boolean;
}
export interface Access {
  readonly guard: Guard;
  readonly audit: AuditLog;
  readonly routes: readonly DeskRoutes[];
  /** Null in the demo and with `access: token`. */
  readonly accounts: Accounts | null;
  /** Public key of the audit log's heads, for who keeps them elsewhere. */
  readonly auditKey: string;
  /** Every hour: signs and sends the newest head; sessions that ended go. */
  hourly(): Promise<void>;
}

const now = (): number => Date.now() * 1000;

/** A secret of this node, made at its first start; in a file of its owner alone. */
const keptFile = (file: string, make: () => string): string => {
  if (!existsSync(file)) writeDurably(file, make(), 0o600);
  return readFileSync(file, "utf8");
};
export const auditKey = (folder: string): KeyObject =>
  createPrivateKey(
    keptFile(join(folder, "audit.key"), () =>
      generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    ),
  );

/** Where people reach the portal; without a configured origin, this machine. `localhost` first: passkeys need a name. */
export const originsOf = ({ config }: Settings, port: number): readonly string[] => {
  if (config.portal.origin !== undefined) return [config.portal.origin];
  const at = port === 80 ? "" : `:${port}`;
  return [`http://localhost${at}`, `http://127.0.0.1${at}`, `http://[::1]${at}`];
};

/** Who may, wired: the guard, the routes of sign-in, people, tokens and audit, and the log's heads. */
export const openAccess = (wiring: AccessWiring): Access => {
  const { settings, desk, data, log, name, port, token, post, testing } = wiring;
  const { people, audit } = settings.config;
  const folder = join(data, "access");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const key = auditKey(folder);
  const sinks: readonly HeadSink[] = [
    ...(audit.folder === undefined ? [] : [folderSink(settings.path(audit.folder))]),
    ...(audit.webhook === undefined ? [] : [webhookSink(audit.webhook, openEgress(settings))]),
    ...(audit.mail === undefined || post === null ? [] : [mailSink(audit.mail, post)]),
  ];
  if (sinks.length === 0 && token === null) {
    log.warn(
      "no place is configured for the heads of the audit log (audit.folder, audit.webhook, or audit.mail with mail): a rewritten log would not show",
    );
  }
  const hourly = async (): Promise<void> => {
    await sendHead({ desk, key, node: name, now: now(), sinks });
  };
  const mailLink: PeopleServices["mailLink"] = async (to, language, { link, expires }) => {
    const sent = testing ? undefined : await post?.(to, invitationMail(language, name, link, expires));
    return sent?.outcome === "accepted";
  };

  if (token !== null) {
    // Throw-away data, or one person's own machine: people can be looked at, nobody signs in.
    const sessions = createSessions({ desk, now });
    const list = createPeople({ desk, now, sessions, origin: () => originsOf(settings, port())[0] ?? "" });
    const tokens = createTokens({ desk, now, sessions });
    return {
      guard: createGuard({ token, port, ...(wiring.link === undefined ? {} : { link: wiring.link }) }),
      audit: createAuditLog({ desk, now }),
      accounts: null,
      auditKey: publicKeyOf(key),
      hourly,
      routes: [
        (server) => withDemoSession(server),
        (server, actorOf) => withPeople(server, { people: list, now }, actorOf),
        (server, actorOf) => withTokens(server, { tokens, now }, actorOf),
        (server, actorOf) => withAuditLog(server, { desk, now }, actorOf),
        (server, actorOf) => withOperator(server, { people: list, tokens }, actorOf),
      ],
    };
  }
  const accounts = createAccounts({
    desk,
    now,
    key: nodeSecret(data),
    name,
    origins: () => originsOf(settings, port()),
    times: { idle: people.idleMinutes * 60e6, absolute: people.hours * 3600e6 },
    egress: openEgress(
      settings,
      people.providers.map(({ issuer }) => issuer),
    ),
    providers: people.providers.map((one) => ({ ...one, clientSecret: settings.secret(one.clientSecret) })),
    onFault: (error) => log.warn({ err: error }, "an identity provider failed"),
    onFirst: () => rmSync(firstLinkFile(data), { force: true }),
    ...(wiring.link === undefined ? {} : { link: wiring.link }),
  });
  return {
    guard: accounts.guard,
    audit: accounts.audit,
    accounts,
    auditKey: publicKeyOf(key),
    hourly: async () => {
      await accounts.sessions.tidy();
      await hourly();
    },
    routes: [
      (server) => withSession(server, accounts),
      (server, actorOf) => withPeople(server, { people: accounts.people, now, mailLink }, actorOf),
      (server, actorOf) => withTokens(server, { tokens: accounts.tokens, now }, actorOf),
      (server, actorOf) => withAuditLog(server, { desk, now }, actorOf),
      (server, actorOf) => withOperator(server, accounts, actorOf),
    ],
  };
};
