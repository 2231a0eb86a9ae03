// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import type { Desk } from "../../src/store/desk/desk.ts";
import { openEmbeddedDesk } from "../../src/store/desk/embedded/index.ts";
import { layDesk } from "../desk/template.ts";
import { openWorld } from "./world.ts";
import type { World } from "./world.ts";

/** A world and a desk for the tests of a file (or of a `describe`): there once they begin, gone when they are over. */
export const houseFor = (networks?: string): { readonly world: World; readonly desk: Desk } => {
  const folder = mkdtempSync(join(tmpdir(), "layang-house-"));
  const house = {} as { world: World; desk: Desk };
  beforeAll(async () => {
    house.world = await openWorld(networks);
    await layDesk(folder);
    house.desk = await openEmbeddedDesk({ folder });
  }, 120_000);
  afterAll(async () => {
    await house.desk.close();
    await house.world.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return house;
};
