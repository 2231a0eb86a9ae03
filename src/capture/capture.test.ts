// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { ethernet, ipv4, le32, pcap, pcapng, stamped, tcp, u32, zeros } from "../../test/fuzz/build.ts";
import type { Bytes } from "../../test/fuzz/build.ts";
import { openCapture } from "./capture.ts";
import type { CaptureSummary } from "./capture.ts";
import { captureFiles } from "./files.ts";

const folder = mkdtempSync(join(tmpdir(), "layang-capture-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface Seen {
  linkType: number;
  time: number;
  length: number;
  data: number[];
}
interface Read {
  packets: Seen[];
  summary: CaptureSummary;
}
async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
const collect = async (input: Parameters<typeof openCapture>[0]): Promise<Read> => {
  const capture = openCapture(input);
  const packets: Seen[] = [];
  for await (const raw of capture) {
    for (let i = 0; i < raw.count; i++) {
      const data = [...raw.bytes.subarray(raw.offsets[i], raw.offsets[i]! + raw.captured[i]!)];
      packets.push({ linkType: raw.linkType, time: raw.times[i]!, length: raw.lengths[i]!, data });
    }
  }
  return { packets, summary: capture.summary };
};
const readBytes = (bytes: Uint8Array, size = bytes.length || 1): Promise<Read> =>
  collect({ stream: pieces(bytes, size), name: "test" });

const syn = ethernet(0x0800, ipv4(tcp()));
const other = [...syn, 1, 2, 3];
const T = 1_700_000_000;

describe("pcap", () => {
  it.each([
    ["microseconds, little-endian", {}, 123_456],
    ["microseconds, big-endian", { big: true }, 123_456],
    ["nanoseconds, little-endian", { nano: true }, 123_456_789],
    ["nanoseconds, big-endian", { big: true, nano: true }, 123_456_789],
  ])("%s", async (_, options, fraction) => {
    const { packets, summary } = await readBytes(
      pcap([stamped(syn, T, fraction), { ...stamped(other, T - 5, 1000), length: 1500 }], options),
    );
    const second = "nano" in options ? 1 : 1000;
    expect(packets).toEqual([
      { linkType: 1, time: T * 1e6 + 123_456, length: syn.length, data: syn },
      { linkType: 1, time: (T - 5) * 1e6 + second, length: 1500, data: other },
    ]);
    expect(summary).toEqual({
      file: "test",
      packets: 2,
      bytes: syn.length + 1500,
      first: (T - 5) * 1e6 + second,
      last: T * 1e6 + 123_456,
      truncated: false,
    });
  });

  it("takes the link type without the flags above it", async () => {
    expect((await readBytes(pcap([stamped(syn)], { linkType: 0x1400_0071 }))).packets[0]?.linkType).toBe(113);
  });

  it("reads a capture without packets", async () => {
    expect((await readBytes(pcap([]))).summary).toEqual({
      file: "test",
      packets: 0,
      bytes: 0,
      first: null,
      last: null,
      truncated: false,
    });
  });

  it("reads packets up to the limit, and none beyond", async () => {
    const big = zeros(262_144);
    const { packets } = await readBytes(pcap([stamped(big), stamped(syn)]));
    expect(packets.map((one) => one.data.length)).toEqual([262_144, syn.length]);
    const { packets: before, summary } = await readBytes(pcap([stamped(syn), stamped([...big, 0]), stamped(syn)]));
    expect(before).toHaveLength(1);
    expect(summary).toMatchObject({ truncated: true, reason: "a packet header claims 262145 bytes" });
  });

  it("refuses versions nobody wrote", async () => {
    const bytes = pcap([stamped(syn)]);
    bytes[4] = 9;
    expect((await readBytes(bytes)).summary).toMatchObject({ packets: 0, truncated: true });
  });
});

describe("pcapng", () => {
  const le = pcapng();
  const file = (...blocks: Bytes[]): Uint8Array => Uint8Array.from(blocks.flat());
  const us = (time: number): bigint => BigInt(time);

  it("reads enhanced, simple, obsolete and unknown blocks of both byte orders in several sections", async () => {
    const of = (ng: typeof le): Bytes[] => [
      ng.section(),
      ng.block(0x0bad, zeros(40)),
      ng.face(1, [], 60),
      ng.face(101),
      ng.enhanced(0, us(T * 1e6 + 1), syn, 99, ng.option(1, [65, 66, 67])),
      ng.enhanced(1, us(T * 1e6 + 2), syn.slice(14)),
      ng.obsolete(0, us(T * 1e6 + 3), other),
      ng.simple(syn),
      ng.simple([...syn, ...zeros(6)], 1400),
      ng.block(5, zeros(24)),
    ];
    const { packets, summary } = await readBytes(file(...of(le), ...of(pcapng(true))));
    const expected = [
      { linkType: 1, time: T * 1e6 + 1, length: 99, data: syn },
      { linkType: 101, time: T * 1e6 + 2, length: 40, data: syn.slice(14) },
      { linkType: 1, time: T * 1e6 + 3, length: other.length, data: other },
      { linkType: 1, time: T * 1e6 + 3, length: syn.length, data: syn },
      { linkType: 1, time: T * 1e6 + 3, length: 1400, data: [...syn, ...zeros(6)] },
    ];
    expect(packets).toEqual([...expected, ...expected]);
    expect(summary).toMatchObject({ packets: 10, truncated: false });
  });

  it("gives one link type a batch", async () => {
    const faces = [le.section(), le.face(1), le.face(113)];
    const bytes = file(...faces, ...[0, 0, 1, 0, 1, 1].map((face) => le.enhanced(face, 1n, syn)));
    const batches: [number, number][] = [];
    for await (const raw of openCapture({ stream: pieces(bytes, bytes.length) }))
      batches.push([raw.linkType, raw.count]);
    expect(batches).toEqual([
      [1, 2],
      [113, 1],
      [1, 1],
      [113, 2],
    ]);
  });

  it.each([
    ["seconds", 0, 1_700_000_000n, 1_700_000_000_000_000],
    ["10^-3", 3, 1_700_000_000_123n, 1_700_000_000_123_000],
    ["10^-6", 6, 1_700_000_000_123_456n, 1_700_000_000_123_456],
    ["10^-9", 9, 1_700_000_000_123_456_789n, 1_700_000_000_123_456],
    ["10^-9, just below the next", 9, 1_700_000_000_123_456_999n, 1_700_000_000_123_456],
    ["10^-10", 10, 17_000_000_001_234_567_890n, 1_700_000_000_123_456],
    ["10^-12", 12, 17_000_123_456_789_012n, 17_000_123_456],
    ["10^-15", 15, 1_700_123_456_789_012n, 1_700_123],
    ["2^-10", 0x8a, (1_700_000_000n << 10n) + 512n, 1_700_000_000_500_000],
    ["2^-20", 0x94, (1_700_000_000n << 20n) + 1n, 1_700_000_000_000_000],
    ["2^-32", 0xa0, (1_700_000_000n << 32n) + (1n << 31n) + 4295n, 1_700_000_000_500_001],
    ["2^-40", 0xa8, (16_000_000n << 40n) + (3n << 38n), 16_000_000_750_000],
    ["2^-63", 0xbf, (1n << 63n) + (1n << 62n), 1_500_000],
  ])("if_tsresol of %s", async (_, byte, ticks, expected) => {
    const { packets } = await readBytes(
      file(le.section(), le.face(1, le.resolution(byte)), le.enhanced(0, ticks, syn)),
    );
    expect(packets[0]?.time).toBe(expected);
  });

  it.each([true, false])("if_tsoffset, negative too (big-endian: %s)", async (big) => {
    const ng = pcapng(big);
    const { packets } = await readBytes(
      file(
        ng.section(),
        ng.face(1, [...ng.offset(3600n), ...ng.option(0, [])]),
        ng.face(1, ng.offset(-7200n)),
        ng.face(1, ng.offset(1n << 62n)),
        ...[0, 1, 2].map((face) => ng.enhanced(face, us(T * 1e6), syn)),
      ),
    );
    expect(packets.map((one) => one.time / 1e6 - T)).toEqual([3600, -7200, 0]);
  });

  it("never follows options over a block's end", async () => {
    const overrun = [...le.resolution(9), 9, 0, 255, 255];
    const { packets } = await readBytes(file(le.section(), le.face(1, overrun), le.enhanced(0, 5000n, syn)));
    expect(packets[0]?.time).toBe(5);
  });

  it("keeps times whole and in range, however absurd", async () => {
    const face = le.face(1, [...le.resolution(0), ...le.offset(-5n)]);
    const { packets } = await readBytes(
      file(le.section(), face, le.enhanced(0, (1n << 64n) - 1n, syn), le.enhanced(0, 1n, syn)),
    );
    expect(packets.map((one) => one.time)).toEqual([Number.MAX_SAFE_INTEGER, 0]);
  });

  it("passes over unknown blocks longer than what is held in memory", async () => {
    const bytes = file(le.section(), le.face(1), le.block(77, zeros(1_400_000)), le.enhanced(0, 1n, syn));
    for (const size of [bytes.length, 65_536]) {
      expect((await readBytes(bytes, size)).summary).toMatchObject({ packets: 1, truncated: false });
    }
  });

  const packet = le.enhanced(0, 1n, syn);
  const damaged = (at: number, value: number): number[] => {
    const copy = [...packet];
    copy.splice(at, 4, ...le32(value));
    return copy;
  };
  it.each<[string, Bytes]>([
    ["length 0", damaged(4, 0)],
    ["length not a multiple of 4", damaged(4, 97)],
    ["length huge", damaged(4, 0xfffffffc)],
    ["two lengths", damaged(packet.length - 4, 0)],
    ["captured beyond the block", damaged(20, 4000)],
    ["interface unknown", damaged(8, 5)],
    ["unknown block of length 8", [...le32(99), ...le32(8), ...zeros(8)]],
    ["unknown block that never ends", [...le32(99), ...le32(0xfffffff0), ...zeros(8)]],
    ["section without byte order", [...le32(0x0a0d0d0a), ...le32(28), ...zeros(20)]],
    ["simple packet without interface", [...le.section(), ...le.simple(syn)]],
  ])("%s: everything before it, then truncated", async (_, block) => {
    const { packets, summary } = await readBytes(file(le.section(), le.face(1), packet, packet, block, packet));
    expect(packets).toHaveLength(2);
    expect(summary.truncated).toBe(true);
    expect(summary.reason).toMatch(/\w/);
  });

  it("bounds the interfaces of a section", async () => {
    const faces = Array.from({ length: 4097 }, () => le.face(1));
    const { summary } = await readBytes(file(le.section(), ...faces, packet));
    expect(summary).toMatchObject({ packets: 0, truncated: true });
  });
});

describe("wrapped", () => {
  // Larger than every buffer on the way, and hard to compress, so that a cut falls into the midst of it.
  const many = Array.from({ length: 30_000 }, (_, i) =>
    stamped([...syn, ...u32(Math.imul(i, 0x9e3779b1) >>> 0)], T + i, i),
  );
  const plain = pcap(many);

  it.each([
    ["gzip", gzipSync(plain)],
    ["zstd", zstdCompressSync(plain)],
    [
      "zstd in two frames",
      Buffer.concat([zstdCompressSync(plain.subarray(0, 999)), zstdCompressSync(plain.subarray(999))]),
    ],
    [
      "zstd with a frame to skip",
      Buffer.concat([zstdCompressSync(plain), Buffer.from("5e2a4d1803000000010203", "hex")]),
    ],
    ["gzip in two members", Buffer.concat([gzipSync(plain.subarray(0, 99_999)), gzipSync(plain.subarray(99_999))])],
  ])("%s", async (_, bytes) => {
    const { packets, summary } = await readBytes(bytes, 10_000);
    expect(summary).toMatchObject({ packets: many.length, truncated: false });
    expect(packets.at(-1)).toMatchObject({
      time: (T + many.length - 1) * 1e6 + many.length - 1,
      data: many.at(-1)?.data,
    });
  });

  it.each([
    ["text", Buffer.from("-- signed by nobody --")],
    ["zeros", Buffer.alloc(512)],
    ["zeros and text", Buffer.concat([Buffer.alloc(512), Buffer.from("more")])],
  ])("gzip with %s behind it: nothing of what stands before is lost, as with gzip itself", async (_, behind) => {
    for (const size of [4_099, 65_536, 1 << 20]) {
      const { packets, summary } = await readBytes(Buffer.concat([gzipSync(plain), behind]), size);
      expect(summary).toMatchObject({ packets: many.length, truncated: false });
      expect(packets.at(-1)?.data).toEqual(many.at(-1)?.data);
    }
  });

  it("gzip with a head of every kind, wherever it is cut in two", async () => {
    const [head, body] = [gzipSync(plain).subarray(0, 10), gzipSync(plain).subarray(10)];
    head[3] = 4 | 8 | 16 | 2;
    const more = Buffer.from("0300abcdef6e616d652e706361700061207265", "hex");
    const bytes = Buffer.concat([head, more, Buffer.from("6d61726b000102", "hex"), body]);
    for (let size = 1; size < 48; size++) {
      const capture = openCapture({ stream: pieces(bytes.subarray(0, 300), size) });
      for await (const raw of capture) expect(raw.count).toBeGreaterThanOrEqual(0);
      expect(capture.summary).toMatchObject({ truncated: true });
      expect(capture.summary.packets).toBeGreaterThan(0);
    }
    expect((await readBytes(bytes)).summary).toMatchObject({ packets: many.length, truncated: false });
    // A name that never ends makes no memory grow.
    head[3] = 8;
    const endless = Buffer.concat([head, Buffer.alloc(1 << 20, 65), body]);
    await expect(readBytes(endless, 65_536)).rejects.toMatchObject({ code: "CAPTURE_NOT_A_CAPTURE" });
  });

  it.each([
    ["gzip", gzipSync(plain)],
    ["zstd", zstdCompressSync(plain)],
  ])("%s cut in its tail gives what stands before the cut", async (_, bytes) => {
    const whole = await readBytes(bytes);
    const cut = await readBytes(bytes.subarray(0, Math.floor(bytes.length / 2)), 10_000);
    expect(cut.summary.truncated).toBe(true);
    // Compression is even here: half of the bytes hold close to half of the packets.
    expect(cut.packets.length).toBeGreaterThan(many.length * 0.35);
    expect(cut.packets).toEqual(whole.packets.slice(0, cut.packets.length));
    const almost = await readBytes(bytes.subarray(0, -1), 10_000);
    expect(almost.summary.truncated).toBe(true);
  });

  it("tells damage in a compressed stream", async () => {
    const bytes = gzipSync(plain);
    bytes.fill(0xff, bytes.length / 2, bytes.length / 2 + 64);
    const { packets, summary } = await readBytes(bytes, 10_000);
    expect(summary.truncated).toBe(true);
    expect(packets.length).toBeGreaterThan(many.length * 0.3);
  });

  it.each([
    ["gzip", gzipSync],
    ["zstd", zstdCompressSync],
  ])("%s bomb of 256 MiB: bounded memory", async (_, compress) => {
    const mebibyte = compress(Buffer.alloc(1 << 20));
    const bytes = Buffer.concat([compress(pcap([stamped(syn)])), ...Array.from({ length: 256 }, () => mebibyte)]);
    const before = process.memoryUsage().rss;
    let most = before;
    const capture = openCapture({ stream: pieces(bytes, bytes.length) });
    for await (const raw of capture) if (raw.count > 0) most = Math.max(most, process.memoryUsage().rss);
    // A record of 16 zero bytes is an empty packet: sixteen million of them, none kept.
    expect(capture.summary.packets).toBe(1 + (256 << 20) / 16);
    // Chunks that were read wait for the garbage collector; holding the whole would take twice as much.
    expect(most - before).toBeLessThan(128 << 20);
  });

  it("unwraps once: a compressed file in a compressed file is no capture", async () => {
    await expect(readBytes(gzipSync(gzipSync(plain)))).rejects.toMatchObject({ code: "CAPTURE_NOT_A_CAPTURE" });
  });
});

describe("cut anywhere", () => {
  const le = pcapng();
  const packets = [stamped(syn), stamped(other), stamped(syn)];
  const ng = Uint8Array.from([
    ...le.section(),
    ...le.face(1),
    ...packets.flatMap((one) => le.enhanced(0, 7n, one.data)),
    ...le.block(4, zeros(16)),
  ]);
  it.each([
    ["pcap", pcap(packets)],
    ["pcapng", ng],
  ])("%s gives everything before the cut, however the bytes come", async (_, bytes) => {
    const whole = await readBytes(bytes);
    expect(whole.packets).toHaveLength(3);
    for (let size = 4; size < bytes.length; size++) {
      const cut = await readBytes(bytes.subarray(0, size), 7);
      expect(cut.packets).toEqual(whole.packets.slice(0, cut.packets.length));
      const used = cut.packets.length;
      expect(used).toBeGreaterThanOrEqual(size < bytes.length - 60 ? 0 : 2);
    }
    for (const size of [1, 2, 3, 5, 64]) expect(await readBytes(bytes, size)).toEqual(whole);
  });

  it("is told unless the cut falls between two packets", async () => {
    const bytes = pcap(packets);
    const boundaries = new Set([24, 24 + 16 + syn.length, 24 + 32 + syn.length + other.length, bytes.length]);
    for (let size = 4; size <= bytes.length; size++) {
      const { summary } = await readBytes(bytes.subarray(0, size));
      expect([size, summary.truncated]).toEqual([size, !boundaries.has(size)]);
    }
  });
});

describe("files and folders", () => {
  const tree = join(folder, "tree");
  mkdirSync(join(tree, "b", "deep"), { recursive: true });
  writeFileSync(join(tree, "z.pcap"), pcap([stamped(syn)]));
  writeFileSync(join(tree, "b", "deep", "1.pcap.gz"), gzipSync(pcap([stamped(syn), stamped(other)])));
  writeFileSync(join(tree, "b", "README"), "no capture at all\n");
  writeFileSync(join(tree, "empty.pcap"), "");
  symlinkSync(join(tree, "z.pcap"), join(tree, "a-link.pcap"));
  symlinkSync(tree, join(tree, "loop"));
  symlinkSync(join(tree, "nowhere"), join(tree, "dangling.pcap"));
  symlinkSync(join(tree, "self.pcap"), join(tree, "self.pcap"));

  it("lists a folder's files in order, however deep, following no circles", () => {
    expect(captureFiles([tree, "-", join(tree, "z.pcap")])).toEqual([
      ...["a-link.pcap", "b/README", "b/deep/1.pcap.gz", "empty.pcap", "z.pcap"].map((name) => ({
        path: join(tree, name),
        named: false,
      })),
      { path: "-", named: true },
      { path: join(tree, "z.pcap"), named: true },
    ]);
  });

  it("reads files", async () => {
    const { packets, summary } = await collect({ path: join(tree, "b/deep/1.pcap.gz") });
    expect(packets.map((one) => one.data)).toEqual([syn, other]);
    expect(summary.file).toBe(join(tree, "b/deep/1.pcap.gz"));
  });

  it("reads files larger than the window packet for packet", async () => {
    const count = 60_000;
    const path = join(folder, "large.pcap");
    writeFileSync(path, pcap(Array.from({ length: count }, (_, i) => stamped(syn, T + i, 0))));
    const capture = openCapture({ path });
    let next = T * 1e6;
    for await (const raw of capture) {
      for (let i = 0; i < raw.count; i++) {
        if (raw.times[i] !== next) throw new Error(`packet at ${raw.times[i]} instead of ${next}`);
        next += 1e6;
      }
    }
    expect(capture.summary).toMatchObject({ packets: count, truncated: false, last: (T + count - 1) * 1e6 });
  });

  it.each([
    ["text", "b/README", "CAPTURE_NOT_A_CAPTURE"],
    ["an empty file", "empty.pcap", "CAPTURE_NOT_A_CAPTURE"],
    ["a missing file", "missing.pcap", "CAPTURE_NOT_FOUND"],
    ["a folder", "b", "CAPTURE_NOT_FOUND"],
  ])("%s: one line and a code", async (_, name, code) => {
    const failure = await collect({ path: join(tree, name) }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code, exit: 2, message: expect.stringMatching(/^[^\n]+$/) });
  });

  it("says at once which named path is missing", () => {
    expect(() => captureFiles([join(tree, "missing")])).toThrow(expect.objectContaining({ code: "CAPTURE_NOT_FOUND" }));
  });

  it.skipIf(!existsSync("/proc/self/fd"))(
    `lets go of the file when the reader leaves early or damage ends it${existsSync("/proc/self/fd") ? "" : " (skipped: no /proc)"}`,
    async () => {
      const large = join(folder, "large.pcap");
      const damaged = join(folder, "damaged.pcap");
      writeFileSync(damaged, pcap([stamped(syn)]).subarray(0, 60));
      const before = readdirSync("/proc/self/fd").length;
      for (let i = 0; i < 20; i++) {
        for await (const raw of openCapture({ path: large })) if (raw.count > 0) break;
        expect((await collect({ path: damaged })).summary.truncated).toBe(true);
        await collect({ path: join(tree, "b/README") }).catch(() => undefined);
      }
      expect(readdirSync("/proc/self/fd").length).toBeLessThan(before + 10);
    },
  );
});
