// SPDX-License-Identifier: Apache-2.0
import type * as OpenPgpModule from "openpgp";
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
  /** Signed by the node, and encrypted where the recipient's key is known. @throws AppError OPENPGP_KEY */
  seal(
    content: string,
    recipientKey: string | null,
  ): Promise<{ readonly armored: string; readonly encrypted: boolean }>;
  /** A detached signature over exactly these bytes. */
  sign(content: string): Promise<string>;
  readonly publicKey: string;
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
    sign: async (content) => {
      const message = await openpgp.createMessage({ text: content });
      return (await openpgp.sign({ message, signingKeys: key, detached: true })) as string;
    },
    seal: async (content, recipientKey) => {
      const message = await openpgp.createMessage({ text: content });
      if (recipientKey === null)
        return { armored: (await openpgp.sign({ message, signingKeys: key })) as string, encrypted: false };
      // A key that was cut off, has ended or was revoked: never in clear instead.
      try {
        const encryptionKeys = await openpgp.readKey({ armoredKey: recipientKey });
        return {
          armored: (await openpgp.encrypt({ message, encryptionKeys, signingKeys: key })) as string,
          encrypted: true,
        };
      } catch (error) {
        throw new AppError(
          "OPENPGP_KEY",
          `the recipient's OpenPGP key cannot be used: ${error instanceof Error ? error.message : "unreadable"}`,
        );
      }
    },
  };
};

/** A key for a node that has none: it signs and does nothing else. */
export const makeSigningKey = async (name: string, mail: string): Promise<SigningKey> => {
  const { generateKey } = await load();
  const { privateKey } = await generateKey({ userIDs: [{ name, email: mail }], format: "armored" });
  return { armored: privateKey, passphrase: null };
};
