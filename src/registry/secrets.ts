// SPDX-License-Identifier: Apache-2.0
import { createHash, randomUUID } from "node:crypto";
import type { DeskTransaction } from "../store/desk/desk.ts";

export const hashOf = (token: string): string => createHash("sha256").update(token).digest("hex");

/** Makes a one-time link: its id goes into a letter, the hash of its secret into the desk. */
export const makeLink = async (
  trx: DeskTransaction,
  tokenOf: (link: string) => string,
  link: {
    readonly purpose: "check" | "object" | "claim";
    readonly contact: string | null;
    readonly change: string | null;
    readonly made: number;
    readonly expires: number;
  },
): Promise<string> => {
  const id = `registry:${randomUUID()}`;
  const { contact, change, ...rest } = link;
  await trx
    .insertInto("contact_secrets")
    .values({ hash: hashOf(tokenOf(id)), contact_id: contact, change_id: change, used: null, ...rest })
    .execute();
  return id;
};
