// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { sensorName } from "../model/sensor-name.ts";
import { AppError, errorCodes } from "../platform/errors.ts";
import type { ErrorCode } from "../platform/errors.ts";
import type { Answer, Client } from "./client.ts";
import { writeDurably } from "../platform/files.ts";
import type { SensorKey } from "./keys.ts";
import { enrolmentMessage } from "./registry.ts";

/** What a sensor knows of itself after enrolment: `enrolment.json` in its state folder. */
export interface EnrolledSensor {
  readonly sensor: string;
  readonly realm: string;
  readonly exercise: string;
  readonly country: string | null;
  readonly node: string;
  /** Sequences below were used before (by a machine that this one replaces). */
  readonly next: number;
  /** SHA-256 (base64url) of the tokens it enrolled with, newest first: each works once. */
  readonly tokens: readonly string[];
}

/** Tokens that are remembered. */
const TOKENS = 16;
const tokenHash = (token: string): string => createHash("sha256").update(token).digest("base64url");

/** Whether a sensor has enrolled with this token. */
export const wasUsed = (enrolled: EnrolledSensor, token: string): boolean => enrolled.tokens.includes(tokenHash(token));

const isCode = (code: unknown): code is ErrorCode => typeof code === "string" && Object.hasOwn(errorCodes, code);

/** The error that an answer tells. */
export const problemOf = (answer: Answer, node: string): AppError => {
  const { code, detail } = answer.body;
  // The portal's guard answers, which a sensor never meets at its own door.
  if (typeof code === "string" && code.startsWith("ACCESS_")) {
    return new AppError(
      "NODE_UNREACHABLE",
      `${node} is a node's portal, not its sensors' door: the door has a port of its own (\`layang node\` prints it at its start)`,
    );
  }
  const said = typeof detail === "string" ? detail.slice(0, 300) : `status ${answer.status}`;
  return isCode(code)
    ? new AppError(code, `${node} says: ${said}`)
    : new AppError("NODE_UNREACHABLE", `${node} is no node of this program, or failed (${said})`);
};

export const readEnrolment = (state: string): EnrolledSensor | undefined => {
  const path = join(state, "enrolment.json");
  try {
    const kept = JSON.parse(readFileSync(path, "utf8")) as Omit<EnrolledSensor, "tokens"> & Partial<EnrolledSensor>;
    return { ...kept, tokens: kept.tokens ?? [] };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new AppError("SENSOR_STATE", `${path} cannot be read`);
  }
};

/**
 * Gives the node this sensor's public key for a one-time token, and notes the answer. May be repeated.
 * @throws AppError TOKEN_INVALID, TOKEN_EXPIRED, NODE_UNREACHABLE, ...
 */
export const enrol = async (client: Client, token: string, key: SensorKey, state: string): Promise<EnrolledSensor> => {
  const name = token.split(".")[0] ?? "";
  if (!sensorName.test(name) || !/^[a-z0-9-]+\.[A-Za-z0-9_-]{43}$/.test(token)) {
    throw new AppError("TOKEN_INVALID", "this is no token: it has the form NAME.SECRET");
  }
  const proof = Buffer.from(key.sign(enrolmentMessage(name, token))).toString("base64url");
  const body = Buffer.from(JSON.stringify({ name, token, key: key.publicKey, proof }));
  const answer = await client.ask("POST", "/enrol", { "content-type": "application/json" }, [body]);
  if (answer.status !== 200) throw problemOf(answer, client.node);
  const { realm, exercise, country, next } = answer.body;
  if (typeof realm !== "string" || typeof exercise !== "string" || !Number.isSafeInteger(next)) {
    throw problemOf({ ...answer, body: {} }, client.node);
  }
  const enrolled: EnrolledSensor = {
    sensor: name,
    realm,
    exercise,
    country: typeof country === "string" ? country : null,
    node: client.node,
    next: next as number,
    tokens: [...new Set([tokenHash(token), ...(readEnrolment(state)?.tokens ?? [])])].slice(0, TOKENS),
  };
  writeDurably(join(state, "enrolment.json"), `${JSON.stringify(enrolled, null, 2)}\n`, 0o600);
  return enrolled;
};
