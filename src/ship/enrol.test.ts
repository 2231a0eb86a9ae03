// SPDX-License-Identifier: Apache-2.0
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { createClient } from "./client.ts";
import { problemOf } from "./enrol.ts";

it("knows a portal that was taken for the sensors' door", () => {
  const answer = {
    status: 403,
    body: { code: "ACCESS_ORIGIN", detail: "needs the header Origin" },
    retryAfter: undefined,
  };
  const error = problemOf(answer, "http://127.0.0.1:8420");
  expect(error.code).toBe("NODE_UNREACHABLE");
  expect(error.message).toContain("is a node's portal, not its sensors' door");
});

it("says of a door that speaks no TLS that it speaks none", async () => {
  const plain = createServer((_, answer) => answer.end("{}"));
  await new Promise<void>((listening) => plain.listen(0, "127.0.0.1", listening));
  const client = createClient({ node: `https://127.0.0.1:${(plain.address() as AddressInfo).port}` });
  try {
    await expect(client.ask("GET", "/", {})).rejects.toMatchObject({
      code: "NODE_UNREACHABLE",
      message: expect.stringContaining("speaks no TLS: is it http://?") as string,
    });
  } finally {
    client.close();
    plain.close();
  }
});
