// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import MailComposer from "nodemailer/lib/mail-composer/index.js";
import type { Composed } from "./compose.ts";
import { seal } from "./pgp.ts";
import type { Pgp } from "./pgp.ts";

export interface Envelope {
  readonly from: string;
  readonly replyTo: string | null;
  readonly to: string;
  readonly messageId: string;
  /** Microseconds UTC. */
  readonly date: number;
  readonly inReplyTo?: string;
}

const build = (options: Record<string, unknown>): Promise<string> =>
  new Promise((resolve, reject) => {
    new MailComposer(options)
      .compile()
      .build((error, message) => (error === null ? resolve(message.toString("utf8")) : reject(error)));
  });

/**
 * Either keeps the bytes that were signed as they are on their way. Text that is mostly ASCII stays readable in its source; of other scripts that would make
 * three letters of every byte.
 */
const encodingOf = (text: string): "quoted-printable" | "base64" => {
  const others = [...text].filter((letter) => letter > "\u007f").length;
  return others * 10 <= text.length ? "quoted-printable" : "base64";
};

const boundaryOf = (messageId: string, part: string): string =>
  createHash("sha256").update(`${messageId} ${part}`).digest("hex").slice(0, 32);

/** Lines of at most 78 octets, encoded words for what is not ASCII: the composer writes headers; here they are taken apart again. */
const split = (message: string): { readonly head: string; readonly body: string } => {
  const at = message.indexOf("\r\n\r\n");
  return { head: message.slice(0, at), body: message.slice(at + 4) };
};

const lines = (armored: string): string => armored.replaceAll(/\r?\n/g, "\r\n");
/** Its type and parts (RFC 3156), headers first. */
const encrypted = (armored: string, boundary: string): string =>
  `Content-Type: multipart/encrypted; protocol="application/pgp-encrypted";\r\n boundary="${boundary}"\r\n\r\n--${boundary}\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n--${boundary}\r\nContent-Type: application/octet-stream; name="encrypted.asc"\r\n\r\n${lines(armored)}\r\n--${boundary}--\r\n`;
const signed = (entity: string, signature: string, boundary: string): string =>
  `Content-Type: multipart/signed; micalg=pgp-sha512; protocol="application/pgp-signature";\r\n boundary="${boundary}"\r\n\r\n--${boundary}\r\n${entity}\r\n--${boundary}\r\nContent-Type: application/pgp-signature; name="signature.asc"\r\n\r\n${lines(signature)}\r\n--${boundary}--\r\n`;

/**
 * The bytes of a mail (RFC 5322). With a key of the node it is signed (PGP/MIME, RFC 3156), with one of the recipient it is
 * encrypted, signed or not: then the subject keeps its tags alone.
 */
export const buildMail = async (
  composed: Composed,
  envelope: Envelope,
  pgp: Pgp | null,
  recipientKey: string | null,
): Promise<string> => {
  const content = {
    // Lines end as mail's lines do; base64 would hide what they end with.
    text: composed.text.replaceAll(/\r?\n/g, "\r\n"),
    textEncoding: encodingOf(composed.text),
    attachments: composed.parts.map(({ filename, type, content }) => ({
      filename,
      contentType: `${type}; charset=utf-8`,
      content,
      contentTransferEncoding: "base64",
    })),
  };
  const outer = {
    from: envelope.from,
    to: envelope.to,
    ...(envelope.replyTo === null ? {} : { replyTo: envelope.replyTo }),
    ...(envelope.inReplyTo === undefined ? {} : { inReplyTo: envelope.inReplyTo, references: envelope.inReplyTo }),
    messageId: envelope.messageId,
    date: new Date(envelope.date / 1000),
    subject: composed.subject,
    headers: composed.headers,
    disableFileAccess: true,
    disableUrlAccess: true,
    baseBoundary: boundaryOf(envelope.messageId, "outer"),
  };
  const wrap =
    recipientKey !== null
      ? async (entity: string, boundary: string) => encrypted(await (pgp?.seal ?? seal)(entity, recipientKey), boundary)
      : pgp !== null
        ? async (entity: string, boundary: string) => signed(entity, await pgp.sign(entity), boundary)
        : null;
  if (wrap === null) return build({ ...outer, ...content });
  const inner = await build({
    ...content,
    disableFileAccess: true,
    disableUrlAccess: true,
    baseBoundary: boundaryOf(envelope.messageId, "inner"),
    messageId: false,
    date: false,
  });
  const { head, body } = split(inner);
  const entity = `${head
    .split(/\r\n(?![ \t])/)
    .filter((header) => /^content-/i.test(header))
    .join("\r\n")}\r\n\r\n${body.endsWith("\r\n") ? body : `${body}\r\n`}`;
  const boundary = boundaryOf(envelope.messageId, "pgp");
  // Tags alone: that it is a drill, and the number.
  const tags = /^(?:\[[^\]]*\] )*/.exec(composed.subject)?.[0].trim();
  const shown = recipientKey === null ? composed.subject : tags || "Layang";
  const { head: outside } = split(await build({ ...outer, subject: shown, text: "" }));
  const headers = outside
    .split(/\r\n(?![ \t])/)
    .filter((header) => !/^content-/i.test(header) && !/^mime-version/i.test(header))
    .join("\r\n");
  return `${headers}\r\nMIME-Version: 1.0\r\n${await wrap(entity, boundary)}`;
};
