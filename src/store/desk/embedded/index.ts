// SPDX-License-Identifier: Apache-2.0
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { PGlite } from "@electric-sql/pglite";
import type { PostgresPool, PostgresPoolClient } from "kysely";
import { AppError } from "../../../platform/errors.ts";
import type { Desk } from "../desk.ts";
import { openDesk } from "../keeper.ts";
import { tidyDesk } from "../tidy.ts";
import { compiledEngine } from "./compiled.ts";

const int8 = 20;
/** Milliseconds between two looks at whether a table wants tidying. */
const tidyEvery = 60_000;

const load = async (folder: string): Promise<PGlite> => {
  const { PGlite: Engine } = await import("@electric-sql/pglite").catch((error: unknown) => {
    throw new AppError(
      "DESK_ENGINE_MISSING",
      "the embedded desk (npm package @electric-sql/pglite) is not installed: run npm ci, or set a PostgreSQL server",
      { cause: String(error) },
    );
  });
  const code = await compiledEngine();
  return Engine.create(folder, {
    parsers: { [int8]: Number },
    ...(code === undefined ? {} : { pgliteWasmModule: code }),
  });
};

/** PGlite as a pool of one connection: who asks for it waits for its turn. */
const poolOf = (engine: PGlite): PostgresPool => {
  let last: Promise<void> = Promise.resolve();
  return {
    connect: async () => {
      const before = last;
      let release = (): void => undefined;
      last = new Promise((resolve) => {
        release = resolve;
      });
      await before;
      const query = async (text: string, parameters: readonly unknown[] = []): Promise<unknown> => {
        const { rows, affectedRows } = await engine.query(text, [...parameters]);
        const command = /^\s*(\w+)/.exec(text)?.[1]?.toUpperCase() ?? "SELECT";
        return { command, rowCount: affectedRows ?? rows.length, rows };
      };
      return { query, release } as unknown as PostgresPoolClient;
    },
    end: () => engine.close(),
  };
};

/** A desk in this process, under `folder`/desk. One process has one such folder open at a time. */
export const openEmbeddedDesk = async ({ folder }: { readonly folder: string }): Promise<Desk> => {
  const path = join(folder, "desk");
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const desk = await openDesk(poolOf(await load(path)));
  let tidying: Promise<unknown> = Promise.resolve();
  const spared = new Set<string>();
  let looks = 0;
  const timer = setInterval(() => {
    // What failed is tried again in an hour; nothing rests on it.
    if (++looks % 60 === 0) spared.clear();
    tidying = tidyDesk(desk.owner, spared).catch(() => undefined);
  }, tidyEvery);
  timer.unref();
  return {
    ...desk,
    close: async () => {
      clearInterval(timer);
      await tidying;
      await desk.close();
    },
  };
};
