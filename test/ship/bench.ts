// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLog } from "../../src/platform/log.ts";
import { createClient } from "../../src/ship/client.ts";
import type { Client } from "../../src/ship/client.ts";
import { enrol } from "../../src/ship/enrol.ts";
import { encodeBatch, packetsIn } from "../../src/ship/format.ts";
import { makeFrame } from "../../src/ship/frame.ts";
import { sensorKey } from "../../src/ship/keys.ts";
import type { SensorKey } from "../../src/ship/keys.ts";
import { openReceiver } from "../../src/ship/receiver.ts";
import type { ReceivedBatch, Receiver, ReceiverOptions } from "../../src/ship/receiver.ts";
import { SensorRegistry } from "../../src/ship/registry.ts";
import { HOUR_ZERO, makeBatch, makeReport } from "./rows.ts";
import type { Shape } from "./rows.ts";

export const quiet = createLog("silent");

/** A node's side: a real door on loopback, what it accepted in memory, counted once an identity as a store does. */
export interface Node {
  readonly folder: string;
  readonly registry: SensorRegistry;
  receiver: Receiver;
  readonly accepted: ReceivedBatch[];
  packets(): number;
  reopen(change?: Partial<ReceiverOptions>): Promise<void>;
  stop(): Promise<void>;
}

export const openNode = async (change: Partial<ReceiverOptions> = {}): Promise<Node> => {
  const folder = mkdtempSync(join(tmpdir(), "layang-node-"));
  const sensors = join(folder, "sensors");
  const registry = new SensorRegistry(sensors);
  const accepted: ReceivedBatch[] = [];
  const known = new Set<string>();
  const options: ReceiverOptions = {
    host: "127.0.0.1",
    port: 0,
    registry,
    folder: sensors,
    quarantine: join(folder, "quarantine"),
    log: quiet,
    clock: () => HOUR_ZERO + 1_020_000,
    accept: async (one) => {
      const id = `${one.identity.sensor} ${one.identity.sequence}`;
      if (!known.has(id)) accepted.push(one);
      known.add(id);
    },
    ...change,
  };
  const node: Node = {
    folder,
    registry,
    receiver: await openReceiver(options),
    accepted,
    packets: () => accepted.reduce((sum, { batch }) => sum + packetsIn(batch), 0),
    reopen: async (again = {}) => {
      node.receiver = await openReceiver({ ...options, port: node.receiver.address.port, ...again });
    },
    stop: async () => {
      await node.receiver.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return node;
};

/** A sensor's side by hand, to send what no sensor would. */
export interface Hand {
  readonly name: string;
  readonly state: string;
  readonly key: SensorKey;
  readonly client: Client;
  frame(
    sequence: number,
    shape?: Shape & { clockOffset?: number | null; watermark?: number; closedAt?: number; realm?: string },
  ): Uint8Array;
  post(...frames: Uint8Array[]): ReturnType<Client["ask"]>;
}

export const openHand = async (node: Node, name = "hand-one", ca?: string): Promise<Hand> => {
  const state = mkdtempSync(join(tmpdir(), "layang-hand-"));
  const key = sensorKey(state);
  const client = createClient({ node: node.receiver.address.url, ca });
  const { token } = node.registry.add({ name });
  await enrol(client, token, key, state);
  return {
    name,
    state,
    key,
    client,
    frame: (sequence, { clockOffset = 0, watermark, closedAt, realm = "", ...shape } = {}) => {
      const batch = { ...makeBatch({ seed: sequence, sensor: name, rows: 10, ...shape }), realm };
      const report = makeReport(packetsIn(batch), {
        clockOffset,
        watermark: watermark ?? batch.interval + 1_000_000,
        closedAt: closedAt ?? batch.interval + 1_010_000,
      });
      return makeFrame(encodeBatch(batch, sequence, report), name, sequence, key.sign);
    },
    post: (...frames) => client.ask("POST", "/batches", { "layang-sensor": name }, frames),
  };
};
