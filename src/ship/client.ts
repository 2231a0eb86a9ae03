// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage } from "node:http";
import { request as plainRequest, Agent as PlainAgent } from "node:http";
import { request as secureRequest, Agent as SecureAgent } from "node:https";
import { AppError } from "../platform/errors.ts";
import { isLoopback } from "./door.ts";

const ANSWER_BYTES = 1 << 20;
/** Milliseconds in which nothing moves, and that a request takes in all: the door gives it a minute to come in. */
const TIMEOUT = 60_000;
const PATIENCE = 180_000;

export interface ClientOptions {
  readonly node: string;
  /** PEM text of the authority to trust instead of the system's. */
  readonly ca?: string | undefined;
  /** Milliseconds that a request may take in all; for tests. */
  readonly patience?: number;
}
export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  /** Seconds the node asks to wait. */
  readonly retryAfter: number | undefined;
}
export interface Client {
  readonly node: string;
  /** @throws AppError NODE_UNREACHABLE: nothing is known about what the node did. */
  ask(
    method: "GET" | "POST",
    path: string,
    headers: Readonly<Record<string, string>>,
    body?: readonly Uint8Array[],
  ): Promise<Answer>;
  close(): void;
}

/** Whether a sensor may talk to this address. @throws AppError NODE_INSECURE. */
export const checkNode = (node: string): URL => {
  const url = URL.parse(node);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) {
    throw new AppError("NODE_INSECURE", `"${node}" is no address of a node, for example https://node.example:8421`);
  }
  if (url.protocol === "http:" && !isLoopback(url.hostname)) {
    throw new AppError(
      "NODE_INSECURE",
      `${url.origin} is not encrypted: a sensor talks plain HTTP to its own machine only`,
    );
  }
  if (url.username !== "" || url.pathname !== "/" || url.search !== "") {
    throw new AppError("NODE_INSECURE", "a node's address has no user, path or query");
  }
  return url;
};

const answerOf = (response: IncomingMessage, text: string): Answer => {
  let tree: unknown;
  try {
    tree = JSON.parse(text);
  } catch {
    tree = {}; // not a node, or a proxy before it: the status says enough
  }
  const retryAfter = Number(response.headers["retry-after"]);
  return {
    status: response.statusCode ?? 0,
    body: (typeof tree === "object" && tree !== null ? tree : {}) as Answer["body"],
    retryAfter: Number.isFinite(retryAfter) ? retryAfter : undefined,
  };
};

const unsigned = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
]);

/** Why a request failed, and what to do where that is known. A node whose certificate is not taken does answer. */
const failureOf = (error: NodeJS.ErrnoException, { origin, hostname, protocol }: URL, ca: boolean): string => {
  const why = error.code ?? error.message;
  if (unsigned.has(why)) {
    return ca
      ? `${origin} answers, but its certificate is not signed by the authority that --ca (\`sensor.ca\`) names (${why})`
      : `${origin} answers, but its certificate is not signed by an authority this machine knows: name the authority with --ca FILE; of a self-signed certificate that is the certificate itself (${why})`;
  }
  if (why === "CERT_HAS_EXPIRED" || why === "CERT_NOT_YET_VALID") {
    return `${origin} answers, but its certificate ${why === "CERT_HAS_EXPIRED" ? "has expired" : "is not valid yet"}: renew it at the node, or set this machine's clock (${why})`;
  }
  if (why === "ERR_TLS_CERT_ALTNAME_INVALID") {
    const { subjectaltname } = (error as { cert?: { subjectaltname?: string } }).cert ?? {};
    return `${origin} answers, but its certificate is for ${subjectaltname?.slice(0, 300) ?? "no name"}, not for ${hostname}: call the node by a name in it, or make one with this name (${why})`;
  }
  if (protocol === "https:" && (why === "EPROTO" || why === "ERR_SSL_WRONG_VERSION_NUMBER"))
    return `${origin} speaks no TLS: is it http://?`;
  return `${origin} does not answer (${why})`;
};

/** A connection to a node that is kept open between requests. Redirects are not followed. */
export const createClient = ({ node, ca, patience = PATIENCE }: ClientOptions): Client => {
  const url = checkNode(node);
  const secure = url.protocol === "https:";
  const agent = secure
    ? new SecureAgent({ keepAlive: true, maxSockets: 2, minVersion: "TLSv1.2", ...(ca === undefined ? {} : { ca }) })
    : new PlainAgent({ keepAlive: true, maxSockets: 2 });
  const once = (
    method: "GET" | "POST",
    path: string,
    headers: Readonly<Record<string, string>>,
    body: readonly Uint8Array[],
    again: boolean,
  ): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const length = body.reduce((sum, part) => sum + part.length, 0);
      const asked = (secure ? secureRequest : plainRequest)(new URL(path, url), {
        method,
        agent,
        timeout: TIMEOUT,
        headers: { ...headers, ...(method === "POST" ? { "content-length": length } : {}) },
      });
      const failed = (error: NodeJS.ErrnoException): void => {
        // The node closed a kept connection as it was being used. Every request here may be repeated.
        if (again && asked.reusedSocket && error.code === "ECONNRESET") {
          resolve(once(method, path, headers, body, false));
          return;
        }
        reject(new AppError("NODE_UNREACHABLE", failureOf(error, url, ca !== undefined)));
      };
      asked.on("response", (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size > ANSWER_BYTES) asked.destroy(new Error("an answer too long"));
          else chunks.push(chunk);
        });
        response.on("error", failed);
        response.on("end", () => resolve(answerOf(response, Buffer.concat(chunks).toString("utf8"))));
      });
      const late = setTimeout(() => asked.destroy(new Error("timeout")), patience);
      asked.on("close", () => clearTimeout(late));
      asked.on("timeout", () => asked.destroy(new Error("timeout")));
      asked.on("error", failed);
      for (const part of body) asked.write(part);
      asked.end();
    });
  return {
    node: url.origin,
    ask: (method, path, headers, body = []) => once(method, path, headers, body, true),
    close: () => agent.destroy(),
  };
};
