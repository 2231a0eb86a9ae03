// SPDX-License-Identifier: Apache-2.0
import { once } from "node:events";
import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { ringLivePath } from "../../src/api/contract/desk/ring.ts";
import { withRing } from "../../src/api/desk/ring.ts";
import { createStream } from "../../src/api/desk/stream.ts";
import { createLive } from "../../src/api/live.ts";
import { systemActor } from "../../src/model/actor.ts";
import { openHouse } from "./house.ts";

it("ends a live stream when its reader may not read it any more", { timeout: 200_000 }, async () => {
  const house = await openHouse({ api: { live: createLive({ run: "t", heartbeatSeconds: 0.1 }) } });
  try {
    await house.person("first@example.org", ["administrator"]);
    const analyst = await house.person("a@example.org", ["analyst"]);
    await house.server.listen({ host: "127.0.0.1", port: 0 });
    const asked = request({
      port: (house.server.server.address() as AddressInfo).port,
      path: "/api/v1/live",
      headers: {
        host: "localhost",
        cookie: [...analyst.cookies].map(([name, value]) => `${name}=${value}`).join("; "),
      },
    });
    asked.end();
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    expect(response.statusCode).toBe(200);
    let said = "";
    response.on("data", (part: Buffer) => (said += part.toString()));
    await expect.poll(() => said, { timeout: 20_000 }).toMatch(/: here\n\n: here\n\n/);
    const over = once(response, "end");
    const first = await house.signIn("first@example.org");
    const id = await house.idOf("a@example.org");
    expect((await first.call("POST", `/api/v1/desk/people/${id}/state`, { action: "disable" })).status).toBe(200);
    await over;
  } finally {
    await house.close();
  }
});

it("writes down who watches, before anything is seen", async () => {
  const view = () => Promise.reject(new Error("not asked"));
  const house = await openHouse({
    desk: [(server, actorOf) => withRing(server, { view, stream: createStream() }, actorOf)],
  });
  try {
    await house.person("first@example.org", ["administrator"]);
    const analyst = await house.person("a@example.org", ["analyst"]);
    await house.server.listen({ host: "127.0.0.1", port: 0 });
    for (const [path, action] of [
      ["/api/v1/live", "live"],
      [ringLivePath, "ring.watch"],
    ] as const) {
      const asked = request({
        port: (house.server.server.address() as AddressInfo).port,
        path,
        headers: {
          host: "localhost",
          cookie: [...analyst.cookies].map(([name, value]) => `${name}=${value}`).join("; "),
        },
      });
      asked.end();
      const [response] = (await once(asked, "response")) as [IncomingMessage];
      expect(response.statusCode).toBe(200);
      const lines = await house.desk.as(systemActor, (trx) =>
        trx.selectFrom("audit_log").select("outcome").where("action", "=", action).execute(),
      );
      expect(lines, path).toEqual([{ outcome: "done" }]);
      asked.destroy();
    }
  } finally {
    await house.close();
  }
});
