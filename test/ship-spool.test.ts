// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createClient } from "../src/ship/client.ts";
import { makeFrame, splitFrames } from "../src/ship/frame.ts";
import { sensorKey } from "../src/ship/keys.ts";
import { createSender } from "../src/ship/sender.ts";
import { Spool } from "../src/ship/spool.ts";
import { openHand, openNode, quiet } from "./ship/bench.ts";
import { HOUR_ZERO } from "./ship/rows.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "layang-spool-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A stand-in for a frame that says what it was made with. */
const make =
  (size = 100) =>
  (sequence: number, lost: number): Uint8Array =>
    Buffer.concat([Buffer.from(`${sequence} ${lost} `), Buffer.alloc(size, sequence % 251)]);
const told = async (spool: Spool): Promise<string[]> => {
  const found = await spool.oldest(1 << 30, 10_000);
  spool.release();
  return found.map(({ bytes }) => Buffer.from(bytes).toString("latin1").split(" ").slice(0, 2).join(" "));
};
/** Batches told as lost in the reports that wait. */
const lostIn = (reports: readonly string[]): number => reports.reduce((sum, one) => sum + Number(one.split(" ")[1]), 0);

describe("the spool", () => {
  it("gives sequences that are never used twice, across restarts and when it was emptied", async () => {
    let spool = new Spool({ folder, limit: 1 << 20 });
    for (let i = 1; i <= 3; i++) expect(await spool.add(make())).toBe(i);
    spool = new Spool({ folder, limit: 1 << 20 });
    expect(await told(spool)).toEqual(["1 0", "2 0", "3 0"]);
    expect(await spool.add(make())).toBe(4);
    await spool.acknowledge([1, 2, 3, 4]);
    expect(spool.bytes).toBe(0);
    spool = new Spool({ folder, limit: 1 << 20 });
    expect(spool.batches).toBe(0);
    expect(await spool.add(make())).toBe(5);
    await spool.raise(100);
    expect(await spool.add(make())).toBe(100);
  });

  it("gives a frame another number, with the losses it tells, and never keeps both", async () => {
    let spool = new Spool({ folder, limit: 1 << 20 });
    expect(await spool.add(make(1 << 21))).toBeUndefined();
    for (let i = 0; i < 3; i++) await spool.add(make());
    expect(await told(spool)).toEqual(["1 1", "2 0", "3 0"]);
    const old = readdirSync(folder).find((name) => name.startsWith("0000000000000001"))!;
    const bytes = readFileSync(join(folder, old));
    await spool.renumber(1, (frame, sequence, lost) =>
      Buffer.concat([Buffer.from(`${sequence} ${lost} `), frame.subarray(4)]),
    );
    expect(await told(spool)).toEqual(["2 0", "3 0", "4 1"]);
    // As a process leaves it that was killed just before the old file went.
    writeFileSync(join(folder, old), bytes);
    writeFileSync(join(folder, "renumbered"), "1 4");
    spool = new Spool({ folder, limit: 1 << 20 });
    expect(await told(spool)).toEqual(["2 0", "3 0", "4 1"]);
    expect(readdirSync(folder).filter((name) => name.endsWith(".frame"))).toHaveLength(3);
    // And one that was killed before the new file was there.
    writeFileSync(join(folder, "renumbered"), "2 5");
    spool = new Spool({ folder, limit: 1 << 20 });
    expect(await told(spool)).toEqual(["2 0", "3 0", "4 1"]);
  });

  it("keeps the order of calls that overlap", async () => {
    const spool = new Spool({ folder, limit: 1 << 20 });
    const sequences = await Promise.all(Array.from({ length: 20 }, () => spool.add(make())));
    expect(sequences).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  });

  it("loses the oldest above its limit, and tells every loss once", async () => {
    const losses: number[] = [];
    const limit = 10 * 104 + 50;
    let spool = new Spool({ folder, limit, onLost: (batches) => losses.push(batches) });
    for (let i = 0; i < 25; i++) await spool.add(make());
    const waiting = await told(spool);
    expect(waiting.length).toBeLessThanOrEqual(10);
    expect(waiting.at(-1)?.startsWith("25 ")).toBe(true);
    expect(lostIn(waiting)).toBe(25 - waiting.length);
    expect(losses.length).toBe(25 - waiting.length);
    // Also across a restart: what a lost batch would have told is told by a later one.
    spool = new Spool({ folder, limit });
    for (let i = 0; i < 5; i++) await spool.add(make());
    const after = await told(spool);
    expect(lostIn(after)).toBe(30 - after.length);
  });

  it("counts a batch that is larger than all its room", async () => {
    const spool = new Spool({ folder, limit: 1_000 });
    expect(await spool.add(make(5_000))).toBeUndefined();
    expect(await spool.add(make())).toBe(1);
    expect(await told(spool)).toEqual(["1 1"]);
  });

  it("puts torn files aside and counts them; half-written ones were never promised", async () => {
    let spool = new Spool({ folder, limit: 1 << 20 });
    for (let i = 0; i < 4; i++) await spool.add(make());
    const files = readdirSync(folder)
      .filter((name) => name.endsWith(".frame"))
      .sort();
    const torn = join(folder, files[1] ?? "");
    writeFileSync(torn, readFileSync(torn).subarray(0, 50));
    writeFileSync(join(folder, `${files[3] ?? ""}.tmp`), "half");
    spool = new Spool({ folder, limit: 1 << 20 });
    expect(await told(spool)).toEqual(["1 0", "3 0", "4 0"]);
    expect(spool.lostTotal).toBe(1);
    expect(readdirSync(join(folder, "refused"))).toEqual([files[1]]);
    expect(readdirSync(folder).some((name) => name.endsWith(".tmp"))).toBe(false);
    await spool.add(make());
    expect((await told(spool)).at(-1)).toBe("5 1");
  });

  it("does not give up what is being sent", async () => {
    const spool = new Spool({ folder, limit: 3 * 104 + 50 });
    for (let i = 0; i < 3; i++) await spool.add(make());
    expect((await spool.oldest(1 << 20, 1)).map(({ sequence }) => sequence)).toEqual([1]);
    await spool.add(make());
    await spool.acknowledge([1]);
    spool.release();
    expect(await told(spool)).toEqual(["3 0", "4 1"]);
  });

  const canMount = ((): boolean => {
    const at = mkdtempSync(join(tmpdir(), "layang-mount-"));
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", at], { stdio: "ignore" });
      execFileSync("umount", [at]);
      return true;
    } catch {
      return false;
    } finally {
      rmSync(at, { recursive: true, force: true });
    }
  })();
  const noMount = canMount ? "" : " (skipped: needs root to mount a tmpfs)";
  it.skipIf(!canMount)(`survives a full disk, and tells what it cost${noMount}`, async () => {
    const small = join(folder, "small");
    mkdirSync(small);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", small]);
    try {
      const reasons = new Set<string>();
      const spool = new Spool({ folder: small, limit: 1 << 30, onLost: (_, reason) => reasons.add(reason) });
      for (let i = 0; i < 60; i++) await spool.add(make(10_000));
      const waiting = await told(spool);
      expect([...reasons]).toEqual(["disk full"]);
      expect(waiting.length).toBeGreaterThan(5);
      expect(lostIn(waiting) + waiting.length).toBe(60);
      // Somebody else fills what is left: nothing can be kept, and that too is told once there is room again.
      const hog = join(small, "hog");
      await spool.acknowledge(waiting.map((one) => Number(one.split(" ")[0])));
      expect(() => writeFileSync(hog, Buffer.alloc(1 << 20))).toThrow(/ENOSPC/);
      for (let i = 0; i < 3; i++) expect(await spool.add(make(10_000))).toBeUndefined();
      rmSync(hog);
      await spool.add(make(10_000));
      expect(await told(spool)).toEqual([expect.stringMatching(/^\d+ 3$/)]);
    } finally {
      execFileSync("umount", [small]);
    }
  });

  it.skipIf(!canMount)(
    `gives no sequence twice when the acknowledgement could not be written down${noMount}`,
    async () => {
      const small = join(folder, "small");
      mkdirSync(small);
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", small]);
      try {
        let spool = new Spool({ folder: small, limit: 1 << 30 });
        for (let i = 1; i <= 3; i++) expect(await spool.add(make(100))).toBe(i);
        await spool.acknowledge([1]);
        // Somebody else takes all room, and takes again what the removal of files sets free.
        const hog = join(small, "hog");
        expect(() => writeFileSync(hog, Buffer.alloc(1 << 20))).toThrow(/ENOSPC/);
        await spool.acknowledge([2]);
        for (let i = 0; readdirSync(small).length < 500; i++) {
          try {
            writeFileSync(join(small, `more${i}`), Buffer.alloc(4096));
          } catch {
            break;
          }
        }
        await spool.acknowledge([3]);
        expect(spool.batches).toBe(0);
        // Killed now, it goes on above what the node has.
        spool = new Spool({ folder: small, limit: 1 << 30 });
        for (const name of readdirSync(small)) if (/^(hog|more)/.test(name)) rmSync(join(small, name));
        expect(await spool.add(make(100))).toBe(4);
      } finally {
        execFileSync("umount", [small]);
      }
    },
  );
});

describe("the sender", () => {
  it("drains a backlog in order, measures the clock, and passes over what is refused for good", async () => {
    const node = await openNode();
    try {
      const hand = await openHand(node);
      const spool = new Spool({ folder, limit: 1 << 24 });
      const { frame } = hand;
      for (let i = 1; i <= 200; i++) {
        const realm = i === 100 ? "elsewhere" : "";
        await spool.add((sequence) => frame(sequence, { realm, interval: HOUR_ZERO - 300_000_000 + i * 1_000_000 }));
      }
      // The node's clock stands at HOUR_ZERO + 1.02 s; this sensor's is 7 s ahead.
      const clock = (): number => HOUR_ZERO / 1_000 + 8_020;
      const sender = createSender({
        client: hand.client,
        spool,
        sensor: hand.name,
        log: quiet,
        clock,
        steady: () => 0,
      });
      const stop = new AbortController();
      const running = sender.run(stop.signal);
      while (spool.batches > 0) await sleep(5);
      stop.abort();
      await running;
      expect(sender.standing).toMatchObject({ acknowledged: 199, refused: 1, clockOffset: 7_000_000 });
      expect(node.accepted.map(({ identity }) => identity.sequence)).toEqual(
        Array.from({ length: 200 }, (_, i) => i + 1).filter((i) => i !== 100),
      );
      expect(node.receiver.standings()[0]?.gaps).toEqual([{ first: 100, last: 100 }]);
      expect(readdirSync(join(folder, "refused"))).toHaveLength(1);
      expect(sender.standing.requests).toBeLessThan(10);
    } finally {
      await node.stop();
    }
  });

  it("knows its clock's offset anew as soon as the clock is set", async () => {
    const node = await openNode();
    try {
      const hand = await openHand(node);
      const spool = new Spool({ folder, limit: 1 << 24 });
      let ahead = 500;
      const options = { clock: () => HOUR_ZERO / 1_000 + 1_020 + ahead, steady: () => 0 };
      const sender = createSender({ client: hand.client, spool, sensor: hand.name, log: quiet, ...options });
      expect(sender.standing.clockOffset).toBeNull();
      await spool.add((sequence) => hand.frame(sequence));
      const stop = new AbortController();
      const running = sender.run(stop.signal);
      await expect.poll(() => spool.batches).toBe(0);
      expect(sender.standing.clockOffset).toBe(500_000);
      for (ahead of [10_500, -3_000]) expect(sender.standing.clockOffset).toBe(ahead * 1_000);
      stop.abort();
      await running;
    } finally {
      await node.stop();
    }
  });

  it("waits longer and longer for a node that is away, and finds it again", async () => {
    const node = await openNode();
    try {
      const hand = await openHand(node);
      const spool = new Spool({ folder, limit: 1 << 24 });
      await node.receiver.close();
      await spool.add((sequence) => hand.frame(sequence));
      const sender = createSender({
        client: hand.client,
        spool,
        sensor: hand.name,
        log: quiet,
        firstWait: 5,
        jitter: () => 1,
      });
      const stop = new AbortController();
      const running = sender.run(stop.signal);
      await sleep(200);
      // 5, 10, 20, 40, 80 ms ...: not one try a tick.
      expect(sender.standing.failures).toBeLessThan(10);
      await expect.poll(() => sender.standing.failures).toBeGreaterThan(1);
      expect(sender.standing.problem).toMatch(/does not answer/);
      await node.reopen();
      while (spool.batches > 0) await sleep(5);
      stop.abort();
      await running;
      expect(sender.standing.problem).toBe("");
      expect(node.accepted).toHaveLength(1);
    } finally {
      await node.stop();
    }
  });

  it("gets a backlog through a link that carries no large request in the time it has", async () => {
    const sizes: number[] = [];
    const server = createServer((request, response) => {
      const size = Number(request.headers["content-length"] ?? 0);
      if (request.method === "POST") sizes.push(size);
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        // What a door does to a body that is not there after a minute.
        if (size > 300_000) return void response.writeHead(408, { connection: "close" }).end();
        const results = splitFrames(Buffer.concat(parts), 64)?.map(({ sequence }) => ({ sequence, status: "stored" }));
        response.end(JSON.stringify(request.method === "POST" ? { results } : { now: Date.now() * 1_000 }));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const client = createClient({ node: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
    try {
      const spool = new Spool({ folder, limit: 1 << 24 });
      const key = sensorKey(join(folder, "key"));
      const batch = Buffer.alloc(100_000);
      for (let i = 0; i < 50; i++) await spool.add((sequence) => makeFrame(batch, "slow-1", sequence, key.sign));
      const sender = createSender({ client, spool, sensor: "slow-1", log: quiet, firstWait: 1 });
      const stop = new AbortController();
      const running = sender.run(stop.signal);
      await expect.poll(() => spool.batches, { timeout: 10_000 }).toBe(0);
      stop.abort();
      await running;
      // Large ones first, for most links carry them.
      expect(Math.max(...sizes)).toBeGreaterThan(1_900_000);
    } finally {
      client.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it("is held up by no node that answers byte by byte, and hurried by none that wants no waiting", async () => {
    const tries: number[] = [];
    const server = createServer((request, response) => {
      if (request.url === "/slow") {
        const drops = setInterval(() => response.write(" "), 20);
        response.on("close", () => clearInterval(drops));
        return;
      }
      if (request.method === "POST") tries.push(performance.now());
      request.resume();
      response.writeHead(503, { "retry-after": "0" }).end("{}");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const node = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const client = createClient({ node, patience: 300 });
    try {
      await expect(client.ask("GET", "/slow", {})).rejects.toMatchObject({ code: "NODE_UNREACHABLE" });
      const spool = new Spool({ folder, limit: 1 << 24 });
      await spool.add(make());
      const sender = createSender({ client, spool, sensor: "slow-1", log: quiet, firstWait: 100 });
      const stop = new AbortController();
      const running = sender.run(stop.signal);
      await expect.poll(() => tries.length).toBeGreaterThanOrEqual(4);
      stop.abort();
      await running;
      for (const [i, at] of tries.slice(1).entries()) expect(at - (tries[i] ?? 0)).toBeGreaterThanOrEqual(95);
    } finally {
      client.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it("keeps its spool while it is revoked, and goes above numbers that were used before", async () => {
    const node = await openNode();
    try {
      const hand = await openHand(node);
      await hand.post(hand.frame(1), hand.frame(2), hand.frame(3));
      const spool = new Spool({ folder, limit: 1 << 24 });
      // A state folder restored from an old copy: sequence 1 again, with other rows.
      await spool.add((sequence) => hand.frame(sequence, { seed: 500 }));
      const sender = createSender({ client: hand.client, spool, sensor: hand.name, log: quiet, firstWait: 5 });
      const stop = new AbortController();
      const running = sender.run(stop.signal);
      while (sender.standing.refused === 0) await sleep(5);
      expect(await spool.add((sequence) => hand.frame(sequence, { seed: 501 }))).toBe(4);
      while (spool.batches > 0) await sleep(5);
      node.registry.revoke(hand.name);
      await spool.add((sequence) => hand.frame(sequence));
      while (!sender.standing.problem.includes("SENSOR_REVOKED")) await sleep(5);
      stop.abort();
      await running;
      expect(spool.batches).toBe(1);
      expect(node.accepted).toHaveLength(4);
    } finally {
      await node.stop();
    }
  });
});
