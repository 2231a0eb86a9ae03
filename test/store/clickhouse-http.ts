// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from "node:crypto";
import { createWriteStream, mkdirSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { Session } from "chdb";

/**
 * As much of ClickHouse's HTTP protocol as its client uses, in front of chDB: the query in the body or in `query`, parameters as
 * `param_NAME`, settings and `database` in the address, the data of an insert in the body, the summary in a header,
 * errors as text with a status. It shows the network path of the server store against the same engine where no
 * server runs; replication and clusters it does not show.
 */
export interface ClickHouseHttp {
  readonly url: string;
  /** Requests from here on are cut off in the middle (as by a server that dies) until set to false. */
  broken: boolean;
  close(): Promise<void>;
}

const quoted = (value: string): string => `'${value.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
const ours = new Set(["query", "query_id", "database", "session_id", "wait_end_of_query", "enable_http_compression"]);

export const clickHouseHttp = async (folder: string): Promise<ClickHouseHttp> => {
  mkdirSync(folder, { recursive: true });
  const idle = [new Session(join(folder, "chdb")), new Session(join(folder, "chdb"))];
  const all = [...idle];
  const waiting: ((session: Session) => void)[] = [];
  const fixture = { broken: false };

  const answer = async (request: IncomingMessage, response: ServerResponse, session: Session): Promise<void> => {
    const address = new URL(request.url ?? "/", "http://localhost");
    if (address.pathname === "/ping") return void response.end("Ok.\n");
    const inAddress = address.searchParams.get("query");
    const file = join(folder, `${randomUUID()}.body`);
    try {
      let sql = inAddress ?? (await text(request));
      if (inAddress !== null) await pipeline(request, createWriteStream(file));
      const insert = /^(INSERT INTO .*?)\s*FORMAT Native\s*$/s.exec(sql);
      const set = [`USE ${address.searchParams.get("database") ?? "default"}`];
      const local: string[] = [];
      for (const [name, value] of address.searchParams) {
        if (ours.has(name)) continue;
        // A token belongs to one insert; other settings are the same for all requests, or are set by all.
        if (name === "insert_deduplication_token") local.push(`${name} = ${quoted(value)}`);
        else set.push(`SET ${name} = ${quoted(value)}`);
      }
      for (const one of set) await session.queryAsync(one);
      if (insert !== null) {
        const settings = local.length > 0 ? ` SETTINGS ${local.join(", ")}` : "";
        sql = `${insert[1]} FROM INFILE ${quoted(file)}${settings} FORMAT Native`;
      }
      const result = await session.queryAsync(sql);
      const summary = {
        read_rows: String(result.rowsRead),
        read_bytes: String(result.bytesRead),
        written_rows: insert === null ? "0" : String(result.rowsRead),
        elapsed_ns: String(Math.round(result.elapsed * 1e9)),
      };
      response.setHeader("X-ClickHouse-Summary", JSON.stringify(summary));
      response.setHeader("X-ClickHouse-Query-Id", address.searchParams.get("query_id") ?? randomUUID());
      if (fixture.broken) request.socket.destroy();
      else response.end(Buffer.from(result.bytes()));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      response.statusCode = 500;
      response.setHeader("X-ClickHouse-Exception-Code", /Code: (\d+)/.exec(message)?.[1] ?? "0");
      response.end(message);
    } finally {
      rmSync(file, { force: true });
    }
  };

  const server: Server = createServer((request, response) => {
    void (async () => {
      const session =
        idle.pop() ??
        (await new Promise<Session>((resolve) => {
          waiting.push(resolve);
        }));
      try {
        await answer(request, response, session);
      } finally {
        const next = waiting.shift();
        if (next === undefined) idle.push(session);
        else next(session);
      }
    })();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return Object.assign(fixture, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
      for (const session of all) session.close();
    },
  });
};
