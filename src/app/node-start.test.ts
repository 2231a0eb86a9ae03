// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { lockFolder } from "../platform/lock.ts";
import { createLog } from "../platform/log.ts";
import { openConfig } from "./config.ts";
import { startNode } from "./node.ts";

const folder = mkdtempSync(join(tmpdir(), "ly-start-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A port that nobody listens on. */
const freePort = async (): Promise<number> => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
};
const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(true));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(false)));
  });

it("a start that fails keeps no door, no folder and no engine", { timeout: 120_000 }, async () => {
  const port = await freePort();
  const file = join(folder, "layang.yaml");
  writeFileSync(
    file,
    `data: data
portal: { port: 0 }
sensors: { port: ${port} }
mail: { host: 127.0.0.1, port: 25, tls: none, from: cert@example.org, user: cert, password: { env: LAYANG_NEVER_SET } }
`,
  );
  const log = createLog("silent");
  await expect(startNode(openConfig(file), { log })).rejects.toThrow(/LAYANG_NEVER_SET/);
  expect(await listens(port)).toBe(false);
  (await lockFolder(join(folder, "data"), "STORE_UNAVAILABLE"))();
});
