// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Fastify from "fastify";
import { afterAll, expect, it } from "vitest";
import { sendProblem } from "../api/problem.ts";
import { AppError } from "../platform/errors.ts";
import { createLog } from "../platform/log.ts";
import { requestFault } from "./request-fault.ts";

const folder = mkdtempSync(join(tmpdir(), "layang-fault-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What the log holds after a request that ended in this error, and what was answered. */
const logged = async (name: string, error: Error): Promise<{ status: number; lines: Record<string, unknown>[] }> => {
  const file = join(folder, `${name}.log`);
  const onFault = requestFault(createLog("info", file));
  const server = Fastify();
  server.setErrorHandler((thrown, request, reply) => sendProblem(reply, thrown, request, onFault));
  server.get("/asked", () => {
    throw error;
  });
  const { statusCode } = await server.inject("/asked?secret=1");
  await server.close();
  const lines = readFileSync(file, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { status: statusCode, lines };
};

it("a page that was left is no event", async () => {
  const unwanted = new AppError("STORE_QUERY_UNWANTED", "nobody waits for the answer any more");
  expect(await logged("unwanted", unwanted)).toEqual({ status: 503, lines: [] });
});

it("what was refused in one line is that line, without the way there", async () => {
  const { status, lines } = await logged("refused", new AppError("BACKUP_FAILED", "/mnt/backup is there already"));
  expect(status).toBe(500);
  expect(lines).toMatchObject([
    { level: "warn", code: "BACKUP_FAILED", url: "/asked", msg: "/mnt/backup is there already" },
  ]);
  expect(JSON.stringify(lines)).not.toContain("stack");
});

it("a fault is an error with all that is known of it", async () => {
  for (const error of [new TypeError("x is undefined"), new AppError("STORE_FAILED", "the engine said no")]) {
    const { lines } = await logged(error.message.replaceAll(" ", "-"), error);
    expect(lines).toMatchObject([{ level: "error", url: "/asked", err: { message: error.message } }]);
    expect(JSON.stringify(lines)).toContain("request-fault.test.ts");
  }
});
