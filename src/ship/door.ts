// SPDX-License-Identifier: Apache-2.0
import { createServer } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { AppError } from "../platform/errors.ts";
import type { Logger } from "../platform/log.ts";

/** Bytes of one request's body; enough for the largest batch that decodes. */
export const REQUEST_BYTES = 24 << 20;
/** Bytes of all bodies that are held at once; above, the door asks to come again. */
const HELD_BYTES = 96 << 20;
const CONNECTIONS = 512;

export interface DoorOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** PEM texts. Without them the door opens on loopback only. */
  readonly tls?: { readonly certificate: string; readonly key: string } | undefined;
  readonly log: Logger;
}
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The whole body, of `most` bytes (by default `REQUEST_BYTES`). @throws AppError BATCH_TOO_LARGE, REQUEST_INVALID, DOOR_BUSY. */
  body(most?: number): Promise<Uint8Array>;
}
export interface Reply {
  readonly status: number;
  readonly body: object;
}
export interface Door {
  readonly address: { readonly host: string; readonly port: number; readonly url: string };
  close(): Promise<void>;
}

export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);

const readBody = async (request: IncomingMessage, length: number): Promise<Uint8Array> => {
  const body = new Uint8Array(length);
  let at = 0;
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    if (chunk.length > length - at) throw new AppError("REQUEST_INVALID", "more bytes than the header said");
    body.set(chunk, at);
    at += chunk.length;
  }
  if (at < length) throw new AppError("REQUEST_INVALID", "fewer bytes than the header said");
  return body;
};

/** A listener for sensors alone: small limits, JSON answers, `application/problem+json` for what is refused. */
export const createDoor = async (options: DoorOptions, handle: (asked: Asked) => Promise<Reply>): Promise<Door> => {
  const { host, port, tls, log } = options;
  if (tls === undefined && !isLoopback(host)) {
    throw new AppError("NODE_INSECURE", `the sensors' door needs a certificate to listen on ${host}`);
  }
  let held = 0;
  const running = new Set<Promise<void>>();

  /** `hold` is told how many bytes stay in memory until the request is answered. */
  const body = async (request: IncomingMessage, most: number, hold: (bytes: number) => void): Promise<Uint8Array> => {
    const length = Number(request.headers["content-length"] ?? Number.NaN);
    if (!Number.isSafeInteger(length)) throw new AppError("REQUEST_INVALID", "the header content-length is missing");
    if (length > most) throw new AppError("BATCH_TOO_LARGE", `this request takes ${most} bytes at most`);
    if (held + length > HELD_BYTES) throw new AppError("DOOR_BUSY", "the node holds as many requests as it can");
    held += length;
    hold(length);
    return readBody(request, length);
  };

  const answer = (response: ServerResponse, request: IncomingMessage, { status, body: content }: Reply): void => {
    const text = JSON.stringify(status < 400 ? content : { type: "about:blank", status, ...content });
    response.statusCode = status;
    response.setHeader("content-type", status < 400 ? "application/json" : "application/problem+json");
    response.setHeader("content-length", Buffer.byteLength(text));
    response.setHeader("cache-control", "no-store");
    if (status === 503 || status === 507) response.setHeader("retry-after", status === 503 ? "1" : "60");
    // A body that was not read would be taken for the next request on this connection.
    if (!request.complete) response.setHeader("connection", "close");
    response.end(text);
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let own = 0;
    try {
      const reply = await handle({
        method: request.method ?? "",
        path: request.url ?? "",
        headers: request.headers,
        body: (most = REQUEST_BYTES) => body(request, most, (bytes) => (own += bytes)),
      });
      answer(response, request, reply);
    } catch (error) {
      if (request.destroyed && !request.complete) return; // the sensor went away: there is nobody to answer
      if (error instanceof AppError) {
        answer(response, request, { status: error.status, body: { code: error.code, detail: error.message } });
        return;
      }
      log.error({ error: error instanceof Error ? error.stack : String(error) }, "the sensors' door failed");
      answer(response, request, { status: 500, body: { code: "INTERNAL", detail: "the node failed; see its log" } });
    } finally {
      held -= own;
    }
  };

  const settings = {
    headersTimeout: 10_000,
    requestTimeout: 60_000,
    keepAliveTimeout: 75_000,
    connectionsCheckingInterval: 5_000,
    maxHeaderSize: 8_192,
  };
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    const done = serve(request, response);
    running.add(done);
    void done.finally(() => running.delete(done));
  };
  const server: Server =
    tls === undefined
      ? createServer(settings, listener)
      : createSecureServer({ ...settings, cert: tls.certificate, key: tls.key, minVersion: "TLSv1.2" }, listener);
  server.maxHeadersCount = 32;
  server.maxConnections = CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => resolve());
  });
  const bound = server.address() as AddressInfo;
  const shown = bound.family === "IPv6" ? `[${bound.address}]` : bound.address;
  return {
    address: { host, port: bound.port, url: `${tls === undefined ? "http" : "https"}://${shown}:${bound.port}` },
    close: async () => {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      server.closeIdleConnections();
      await Promise.allSettled(running);
      server.closeAllConnections();
      await closed;
    },
  };
};
