// SPDX-License-Identifier: Apache-2.0
import { createHmac } from "node:crypto";
import { sql } from "kysely";
import { systemActor } from "../model/actor.ts";
import { AppError } from "../platform/errors.ts";
import type { Desk } from "../store/desk/desk.ts";
import { composeLetter } from "./compose.ts";
import type { Sender } from "./compose.ts";
import type { Leased } from "./outbox.ts";
import type { Pgp } from "./pgp.ts";
import { sendMail } from "./post.ts";
import type { Sent, Smtp } from "./smtp.ts";

export interface WebhookCall {
  readonly method: "POST";
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** An answer that points elsewhere is refused. */
  readonly redirect: "error";
}
export interface DeliverOptions {
  readonly desk: Desk;
  /** Microseconds UTC. */
  readonly now: () => number;
  readonly sender: Sender;
  /** Null: mail is not set up, letters wait. */
  readonly smtp: Smtp | null;
  readonly pgp: Pgp | null;
  /** The one guarded client for what leaves the node (`src/platform/egress.ts`); null: webhooks are not set up. */
  readonly fetch: ((url: string, init: WebhookCall) => Promise<Response>) | null;
  /** Mail-test mode: every letter goes here instead, and says to whom it would have gone. */
  readonly testMail: string | null;
  /** The secret that a contact's webhook is signed with. */
  readonly webhookSecretOf: (contact: string) => string;
}

/** The secret that calls to a contact's webhook are signed with: follows from the node's, and stands nowhere. */
export const webhookSecret = (key: Uint8Array, contact: string): string =>
  createHmac("sha256", key)
    .update(JSON.stringify(["webhook", contact]))
    .digest("base64url");

/** Headers of a signed call: `X-Layang-Signature: sha256=` HMAC-SHA256 over the timestamp (seconds), a dot, and the body. */
export const signedHeaders = (secret: string, seconds: number, body: string): Record<string, string> => ({
  "content-type": "application/json",
  "x-layang-timestamp": String(seconds),
  "x-layang-signature": `sha256=${createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex")}`,
});

const openpgpKeyOf = async (desk: Desk, contact: string | null): Promise<string | null> => {
  if (contact === null) return null;
  const { rows } = await desk.as(systemActor, (trx) =>
    sql<{ openpgp_key: string | null }>`SELECT openpgp_key FROM contacts WHERE id = ${contact}`.execute(trx),
  );
  return rows[0]?.openpgp_key ?? null;
};

/** One attempt to bring a letter to its recipient. */
export const createDeliver = (options: DeliverOptions): ((letter: Leased) => Promise<Sent>) => {
  const { sender, desk } = options;
  const mail = async (letter: Leased): Promise<Sent> => {
    if (options.smtp === null) return { outcome: "deferred", answer: "no mail server is set up" };
    const composed = composeLetter(letter.id, letter.payload, sender);
    const sealed = options.testMail === null && letter.payload.encrypt;
    try {
      return await sendMail(
        { ...options, smtp: options.smtp },
        composed,
        { to: letter.recipient, id: letter.id, date: letter.begun },
        sealed ? await openpgpKeyOf(desk, letter.contact_id) : null,
      );
    } catch (error) {
      // No later attempt mends a key: somebody must look now, and not in two days.
      if (error instanceof AppError && error.code === "OPENPGP_KEY")
        return { outcome: "refused", answer: error.message };
      throw error;
    }
  };
  const webhook = async (letter: Leased): Promise<Sent> => {
    if (options.fetch === null) return { outcome: "deferred", answer: "webhooks are not set up" };
    if (options.testMail !== null) return { outcome: "accepted", answer: "mail-test mode: not called" };
    const composed = composeLetter(letter.id, letter.payload, sender);
    const xarf = composed.parts.find(({ filename }) => filename === "xarf.json");
    const body = JSON.stringify({
      id: letter.id,
      form: letter.form,
      exercise: letter.payload.exercise,
      organisation: letter.payload.organisation.id,
      findings: letter.payload.items,
      xarf: xarf === undefined ? null : (JSON.parse(xarf.content) as unknown),
    });
    const seconds = Math.floor(options.now() / 1e6);
    try {
      const response = await options.fetch(letter.recipient, {
        method: "POST",
        body,
        headers: signedHeaders(options.webhookSecretOf(letter.contact_id ?? ""), seconds, body),
        signal: AbortSignal.timeout(20_000),
        redirect: "error",
      });
      await response.body?.cancel();
      const answer = `HTTP ${response.status}`;
      if (response.ok) return { outcome: "accepted", answer };
      return response.status === 410 || response.status === 404
        ? { outcome: "refused", answer }
        : { outcome: "deferred", answer };
    } catch (error) {
      // What was not called has surely not arrived.
      const never = error instanceof AppError && (error.code === "EGRESS_REFUSED" || error.details["begun"] === false);
      const answer = error instanceof Error ? error.message.slice(0, 300) : "not reached";
      return { outcome: never ? "deferred" : "unknown", answer };
    }
  };
  return (letter) => {
    if (letter.channel === "mail") return mail(letter);
    if (letter.channel === "webhook") return webhook(letter);
    return Promise.resolve({ outcome: "accepted", answer: "in the portal" });
  };
};
