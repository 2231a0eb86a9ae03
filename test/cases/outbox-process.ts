// SPDX-License-Identifier: Apache-2.0
import { systemActor } from "../../src/model/actor.ts";
import { openEmbeddedDesk } from "../../src/store/desk/embedded/index.ts";
import { openServerDesk } from "../../src/store/desk/server/index.ts";
import { detection, makeCases, makeOutbox, owner } from "./place.ts";

/**
 * A node that takes detections and sends their letters until it is killed: `FOLDER|URL PORT FIRST [LAST]`. It prints the number of every
 * detection whose transaction is done, `>` when a letter is about to go and `<` when it has gone. With LAST it ends by itself when all letters have left.
 */
const [where = "", port = "0", first = "0", last = ""] = process.argv.slice(2);
const desk = where.startsWith("postgres")
  ? await openServerDesk({ url: where, password: "layang" })
  : await openEmbeddedDesk({ folder: where });
const clock = (): number => Date.now() * 1000;
const cases = makeCases(desk, [owner("alpha", "10.0.0.0/8")], {
  policy: { immediatePerHour: 1e9, ownerBreaker: 1e9, globalBreaker: 1e9 },
});
const outbox = makeOutbox(desk, cases, Number(port), clock, {
  alone: true,
  parallel: 6,
  // A sign for who kills: a letter is about to go, or has gone and is not written down yet.
  watch: (moment) => process.stdout.write(moment === "begins" ? ">\n" : "<\n"),
});
outbox.start();
const addressOf = (n: number): string => `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`;
/** Taken together: while one batch is written, letters of others leave. */
const together = 8;
for (let n = Number(first); last === "" || n < Number(last); n += together) {
  const numbers = Array.from({ length: together }, (_, i) => n + i).filter((one) => last === "" || one < Number(last));
  const found = numbers.map((one) => detection(addressOf(one), { id: one.toString(16).padStart(32, "0") }));
  await desk.as(systemActor, (trx) => cases.takeDetections(trx, found, { now: clock() }));
  process.stdout.write(`${numbers.join("\n")}\n`);
  outbox.poke();
  // Letters leave meanwhile: a few are always on their way, and a few wait.
  await new Promise((resolve) => setTimeout(resolve, 60));
}
for (;;) {
  const left = await desk.as(systemActor, (trx) =>
    trx.selectFrom("outbox").select("id").where("state", "in", ["waiting", "sending"]).limit(1).execute(),
  );
  if (left.length === 0) break;
  await desk.as(systemActor, (trx) =>
    // Thousands may wait after two hundred kills: those that are due already are not written again.
    trx.updateTable("outbox").set({ due: 0 }).where("state", "=", "waiting").where("due", ">", 0).execute(),
  );
  outbox.poke();
  await new Promise((resolve) => setTimeout(resolve, 50));
}
await outbox.close();
await desk.close();
