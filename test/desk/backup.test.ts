// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import { backUp, zipped } from "../../src/app/backup.ts";
import { dropMail, mailFolder } from "../../src/notify/maildir.ts";
import { embeddedPlace } from "./place.ts";

it("ends with one clear error where the disk is full, and does not wait for room", async () => {
  if (!existsSync("/dev/full")) return expect(process.platform).not.toBe("linux");
  await expect(
    zipped("/dev/full", async (write) => {
      for (let i = 0; i < 5_000; i++) await write(randomBytes(2_000).toString("hex"));
    }),
  ).rejects.toMatchObject({ code: "ENOSPC" });
});

it("keeps a mail that is taken while the desk is copied", { timeout: 60_000 }, async () => {
  const place = await embeddedPlace();
  const desk = await place.open();
  const folder = mkdtempSync(join(tmpdir(), "layang-backup-"));
  try {
    const data = join(folder, "data");
    mkdirSync(data);
    writeFileSync(join(data, "node.secret"), "x");
    const mails = mailFolder(data);
    const name = dropMail(mails, Buffer.from("Subject: cleaned\r\n\r\nDone.\r\n"));
    const busy = {
      ...desk,
      // The desk is read: a moment later the node takes the mail, which this copy of the desk does not know.
      get owner() {
        if (existsSync(join(mails, "new", name)))
          renameSync(join(mails, "new", name), join(mails, "cur", `${name}:2,S`));
        return desk.owner;
      },
    };
    await backUp({ desk: busy, store: null, data }, join(folder, "copy"), 1);
    const copied = join(folder, "copy", "files");
    expect(readdirSync(join(mailFolder(copied), "new"))).toEqual([name]);
    expect(readdirSync(copied).toSorted()).toEqual(["mail", "node.secret"]);
  } finally {
    await desk.close();
    await place.remove();
    rmSync(folder, { recursive: true, force: true });
  }
});
