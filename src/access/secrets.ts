// SPDX-License-Identifier: Apache-2.0
import {
  argon2,
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";
import { AppError } from "../platform/errors.ts";

/** A secret that nobody guesses: 256 bits. */
export const newSecret = (): string => randomBytes(32).toString("base64url");
/** A name for a row, made by the program: 96 bits. */
export const newId = (): string => randomBytes(12).toString("base64url");
/** What is kept of a secret that was random. */
export const hashOf = (secret: string): string => createHash("sha256").update(`layang ${secret}`).digest("hex");

/** argon2id (RFC 9106): memory in KiB, passes. */
export interface PasswordCost {
  readonly memory: number;
  readonly passes: number;
}
export const passwordCost: PasswordCost = { memory: 65_536, passes: 2 };

const length = 32;
const derive = (message: string, nonce: Buffer, { memory, passes }: PasswordCost, tagLength: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    argon2(
      "argon2id",
      { message: message.normalize("NFKC"), nonce, parallelism: 1, tagLength, memory, passes },
      (error, key) => (error === null ? resolve(key) : reject(error)),
    );
  });

const text = (bytes: Buffer): string => bytes.toString("base64").replaceAll("=", "");

export interface Passwords {
  hash(password: string): Promise<string>;
  /** Takes as long when there is none to compare with. */
  verify(password: string, encoded: string | null): Promise<boolean>;
}

/**
 * Passwords, two at a time: each takes its memory, and a crowd of visitors must not take the node's.
 * @throws AppError DOOR_BUSY when 32 wait.
 */
export const createPasswords = (cost: PasswordCost = passwordCost): Passwords => {
  const waiting: (() => void)[] = [];
  let working = 0;
  const inTurn = async <T>(work: () => Promise<T>): Promise<T> => {
    if (working >= 2) {
      if (waiting.length >= 32) throw new AppError("DOOR_BUSY", "many people sign in just now: try again in a moment");
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
      });
    } else working++;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) working--;
      else next();
    }
  };
  const nobody = { nonce: randomBytes(16), key: randomBytes(length) };
  return {
    hash: (password) =>
      inTurn(async () => {
        const nonce = randomBytes(16);
        const key = await derive(password, nonce, cost, length);
        return `$argon2id$v=19$m=${cost.memory},t=${cost.passes},p=1$${text(nonce)}$${text(key)}`;
      }),
    verify: (password, encoded) =>
      inTurn(async () => {
        const parts = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=1\$([\w+/]+)\$([\w+/]+)$/.exec(encoded ?? "");
        if (parts === null) {
          await derive(password, nobody.nonce, cost, length);
          return false;
        }
        const [, memory, passes, nonce = "", key = ""] = parts;
        const kept = Buffer.from(key, "base64");
        const given = await derive(
          password,
          Buffer.from(nonce, "base64"),
          { memory: Number(memory), passes: Number(passes) },
          kept.length,
        );
        return timingSafeEqual(kept, given);
      }),
  };
};

/** What must be read again (seeds of one-time codes) is kept encrypted: AES-256-GCM with the node's own key. */
export interface Sealer {
  seal(plain: string): string;
  open(sealed: string): string;
}
export const createSealer = (key: Buffer): Sealer => {
  if (key.length !== 32) throw new RangeError("the key has 32 bytes");
  return {
    seal: (plain) => {
      const nonce = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", key, nonce);
      const body = Buffer.concat([cipher.update(plain, "utf8"), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString("base64url");
    },
    open: (sealed) => {
      const bytes = Buffer.from(sealed, "base64url");
      const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, 12), { authTagLength: 16 });
      decipher.setAuthTag(bytes.subarray(12, 28));
      return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString("utf8");
    },
  };
};

/** A number in (0, 1) for a text: always the same, and nobody without the key foresees it. */
export const lotOf =
  (key: Buffer) =>
  (text: string): number =>
    (createHmac("sha256", key).update(`layang lot ${text}`).digest().readUIntBE(0, 6) + 0.5) / 2 ** 48;
