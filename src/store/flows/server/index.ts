// SPDX-License-Identifier: Apache-2.0
import { Keeper } from "../keeper.ts";
import type { KeeperOptions } from "../keeper.ts";
import type { FlowStore } from "../store.ts";
import { serverEngine } from "./engine.ts";
import type { ServerPlace } from "./engine.ts";

export interface ServerOptions extends KeeperOptions, ServerPlace {}

/** A store on a ClickHouse server. `folder` holds the journal: one node writes to one database. */
export const openServer = async (options: ServerOptions): Promise<FlowStore> =>
  Keeper.open(await serverEngine(options), options);
