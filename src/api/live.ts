// SPDX-License-Identifier: Apache-2.0
import type { ServerResponse } from "node:http";
import type { LiveEvent } from "./contract/index.ts";
import { endUnless } from "./desk/stream.ts";

export interface Live {
  /** Sends a batch to every open page at once, and keeps it a while for those that come back. */
  publish(event: LiveEvent): void;
  /** Serves one client until it leaves, or `may` says no at a heartbeat. `after` is its Last-Event-ID. */
  serve(response: ServerResponse, after: string | undefined, may?: () => Promise<boolean>): void;
  readonly clients: number;
  /** Clients served at once: each may hold what waits for it. */
  readonly most: number;
  close(): void;
}
export interface LiveOptions {
  /** Events kept for pages that come back. */
  readonly kept?: number;
  /** Bytes that may wait for one slow client; beyond, events are left out for it and counted. */
  readonly waiting?: number;
  readonly heartbeatSeconds?: number;
  readonly most?: number;
  /** Different at each start: an id of an earlier run resumes nothing. */
  readonly run: string;
}

interface Client {
  readonly response: ServerResponse;
  readonly may: (() => Promise<boolean>) | undefined;
  missed: number;
}

/** Server-sent events (HTML standard, 9.2). `event: batch` has an id; `event: missed` says how many were left out. */
export const createLive = ({
  kept = 512,
  waiting = 256 * 1024,
  heartbeatSeconds = 15,
  most = 128,
  run,
}: LiveOptions): Live => {
  const clients = new Set<Client>();
  const recent: { id: number; text: string }[] = [];
  let last = 0;

  const send = (client: Client, text: string): void => {
    if (client.response.writableLength > waiting) {
      client.missed++;
      return;
    }
    if (client.missed > 0) {
      client.response.write(`event: missed\ndata: {"events":${client.missed}}\n\n`);
      client.missed = 0;
    }
    client.response.write(text);
  };
  const beat = setInterval(() => {
    for (const client of clients) {
      if (client.response.writableLength <= waiting) client.response.write(": here\n\n");
      void endUnless(client.response, client.may);
    }
  }, heartbeatSeconds * 1000);
  beat.unref();

  return {
    most,
    get clients() {
      return clients.size;
    },
    publish: (event) => {
      last++;
      const text = `id: ${run}-${last}\nevent: batch\ndata: ${JSON.stringify(event)}\n\n`;
      recent.push({ id: last, text });
      if (recent.length > kept) recent.shift();
      for (const client of clients) send(client, text);
    },
    serve: (response, after, may) => {
      response.writeHead(200, {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-store",
        "x-accel-buffering": "no",
        "x-content-type-options": "nosniff",
      });
      response.socket?.setNoDelay(true);
      response.write("retry: 2000\n\n");
      const client: Client = { response, may, missed: 0 };
      const known = after?.startsWith(`${run}-`) === true ? Number(after.slice(run.length + 1)) : Number.NaN;
      if (!Number.isNaN(known)) {
        const oldest = recent[0]?.id ?? last + 1;
        client.missed = Math.max(0, oldest - 1 - known);
        for (const { id, text } of recent) if (id > known) send(client, text);
      }
      clients.add(client);
      response.on("close", () => clients.delete(client));
      // A client that breaks off mid-write is no event of ours.
      response.on("error", () => clients.delete(client));
    },
    close: () => {
      clearInterval(beat);
      for (const { response } of clients) response.end();
      clients.clear();
    },
  };
};
