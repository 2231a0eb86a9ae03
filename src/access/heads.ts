// SPDX-License-Identifier: Apache-2.0
import { createPublicKey, sign, verify } from "node:crypto";
import type { KeyObject } from "node:crypto";
import type { Desk } from "../store/desk/desk.ts";
import { asSystem } from "./identity.ts";

/** A signed head: the newest row of the audit log and its hash, as this node vouches for it. */
export interface Head {
  readonly form: "layang-audit-head-1";
  readonly node: string;
  readonly row: number;
  readonly hash: string;
  /** RFC 3339, UTC. */
  readonly at: string;
  /** SPKI, base64url. */
  readonly key: string;
  /** Ed25519 over the other members, base64url. */
  readonly signature: string;
}
const signed = ({ form, node, row, hash, at, key }: Omit<Head, "signature">): Buffer =>
  Buffer.from(JSON.stringify([form, node, row, hash, at, key]));
export const publicKeyOf = (key: KeyObject): string =>
  createPublicKey(key).export({ type: "spki", format: "der" }).toString("base64url");

/** The head of a text, if its signature is right, and by `key` where one is given; else undefined. */
export const readHead = (text: string, key?: string): Head | undefined => {
  try {
    const head = JSON.parse(text) as Head;
    if (head.form !== "layang-audit-head-1" || !Number.isSafeInteger(head.row)) return undefined;
    if (key !== undefined && head.key !== key) return undefined;
    const by = createPublicKey({ key: Buffer.from(head.key, "base64url"), type: "spki", format: "der" });
    return verify(null, signed(head), by, Buffer.from(head.signature, "base64url")) ? head : undefined;
  } catch {
    return undefined;
  }
};

/** Where heads go: a folder elsewhere, another program, a mailbox. Throws when it could not take one. */
export interface HeadSink {
  readonly name: string;
  send(head: Head): Promise<void>;
}

/**
 * Signs the newest row and sends it out. Heads that no sink took are tried again with the next one; null: nothing new happened.
 * @throws the first sink's error, after all were tried.
 */
export const sendHead = async (options: {
  readonly desk: Desk;
  readonly key: KeyObject;
  readonly node: string;
  readonly now: number;
  readonly sinks: readonly HeadSink[];
}): Promise<Head | null> => {
  const { desk, key, node, now, sinks } = options;
  const own = publicKeyOf(key);
  const made = await asSystem(desk, async (trx) => {
    const last = await trx
      .selectFrom("audit_log")
      .select(["id", "hash"])
      .orderBy("id", "desc")
      .limit(1)
      .executeTakeFirst();
    if (last === undefined) return null;
    const known = await trx.selectFrom("audit_heads").select("row_id").where("row_id", "=", last.id).executeTakeFirst();
    if (known !== undefined) return null;
    const head = {
      form: "layang-audit-head-1" as const,
      node,
      row: last.id,
      hash: last.hash,
      at: new Date(Math.floor(now / 1000)).toISOString(),
      key: own,
    };
    const signature = sign(null, signed(head), key).toString("base64url");
    await trx
      .insertInto("audit_heads")
      .values({ row_id: head.row, at: now, hash: head.hash, signature, key: own, sent: null })
      .execute();
    return { ...head, signature };
  });
  const waiting = await asSystem(desk, (trx) =>
    trx.selectFrom("audit_heads").selectAll().where("sent", "is", null).orderBy("row_id").limit(1000).execute(),
  );
  let fault: unknown;
  for (const row of waiting) {
    const head: Head = {
      form: "layang-audit-head-1",
      node,
      row: row.row_id,
      hash: row.hash,
      at: new Date(Math.floor(row.at / 1000)).toISOString(),
      key: row.key,
      signature: row.signature,
    };
    const outcomes = await Promise.allSettled(sinks.map((sink) => sink.send(head)));
    const refused = outcomes.find((outcome) => outcome.status === "rejected");
    if (refused === undefined && sinks.length > 0) {
      await asSystem(desk, (trx) =>
        trx.updateTable("audit_heads").set({ sent: now }).where("row_id", "=", head.row).execute(),
      );
    } else fault ??= refused?.reason;
  }
  if (fault !== undefined) throw fault;
  return made;
};
