// SPDX-License-Identifier: Apache-2.0
import { readKey } from "openpgp";
import { AppError } from "../platform/errors.ts";

export interface KeyFacts {
  readonly fingerprint: string;
  /** Microseconds UTC; null: never. */
  readonly expires: number | null;
}
/** Keys are read once; as many answers are kept as a large constituency has contacts. */
const known = new Map<string, KeyFacts | null>();
const knownAtMost = 10_000;

/** What an armoured public key says of itself; null when it is none that letters could be encrypted to. */
export const keyFacts = async (armored: string | null): Promise<KeyFacts | null> => {
  if (armored === null) return null;
  const before = known.get(armored);
  if (before !== undefined) return before;
  let facts: KeyFacts | null = null;
  try {
    const key = await readKey({ armoredKey: armored });
    if (!key.isPrivate()) {
      await key.getEncryptionKey();
      const expires = await key.getExpirationTime();
      facts = { fingerprint: key.getFingerprint(), expires: expires instanceof Date ? expires.getTime() * 1000 : null };
    }
  } catch {
    // Not a key, or none to encrypt to: the answer is null.
  }
  if (known.size >= knownAtMost) known.clear();
  known.set(armored, facts);
  return facts;
};

/** @throws AppError BODY_INVALID for a key that letters cannot be encrypted to, or a private one. */
export const checkKey = async (armored: string | null): Promise<void> => {
  if (armored !== null && (await keyFacts(armored)) === null) {
    throw new AppError("BODY_INVALID", "`openpgpKey` is no armoured OpenPGP public key that can be encrypted to", {
      parameter: "openpgpKey",
    });
  }
};
