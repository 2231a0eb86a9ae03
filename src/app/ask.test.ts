// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { SensorRegistry } from "../ship/registry.ts";
import { inventBatch } from "../store/flows/batches.conformance.ts";
import { openEmbedded } from "../store/flows/embedded/index.ts";
import { ask } from "./ask.ts";
import { openConfig } from "./config.ts";

const folder = mkdtempSync(join(tmpdir(), "layang-ask-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("knows the sensors of a node that does not run", async () => {
  const data = join(folder, "stopped");
  const store = await openEmbedded({ folder: data });
  await store.append(inventBatch({ sensor: "s1", sequence: 1, interval: Date.now() * 1000 - 3_600e6 }));
  await store.close();
  new SensorRegistry(join(data, "sensors")).add({ name: "s1", country: "JP" });
  const { body } = await ask(openConfig(undefined, data), "sensors", {});
  const { rows } = JSON.parse(new TextDecoder().decode(body)) as { rows: { sensor: string; country: string | null }[] };
  expect(rows.map(({ sensor, country }) => [sensor, country])).toEqual([["s1", "JP"]]);
});

it("asks a running node with the token that the configuration names", async () => {
  const data = join(folder, "running");
  mkdirSync(data);
  const heard: (string | undefined)[] = [];
  const node = createServer((request, response) => {
    heard.push(request.headers.authorization);
    response.setHeader("content-type", "application/json").end("{}");
  });
  await new Promise<void>((resolve) => {
    node.listen(0, "127.0.0.1", resolve);
  });
  writeFileSync(join(data, "portal.address"), `http://127.0.0.1:${(node.address() as AddressInfo).port}`);
  writeFileSync(join(folder, "token"), "a-configured-token-of-some-length\n");
  writeFileSync(join(folder, "layang.yaml"), "portal: { token: { file: token } }\n");
  await ask(openConfig(join(folder, "layang.yaml"), data), "ports/top", {});
  expect(heard).toEqual(["Bearer a-configured-token-of-some-length"]);
  await new Promise((resolve) => {
    node.close(resolve);
    node.closeAllConnections();
  });
});
