// SPDX-License-Identifier: Apache-2.0
import { AppError } from "../platform/errors.ts";
import type { Answer, Client } from "./client.ts";
import type { SensorKey } from "./keys.ts";

/** What a sensor signs to be told its next sequence. Who repeats it learns a number. */
export const nextMessage = (sensor: string): Uint8Array => new TextEncoder().encode(`layang next ${sensor}`);

/** What the node says when it is asked. @throws AppError NODE_UNREACHABLE. */
export const nextAnswer = (client: Client, sensor: string, key: SensorKey): Promise<Answer> => {
  const proof = Buffer.from(key.sign(nextMessage(sensor))).toString("base64url");
  const body = Buffer.from(JSON.stringify({ name: sensor, proof }));
  return client.ask("POST", "/next", { "content-type": "application/json" }, [body]);
};

/** The sequence above all that the node has of this sensor; undefined when it does not say. */
export const askNext = async (client: Client, sensor: string, key: SensorKey): Promise<number | undefined> => {
  try {
    const { status, body: said } = await nextAnswer(client, sensor, key);
    const next = said["next"];
    return status === 200 && typeof next === "number" && Number.isSafeInteger(next) ? next : undefined;
  } catch (error) {
    if (error instanceof AppError && error.code === "NODE_UNREACHABLE") return undefined;
    throw error;
  }
};
