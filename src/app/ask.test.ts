// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
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
import { portalToken } from "./node.ts";
import { runningText } from "./running.ts";

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

it("takes the node's own country for sensors that were added without one", async () => {
  const data = join(folder, "own");
  const store = await openEmbedded({ folder: data });
  await store.close();
  new SensorRegistry(join(data, "sensors")).add({ name: "s1" });
  writeFileSync(join(folder, "own.yaml"), "country: TH\n");
  const { body } = await ask(openConfig(join(folder, "own.yaml"), data), "sensors", {});
  expect(JSON.parse(new TextDecoder().decode(body)).rows).toMatchObject([{ sensor: "s1", country: "TH" }]);
});

it("never starts with a token that is empty or easily guessed", () => {
  const data = join(folder, "token-folder");
  mkdirSync(data);
  // What a process leaves that was killed while it made one.
  writeFileSync(join(data, "portal.token"), "");
  const made = portalToken(openConfig(undefined, data), data);
  expect(made.length).toBeGreaterThanOrEqual(32);
  expect(portalToken(openConfig(undefined, data), data)).toBe(made);
  writeFileSync(join(folder, "empty"), "\n");
  writeFileSync(join(folder, "empty.yaml"), "portal: { token: { file: empty } }\n");
  expect(() => portalToken(openConfig(join(folder, "empty.yaml"), data), data)).toThrow("portal.token");
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
  const address = `http://127.0.0.1:${(node.address() as AddressInfo).port}`;
  writeFileSync(join(data, "portal.address"), runningText(address));
  writeFileSync(join(folder, "token"), "a-configured-token-of-some-length\n");
  writeFileSync(join(folder, "layang.yaml"), "portal: { token: { file: token } }\n");
  await ask(openConfig(join(folder, "layang.yaml"), data), "ports/top", {});
  expect(heard).toEqual(["Bearer a-configured-token-of-some-length"]);
  // Its node was killed; somebody else listens there, even under the number of the process that was.
  const ended = spawnSync(process.execPath, ["-e", ""]).pid;
  for (const mark of ["", `\n${ended} 12345\n`, `\n${process.pid} 1\n`]) {
    writeFileSync(join(data, "portal.address"), `${address}${mark}`);
    await expect(ask(openConfig(join(folder, "layang.yaml"), data), "ports/top", {})).rejects.toMatchObject({
      code: "DATA_NOT_FOUND",
    });
  }
  expect(heard).toHaveLength(1);
  await new Promise((resolve) => {
    node.close(resolve);
    node.closeAllConnections();
  });
});
