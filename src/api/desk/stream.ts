// SPDX-License-Identifier: Apache-2.0
import type { ServerResponse } from "node:http";
import type { Actor } from "../../model/actor.ts";

/** What one actor gets of an event; null: nothing. */
export type EventFor = (actor: Actor) => { readonly event: string; readonly data: unknown } | null;

export interface EventStream {
  /** No more clients are taken. */
  readonly full: boolean;
  readonly clients: number;
  /** Serves one client until it leaves, or `may` says no: asked at every heartbeat, since rights end while a page stays open. */
  serve(response: ServerResponse, actor: Actor, may?: () => Promise<boolean>): void;
  /** Sends to every client what it may see; to one that does not read nothing, rather than keep it. */
  publish(make: EventFor): void;
  close(): void;
}

const MOST = 64;
const WAITING = 256 * 1024;
const HEARTBEAT = 15_000;

/** Ends a stream whose reader may not read it any more; where that cannot be found out now, the next heartbeat asks again. */
export const endUnless = async (response: ServerResponse, may: (() => Promise<boolean>) | undefined): Promise<void> => {
  try {
    if (may !== undefined && !(await may())) response.end();
  } catch {
    // Asked again.
  }
};

/** Server-sent events (HTML standard, 9.2) that differ by who looks. Nothing is kept for those that come back. */
export const createStream = (heartbeat = HEARTBEAT): EventStream => {
  const clients = new Map<ServerResponse, Actor>();
  const asked = new WeakMap<ServerResponse, () => Promise<boolean>>();
  const beat = setInterval(() => {
    for (const response of clients.keys()) {
      if (response.writableLength <= WAITING) response.write(": here\n\n");
      void endUnless(response, asked.get(response));
    }
  }, heartbeat);
  beat.unref();
  return {
    get full() {
      return clients.size >= MOST;
    },
    get clients() {
      return clients.size;
    },
    serve: (response, actor, may) => {
      response.writeHead(200, {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-store",
        "x-accel-buffering": "no",
        "x-content-type-options": "nosniff",
      });
      response.socket?.setNoDelay(true);
      response.write("retry: 2000\n\n");
      clients.set(response, actor);
      if (may !== undefined) asked.set(response, may);
      response.on("close", () => clients.delete(response));
      response.on("error", () => clients.delete(response));
    },
    publish: (make) => {
      for (const [response, actor] of clients) {
        if (response.writableLength > WAITING) continue;
        const made = make(actor);
        if (made !== null) response.write(`event: ${made.event}\ndata: ${JSON.stringify(made.data)}\n\n`);
      }
    },
    close: () => {
      clearInterval(beat);
      for (const response of clients.keys()) response.end();
      clients.clear();
    },
  };
};
