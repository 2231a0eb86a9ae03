// SPDX-License-Identifier: Apache-2.0
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { aggregateColumns, copyBatch, flowColumns } from "../src/model/flows.ts";
import type { FlowBatch } from "../src/model/flows.ts";
import { decodeBatch, encodeBatch, packetsIn } from "../src/ship/format.ts";
import { limits } from "../src/ship/head.ts";
import { layouts } from "../src/ship/versions.ts";
import { makeBatch, makeReport } from "./ship/rows.ts";

const golden = join(import.meta.dirname, "golden/batches");
const encode = (batch: FlowBatch, version = 3): Uint8Array =>
  encodeBatch(batch, 7, makeReport(packetsIn(batch)), version);
const plain = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, one: unknown) => (ArrayBuffer.isView(one) ? [...(one as Uint8Array)] : one)));
const reasonOf = (bytes: Uint8Array): string => {
  const decoded = decodeBatch(bytes);
  return decoded.ok ? "accepted" : decoded.reason;
};

describe("the batch format", () => {
  it.each([1, 2, 3])("reads the golden batch of version %i", (version) => {
    const batch = makeBatch({ rows: 12, aggregates: version === 3 ? 2 : 0, plain: version === 1 });
    const file = join(golden, `v${version}.batch`);
    const expected = join(golden, `v${version}.json`);
    if (process.env["GOLDEN"] === "update") {
      writeFileSync(file, encode(batch, version));
      writeFileSync(expected, `${JSON.stringify(plain(copyBatch(batch)))}\n`);
    }
    const decoded = decodeBatch(readFileSync(file));
    expect(decoded.ok && decoded.version).toBe(version);
    if (!decoded.ok) return;
    expect(plain(decoded.batch)).toEqual(JSON.parse(readFileSync(expected, "utf8")));
    expect(decoded.sequence).toBe(7);
    expect(decoded.report).toEqual(makeReport(packetsIn(batch)));
  });

  it("carries every column of the model in its newest version", () => {
    expect([...(layouts[3]?.flows ?? [])].sort()).toEqual(Object.keys(flowColumns).sort());
    expect([...(layouts[3]?.aggregates ?? [])].sort()).toEqual(Object.keys(aggregateColumns).sort());
  });

  it("gives back what went in, whatever the rows", () =>
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 0, max: 40 }),
        fc.integer({ min: 0, max: 3 }),
        (seed, rows, aggregates) => {
          const batch = makeBatch({ seed, rows, aggregates });
          const decoded = decodeBatch(encode(batch));
          expect(decoded.ok && plain(decoded.batch)).toEqual(plain(batch));
        },
      ),
      { numRuns: 60 },
    ));

  it("does not let the remains of other rows out in absent values", () => {
    const batch = makeBatch({ rows: 30 });
    const row = batch.flows.columns.victim.present.indexOf(0);
    batch.flows.columns.victim.values.fill(0xdeadbeef, 4 * row, 4 * row + 4);
    const decoded = decodeBatch(encode(batch));
    expect(decoded.ok && [...decoded.batch.flows.columns.victim.values.subarray(4 * row, 4 * row + 4)]).toEqual([
      0, 0, 0, 0,
    ]);
  });

  it("refuses another version with its own code", () => {
    const bytes = encode(makeBatch());
    bytes[4] = 9;
    expect(decodeBatch(bytes)).toEqual({
      ok: false,
      code: "BATCH_VERSION",
      reason: "batch format 9 is not known here",
    });
  });

  it.each<[string, (batch: FlowBatch) => void]>([
    [
      "last_seen is before first_seen",
      ({ flows }) => (flows.columns.last_seen.values[2] = flows.columns.first_seen.values[2]! - 1),
    ],
    ["first_seen lies outside the interval", ({ flows }) => (flows.columns.first_seen.values[2]! += 2_000_000)],
    ["class is out of range", ({ flows }) => (flows.columns.class.values[4] = 18)],
    ["a row without packets", ({ flows }) => (flows.columns.packets.values[1] = 0)],
    ["bytes is not a whole number", ({ flows }) => (flows.columns.bytes.values[1] = Number.NaN)],
    ["mirai counts more than the row's packets", ({ flows }) => (flows.columns.mirai.values[1] = 4_000_000)],
    ["ttl_min is above ttl_max", ({ flows }) => (flows.columns.ttl_min.values[1] = 255)],
    ["a register of dst_registers is too high", ({ flows }) => (flows.columns.dst_registers.values[9] = 22)],
    ["dst_registers are neither 0 nor 4,096 bytes", ({ flows }) => flows.columns.dst_registers.ends.fill(4_095, 3)],
    ["a row has tokens and registers", ({ flows }) => flows.columns.dst_registers.ends.fill(4_096, 2)],
    ["a sample lies outside its row", ({ flows }) => (flows.columns.sample_offsets.values[0] = 999_999)],
    ["a register of src_registers is too high", ({ aggregates }) => (aggregates.columns.src_registers.values[0] = 99)],
  ])("refuses rows that no flow table makes: %s", (reason, spoil) => {
    const batch = makeBatch({ rows: 12, aggregates: 1 });
    spoil(batch);
    expect(reasonOf(encode(batch))).toBe(reason);
  });

  it("refuses a report that does not add up, or counts other packets than its rows hold", () => {
    const batch = makeBatch();
    const counted = packetsIn(batch);
    expect(reasonOf(encodeBatch(batch, 1, makeReport(counted, { read: counted })))).toMatch(/not the sum/);
    expect(reasonOf(encodeBatch(batch, 1, makeReport(counted + 1)))).toMatch(/not those that the report counts/);
    expect(reasonOf(encodeBatch({ ...batch, sensor: "../etc" }, 1, makeReport(counted)))).toBe(
      "sensor has a wrong form",
    );
    expect(reasonOf(encodeBatch(batch, 0, makeReport(counted)))).toMatch(/^sequence is not/);
  });

  it("never unpacks more than the body says it holds", () => {
    const bytes = encode(makeBatch());
    const headLength = new DataView(bytes.buffer).getUint32(8, true);
    const bomb = Buffer.concat([bytes.subarray(0, 16 + headLength), zstdCompressSync(Buffer.alloc(256 << 20))]);
    expect(reasonOf(bomb)).toBe("the body is larger than it says");
    new DataView(bomb.buffer, bomb.byteOffset).setUint32(12, limits.body + 1, true);
    expect(reasonOf(bomb)).toBe("the body is longer than allowed");
  });

  it("is total: no byte string makes it throw", () => {
    const good = encode(makeBatch({ rows: 20, aggregates: 1 }));
    const runs = process.env["LAYANG_PROVE"] === "1" ? 200_000 : 3_000;
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, value, cut) => {
        const bytes = good.slice(0, at % 3 === 0 ? cut : good.length);
        bytes[at % Math.max(1, bytes.length)] = value;
        const decoded = decodeBatch(bytes);
        return decoded.ok || decoded.reason.length > 0;
      }),
      { numRuns: runs },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (noise) => !decodeBatch(noise).ok),
      { numRuns: 1_000 },
    );
  });

  it("is total for bodies that unpack", () => {
    const batch = makeBatch({ rows: 6, aggregates: 1 });
    const bytes = encode(batch);
    const headLength = new DataView(bytes.buffer).getUint32(8, true);
    const size = new DataView(bytes.buffer).getUint32(12, true);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: size, maxLength: size, size: "max" }), (body) => {
        const decoded = decodeBatch(Buffer.concat([bytes.subarray(0, 16 + headLength), zstdCompressSync(body)]));
        return decoded.ok || decoded.reason.length > 0;
      }),
      { numRuns: 50 },
    );
  });
});
