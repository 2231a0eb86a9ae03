// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { defaultRetention, keepForEver } from "../store/flows/retention.ts";
import { openConfig } from "./config.ts";
import { keptForEver } from "./replay-store.ts";
import { retentionOf } from "./stores.ts";

const data = mkdtempSync(join(tmpdir(), "layang-stores-"));
afterAll(() => rmSync(data, { recursive: true, force: true }));

it("a replay's mark keeps the rows of its own store for ever, and not those of a server", () => {
  const embedded = openConfig(undefined, data);
  writeFileSync(join(data, "server.yaml"), "store: { clickhouse: { url: http://127.0.0.1:8123 } }\n");
  const server = openConfig(join(data, "server.yaml"), data);
  expect(retentionOf(embedded, data)).toEqual(defaultRetention);
  writeFileSync(keptForEver(data), "");
  expect(retentionOf(embedded, data)).toEqual(keepForEver);
  expect(retentionOf(server, data)).toEqual(defaultRetention);
});
