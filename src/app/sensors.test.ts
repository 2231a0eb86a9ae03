// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { openConfig } from "./config.ts";
import { runningText } from "./running.ts";
import { doorFile, doorOf, sensorRegistry } from "./sensors.ts";

const folder = mkdtempSync(join(tmpdir(), "ly-sensors-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const configured = (text: string): string => {
  const file = join(folder, "layang.yaml");
  writeFileSync(file, text);
  return file;
};
const tls = "tls: { certificate: c.pem, key: k.pem }";

it("calls a door that listens everywhere by the portal's public name, or says which to put", () => {
  const open = `sensors: { host: 0.0.0.0, port: 9000, ${tls} }\n`;
  const named = `portal: { origin: "https://node.example:8443", proxies: [127.0.0.1] }\n${open}`;
  expect(doorOf(openConfig(configured(named)).config, 9000)).toBe("https://node.example:9000");
  expect(sensorRegistry(configured(named)).door.note).toBeNull();
  expect(sensorRegistry(configured(open)).door).toEqual({
    url: "https://THIS-NODE:9000",
    note: "For THIS-NODE put the name or address of this machine that is in the door's certificate.",
  });
  expect(sensorRegistry(configured(`sensors: { host: "2001:db8::7", ${tls} }\n`)).door.url).toBe(
    "https://[2001:db8::7]:8421",
  );
});

it("has the door from the node that runs, and says when none does and no configuration was named", () => {
  const data = join(folder, "data");
  expect(sensorRegistry(undefined, data).door).toEqual({
    url: "http://127.0.0.1:8421",
    note: expect.stringMatching(/^No node runs on .*\nOnly this machine reaches that address/) as string,
  });
  expect(existsSync(data)).toBe(false);
  writeFileSync(doorFile(folder), runningText("https://node.example:9000"));
  expect(sensorRegistry(undefined, folder).door).toEqual({ url: "https://node.example:9000", note: null });
  // One that was killed left its file behind.
  writeFileSync(doorFile(folder), "https://node.example:9000\n999999 1\n");
  expect(sensorRegistry(undefined, folder).door.url).toBe("http://127.0.0.1:8421");
});
