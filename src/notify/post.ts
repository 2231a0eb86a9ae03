// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from "node:crypto";
import type { Composed, Sender } from "./compose.ts";
import { buildMail } from "./mail.ts";
import type { Pgp } from "./pgp.ts";
import { returnPath } from "./returns.ts";
import type { Sent, Smtp } from "./smtp.ts";

/** `Layang <desk@example.org>` to its address. */
export const addressOf = (from: string): string => /<([^<>]+)>\s*$/.exec(from)?.[1] ?? from;

/** Of the outbox id, so that it is the same at every attempt: a recipient that got it twice sees that it is one letter. */
export const messageIdOf =
  (domain: string) =>
  (letter: string): string =>
    `<${letter}@${domain}>`;

/** Where the node's public key is had, without an account. */
export const publicKeyPath = "/.well-known/openpgp.asc";
/** By which key a mail is signed, and where that is had (draft-josefsson-openpgp-mailnews-header). */
const keyHeader = ({ fingerprint }: Pgp, { portal, local }: Sender): Readonly<Record<string, string>> => ({
  OpenPGP: `id=${fingerprint}${local === true ? "" : `; url=${portal}${publicKeyPath}`}`,
});

/** What all mail of a node leaves by. */
export interface MailWay {
  readonly smtp: Smtp;
  readonly pgp: Pgp | null;
  readonly sender: Sender;
  /** Mail-test mode: every mail goes here instead, and says to whom it would have gone. */
  readonly testMail: string | null;
}

/** One attempt at one mail. `date` is in microseconds UTC; with a recipient's `key` it is encrypted. */
export const sendMail = async (
  { smtp, pgp, sender, testMail }: MailWay,
  composed: Composed,
  { to: recipient, id, date }: { readonly to: string; readonly id: string; readonly date: number },
  key: string | null = null,
): Promise<Sent> => {
  const signed = pgp === null ? composed : { ...composed, headers: { ...composed.headers, ...keyHeader(pgp, sender) } };
  const shown =
    testMail === null
      ? signed
      : {
          ...signed,
          subject: `[TEST] ${composed.subject}`,
          headers: { ...signed.headers, "X-Layang-Test-Recipient": recipient },
        };
  const to = testMail ?? recipient;
  const messageId = messageIdOf(sender.reporter.domain)(id);
  const message = await buildMail(shown, { from: sender.from, replyTo: sender.replyTo, to, messageId, date }, pgp, key);
  const from = addressOf(sender.from);
  const back = sender.verp === true ? returnPath(from, { letter: id, tag: sender.returnTagOf(id) }) : from;
  return smtp.send(back, to, message);
};

/**
 * Sends one mail now, once, and says what became of it: for what is of no case and is made anew when it fails. Nothing of it is kept, so
 * that a one-time secret may stand in it.
 */
export type Post = (to: string, mail: { readonly subject: string; readonly text: string }) => Promise<Sent>;

/** `now` gives microseconds UTC. */
export const createPost =
  (way: MailWay, now: () => number): Post =>
  (to, mail) =>
    sendMail(
      way,
      { ...mail, parts: [], headers: { "Auto-Submitted": "auto-generated" } },
      { to, id: randomUUID(), date: now() },
    );
