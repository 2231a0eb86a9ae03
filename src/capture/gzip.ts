// SPDX-License-Identifier: Apache-2.0

/** What stands behind a member's deflated data: CRC-32 and length. */
export const GZIP_TRAILER = 8;

/** Whether the trailer at the start of `bytes` is that of data with this CRC-32. */
export const isIntact = (bytes: Uint8Array, crc: number): boolean =>
  new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) === crc;

/**
 * Bytes of the member's head (RFC 1952) at the start of `bytes`: undefined while it is not all there, -1 where none begins. Its own checksum,
 * which hardly anybody writes, is passed over.
 */
export const gzipHead = (bytes: Uint8Array): number | undefined => {
  if ((bytes.length > 0 && bytes[0] !== 0x1f) || (bytes.length > 1 && bytes[1] !== 0x8b)) return -1;
  if (bytes.length < 10) return undefined;
  const [, , method, flags = 0] = bytes;
  if (method !== 8 || flags > 31) return -1;
  let at = 10;
  if ((flags & 4) !== 0) {
    if (bytes.length < at + 2) return undefined;
    at += 2 + bytes[at]! + 256 * bytes[at + 1]!;
  }
  // A name and a comment, each ended by a zero.
  for (const flag of [8, 16]) {
    if ((flags & flag) === 0) continue;
    const end = bytes.indexOf(0, at);
    if (at >= bytes.length || end < 0) return undefined;
    at = end + 1;
  }
  if ((flags & 2) !== 0) at += 2;
  return at > bytes.length ? undefined : at;
};
