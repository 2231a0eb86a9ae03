// SPDX-License-Identifier: Apache-2.0

/**
 * Owner look-ups over a million prefixes against ipaddr.js in the same run.
 *
 *   node bench/owners.ts [--prefixes N] [--lookups N] [--runs N]
 *
 * The prefixes are an invented region: three quarters IPv4, nested as provider, customer and host are, a tenth of them with
 * history. ipaddr.js has no table, so it is given what its users do with it: the parsed prefixes in a Map by
 * length, asked from the longest to the shortest. Medians of all runs; memory is what the tables hold beside the heap.
 */
import { parseArgs } from "node:util";
import ipaddr from "ipaddr.js";
import { ownersOver } from "../src/constituency/owners.ts";
import { OwnerTablesBuilder } from "../src/constituency/tables.ts";
import type { Network } from "../src/constituency/network.ts";
import { formatIp } from "../src/net/ip.ts";
import { maskOf } from "../src/net/prefix.ts";

const { values } = parseArgs({
  options: {
    prefixes: { type: "string", default: "1000000" },
    lookups: { type: "string", default: "1000000" },
    runs: { type: "string", default: "3" },
  },
});
const [count, lookups, runs] = [Number(values.prefixes), Number(values.lookups), Number(values.runs)];

let seed = 20261126;
const random = (): number => (seed = (Math.imul(seed ^ (seed >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0);
const anywhere = (v6: boolean): [number, number, number, number] =>
  v6
    ? [(0x24000000 | (random() & 0x0fffffff)) >>> 0, random(), random(), random()]
    : [0, 0, 0xffff, random() % 0xe0000000];
const networks: Network[] = [];
for (let i = 0; i < count; i++) {
  const v6 = i % 4 === 3;
  const bits = v6
    ? 128 - [80, 96, 72, 64][random() & 3]!
    : [16, 19, 20, 22, 23, 24, 24, 24, 24, 26, 28, 32][random() % 12]!;
  const words = anywhere(v6).map((word, j) => (word & maskOf(v6 ? bits : bits + 96, j)) >>> 0);
  networks.push({
    organisation: `org-${random() % 20_000}`,
    realm: "",
    prefix: `${formatIp(words)}/${bits}`,
    asn: null,
    domain: null,
    translation: i % 50 === 0 ? "cgnat" : "none",
    essential: i % 30 === 0,
    country: ["TH", "ID", "JP", "VN"][i & 3]!,
    from: i % 10 === 0 ? 1_700_000_000_000_000 : 0,
    until: i % 10 === 1 ? 1_700_000_000_000_000 : null,
  });
}
const asked = new Uint32Array(lookups * 4);
for (let i = 0; i < lookups; i++) asked.set(anywhere(i % 4 === 3), i * 4);
const texts = Array.from({ length: lookups }, (_, i) => formatIp(asked, i * 4));
const now = 1_764_000_000_000_000;

const median = (numbers: number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;
const timed = (work: () => unknown): number => {
  const start = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - start) / 1e9;
};
const measure = (work: () => unknown): number => median(Array.from({ length: runs }, () => timed(work)));

let builder = new OwnerTablesBuilder();
const reading = timed(() => {
  for (const network of networks) builder.add(network);
});
let tables = builder.build();
const building = measure(() => (tables = builder.build()));
builder = new OwnerTablesBuilder();
const bytesOf = (value: unknown): number =>
  ArrayBuffer.isView(value)
    ? value.byteLength
    : value instanceof Map
      ? [...value.values()].reduce((sum: number, one) => sum + bytesOf(one), 0)
      : value !== null && typeof value === "object" && !Array.isArray(value)
        ? Object.values(value).reduce((sum: number, one) => sum + bytesOf(one), 0)
        : 0;
console.log(
  `${count} prefixes: rows read in ${reading.toFixed(2)} s, tables built in ${building.toFixed(2)} s, ${(bytesOf(tables) / 1e6).toFixed(0)} MB = ${(bytesOf(tables) / count).toFixed(0)} bytes a prefix`,
);

const owners = ownersOver(tables);
const into = new Int32Array(lookups);
const rate = (seconds: number): string =>
  `${(lookups / seconds / 1e6).toFixed(2)} M/s, ${((seconds / lookups) * 1e9).toFixed(0)} ns each`;
const column = measure(() => owners.find("", asked, now, into));
console.log(
  `a column of addresses: ${rate(column)} (${((into.filter((row) => row >= 0).length / lookups) * 100).toFixed(0)} % owned)`,
);
const single = measure(() => {
  for (let i = 0; i < lookups; i++) owners.ownerAt("", asked, i * 4, now);
});
console.log(`one by one, by words: ${rate(single)}`);
const byText = measure(() => {
  for (const text of texts) owners.ownerOf("", text, now);
});
console.log(`one by one, by text: ${rate(byText)}`);

// The peer: 50,000 look-ups are enough to know its pace.
const byLength = new Map<string, Map<string, string>>();
for (const { prefix, organisation, from, until } of networks) {
  if (from > now || (until !== null && until <= now)) continue;
  const [base, bits] = ipaddr.parseCIDR(prefix ?? "");
  const kind = `${base.kind()}/${bits}`;
  const at = byLength.get(kind) ?? new Map<string, string>();
  at.set(base.toNormalizedString(), organisation);
  byLength.set(kind, at);
}
const lengths = { ipv4: [] as number[], ipv6: [] as number[] };
for (const kind of byLength.keys()) {
  const [family = "", bits = ""] = kind.split("/");
  lengths[family as "ipv4" | "ipv6"].push(Number(bits));
}
for (const list of Object.values(lengths)) list.sort((a, b) => b - a);
const peer = (text: string): string | undefined => {
  const ip = ipaddr.parse(text);
  const kind = ip.kind();
  for (const bits of lengths[kind]) {
    const cidr = `${text}/${bits}`;
    const base = kind === "ipv4" ? ipaddr.IPv4.networkAddressFromCIDR(cidr) : ipaddr.IPv6.networkAddressFromCIDR(cidr);
    const found = byLength.get(`${kind}/${bits}`)?.get(base.toNormalizedString());
    if (found !== undefined) return found;
  }
  return undefined;
};
const some = texts.slice(0, Math.min(lookups, 50_000));
let differ = 0;
const theirs = timed(() => {
  for (const text of some) if ((peer(text) === undefined) !== (owners.ownerOf("", text, now) === null)) differ++;
});
console.log(
  `ipaddr.js with a Map for each length: ${(some.length / theirs / 1e6).toFixed(3)} M/s by text; ${differ} answers differ`,
);
console.log(`ratio by text: ${(theirs / some.length / (byText / lookups)).toFixed(0)}`);
