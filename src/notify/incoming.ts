// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { simpleParser } from "mailparser";
import type { ParsedMail } from "mailparser";
import { readReturnPath, returnHeader } from "./returns.ts";
import type { ReturnPlace } from "./returns.ts";

/** What a mail that came in is, and what it answers. */
export interface Incoming {
  /** Of its Message-ID, or of its bytes where it has none: the same mail twice is the same. */
  readonly id: string;
  /** `bounce`: a report on a delivery (RFC 3464). `automatic`: nobody wrote it (RFC 3834). */
  readonly kind: "reply" | "bounce" | "automatic";
  readonly from: string | null;
  readonly subject: string;
  readonly text: string;
  /** Message-IDs that it answers or reports on, newest first. */
  readonly answers: readonly string[];
  /** LAYANG-42 of its subject. */
  readonly number: number | null;
  readonly attachments: readonly { readonly name: string; readonly type: string; readonly content: Uint8Array }[];
  readonly reports: readonly DeliveryReport[];
  /** Of a delivery report: letters of ours that it came back to by their own address. */
  readonly returnedTo: readonly ReturnPlace[];
  /** Of a delivery report: tags in the headers of the letter that it returns. */
  readonly tags: readonly string[];
}
export interface DeliveryReport {
  readonly recipient: string | null;
  readonly action: "failed" | "delayed" | "delivered" | "relayed" | "expanded" | "unknown";
  /** RFC 3463, such as 5.1.1. */
  readonly status: string | null;
  readonly diagnostic: string | null;
}

/** Cut to a length, and only what can be kept: no zero byte, no half of a character. */
const kept = (text: string, most: number): string => text.slice(0, most).replaceAll("\0", "").toWellFormed();
const sha = (bytes: string | Uint8Array): string => createHash("sha256").update(bytes).digest("hex").slice(0, 32);
const header = (mail: ParsedMail, name: string): string => {
  const value = mail.headers.get(name);
  return typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value);
};

const lineOf = (mail: ParsedMail, name: string): string => mail.headerLines.find(({ key }) => key === name)?.line ?? "";

/** Nobody wrote it: by the header that says so, by those that came before it, or since it is a report (RFC 6522). Of several traits any one is enough. */
const isAutomatic = (mail: ParsedMail): boolean => {
  const submitted = header(mail, "auto-submitted").toLowerCase();
  return (
    (submitted !== "" && !submitted.startsWith("no")) ||
    /^\s*content-type:\s*multipart\/report\b/i.test(lineOf(mail, "content-type")) ||
    /^(bulk|junk|auto_reply)$/i.test(header(mail, "precedence").trim()) ||
    ["x-autoreply", "x-autorespond", "x-loop", "x-layang-letter"].some((name) => mail.headers.has(name)) ||
    mail.headerLines.some(({ key, line }) => key === "return-path" && /^return-path:\s*<>\s*$/i.test(line))
  );
};

/** Fields of a delivery report's groups; the first group speaks of the message, the others each of one recipient. */
export const readReports = (text: string): DeliveryReport[] => {
  const actions = new Set(["failed", "delayed", "delivered", "relayed", "expanded"]);
  return text
    .replaceAll("\r\n", "\n")
    .split(/\n\s*\n/)
    .slice(0, 100)
    .map((group) => {
      const fields = new Map<string, string>();
      for (const line of group.replaceAll(/\n[ \t]+/g, " ").split("\n")) {
        const at = line.indexOf(":");
        if (at > 0) fields.set(line.slice(0, at).trim().toLowerCase(), line.slice(at + 1).trim());
      }
      return fields;
    })
    .filter((fields) => fields.has("action"))
    .map((fields) => {
      const value = (name: string): string | null => {
        const said = fields.get(name)?.replace(/^[\w-]+\s*;\s*/, "");
        return said === undefined ? null : kept(said, 300);
      };
      const action = fields.get("action")?.toLowerCase() ?? "";
      return {
        recipient: value("final-recipient") ?? value("original-recipient"),
        action: actions.has(action) ? (action as DeliveryReport["action"]) : "unknown",
        status: /^\d\.\d{1,3}\.\d{1,3}$/.exec(fields.get("status")?.split(/\s/)[0] ?? "")?.[0] ?? null,
        diagnostic: value("diagnostic-code"),
      };
    });
};

const idsIn = (text: string): string[] => text.match(/<[^<>\s]{3,250}>/g)?.slice(0, 50) ?? [];

/** What was written, without what was quoted below it. */
const written = (text: string): string => {
  const lines = text.split("\n");
  const at = lines.findIndex(
    (line, i) =>
      /^(>|-{2,} ?original message|_{10,})/i.test(line) ||
      (/:\s*$/.test(line) && lines[i + 1]?.startsWith(">") === true),
  );
  const own = (at < 0 ? lines : lines.slice(0, at)).join("\n").trim();
  return kept(own === "" ? text.trim() : own, 8_000);
};

/** Headers in which mail servers write whom a mail was delivered to. */
const addressedBy = new Set(["to", "delivered-to", "x-original-to", "envelope-to", "x-envelope-to"]);

/** Reads a mail. Bytes that are no mail become an empty one of kind `reply`: it is kept, and answers nothing. */
export const readIncoming = async (message: Uint8Array): Promise<Incoming> => {
  const mail = await simpleParser(Buffer.from(message), {
    skipHtmlToText: false,
    skipImageLinks: true,
    // Else it is taken for text.
    keepDeliveryStatus: true,
    maxHtmlLengthToParse: 1 << 20,
  });
  const reportPart = mail.attachments.find(({ contentType }) => contentType === "message/delivery-status");
  const original = mail.attachments.find(
    ({ contentType }) =>
      contentType === "message/rfc822" ||
      contentType === "text/rfc822-headers" ||
      contentType === "message/rfc822-headers",
  );
  const reports = reportPart === undefined ? [] : readReports(reportPart.content.toString("utf8"));
  const inside =
    original === undefined
      ? ""
      : (original.content
          .subarray(0, 1 << 16)
          .toString("latin1")
          .split(/\r?\n\r?\n/)[0] ?? "");
  const reported = /^message-id:\s*(<[^<>\s]+>)/im.exec(inside)?.[1];
  // The first header alone: a letter has one.
  const tag = new RegExp(`^${returnHeader}:\\s*([0-9a-f]{20})\\s*$`, "im").exec(inside)?.[1];
  const returnedTo = mail.headerLines
    .filter(({ key }) => addressedBy.has(key))
    .slice(0, 20)
    .flatMap(({ line }) => readReturnPath(line.slice(0, 1_000)) ?? []);
  const subject = kept(mail.subject ?? "", 300);
  const from = mail.from?.value[0]?.address;
  const references = typeof mail.references === "string" ? [mail.references] : (mail.references ?? []);
  return {
    id: sha(mail.messageId ?? message),
    kind: reports.length > 0 ? "bounce" : isAutomatic(mail) ? "automatic" : "reply",
    from: from === undefined ? null : kept(from.toLowerCase(), 254),
    subject,
    text: written(mail.text ?? ""),
    answers: [
      ...new Set([
        ...(reported === undefined ? [] : [reported]),
        ...idsIn(mail.inReplyTo ?? ""),
        ...idsIn(references.join(" ")).toReversed(),
      ]),
    ],
    number: Number(/\bLAYANG-(\d{1,12})\b/.exec(subject)?.[1] ?? NaN) || null,
    attachments: mail.attachments
      .filter(({ contentType }) => !contentType.startsWith("message/") && contentType !== "text/rfc822-headers")
      .slice(0, 5)
      .map(({ filename, contentType, content }) => ({
        // oxlint-disable-next-line no-control-regex
        name: kept((filename ?? "attachment").replaceAll(/[/\\\u0000-\u001f]+/g, "_"), 200),
        type: kept(contentType, 100),
        content,
      })),
    reports,
    returnedTo: reports.length === 0 ? [] : returnedTo,
    tags: reports.length === 0 || tag === undefined ? [] : [tag.toLowerCase()],
  };
};
