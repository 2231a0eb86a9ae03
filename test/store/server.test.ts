// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { inventBatch } from "../../src/store/flows/batches.conformance.ts";
import { keepForEver } from "../../src/store/flows/retention.ts";
import { openServer } from "../../src/store/flows/server/index.ts";
import { flowStoreConformance } from "../../src/store/flows/store.conformance.ts";
import { clickHouseHttp } from "./clickhouse-http.ts";

const folder = mkdtempSync(join(tmpdir(), "layang-clickhouse-"));
const fixture = await clickHouseHttp(folder);
afterAll(async () => {
  await fixture.close();
  rmSync(folder, { recursive: true, force: true });
});

flowStoreConformance("server (its network path, in front of chDB)", (options) =>
  openServer({ ...options, url: fixture.url, database: "layang" }),
);

describe("a server that fails", () => {
  it("keeps a batch whose answer was lost, and counts it once", async () => {
    const options = { folder: join(folder, "lost"), url: fixture.url, database: "lost", retention: keepForEver };
    const store = await openServer(options);
    const arrived = inventBatch({ sequence: 1, interval: 1.7e15, aggregates: 1 });
    fixture.broken = true;
    await expect(store.append(arrived)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    fixture.broken = false;
    expect(await store.append(arrived)).toBe("stored");
    expect(await store.append(arrived)).toBe("repeated");
    const other = inventBatch({ sequence: 2, interval: 1.7e15 });
    fixture.broken = true;
    await expect(store.append(other)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    fixture.broken = false;
    await store.close();
    const again = await openServer(options);
    expect(await again.append(other)).toBe("repeated");
    expect((await again.query("SELECT count() AS n FROM flows")).rows).toEqual([{ n: 200 }]);
    await again.close();
  });

  it("says which server does not answer", () =>
    expect(
      openServer({ folder: join(folder, "none"), url: "http://127.0.0.1:9", database: "x" }),
    ).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
    }));
});

const real = process.env["LAYANG_TEST_CLICKHOUSE"];
if (real === undefined) {
  it.skip("a real server: skipped, LAYANG_TEST_CLICKHOUSE names none", () => undefined);
} else {
  flowStoreConformance(`server (${real})`, (options) =>
    openServer({ ...options, url: real, database: `layang_test_${process.pid}` }),
  );
}
