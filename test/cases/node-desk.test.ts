// SPDX-License-Identifier: Apache-2.0
import { createServer } from "node:http";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openNodeDesk, publicKeyOf } from "../../src/app/desk.ts";
import { systemActor } from "../../src/model/actor.ts";
import { createEgress } from "../../src/platform/egress.ts";
import { createLog } from "../../src/platform/log.ts";
import { openEmbeddedDesk } from "../../src/store/desk/embedded/index.ts";
import { layDesk } from "../desk/template.ts";
import { detection, organisation, smtpSink, start } from "./place.ts";

it("sends signed letters and signed calls from a node as it is wired, and calls nothing inside unless it may", async () => {
  const folder = mkdtempSync(join(tmpdir(), "layang-node-desk-"));
  const sink = await smtpSink();
  const calls: string[] = [];
  const hook = createServer((request, response) => {
    calls.push(String(request.headers["x-layang-signature"]));
    response.end();
  }).listen(0, "127.0.0.1");
  await once(hook, "listening");
  await layDesk(folder);
  const desk = await openEmbeddedDesk({ folder });
  const url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/`;
  await organisation(desk, "alpha", { webhook: url });
  await desk.as(systemActor, (trx) =>
    trx
      .insertInto("networks")
      .values({
        organisation_id: "alpha",
        realm: "",
        prefix: "198.51.100.0/24",
        translation: "none",
        valid_from: 1,
        origin: "import",
      })
      .execute(),
  );
  const open = (allow: readonly string[]) =>
    openNodeDesk(
      desk,
      {
        name: "Test node",
        country: null,
        portal: () => "https://layang.example",
        mail: {
          host: "127.0.0.1",
          port: sink.port,
          tls: "none",
          user: null,
          password: null,
          connections: 1,
          from: "Layang <desk@node.example>",
          replyTo: null,
          duty: null,
          sign: true,
        },
        previewFirst: false,
        simulated: true,
      },
      folder,
      {
        log: createLog("silent"),
        egress: createEgress({ allow }),
        asnOf: () => 0,
        originOf: () => ({ asn: null, country: null }),
        sensors: () => 3,
      },
    );
  const take = async (allow: readonly string[], source: string): Promise<void> => {
    const node = await open(allow);
    await desk.as(systemActor, (trx) => node.cases.takeDetections(trx, [detection(source)], { now: start }));
    await node.outbox.drain();
    await node.close();
  };
  try {
    await take(["127.0.0.0/8"], "198.51.100.7");
    expect(sink.mails[0]?.raw).toContain("multipart/signed");
    // What it is checked by can be had, and the letter says where.
    const { publicKey, fingerprint } = await publicKeyOf(folder);
    expect(publicKey).toContain("BEGIN PGP PUBLIC KEY BLOCK");
    expect(sink.mails[0]?.parsed.headers.get("openpgp")).toBe(
      `id=${fingerprint}; url=https://layang.example/.well-known/openpgp.asc`,
    );
    // Its rows are invented, and no letter leaves without saying so.
    expect(sink.mails[0]?.parsed.subject).toMatch(/^\[SIMULATED\] \[LAYANG-\d+\] /);
    expect(sink.mails[0]?.parsed.text).toMatch(/^SIMULATED: /);
    expect(statSync(join(folder, "openpgp.asc")).mode & 0o777).toBe(0o600);
    expect(calls).toEqual([expect.stringMatching(/^sha256=[0-9a-f]{64}$/)]);
    await take([], "198.51.100.8");
    expect(calls).toHaveLength(1);
    const waiting = await desk.as(systemActor, (trx) =>
      trx.selectFrom("outbox").select(["channel", "state", "error"]).where("state", "=", "waiting").execute(),
    );
    expect(waiting).toMatchObject([{ channel: "webhook" }]);
  } finally {
    hook.close();
    await desk.close();
    await sink.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
