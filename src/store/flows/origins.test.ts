// SPDX-License-Identifier: Apache-2.0
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { parseIp } from "../../net/ip.ts";
import { Origins, originsIn, packagedOrigins } from "./origins.ts";

const folder = mkdtempSync(join(tmpdir(), "layang-origins-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ask = (origins: Origins, address: string): readonly [number, string | undefined] => {
  const { table } = origins;
  const segment = table.find(Uint32Array.from(parseIp(address)!), 0);
  return segment < 0 ? [0, undefined] : [table.asnOf(segment), table.countries[table.countryOf(segment) - 1]];
};

it("answers as the packaged files' own lines do, also from the built table on disk", { timeout: 60_000 }, () => {
  const files = packagedOrigins();
  const built = new Origins(packagedOrigins, folder);
  const cached = new Origins(packagedOrigins, folder);
  const lines = (path: string) => readFileSync(path, "utf8").trim().split("\n");
  // A plain scan of every line, for a few addresses spread over the space.
  const narrowest = (path: string, address: bigint): string | undefined => {
    let best: { width: bigint; value: string } | undefined;
    for (const line of lines(path)) {
      const [first = "", last = "", value = ""] = line.split(",", 3);
      if (address < BigInt(first) || address > BigInt(last)) continue;
      const width = BigInt(last) - BigInt(first);
      if (best === undefined || width <= best.width) best = { width, value };
    }
    return best?.value;
  };
  const places = [
    "8.8.8.8",
    "1.0.16.77",
    "202.12.29.175",
    "41.0.0.1",
    "192.0.2.9",
    "2001:200::1",
    "2400:cb00::9",
    "fe80::1",
  ];
  for (const address of places) {
    const words = parseIp(address)!;
    const value = words.reduce((sum, word) => (sum << 32n) | BigInt(word), 0n);
    const v4 = !address.includes(":");
    const number = v4 ? value & 0xffffffffn : value;
    const asn = Number(narrowest(v4 ? files.asnV4 : files.asnV6, number) ?? 0);
    const country = narrowest(v4 ? files.countryV4 : files.countryV6, number);
    expect([address, ...ask(built, address)]).toEqual([address, asn, country]);
    expect([address, ...ask(cached, address)]).toEqual([address, asn, country]);
  }
  expect(cached.names).toEqual(built.names);
  expect(new Map(built.names).get(15_169)).toMatch(/Google/);
  // A table on disk that was cut short is built anew, not believed.
  const name = readdirSync(folder).find((one) => one.startsWith("origins-")) ?? "";
  const cache = join(folder, name);
  truncateSync(cache, Math.floor(statSync(cache).size / 3));
  expect(ask(new Origins(packagedOrigins, folder), "8.8.8.8")[0]).toBe(15_169);
});

it("needs no place for its table, and leaves nothing behind where it has none", () => {
  const place = join(folder, "no-place");
  mkdirSync(place);
  const one = join(place, "one.csv");
  writeFileSync(one, "3221225984,3221226239,64500,One\n");
  const empty = join(place, "empty.csv");
  writeFileSync(empty, "");
  const files = () => ({ asnV4: one, asnV6: empty, countryV4: empty, countryV6: empty });
  const cache = join(folder, "cache-without-place");
  expect(ask(new Origins(files, cache), "192.0.2.1")[0]).toBe(64_500);
  const [name = ""] = readdirSync(cache);
  rmSync(join(cache, name));
  // What is there cannot be written over.
  mkdirSync(join(cache, name, "in-the-way"), { recursive: true });
  writeFileSync(join(cache, "origins.bin"), "of an earlier form");
  expect(ask(new Origins(files, cache), "192.0.2.1")[0]).toBe(64_500);
  expect(readdirSync(cache).toSorted()).toEqual([name, "origins.bin"].toSorted());
  rmSync(join(cache, name), { recursive: true });
  expect(ask(new Origins(files, cache), "192.0.2.1")[0]).toBe(64_500);
  expect(readdirSync(cache)).toEqual([name]);
});

it("takes files that changed, and keeps the table in force when the new ones are broken", () => {
  const own = join(folder, "own.csv");
  writeFileSync(own, "3221225984,3221226239,64500,One\n");
  const files = { ...originsIn(folder), asnV4: own, asnV6: own, countryV4: own, countryV6: own };
  writeFileSync(join(folder, "empty.csv"), "");
  const empty = join(folder, "empty.csv");
  const origins = new Origins(() => ({ ...files, asnV6: empty, countryV4: empty, countryV6: empty }), null);
  const before = origins.table;
  expect(ask(origins, "192.0.2.1")).toEqual([64_500, undefined]);
  expect(origins.reload()).toBe(false);
  writeFileSync(own, "3221225984,3221226239,64501,Another\r\n");
  utimesSync(own, 1, 1);
  expect(origins.reload()).toBe(true);
  expect(ask(origins, "192.0.2.1")[0]).toBe(64_501);
  expect(origins.names).toEqual([[64_501, "Another"]]);
  expect(before).not.toBe(origins.table);
  writeFileSync(own, "3221225984,not a number,64502,Broken\n");
  expect(() => origins.reload()).toThrow(/line 1 is not first,last,value/);
  expect(ask(origins, "192.0.2.1")[0]).toBe(64_501);
  rmSync(own);
  expect(() => origins.reload()).toThrow(expect.objectContaining({ code: "STORE_PREFIXES" }));
  expect(ask(origins, "192.0.2.1")[0]).toBe(64_501);
});
