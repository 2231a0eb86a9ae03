// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { embeddedEngine } from "./embedded/engine.ts";
import type { Engine } from "./engine.ts";
import { Keeper } from "./keeper.ts";
import { Origins } from "./origins.ts";
import { keepForEver } from "./retention.ts";

it("never shows networks without names while newer prefix data come into force", { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "layang-networks-"));
  const write = (...names: string[]): void => {
    const lines = names.map(
      (name, i) => `${0xc6336400 + 256 * i},${0xc6336400 + 256 * i + 255},${64_500 + i},"${name}"`,
    );
    writeFileSync(join(folder, "asn4.csv"), `${lines.join("\n")}\n`);
    for (const file of ["asn6.csv", "cc4.csv", "cc6.csv"]) writeFileSync(join(folder, file), "");
  };
  write("Kestrel");
  const file = (name: string): string => join(folder, name);
  const origins = new Origins(
    () => ({
      asnV4: file("asn4.csv"),
      asnV6: file("asn6.csv"),
      countryV4: file("cc4.csv"),
      countryV6: file("cc6.csv"),
    }),
    folder,
  );
  mkdirSync(join(folder, "chdb"));
  const engine = await embeddedEngine(join(folder, "chdb"));
  const seen: string[] = [];
  const look = async (): Promise<void> => {
    const { bytes } = await engine.ask(
      "SELECT arrayStringConcat(arraySort(groupArray(name)), ' ') FROM networks",
      "TSVRaw",
      {},
      { seconds: 10, memory: 2 ** 30 },
    );
    seen.push(new TextDecoder().decode(bytes).trim());
  };
  let watching = false;
  // What everybody else sees after each statement.
  const watched: Engine = {
    ...engine,
    run: async (sql, lane) => {
      await engine.run(sql, lane);
      if (watching) await look();
    },
    insertFile: async (...given) => {
      const taken = await engine.insertFile(...given);
      if (watching) await look();
      return taken;
    },
  };
  const store = await Keeper.open(watched, { folder, retention: keepForEver, origins });
  await look();
  watching = true;
  for (const names of [["Heron", "Kite"], ["Heron"]]) {
    write(...names);
    expect(await store.reloadPrefixes()).toBe(true);
  }
  expect(seen.filter((names, i) => names !== seen[i - 1])).toEqual(["Kestrel", "Heron Kite", "Heron"]);
  const tables = await store.query("SELECT name FROM system.tables WHERE name LIKE 'networks%'");
  expect(tables.rows).toEqual([{ name: "networks" }]);
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});
