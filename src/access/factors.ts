// SPDX-License-Identifier: Apache-2.0
import { randomInt } from "node:crypto";
import { AppError } from "../platform/errors.ts";
import type { DeskTransaction } from "../store/desk/desk.ts";
import { hashOf } from "./secrets.ts";
import type { Session } from "./sessions.ts";

/** Letters and digits that are not mistaken for each other. */
const letters = "23456789abcdefghjkmnpqrstuvwxyz";
const codes = 10;
const plain = (code: string): string => code.toLowerCase().replaceAll(/[^a-z0-9]/g, "");

/** Ten codes for the day the second factor is lost, each good once: 60 bits, shown once, kept as hashes. Older ones go. */
export const newRecoveryCodes = async (trx: DeskTransaction, person: string): Promise<string[]> => {
  const made = Array.from({ length: codes }, () =>
    Array.from({ length: 3 }, () =>
      Array.from({ length: 4 }, () => letters[randomInt(letters.length)] ?? "").join(""),
    ).join("-"),
  );
  await trx.deleteFrom("recovery_codes").where("person_id", "=", person).execute();
  await trx
    .insertInto("recovery_codes")
    .values(made.map((code) => ({ person_id: person, hash: hashOf(`${person} ${plain(code)}`), used: null })))
    .execute();
  return made;
};

/** Uses a code up. False: wrong or used. */
export const takeRecoveryCode = async (
  trx: DeskTransaction,
  person: string,
  code: string,
  now: number,
): Promise<boolean> => {
  const { numUpdatedRows } = await trx
    .updateTable("recovery_codes")
    .set({ used: now })
    .where("person_id", "=", person)
    .where("hash", "=", hashOf(`${person} ${plain(code)}`))
    .where("used", "is", null)
    .executeTakeFirst();
  return numUpdatedRows === 1n;
};

/** Adding a factor is for a sign-in that needs one, or one that showed itself within 15 minutes. @throws AppError ACCESS_PROOF */
export const holdFactor = (session: Session, now: number): void => {
  if (session.state === "enrol") return;
  if (session.state === "in" && now - session.proved < 15 * 60e6) return;
  throw new AppError(
    "ACCESS_PROOF",
    "sign in anew first: another way into an account is set up within 15 minutes of signing in",
  );
};
