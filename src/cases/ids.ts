// SPDX-License-Identifier: Apache-2.0
import { createHash, createHmac } from "node:crypto";

const hex = 32;
/** 32 hexadecimal digits that follow from the parts alone: the same life gives the same ids, today or in ten years. */
export const idOf = (kind: string, ...parts: readonly (string | number | null)[]): string =>
  createHash("sha256")
    .update(JSON.stringify([kind, ...parts]))
    .digest("hex")
    .slice(0, hex);

/** A keyed 128-bit number in hexadecimal, which nobody without the key foresees. */
export const keyed = (key: Uint8Array, kind: string, ...parts: readonly (string | number | null)[]): string =>
  createHmac("sha256", key)
    .update(JSON.stringify([kind, ...parts]))
    .digest("hex")
    .slice(0, hex);

/** The token of a self-help link, 256 bits. It is made when a letter is rendered, and stands nowhere at rest. */
export const linkToken = (key: Uint8Array, link: string): string =>
  createHmac("sha256", key)
    .update(JSON.stringify(["self-help link", link]))
    .digest("base64url");
export const hashOf = (token: string): string => createHash("sha256").update(token).digest("hex");
