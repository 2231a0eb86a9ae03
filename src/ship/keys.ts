// SPDX-License-Identifier: Apache-2.0
import { createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../platform/errors.ts";
import { writeDurably } from "../platform/files.ts";

export interface SensorKey {
  /** The public key, 32 bytes in base64url. */
  readonly publicKey: string;
  sign(message: Uint8Array): Uint8Array;
}

/** A public key from its 32 bytes in base64url; undefined when it is none. */
export const publicKeyOf = (text: string): KeyObject | undefined => {
  if (!/^[A-Za-z0-9_-]{43}$/.test(text)) return undefined;
  try {
    return createPublicKey({ format: "jwk", key: { kty: "OKP", crv: "Ed25519", x: text } });
  } catch {
    return undefined; // not a point of the curve
  }
};

/** Reads a secret file, or makes it (readable by its owner alone) when it is not there. */
const readOrMake = (path: string, make: () => string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
      throw new AppError("SENSOR_STATE", `${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? "?"})`);
    }
  }
  const text = make();
  writeDurably(path, text, 0o600);
  return text;
};

/** The sensor's own Ed25519 key: made at the first call, never sent anywhere. @throws AppError SENSOR_STATE. */
export const sensorKey = (folder: string): SensorKey => {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, "sensor.key");
  const pem = readOrMake(
    path,
    () => generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }) as string,
  );
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw new AppError("SENSOR_STATE", `${path} is no private key`);
  }
  if (key.asymmetricKeyType !== "ed25519") throw new AppError("SENSOR_STATE", `${path} is no Ed25519 key`);
  const { x } = createPublicKey(key).export({ format: "jwk" });
  return { publicKey: x ?? "", sign: (message) => sign(null, message, key) };
};

/**
 * The 16 secret bytes under which this sensor makes tokens of its dark addresses, derived from a secret of 32 that is made
 * at the first call (docs/decisions/0003-tokens.md). Neither ever leaves the machine. @throws AppError SENSOR_STATE.
 */
export const tokenSecret = (folder: string): Uint8Array => {
  const path = join(folder, "token.key");
  const text = readOrMake(path, () => `${randomBytes(32).toString("hex")}\n`).trim();
  if (!/^[0-9a-f]{64}$/.test(text)) throw new AppError("SENSOR_STATE", `${path} does not hold 32 bytes in hexadecimal`);
  const derived = createHmac("sha256", Buffer.from(text, "hex")).update("layang token v1").digest();
  return Uint8Array.from(derived.subarray(0, 16));
};
