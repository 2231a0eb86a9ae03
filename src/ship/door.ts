// SPDX-License-Identifier: Apache-2.0
import { createServer } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { formatIp, isV4, parseIp } from "../net/ip.ts";
import { AppError } from "../platform/errors.ts";
import type { Logger } from "../platform/log.ts";

/** Bytes of one request's body; enough for the largest batch that decodes. */
export const REQUEST_BYTES = 24 << 20;
/** Bytes of all bodies that are held at once; above, the door asks to come again. */
const HELD_BYTES = 96 << 20;
/** Of those, bytes held for one address: who sends much and slowly must leave room for the others. */
const HELD_FOR_ONE = 48 << 20;
/** A body that brings less in `PATIENCE` milliseconds is given up: 6 KiB/s is a tenth of what a full request needs. */
const LEAST_BYTES = 64 << 10;
const PATIENCE = 10_000;
const CONNECTIONS = 512;

export interface DoorOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** PEM texts. Without them the door opens on loopback only. */
  readonly tls?: { readonly certificate: string; readonly key: string } | undefined;
  readonly log: Logger;
  /** Milliseconds in which a body must bring something; for tests. */
  readonly patience?: number;
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

interface Own {
  readonly holder: string;
  bytes: number;
}

export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);

/** Whose bytes they are: an IPv4 address, or the /64 of an IPv6 one, which a single machine has to itself. */
const holderOf = (address: string | undefined): string => {
  const words = parseIp(address ?? "");
  if (words === undefined) return "";
  return isV4(words) ? formatIp(words) : `${words[0]}:${words[1]}`;
};

/**
 * Reads a body of `length` bytes. `hold` is told before memory is taken, and may refuse: memory follows what has arrived, so
 * that who merely announces a body holds nothing.
 */
const readBody = async (
  request: IncomingMessage,
  length: number,
  patience: number,
  hold: (bytes: number) => void,
): Promise<Uint8Array> => {
  let body = new Uint8Array(0);
  let at = 0;
  let before = 0;
  const wrong = (what: string): AppError => new AppError("REQUEST_INVALID", what);
  return new Promise((resolve, reject) => {
    const end = (error: unknown): void => {
      clearInterval(watch);
      request.off("data", take);
      request.pause();
      if (error === undefined) resolve(body);
      else reject(error as Error);
    };
    const watch = setInterval(() => {
      if (at - before < LEAST_BYTES) end(wrong(`the body came too slowly: ${at - before} bytes in ${patience} ms`));
      before = at;
    }, patience);
    const take = (chunk: Uint8Array): void => {
      if (chunk.length > length - at) return end(wrong("more bytes than the header said"));
      if (at + chunk.length > body.length) {
        const room = Math.min(length, Math.max(LEAST_BYTES, at + chunk.length, 2 * body.length));
        try {
          hold(room - body.length);
        } catch (error) {
          return end(error);
        }
        const larger = new Uint8Array(room);
        larger.set(body);
        body = larger;
      }
      body.set(chunk, at);
      at += chunk.length;
    };
    request.on("data", take);
    request.once("end", () => end(at < length ? wrong("fewer bytes than the header said") : undefined));
    request.once("error", end);
    request.once("close", () => end(wrong("the connection was closed")));
  });
};

/** A listener for sensors alone: small limits, JSON answers, `application/problem+json` for what is refused. */
export const createDoor = async (options: DoorOptions, handle: (asked: Asked) => Promise<Reply>): Promise<Door> => {
  const { host, port, tls, log } = options;
  if (tls === undefined && !isLoopback(host)) {
    throw new AppError("NODE_INSECURE", `the sensors' door needs a certificate to listen on ${host}`);
  }
  let held = 0;
  const heldFor = new Map<string, number>();
  const running = new Set<Promise<void>>();

  /** `own` counts the bytes that stay in memory until the request is answered. */
  const body = async (request: IncomingMessage, most: number, own: Own): Promise<Uint8Array> => {
    const length = Number(request.headers["content-length"] ?? Number.NaN);
    if (!Number.isSafeInteger(length)) throw new AppError("REQUEST_INVALID", "the header content-length is missing");
    if (length > most) throw new AppError("BATCH_TOO_LARGE", `this request takes ${most} bytes at most`);
    return readBody(request, length, options.patience ?? PATIENCE, (bytes) => {
      const whose = (heldFor.get(own.holder) ?? 0) + bytes;
      if (held + bytes > HELD_BYTES || whose > HELD_FOR_ONE) {
        throw new AppError("DOOR_BUSY", "the node holds as many requests as it can");
      }
      held += bytes;
      own.bytes += bytes;
      heldFor.set(own.holder, whose);
    });
  };
  const release = ({ holder, bytes }: Own): void => {
    held -= bytes;
    const rest = (heldFor.get(holder) ?? 0) - bytes;
    if (rest > 0) heldFor.set(holder, rest);
    else heldFor.delete(holder);
  };

  const answer = (response: ServerResponse, request: IncomingMessage, { status, body: content }: Reply): void => {
    const text = JSON.stringify(status < 400 ? content : { type: "about:blank", status, ...content });
    response.statusCode = status;
    response.setHeader("content-type", status < 400 ? "application/json" : "application/problem+json");
    response.setHeader("content-length", Buffer.byteLength(text));
    response.setHeader("cache-control", "no-store");
    if (status === 503) response.setHeader("retry-after", "1");
    // A body that was not read would be taken for the next request on this connection.
    if (!request.complete) response.setHeader("connection", "close");
    response.end(text);
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const own: Own = { holder: holderOf(request.socket.remoteAddress), bytes: 0 };
    try {
      const reply = await handle({
        method: request.method ?? "",
        path: request.url ?? "",
        headers: request.headers,
        body: (most = REQUEST_BYTES) => body(request, most, own),
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
      release(own);
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
