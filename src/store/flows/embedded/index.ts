// SPDX-License-Identifier: Apache-2.0
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Keeper } from "../keeper.ts";
import type { KeeperOptions } from "../keeper.ts";
import type { FlowStore } from "../store.ts";
import { embeddedEngine } from "./engine.ts";

export interface EmbeddedOptions extends KeeperOptions {
  /** Questions answered side by side; 2 by default. Each holds a thread of Node's pool (UV_THREADPOOL_SIZE, 4 by default). */
  readonly readers?: number;
}

/** A store in this process: chDB under `folder`. One process has one such folder open at a time. */
export const openEmbedded = async (options: EmbeddedOptions): Promise<FlowStore> => {
  const path = join(options.folder, "chdb");
  mkdirSync(path, { recursive: true, mode: 0o700 });
  return Keeper.open(await embeddedEngine(path, options.readers), options);
};
