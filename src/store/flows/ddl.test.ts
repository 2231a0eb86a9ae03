// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Session } from "chdb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { schemaSql, storeTables } from "./ddl.ts";
import { keepForEver } from "./retention.ts";

const statements = (sql: string): string[] =>
  sql
    .split(";\n")
    .map((one) => one.trim())
    .filter((one) => one !== "");

describe("the schema", () => {
  const folder = mkdtempSync(join(tmpdir(), "layang-schema-"));
  let session: Session;
  beforeAll(() => {
    const replica = "<shard><replica><host>localhost</host><port>9000</port></replica></shard>";
    const cluster = `<clickhouse><remote_servers><region-1>${replica}</region-1></remote_servers></clickhouse>`;
    writeFileSync(join(folder, "cluster.xml"), cluster);
    session = new Session(join(folder, "chdb"), {
      connectionArgs: [`--config-file=${join(folder, "cluster.xml")}`],
    });
  });
  afterAll(() => {
    session.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const lines = async (sql: string): Promise<string[]> =>
    (await session.queryAsync(sql, { format: "TSV" })).text().trim().split("\n");

  it("makes every table on one machine, with its retention", async () => {
    for (const sql of statements(schemaSql({ retention: { sources: 7, fine: 30, coarse: null } }))) {
      await session.queryAsync(sql);
    }
    const names = await lines("SELECT name FROM system.tables WHERE database = currentDatabase() ORDER BY name");
    expect(names).toEqual(storeTables.map(({ name }) => name).toSorted());
    const days = async (table: string): Promise<string | undefined> =>
      /toIntervalDay\((\d+)\)/.exec((await lines(`SHOW CREATE TABLE ${table}`)).join(" "))?.[1];
    expect([await days("flows"), await days("source_days_1d"), await days("ports_5m"), await days("ports_1d")]).toEqual(
      ["7", "7", "30", undefined],
    );
  });

  it("is replicated and distributed on a cluster: the engine parses it, and makes the distributed tables", async () => {
    const made = statements(schemaSql({ cluster: "region-1", retention: keepForEver }));
    expect(made.length).toBe(2 * storeTables.length);
    for (const sql of made) {
      const quoted = sql.replaceAll("\\", "\\\\").replaceAll("'", "\\'");
      const [formatted = ""] = await lines(`SELECT formatQuerySingleLine('${quoted}')`);
      expect(formatted).toMatch(/^CREATE TABLE IF NOT EXISTS \w+ ON CLUSTER `region-1`/);
      expect(formatted).toMatch(/ENGINE = (ReplicatedMergeTree|Distributed)\(/);
    }
    // Without a keeper the engine cannot replicate; everything else of the same statements it makes.
    await session.queryAsync("CREATE DATABASE clustered");
    await session.queryAsync("USE clustered");
    for (const sql of made) {
      const alone = sql
        .replace(" ON CLUSTER `region-1`", "")
        .replace(/ReplicatedMergeTree\([^)]*\)/, "MergeTree")
        .replace("replicated_deduplication_window", "non_replicated_deduplication_window");
      await session.queryAsync(alone);
    }
    expect(
      await lines(
        "SELECT engine, count() FROM system.tables WHERE database = 'clustered' GROUP BY engine ORDER BY engine",
      ),
    ).toEqual([`Distributed\t${storeTables.length}`, `MergeTree\t${storeTables.length}`]);
  });

  it("refuses a cluster name that is none", () =>
    expect(() => schemaSql({ cluster: "a`; DROP TABLE flows" })).toThrow(RangeError));
});

it("drops rows that name a source by the day", () => {
  const naming = storeTables.filter(({ keeps }) => keeps?.days === "sources");
  expect(naming.map(({ name }) => name)).toContain("source_days_1d");
  expect(naming.filter(({ partitionBy }) => !partitionBy.startsWith("toYYYYMMDD("))).toEqual([]);
});
