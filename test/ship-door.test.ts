// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { createClient } from "../src/ship/client.ts";
import { enrol } from "../src/ship/enrol.ts";
import { sensorKey } from "../src/ship/keys.ts";
import { FRAME_HEAD, makeFrame } from "../src/ship/frame.ts";
import { askNext, nextMessage } from "../src/ship/next.ts";
import { openReceiver } from "../src/ship/receiver.ts";
import type { ReceiverOptions } from "../src/ship/receiver.ts";
import { SensorRegistry } from "../src/ship/registry.ts";
import { openHand, openNode, quiet } from "./ship/bench.ts";
import type { Node } from "./ship/bench.ts";
import { HOUR_ZERO } from "./ship/rows.ts";

const open: Node[] = [];
const start = async (change: Partial<ReceiverOptions> = {}): Promise<Node> => {
  const node = await openNode(change);
  open.push(node);
  return node;
};
afterEach(async () => {
  for (const node of open.splice(0)) await node.stop();
});
const stateFolder = (): string => mkdtempSync(join(tmpdir(), "layang-state-"));

describe("enrolment", () => {
  it("binds a key to a name with a token that works once", async () => {
    const node = await start();
    const { token } = node.registry.add({ name: "tokyo-1", country: "JP", realm: "jp" });
    const state = stateFolder();
    const client = createClient({ node: node.receiver.address.url });
    const enrolled = await enrol(client, token, sensorKey(state), state);
    expect(enrolled).toMatchObject({ sensor: "tokyo-1", country: "JP", realm: "jp", exercise: "", next: 1 });
    // The answer may have been lost: the same key may ask again; another may not.
    await expect(enrol(client, token, sensorKey(state), state)).resolves.toMatchObject({ sensor: "tokyo-1" });
    const other = stateFolder();
    await expect(enrol(client, token, sensorKey(other), other)).rejects.toMatchObject({ code: "TOKEN_INVALID" });
    expect(() => node.registry.add({ name: "tokyo-1" })).toThrow(expect.objectContaining({ code: "SENSOR_EXISTS" }));
  });

  it("keeps the private key and the token's secret where they belong", async () => {
    const node = await start();
    const { token } = node.registry.add({ name: "quiet-1" });
    const record = readFileSync(join(node.folder, "sensors/quiet-1.json"), "utf8");
    expect(record).not.toContain(token.split(".")[1]);
    const state = stateFolder();
    const key = sensorKey(state);
    expect(statSync(join(state, "sensor.key")).mode & 0o777).toBe(0o600);
    expect(sensorKey(state).publicKey).toBe(key.publicKey);
  });

  it("refuses expired, wrong and malformed tokens, and names that are paths", async () => {
    let now = Date.now();
    const registry = new SensorRegistry(stateFolder(), () => now);
    const node = await start({ registry });
    const { token } = registry.add({ name: "late-1" });
    const state = stateFolder();
    const client = createClient({ node: node.receiver.address.url });
    const key = sensorKey(state);
    const wrong = `late-1.${"A".repeat(43)}`;
    await expect(enrol(client, wrong, key, state)).rejects.toMatchObject({ code: "TOKEN_INVALID" });
    await expect(enrol(client, "no token", key, state)).rejects.toMatchObject({ code: "TOKEN_INVALID" });
    now += 8 * 86_400_000;
    await expect(enrol(client, token, key, state)).rejects.toMatchObject({ code: "TOKEN_EXPIRED" });
    expect(() => registry.add({ name: "../../etc" })).toThrow(expect.objectContaining({ code: "SENSOR_NAME" }));
    expect(registry.get("../../etc")).toBeUndefined();
    // What every object has would be found where a sensor's figures are kept by its name.
    for (const name of Object.getOwnPropertyNames(Object.prototype)) {
      expect(() => registry.add({ name })).toThrow(expect.objectContaining({ code: "SENSOR_NAME" }));
      expect(registry.get(name)).toBeUndefined();
    }
  });

  it("keeps the time of a revocation when its rows are withdrawn later", () => {
    let now = Date.UTC(2026, 0, 1);
    const registry = new SensorRegistry(stateFolder(), () => now);
    registry.add({ name: "gone-1" });
    const { revoked } = registry.revoke("gone-1");
    now += 86_400_000;
    expect(registry.revoke("gone-1", "2025-12-01T00:00:00Z").revoked).toEqual({
      at: revoked?.at,
      since: "2025-12-01T00:00:00.000Z",
      withdrawn: null,
    });
    // Without a time nothing is to be withdrawn anew, nor is forgotten what is.
    expect(registry.revoke("gone-1").revoked?.since).toBe("2025-12-01T00:00:00.000Z");
  });

  it("admits nobody under a realm or exercise that no batch can name", () => {
    const registry = new SensorRegistry(stateFolder());
    for (const one of [{ realm: "CERT-ID" }, { realm: "a b" }, { realm: "a".repeat(65) }, { exercise: "Drill" }]) {
      expect(() => registry.add({ name: "realm-1", ...one })).toThrow(expect.objectContaining({ code: "USAGE" }));
    }
    expect(registry.get("realm-1")).toBeUndefined();
    expect(registry.add({ name: "realm-1", realm: "cert-id" }).record.realm).toBe("cert-id");
  });

  it("withdraws from a time that is one, and from no other", () => {
    const registry = new SensorRegistry(stateFolder());
    registry.add({ name: "gone-2" });
    // What a calendar makes of them lies decades back: everything would be withdrawn.
    for (const since of ["7", "-7", "yesterday 5", "24h", "2026-11-20T00:00:00", "11/20/2026", "2026-02-30", ""]) {
      expect(() => registry.revoke("gone-2", since)).toThrow(expect.objectContaining({ code: "USAGE" }));
    }
    expect(registry.get("gone-2")?.revoked).toBeNull();
    for (const since of ["2026-11-20", "2026-11-20T00:00Z", "2026-11-20T07:00:00.000+07:00"])
      expect(registry.revoke("gone-2", since).revoked?.since).toBe("2026-11-20T00:00:00.000Z");
  });

  it("does not take a withdrawal for done that was asked for while another one ran", () => {
    const registry = new SensorRegistry(stateFolder());
    registry.add({ name: "gone-3" });
    registry.revoke("gone-3", "2026-11-20T00:00:00Z");
    const [first] = registry.toWithdraw();
    registry.revoke("gone-3", "2026-11-01T00:00:00Z");
    registry.withdrawn("gone-3", first!.since);
    const [second] = registry.toWithdraw();
    expect(second).toEqual({ name: "gone-3", since: Date.UTC(2026, 10, 1) * 1_000 });
    registry.withdrawn("gone-3", second!.since);
    expect(registry.toWithdraw()).toEqual([]);
  });

  it("never talks in the clear beyond its own machine", async () => {
    for (const address of ["http://node.example:8421", "http://192.0.2.1:8421", "ftp://127.0.0.1", "nonsense"]) {
      expect(() => createClient({ node: address })).toThrow(expect.objectContaining({ code: "NODE_INSECURE" }));
    }
    const node = await start();
    await expect(
      openReceiver({
        host: "0.0.0.0",
        port: 0,
        registry: node.registry,
        folder: node.folder,
        quarantine: join(node.folder, "q"),
        accept: async () => undefined,
        log: quiet,
      }),
    ).rejects.toMatchObject({ code: "NODE_INSECURE" });
  });

  const noOpenssl = spawnSync("openssl", ["version"]).status !== 0;
  it.skipIf(noOpenssl)(
    `works over HTTPS with an authority of one's own, and with no other${noOpenssl ? " (skipped: no openssl)" : ""}`,
    async () => {
      const folder = stateFolder();
      const [key, certificate] = [join(folder, "key.pem"), join(folder, "cert.pem")];
      execFileSync(
        "openssl",
        `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=node -addext subjectAltName=IP:127.0.0.1 -keyout ${key} -out ${certificate}`.split(
          " ",
        ),
        { stdio: "ignore" },
      );
      const ca = readFileSync(certificate, "utf8");
      const node = await start({ tls: { certificate: ca, key: readFileSync(key, "utf8") } });
      const hand = await openHand(node, "secure-1", ca);
      expect((await hand.post(hand.frame(1))).status).toBe(200);
      const stranger = createClient({ node: node.receiver.address.url });
      await expect(stranger.ask("GET", "/time", {})).rejects.toMatchObject({
        code: "NODE_UNREACHABLE",
        message: expect.stringMatching(
          /answers, but its certificate is not signed .*name the authority with --ca FILE/,
        ) as string,
      });
      const renamed = createClient({ node: node.receiver.address.url.replace("127.0.0.1", "localhost"), ca });
      await expect(renamed.ask("GET", "/time", {})).rejects.toMatchObject({
        code: "NODE_UNREACHABLE",
        message: expect.stringContaining("its certificate is for IP Address:127.0.0.1, not for localhost") as string,
      });
    },
  );
});

describe("the sensors' door", () => {
  it("stores a batch, then acknowledges it, then knows it", async () => {
    const node = await start();
    const hand = await openHand(node);
    const [first, second] = [hand.frame(1), hand.frame(2)];
    const answer = await hand.post(first, second);
    expect(answer).toMatchObject({ status: 200, body: { next: 3 } });
    expect(answer.body["results"]).toEqual([
      { sequence: 1, status: "stored" },
      { sequence: 2, status: "stored" },
    ]);
    expect((await hand.post(second, second)).body["results"]).toEqual([
      { sequence: 2, status: "repeated" },
      { sequence: 2, status: "repeated" },
    ]);
    expect(node.accepted.map(({ identity }) => identity.sequence)).toEqual([1, 2]);
    expect(node.receiver.standings()).toMatchObject([
      { name: "hand-one", highest: 2, stored: 2, repeated: 2, gaps: [] },
    ]);
  });

  it("does not acknowledge what could not be stored", async () => {
    let broken = true;
    const seen: number[] = [];
    const node = await start({
      accept: async ({ identity }) => {
        if (broken && identity.sequence === 2) throw new Error("no room");
        seen.push(identity.sequence);
      },
    });
    const hand = await openHand(node);
    const frames = [hand.frame(1), hand.frame(2)];
    expect(await hand.post(...frames)).toMatchObject({ status: 503, retryAfter: 1, body: { code: "DOOR_BUSY" } });
    broken = false;
    expect((await hand.post(...frames)).body["results"]).toEqual([
      { sequence: 1, status: "repeated" },
      { sequence: 2, status: "stored" },
    ]);
    expect(seen).toEqual([1, 2]);
  });

  it("counts late, repeated and out-of-order batches once, also after a restart, and shows gaps", async () => {
    const node = await start();
    const hand = await openHand(node);
    for (const sequence of [5, 1, 9, 2, 5, 4, 1]) expect((await hand.post(hand.frame(sequence))).status).toBe(200);
    expect(node.receiver.standings()[0]?.gaps).toEqual([
      { first: 3, last: 3 },
      { first: 6, last: 8 },
    ]);
    await node.receiver.close();
    await node.reopen();
    expect((await hand.post(hand.frame(9))).body["results"]).toEqual([{ sequence: 9, status: "repeated" }]);
    for (const sequence of [3, 6, 7, 8]) await hand.post(hand.frame(sequence));
    expect(node.receiver.standings()[0]).toMatchObject({ gaps: [], highest: 9 });
    expect(node.accepted.map(({ identity }) => identity.sequence).sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("goes on after a power cut that emptied a sensor's sequences", async () => {
    const node = await start();
    const hand = await openHand(node);
    await hand.post(hand.frame(1), hand.frame(2));
    await node.receiver.close();
    writeFileSync(join(node.folder, "sensors", "hand-one.seen"), "");
    await node.reopen();
    expect(await hand.post(hand.frame(2), hand.frame(3))).toMatchObject({ status: 200 });
    expect(node.accepted.map(({ identity }) => identity.sequence)).toEqual([1, 2, 3]);
  });

  it("refuses what is forged, each for its own reason, and stores nothing of it", async () => {
    const node = await start();
    const hand = await openHand(node, "honest-1");
    const other = await openHand(node, "other-1");
    const good = hand.frame(1);
    const codes: Record<string, unknown> = {};
    const post = async (what: string, sensor: string, ...frames: Uint8Array[]): Promise<void> => {
      const { status, body } = await hand.client.ask("POST", "/batches", { "layang-sensor": sensor }, frames);
      codes[what] = `${status} ${String(body["code"])}`;
    };
    const changed = good.slice();
    changed[80] = (changed[80] ?? 0) ^ 1;
    await post("a changed byte", "honest-1", changed);
    const renumbered = good.slice();
    new DataView(renumbered.buffer).setUint32(8, 2, true);
    await post("another sequence", "honest-1", renumbered);
    await post("another's name", "other-1", good);
    await post("an unknown sensor", "nobody-1", good);
    await post(
      "noise",
      "honest-1",
      Uint8Array.from({ length: 200 }, (_, i) => i),
    );
    await post("nothing", "honest-1");
    await post("another realm", "honest-1", hand.frame(1, { realm: "elsewhere" }));
    node.registry.add({ name: "waiting-1" });
    await post("one that never enrolled", "waiting-1", good);
    expect(codes).toEqual({
      "a changed byte": "403 SENSOR_UNKNOWN",
      "another sequence": "403 SENSOR_UNKNOWN",
      "another's name": "403 SENSOR_UNKNOWN",
      "an unknown sensor": "403 SENSOR_UNKNOWN",
      noise: "400 REQUEST_INVALID",
      nothing: "400 REQUEST_INVALID",
      "another realm": "400 BATCH_INVALID",
      "one that never enrolled": "403 SENSOR_UNKNOWN",
    });
    expect(node.accepted).toEqual([]);
    expect((await other.post(other.frame(1))).status).toBe(200);
  });

  it("tells who holds no key nothing of which names there are, and a revoked sensor that it is", async () => {
    const node = await start();
    const hand = await openHand(node, "in-force-1");
    const revoked = await openHand(node, "revoked-1");
    const stranger = await openHand(node, "stranger-1");
    node.registry.revoke("revoked-1");
    node.registry.add({ name: "waiting-1" });
    const answers = new Set<string>();
    const names = ["in-force-1", "revoked-1", "waiting-1", "nobody-1", "No Name", "constructor"];
    for (const name of names) {
      const proof = Buffer.from(stranger.key.sign(nextMessage(name))).toString("base64url");
      const frame = makeFrame(stranger.frame(1).subarray(FRAME_HEAD), name, 1, (text) => stranger.key.sign(text));
      for (const { status, body } of [
        await hand.client.ask("POST", "/next", {}, [Buffer.from(JSON.stringify({ name, proof }))]),
        await hand.client.ask("POST", "/batches", { "layang-sensor": name }, [frame]),
      ])
        answers.add(JSON.stringify([status, body]));
    }
    expect([...answers]).toEqual([
      expect.stringContaining('"code":"SENSOR_UNKNOWN","detail":"no sensor of this name and key is known here"'),
    ]);
    expect((await revoked.post(revoked.frame(1))).body).toMatchObject({ code: "SENSOR_REVOKED" });
    const refusedOf = (name: string) => node.receiver.standings().find((one) => one.name === name)?.refused;
    expect(refusedOf("in-force-1")).toEqual({ SIGNATURE_INVALID: 2 });
  });

  it("refuses other rows under a used sequence, and what is too old", async () => {
    const node = await start();
    const hand = await openHand(node);
    await hand.post(hand.frame(1), hand.frame(200_000));
    expect((await hand.post(hand.frame(1, { seed: 77 }))).body).toMatchObject({
      code: "SEQUENCE_REUSED",
      next: 200_001,
    });
    expect((await hand.post(hand.frame(2))).body).toMatchObject({ code: "SEQUENCE_TOO_OLD", sequence: 2 });
    // Made after all that came, it was never here: its sensor counts from an old copy of its state, and gives it another number.
    const later = { closedAt: HOUR_ZERO + 1_015_000 };
    expect((await hand.post(hand.frame(3, later))).body).toMatchObject({ code: "SEQUENCE_REUSED", next: 200_001 });
    expect((await hand.post(hand.frame(200_001, later))).status).toBe(200);
    expect((await hand.post(hand.frame(4, later))).body).toMatchObject({ code: "SEQUENCE_TOO_OLD" });
    expect(node.accepted.length).toBe(3);
  });

  it("knows other rows under a used sequence after a restart too, and tells only the sensor its next one", async () => {
    const node = await start();
    const hand = await openHand(node);
    await hand.post(...Array.from({ length: 40 }, (_, i) => hand.frame(i + 1)));
    await node.receiver.close();
    await node.reopen();
    expect((await hand.post(hand.frame(3))).body["results"]).toEqual([{ sequence: 3, status: "repeated" }]);
    expect((await hand.post(hand.frame(3, { seed: 77 }))).body).toMatchObject({ code: "SEQUENCE_REUSED", next: 41 });
    expect(await askNext(hand.client, hand.name, hand.key)).toBe(41);
    const other = await openHand(node, "other-1");
    expect(await askNext(hand.client, hand.name, other.key)).toBeUndefined();
    // What is so old that its hash is gone is refused in words, not taken for a repetition.
    await hand.post(hand.frame(131_072 + 41));
    await hand.post(hand.frame(131_072 + 3));
    expect((await hand.post(hand.frame(3, { seed: 77 }))).body).toMatchObject({ code: "SEQUENCE_TOO_OLD" });
  });

  it("stops at a refused frame and says so next time", async () => {
    const node = await start();
    const hand = await openHand(node);
    const bad = hand.frame(2, { realm: "elsewhere" });
    const answer = await hand.post(hand.frame(1), bad, hand.frame(3));
    expect(answer.body["results"]).toEqual([{ sequence: 1, status: "stored" }]);
    expect((await hand.post(bad, hand.frame(3))).body).toMatchObject({ code: "BATCH_INVALID", sequence: 2 });
    expect((await hand.post(hand.frame(3))).status).toBe(200);
    expect(node.receiver.standings()[0]).toMatchObject({ stored: 2, refused: { BATCH_INVALID: 2 } });
  });

  it("obeys a revocation made by another process at once", async () => {
    const node = await start();
    const hand = await openHand(node);
    expect((await hand.post(hand.frame(1))).status).toBe(200);
    new SensorRegistry(join(node.folder, "sensors")).revoke("hand-one", "2023-11-14T00:00:00Z");
    expect((await hand.post(hand.frame(2))).body).toMatchObject({ code: "SENSOR_REVOKED" });
    expect(node.registry.toWithdraw()).toEqual([{ name: "hand-one", since: Date.UTC(2023, 10, 14) * 1_000 }]);
    // A new key waits until the old rows have left, and then goes on above the old sequences.
    const { token } = node.registry.add({ name: "hand-one" });
    const state = stateFolder();
    await expect(enrol(hand.client, token, sensorKey(state), state)).rejects.toMatchObject({ code: "DOOR_BUSY" });
    node.registry.withdrawn("hand-one", Date.UTC(2023, 10, 14) * 1_000);
    expect(await enrol(hand.client, token, sensorKey(state), state)).toMatchObject({ next: 2 });
    expect((await hand.post(hand.frame(3))).body).toMatchObject({ code: "SENSOR_UNKNOWN" });
  });

  it("quarantines rows from the future, and allows for a measured offset", async () => {
    const node = await start();
    const hand = await openHand(node);
    const ahead = { interval: HOUR_ZERO + 10_000_000 };
    expect((await hand.post(hand.frame(1, ahead))).body["results"]).toEqual([{ sequence: 1, status: "quarantined" }]);
    expect((await hand.post(hand.frame(2, { ...ahead, clockOffset: 10_000_000 }))).body["results"]).toEqual([
      { sequence: 2, status: "stored" },
    ]);
    // An offset of a day is no offset.
    const day = 86_400_000_000;
    const lie = await hand.post(hand.frame(3, { interval: HOUR_ZERO + day, clockOffset: day }));
    expect(lie.body["results"]).toEqual([{ sequence: 3, status: "quarantined" }]);
    expect(readdirSync(join(node.folder, "quarantine")).sort()).toEqual(["hand-one-1.batch", "hand-one-3.batch"]);
    expect(node.accepted.map(({ identity }) => identity.sequence)).toEqual([2]);
  });

  it("quarantines rows of long ago, and says so", async () => {
    const day = 86_400_000_000;
    const node = await start();
    const hand = await openHand(node);
    const of = (days: number, sequence: number) =>
      hand.post(hand.frame(sequence, { interval: HOUR_ZERO - days * day, watermark: HOUR_ZERO }));
    expect((await of(34, 1)).body["results"]).toEqual([{ sequence: 1, status: "stored" }]);
    expect((await of(36, 2)).body["results"]).toEqual([{ sequence: 2, status: "quarantined" }]);
    // Without rows too: the report alone would make a partition of its day.
    const empty = hand.frame(3, { rows: 0, interval: 0, watermark: HOUR_ZERO });
    expect((await hand.post(empty)).body["results"]).toEqual([{ sequence: 3, status: "quarantined" }]);
    expect(node.receiver.standings()).toMatchObject([{ stored: 1, quarantined: 2, quarantineLost: 0 }]);
  });

  it("takes what a spool held for more than 25 hours, counts it apart, and quarantines what was only made then", async () => {
    const hour = 3_600_000_000;
    const node = await start();
    const hand = await openHand(node);
    const of = async (sequence: number, madeAfter: number, age = 30) => {
      const interval = HOUR_ZERO - age * hour;
      const closedAt = interval + 1_000_000 + madeAfter;
      return (await hand.post(hand.frame(sequence, { interval, watermark: interval + 1_000_000, closedAt }))).body[
        "results"
      ];
    };
    expect(await of(1, 10_000)).toEqual([{ sequence: 1, status: "stored" }]);
    expect(await of(2, 24.9 * hour)).toEqual([{ sequence: 2, status: "stored" }]);
    // Made 26 hours after: nothing says that its time is true.
    expect(await of(3, 26 * hour)).toEqual([{ sequence: 3, status: "quarantined" }]);
    // A clock that runs ahead is no reason: what is young by the node's own clock is taken.
    expect(await of(4, 60 * hour, 24)).toEqual([{ sequence: 4, status: "stored" }]);
    expect(node.receiver.standings()).toMatchObject([{ stored: 3, late: 2, quarantined: 1 }]);
    expect(node.accepted.map(({ identity }) => identity.sequence)).toEqual([1, 2, 4]);
  });

  it("has room in the quarantine for every sensor, for a week, and until it is revoked", async () => {
    const ahead = { interval: HOUR_ZERO + 10_000_000 };
    let now = HOUR_ZERO + 1_020_000;
    const node = await start({
      clock: () => now,
      quarantineLimits: { total: 16_000, share: 8_000, age: 7 * 86_400_000 },
    });
    const [one, other] = [await openHand(node, "one"), await openHand(node, "other")];
    for (let sequence = 1; sequence <= 10; sequence++) {
      expect((await one.post(one.frame(sequence, ahead))).status).toBe(200);
    }
    expect((await other.post(other.frame(1, ahead))).status).toBe(200);
    const kept = (): string[] => readdirSync(join(node.folder, "quarantine")).sort();
    const lost = node.receiver.standings()[0]?.quarantineLost ?? 0;
    expect(lost).toBeGreaterThan(0);
    // The newest ones of the one, and what the other has.
    const stay = Array.from({ length: 10 - lost }, (_, i) => `one-${lost + 1 + i}.batch`);
    expect(kept()).toEqual([...stay, "other-1.batch"].sort());
    node.registry.revoke("one");
    node.receiver.tidy();
    expect(kept()).toEqual(["other-1.batch"]);
    now += 7 * 86_400_000_000;
    node.receiver.tidy();
    expect(kept()).toEqual([]);
  });

  it("does not let who merely knows a sensor's name keep it waiting, nor hold megabytes for an enrolment", async () => {
    const node = await start();
    const hand = await openHand(node);
    const { port } = node.receiver.address;
    const slow = request({ port, host: "127.0.0.1", method: "POST", path: "/batches" });
    slow.on("error", () => undefined);
    slow.setHeader("layang-sensor", hand.name);
    slow.setHeader("content-length", 1_000);
    slow.write("x");
    // The door has the head and the first byte when it has answered a later request.
    await hand.client.ask("GET", "/time", {});
    await hand.client.ask("GET", "/time", {});
    expect(await hand.post(hand.frame(1))).toMatchObject({ status: 200 });
    slow.destroy();
    const status = await new Promise<number | undefined>((resolve) => {
      const asked = request({ port, host: "127.0.0.1", method: "POST", path: "/enrol" }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      asked.on("error", () => undefined);
      asked.setHeader("content-length", 4_097);
      asked.write("x");
    });
    expect(status).toBe(413);
  });

  /** A request from `from` that says it brings `length` bytes, brings `sent`, and stops. Resolves to what it is answered. */
  const stall = (node: Node, from: string, length: number, sent: Uint8Array) => {
    const { port } = node.receiver.address;
    const asked = request({ port, host: "127.0.0.1", localAddress: from, method: "POST", path: "/batches" });
    const status = new Promise<number | undefined>((resolve) => {
      asked.on("error", () => resolve(undefined));
      asked.on("response", (response) => {
        response.resume();
        resolve(response.statusCode);
      });
    });
    asked.setHeader("layang-sensor", "hand-one");
    asked.setHeader("content-length", length);
    return {
      status,
      sent: new Promise<void>((resolve) => asked.write(sent, () => resolve())),
      end: () => asked.destroy(),
    };
  };

  it("serves others while somebody announces all that the door can hold, and brings nothing", async () => {
    const node = await start();
    const hand = await openHand(node);
    const slow = Array.from({ length: 8 }, () => stall(node, "127.0.0.1", 24 << 20, new Uint8Array(1)));
    await Promise.all(slow.map(({ sent }) => sent));
    await hand.client.ask("GET", "/time", {});
    expect(await hand.post(hand.frame(1))).toMatchObject({ status: 200 });
    for (const one of slow) one.end();
  });

  it("holds half of its bytes for one address at most, and frees them", async () => {
    const node = await start();
    const hand = await openHand(node);
    const part = new Uint8Array(20 << 20);
    for (const time of [1, 2]) {
      const slow = Array.from({ length: 5 }, () => stall(node, "127.0.0.2", 24 << 20, part));
      expect(await Promise.race(slow.map(({ status }) => status))).toBe(503);
      expect(await hand.post(hand.frame(time))).toMatchObject({ status: 200 });
      for (const one of slow) one.end();
    }
  });

  it("gives up a body that does not come", async () => {
    const node = await start({ patience: 50 });
    await openHand(node);
    const slow = stall(node, "127.0.0.1", 1_000, new Uint8Array(1));
    expect(await slow.status).toBe(400);
    slow.end();
  });

  it("refuses bodies above its limit before it reads them, and paths it does not know", async () => {
    const node = await start();
    const { port } = node.receiver.address;
    const hand = await openHand(node);
    const status = await new Promise<string>((resolve) => {
      const asked = request({ port, host: "127.0.0.1", method: "POST", path: "/batches" }, (response) => {
        response.resume();
        resolve(`${response.statusCode} ${response.headers.connection}`);
      });
      asked.on("error", () => undefined);
      asked.setHeader("layang-sensor", hand.name);
      asked.setHeader("content-length", 25 << 20);
      asked.write("x");
    });
    expect(status).toBe("413 close");
    expect(await hand.client.ask("GET", "/batches", {})).toMatchObject({
      status: 400,
      body: { code: "REQUEST_INVALID" },
    });
    const text = await new Promise<string>((resolve) => {
      const socket = connect(port, "127.0.0.1", () =>
        socket.write(`GET / HTTP/1.1\r\nhost: x\r\n${"a: b\r\n".repeat(3_000)}`),
      );
      socket.on("error", () => resolve("reset"));
      socket.on("data", (data) => resolve(data.toString("latin1")));
    });
    expect(text).toMatch(/^HTTP\/1.1 431|^reset/);
    expect((await hand.post(hand.frame(1))).status).toBe(200);
  });
});
