// SPDX-License-Identifier: Apache-2.0
import type { Readable } from "node:stream";
import { createTransport } from "nodemailer";

export interface SmtpOptions {
  readonly host: string;
  readonly port: number;
  /** `always` TLS from the first byte, `starttls` demanded, `opportunistic` taken when offered, `none`. */
  readonly tls: "always" | "starttls" | "opportunistic" | "none";
  readonly user: string | null;
  readonly password: string | null;
  readonly connections: number;
  /** Certificates to trust beside the system's, PEM. */
  readonly ca?: string;
}

export type Sent =
  /** The server took it. */
  | { readonly outcome: "accepted"; readonly answer: string }
  /** No use in trying again. `mailbox`: the recipient will not have it, since the address is wrong (or for another reason); absent: it never got so far. */
  | { readonly outcome: "refused"; readonly answer: string; readonly mailbox?: boolean }
  /** Not now. `server`: our mail server itself cannot be spoken to, whoever the letter is for. */
  | { readonly outcome: "deferred"; readonly answer: string; readonly server?: true }
  /** The line broke after the letter was on its way: it may have arrived. */
  | { readonly outcome: "unknown"; readonly answer: string };

export interface Smtp {
  send(from: string, to: string, message: string): Promise<Sent>;
  /** Whether the server answers and takes the account; its words when not. */
  verify(): Promise<string | null>;
  close(): void;
}

interface SmtpError extends Error {
  readonly code?: string;
  readonly command?: string;
  readonly responseCode?: number;
  readonly response?: string;
}
const words = (error: SmtpError): string => (error.response ?? error.message).replaceAll(/\s+/g, " ").slice(0, 300);

/**
 * Milliseconds that a server may be silent. Who has the whole letter may take ten minutes to look at it, and who hangs up before has it delivered twice
 * (RFC 5321 4.5.3.2.6).
 */
export const patience = 600_000;

/**
 * Whether a refusal says that the address is wrong (RFC 3463: 5.1.x, 5.2.1, 5.4.4, or nothing nearer). A mailbox that is full (5.2.2), a
 * rule or a filter that refuses (5.7), a letter that is too large (5.3.4) may end; so does what was tried for days and given up (4.4.7).
 */
export const isWrongAddress = (said: string | null): boolean => {
  const status = /(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?![\d.]*\d)/.exec(said ?? "")?.[0];
  return status === undefined || status === "5.0.0" || /^5\.(?:1\.|2\.1$|4\.4$)/.test(status);
};

/** `begun`: some of the letter was on the line. */
const outcomeOf = (error: SmtpError, begun: boolean): Sent => {
  const answer = words(error);
  const code = error.responseCode ?? 0;
  // Wrong account, wrong TLS, a sender that the server does not take, a server that takes nobody: the node's fault, not the recipient's.
  const ours =
    error.code === "EAUTH" ||
    error.code === "ETLS" ||
    ["CONN", "EHLO", "HELO", "STARTTLS", "MAIL FROM"].includes(error.command ?? "");
  if (code >= 500 && !ours) return { outcome: "refused", answer, mailbox: isWrongAddress(answer) };
  // A line that breaks says nothing of how far it got: only what had not begun has surely not arrived.
  if (code < 400 && begun) return { outcome: "unknown", answer };
  return { outcome: "deferred", answer, ...(ours || code < 400 ? { server: true } : {}) };
};

/** Sends through one server, over a few connections that are kept. Never throws for what a server says or a line does. */
export const openSmtp = (options: SmtpOptions): Smtp => {
  const transport = createTransport({
    pool: true,
    host: options.host,
    port: options.port,
    secure: options.tls === "always",
    requireTLS: options.tls === "starttls",
    ignoreTLS: options.tls === "none",
    ...(options.user === null ? {} : { auth: { user: options.user, pass: options.password ?? "" } }),
    ...(options.ca === undefined ? {} : { tls: { ca: options.ca } }),
    maxConnections: options.connections,
    maxMessages: 500,
    connectionTimeout: 15_000,
    greetingTimeout: 15_000,
    socketTimeout: patience,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  // What each letter is read from, by its envelope: the server's "go on" is what begins the reading.
  const readFrom = new WeakMap<object, Readable>();
  transport.use("stream", ({ data, message }, done) => {
    const read = message.createReadStream.bind(message);
    message.createReadStream = (...options) => {
      const stream = read(...options);
      if (typeof data.envelope === "object") readFrom.set(data.envelope, stream);
      return stream;
    };
    done();
  });
  return {
    send: async (from, to, message) => {
      const envelope = { from, to };
      try {
        const { response } = await transport.sendMail({ envelope, raw: message });
        return { outcome: "accepted", answer: String(response).slice(0, 300) };
      } catch (error) {
        return outcomeOf(error as SmtpError, readFrom.get(envelope)?.readableDidRead === true);
      }
    },
    verify: () =>
      transport.verify().then(
        () => null,
        (error: unknown) => words(error as SmtpError),
      ),
    close: () => transport.close(),
  };
};
