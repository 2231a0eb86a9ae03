// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { systemActor } from "../../src/model/actor.ts";
import { dropMail, takeMails } from "../../src/notify/maildir.ts";
import { receiveMail } from "../../src/notify/receive.ts";
import { serverPlace } from "./place.ts";

it("says of a server that went away that it does not answer, and mail waits for it", { timeout: 120_000 }, async () => {
  const place = await serverPlace();
  const desk = await place.open();
  const folder = mkdtempSync(join(tmpdir(), "layang-away-"));
  try {
    await place.remove();
    await expect(desk.as(systemActor, (trx) => trx.selectFrom("cases").selectAll().execute())).rejects.toMatchObject({
      code: "DESK_UNAVAILABLE",
    });
    dropMail(folder, Buffer.from("Subject: [LAYANG-1] cleaned\r\nFrom: abuse@alpha.example\r\n\r\nDone.\r\n"));
    const faults: unknown[] = [];
    const taken = await takeMails(
      folder,
      async (message) => void (await receiveMail({ desk, domain: "node.example", returnTagOf: () => "" }, message, 1)),
      (error) => faults.push(error),
    );
    expect([taken, faults.length]).toEqual([0, 1]);
    expect(readdirSync(join(folder, "new"))).toHaveLength(1);
    expect(readdirSync(join(folder, "failed"))).toEqual([]);
  } finally {
    await desk.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
