// SPDX-License-Identifier: Apache-2.0
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import type { actorOf } from "../../src/api/desk/index.ts";

/** Something for every room to be built on; what it does does not matter here, only which routes come of it and who gets that far. */
export const anything = (): unknown =>
  new Proxy(() => anything(), {
    get: (_, name) =>
      name === "then" || name === Symbol.iterator || name === Symbol.toPrimitive ? undefined : anything(),
  });
const folder = join(import.meta.dirname, "../../src/api/desk");
type Room = (server: FastifyInstance, services: unknown, actor: typeof actorOf) => void;
/** `withAlerts`, `withCases`, ...: every room's routes, those of tomorrow too. The demo's sign-in is the same address as sign-in. */
export const rooms = async (): Promise<Room[]> => {
  const found = await Promise.all(
    readdirSync(folder)
      .filter((file) => file.endsWith(".ts") && !file.includes(".test."))
      .map(async (file) => Object.entries((await import(join(folder, file))) as Record<string, unknown>)),
  );
  return found
    .flat()
    .filter(
      ([name, value]) =>
        /^with[A-Z]/.test(name) && typeof value === "function" && !["withDesk", "withDemoSession"].includes(name),
    )
    .map(([, value]) => value as Room);
};
