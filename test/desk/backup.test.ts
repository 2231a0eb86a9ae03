// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import { backUp, backUpStopped, zipped } from "../../src/app/backup.ts";
import { openConfig } from "../../src/app/config.ts";
import { openDeskStore } from "../../src/app/desk.ts";
import { operate } from "../../src/app/operate.ts";
import { dropMail, mailFolder } from "../../src/notify/maildir.ts";
import { lockFolder } from "../../src/platform/lock.ts";
import { embeddedPlace } from "./place.ts";

const full = existsSync("/dev/full");
it.skipIf(!full)(
  `ends with one clear error where the disk is full${full ? "" : " (skipped: no /dev/full)"}`,
  async () => {
    await expect(
      zipped("/dev/full", async (write) => {
        for (let i = 0; i < 5_000; i++) await write(randomBytes(2_000).toString("hex"));
      }),
    ).rejects.toMatchObject({ code: "ENOSPC" });
  },
);

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

it("leaves nothing of a copy that failed", async () => {
  const folder = mkdtempSync(join(tmpdir(), "layang-backup-"));
  try {
    const data = join(folder, "data");
    mkdirSync(data);
    const away = {
      as: () => Promise.reject(new Error("never asked")),
      get owner(): never {
        throw new Error("the desk is away");
      },
      close: async () => undefined,
    };
    await expect(backUp({ desk: away, store: null, data }, join(folder, "copy"), 1)).rejects.toThrow(
      "the desk is away",
    );
    expect(readdirSync(folder)).toEqual(["data"]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it("opens no desk in the process beside a node that cannot be asked", { timeout: 120_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "layang-idle-"));
  try {
    const settings = openConfig(undefined, folder);
    await (await openDeskStore(settings, folder)).close();
    // A node that starts, stops, or whose folder's path is too long for a socket: it has the folder, and no door.
    const unlock = await lockFolder(folder, "STORE_UNAVAILABLE");
    const machine = operate(undefined, folder);
    await expect(machine.call("GET", "/api/v1/desk/people?limit=10")).rejects.toMatchObject({ code: "NODE_RUNNING" });
    await expect(backUpStopped(settings, `${folder}-copy`, false)).rejects.toMatchObject({ code: "NODE_RUNNING" });
    unlock();
    await expect(machine.call("GET", "/api/v1/desk/people?limit=10")).resolves.toMatchObject({ rows: [] });
  } finally {
    rmSync(folder, { recursive: true, force: true });
    rmSync(`${folder}-copy`, { recursive: true, force: true });
  }
});
