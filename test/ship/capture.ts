// SPDX-License-Identifier: Apache-2.0

export interface Syn {
  /** Microseconds UTC. */
  readonly time: number;
  readonly src: number;
  readonly dst: number;
  readonly port: number;
  readonly srcPort?: number;
}
const SIZE = 14 + 20 + 20;

/** A classic capture (microseconds, Ethernet) of SYN packets without options. */
export const captureOf = (packets: Iterable<Syn>, count: number): Buffer => {
  const out = Buffer.alloc(24 + count * (16 + SIZE));
  out.writeUInt32LE(0xa1b2c3d4, 0);
  out.writeUInt16LE(2, 4);
  out.writeUInt16LE(4, 6);
  out.writeUInt32LE(65_535, 16);
  out.writeUInt32LE(1, 20);
  let at = 24;
  for (const { time, src, dst, port, srcPort = 40_000 } of packets) {
    out.writeUInt32LE(Math.floor(time / 1e6), at);
    out.writeUInt32LE(time % 1e6, at + 4);
    out.writeUInt32LE(SIZE, at + 8);
    out.writeUInt32LE(SIZE, at + 12);
    const ip = at + 16 + 14;
    out.writeUInt16BE(0x0800, ip - 2);
    out[ip] = 0x45;
    out.writeUInt16BE(40, ip + 2);
    out[ip + 8] = 50;
    out[ip + 9] = 6;
    out.writeUInt32BE(src >>> 0, ip + 12);
    out.writeUInt32BE(dst >>> 0, ip + 16);
    out.writeUInt16BE(srcPort, ip + 20);
    out.writeUInt16BE(port, ip + 22);
    out[ip + 32] = 0x50;
    out[ip + 33] = 0x02;
    out.writeUInt16BE(1_024, ip + 34);
    at += 16 + SIZE;
  }
  return out.subarray(0, at);
};
