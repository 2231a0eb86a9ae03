// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { cacheFolder } from "../platform/cache.ts";
import { Origins, originsIn, packagedOrigins } from "../store/flows/origins.ts";
import type { OriginFiles } from "../store/flows/origins.ts";
import { keepForEver } from "../store/flows/retention.ts";
import type { Retention } from "../store/flows/retention.ts";
import type { FlowStore } from "../store/flows/store.ts";
import type { Settings } from "./config.ts";
import { keptForEver } from "./replay-store.ts";

/** The prefix data that a configuration names; built once and kept: what comes with the program for all of this user's stores, other in `data`. */
export const prefixData = ({ config, path }: Settings, data: string, prefixes?: OriginFiles): Origins => {
  const named = config.prefixes;
  if (prefixes !== undefined) return new Origins(() => prefixes, data);
  if (named !== undefined) return new Origins(() => originsIn(path(named)), data);
  return new Origins(packagedOrigins, cacheFolder() ?? data);
};

/** How long rows are kept: for ever in an embedded store that a replay made in this folder, else as configured. */
export const retentionOf = ({ config }: Settings, data: string): Retention =>
  config.store.clickhouse === undefined && existsSync(keptForEver(data)) ? keepForEver : config.store.retention;

/**
 * The flow store that a configuration describes, and the prefix data its rows are given. `data` is the node's folder; `gather` the milliseconds in which
 * what sensors send is put together.
 */
export const openStore = async (
  settings: Settings,
  data: string,
  { prefixes, gather = 0 }: { readonly prefixes?: OriginFiles | undefined; readonly gather?: number } = {},
): Promise<{ store: FlowStore; origins: Origins }> => {
  const { config, secret } = settings;
  const origins = prefixData(settings, data, prefixes);
  const retention = retentionOf(settings, data);
  const { clickhouse } = config.store;
  if (clickhouse === undefined) {
    const { openEmbedded } = await import("../store/flows/embedded/index.ts");
    return { store: await openEmbedded({ folder: data, retention, origins, gather }), origins };
  }
  const { openServer } = await import("../store/flows/server/index.ts");
  const { url, database, user, password } = clickhouse;
  const store = await openServer({
    folder: data,
    retention,
    origins,
    gather,
    url,
    database,
    username: user,
    ...(password === undefined ? {} : { password: secret(password) }),
  });
  return { store, origins };
};
