// SPDX-License-Identifier: Apache-2.0
import { AppError } from "../platform/errors.ts";
import type { Client } from "./client.ts";
import type { SensorKey } from "./keys.ts";

/** What a sensor signs to be told its next sequence. Who repeats it learns a number. */
export const nextMessage = (sensor: string): Uint8Array => new TextEncoder().encode(`layang next ${sensor}`);

/** The sequence above all that the node has of this sensor; undefined when it does not say. */
export const askNext = async (client: Client, sensor: string, key: SensorKey): Promise<number | undefined> => {
  const proof = Buffer.from(key.sign(nextMessage(sensor))).toString("base64url");
  const body = Buffer.from(JSON.stringify({ name: sensor, proof }));
  try {
    const { status, body: said } = await client.ask("POST", "/next", { "content-type": "application/json" }, [body]);
    const next = said["next"];
    return status === 200 && typeof next === "number" && Number.isSafeInteger(next) ? next : undefined;
  } catch (error) {
    if (error instanceof AppError && error.code === "NODE_UNREACHABLE") return undefined;
    throw error;
  }
};
