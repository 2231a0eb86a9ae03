// SPDX-License-Identifier: Apache-2.0
import type * as OpenPgpModule from "openpgp";
import type { PrivateKey } from "openpgp";
import { AppError } from "../platform/errors.ts";

type OpenPgp = typeof OpenPgpModule;
let loaded: Promise<OpenPgp> | undefined;
const load = (): Promise<OpenPgp> => {
  loaded ??= import("openpgp");
  return loaded;
};

/** The node's own key: signs letters. Armoured; the passphrase opens it. */
export interface SigningKey {
  readonly armored: string;
  readonly passphrase: string | null;
}
export interface Pgp {
  /** Signed by the node and encrypted to the recipient, armoured. @throws AppError OPENPGP_KEY */
  seal(content: string, recipientKey: string): Promise<string>;
  /** A detached signature over exactly these bytes. */
  sign(content: string): Promise<string>;
  /** Armoured, and of it what people compare. */
  readonly publicKey: string;
  readonly fingerprint: string;
}

/** Whether a text is a public key that letters can be encrypted to; the reason when not. */
export const checkPublicKey = async (armored: string): Promise<string | null> => {
  try {
    const { readKey } = await load();
    const key = await readKey({ armoredKey: armored.slice(0, 1 << 16) });
    if (key.isPrivate()) return "this is a private key: take it back, and give the public one";
    await key.getEncryptionKey();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message.slice(0, 200) : "not a key";
  }
};

/**
 * Encrypted to a recipient's key, and signed where the node has one. A key that was cut off, has ended or was revoked: an error, and never in clear
 * instead. @throws AppError OPENPGP_KEY
 */
export const seal = async (content: string, recipientKey: string, signingKey?: PrivateKey): Promise<string> => {
  const openpgp = await load();
  const message = await openpgp.createMessage({ text: content });
  try {
    const encryptionKeys = await openpgp.readKey({ armoredKey: recipientKey });
    return (await openpgp.encrypt({
      message,
      encryptionKeys,
      ...(signingKey === undefined ? {} : { signingKeys: signingKey }),
    })) as string;
  } catch (error) {
    throw new AppError(
      "OPENPGP_KEY",
      `the recipient's OpenPGP key cannot be used: ${error instanceof Error ? error.message : "unreadable"}`,
    );
  }
};

export const openPgp = async (signing: SigningKey): Promise<Pgp> => {
  const openpgp = await load();
  const refuse = (error: unknown): never => {
    throw new AppError(
      "OPENPGP_KEY",
      `the node's OpenPGP key cannot be used: ${error instanceof Error ? error.message : "unreadable"}`,
    );
  };
  let key = await openpgp.readPrivateKey({ armoredKey: signing.armored }).catch(refuse);
  if (!key.isDecrypted()) {
    key = await openpgp.decryptKey({ privateKey: key, passphrase: signing.passphrase ?? "" }).catch(refuse);
  }
  return {
    publicKey: key.toPublic().armor(),
    fingerprint: key.getFingerprint().toUpperCase(),
    sign: async (content) => {
      const message = await openpgp.createMessage({ text: content });
      return (await openpgp.sign({ message, signingKeys: key, detached: true })) as string;
    },
    seal: (content, recipientKey) => seal(content, recipientKey, key),
  };
};

/** A key for a node that has none: it signs and does nothing else. */
export const makeSigningKey = async (name: string, mail: string): Promise<SigningKey> => {
  const { generateKey } = await load();
  const { privateKey } = await generateKey({ userIDs: [{ name, email: mail }], format: "armored" });
  return { armored: privateKey, passphrase: null };
};
