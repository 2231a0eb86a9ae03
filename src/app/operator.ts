// SPDX-License-Identifier: Apache-2.0
import { chmodSync, existsSync, rmSync } from "node:fs";
import { createServer, request } from "node:http";
import type { IncomingMessage, RequestListener } from "node:http";
import { join } from "node:path";

const socketIn = (data: string): string => join(data, "node.sock");
/** Longer paths are no sockets (sun_path). */
const longest = 100;

export interface OperatorDoor {
  /** Whether a request came in here. */
  readonly isOperator: (raw: IncomingMessage) => boolean;
  /** Opens the door; false where the data folder's path is too long for a socket. */
  open(handle: RequestListener): Promise<boolean>;
  close(): Promise<void>;
}

/**
 * A second door of the API for commands at the machine: a socket in the data folder, which its owner alone can open. Who can read
 * the folder has the desk anyway.
 */
export const createOperatorDoor = (data: string): OperatorDoor => {
  const path = socketIn(data);
  const inside = new WeakSet<IncomingMessage>();
  let server: ReturnType<typeof createServer> | undefined;
  return {
    isOperator: (raw) => inside.has(raw),
    open: async (handle) => {
      if (Buffer.byteLength(path) > longest) return false;
      rmSync(path, { force: true });
      const made = createServer((incoming, answer) => {
        inside.add(incoming);
        handle(incoming, answer);
      });
      server = made;
      await new Promise<void>((resolve, reject) => {
        made.once("error", reject);
        made.listen({ path, readableAll: false, writableAll: false }, resolve);
      });
      chmodSync(path, 0o600);
      return true;
    },
    close: async () => {
      const open = server;
      if (open === undefined) return;
      open.closeAllConnections();
      await new Promise<void>((resolve) => {
        open.close(() => resolve());
      });
      rmSync(path, { force: true });
    },
  };
};

export interface Answered {
  readonly status: number;
  readonly type: string;
  readonly body: Uint8Array;
}

/** Asks the node that runs on this folder; undefined when none does. */
export const askSocket = (
  data: string,
  method: "GET" | "POST",
  url: string,
  body?: unknown,
): Promise<Answered | undefined> => {
  const path = socketIn(data);
  if (Buffer.byteLength(path) > longest || !existsSync(path)) return Promise.resolve(undefined);
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        socketPath: path,
        method,
        path: url,
        headers: { host: "operator", ...(body === undefined ? {} : { "content-type": "application/json" }) },
      },
      (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.on("error", reject);
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            type: response.headers["content-type"] ?? "",
            body: Buffer.concat(parts),
          }),
        );
      },
    );
    // A node that was killed left its socket behind: the folder is free.
    asked.on("error", (error: NodeJS.ErrnoException) =>
      ["ECONNREFUSED", "ENOENT", "ECONNRESET"].includes(error.code ?? "") ? resolve(undefined) : reject(error),
    );
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
};
