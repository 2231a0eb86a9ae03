// SPDX-License-Identifier: Apache-2.0

/**
 * A frame is a signed batch, the same bytes in the spool and on the wire (a request's body is frames one after another):
 *
 *   u32 bytes of the batch | u32 sequence, high | u32 sequence, low | signature (Ed25519, 64 bytes) | batch
 *
 * The signature is over the text "layang batch VERSION|SENSOR|SEQUENCE|SHA256", so that a batch cannot be passed off as
 * another's, as a later one, or as something else that the same key has signed.
 */
import { createHash, verify } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { renumberBatch, versionOf } from "./format.ts";

export const FRAME_HEAD = 76;

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const signed = (version: number, sensor: string, sequence: number, hash: string): Uint8Array =>
  new TextEncoder().encode(`layang batch ${version}|${sensor}|${sequence}|${hash}`);

export interface Frame {
  readonly sequence: number;
  readonly batch: Uint8Array;
  readonly signature: Uint8Array;
  /** SHA-256 of the batch, hexadecimal. */
  readonly hash: string;
}

/** The frame of a batch, signed by `sign`. */
export const makeFrame = (
  batch: Uint8Array,
  sensor: string,
  sequence: number,
  sign: (message: Uint8Array) => Uint8Array,
): Uint8Array => {
  const frame = new Uint8Array(FRAME_HEAD + batch.length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, batch.length, true);
  view.setUint32(4, Math.floor(sequence / 2 ** 32), true);
  view.setUint32(8, sequence >>> 0, true);
  frame.set(sign(signed(versionOf(batch), sensor, sequence, sha256(batch))), 12);
  frame.set(batch, FRAME_HEAD);
  return frame;
};

/** A frame of this sensor's own under another sequence, telling other losses. */
export const renumberFrame = (
  frame: Uint8Array,
  sensor: string,
  sequence: number,
  spoolLost: number,
  sign: (message: Uint8Array) => Uint8Array,
): Uint8Array => makeFrame(renumberBatch(frame.subarray(FRAME_HEAD), sequence, spoolLost), sensor, sequence, sign);

/** The frames of a body; undefined when the bytes are not frames from start to end, or more than `most`. */
export const splitFrames = (body: Uint8Array, most: number): Frame[] | undefined => {
  const frames: Frame[] = [];
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  let at = 0;
  while (at < body.length) {
    if (frames.length === most || body.length - at < FRAME_HEAD) return undefined;
    const length = view.getUint32(at, true);
    const sequence = view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at + 8, true);
    if (length > body.length - at - FRAME_HEAD || sequence < 1 || !Number.isSafeInteger(sequence)) return undefined;
    const batch = body.subarray(at + FRAME_HEAD, at + FRAME_HEAD + length);
    frames.push({ sequence, batch, signature: body.subarray(at + 12, at + FRAME_HEAD), hash: sha256(batch) });
    at += FRAME_HEAD + length;
  }
  return frames;
};

export const verifyFrame = (frame: Frame, sensor: string, key: KeyObject): boolean =>
  verify(null, signed(versionOf(frame.batch), sensor, frame.sequence, frame.hash), key, frame.signature);
