// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from "node:crypto";
import { addressOf, messageIdOf } from "./deliver.ts";
import type { Sender } from "./compose.ts";
import { buildMail } from "./mail.ts";
import type { Pgp } from "./pgp.ts";
import type { Sent, Smtp } from "./smtp.ts";

/**
 * Sends one mail now, once, and says what became of it: for what is of no case and is made anew when it fails. Nothing of it is kept, so
 * that a one-time secret may stand in it.
 */
export type Post = (to: string, mail: { readonly subject: string; readonly text: string }) => Promise<Sent>;

export const createPost =
  (options: {
    readonly smtp: Smtp;
    readonly pgp: Pgp | null;
    readonly sender: Sender;
    /** Mail-test mode: every mail goes here instead. */
    readonly testMail: string | null;
    /** Microseconds UTC. */
    readonly now: () => number;
  }): Post =>
  async (recipient, { subject, text }) => {
    const { smtp, pgp, sender, testMail, now } = options;
    const to = testMail ?? recipient;
    const message = await buildMail(
      {
        subject: testMail === null ? subject : `[TEST] ${subject}`,
        text,
        parts: [],
        headers: {
          "Auto-Submitted": "auto-generated",
          ...(testMail === null ? {} : { "X-Layang-Test-Recipient": recipient }),
        },
      },
      {
        from: sender.from,
        replyTo: sender.replyTo,
        to,
        messageId: messageIdOf(sender.reporter.domain)(randomUUID()),
        date: now(),
      },
      pgp,
      null,
    );
    return smtp.send(addressOf(sender.from), to, message);
  };
