// SPDX-License-Identifier: Apache-2.0
import { inventedName } from "./names.ts";
import type { NetworkKind } from "./names.ts";
import { Alias, mix, unit } from "./random.ts";

/** Ranges of IPv4 addresses, ascending and without overlap; `values` holds an AS number or a country (`ccCode`). */
export interface RangeTable {
  readonly starts: Uint32Array;
  /** The last address of each range. */
  readonly ends: Uint32Array;
  readonly values: Uint32Array;
}

export const ccCode = (cc: string): number => (cc.charCodeAt(0) << 8) | cc.charCodeAt(1);
export const ccText = (code: number): string => (code === 0 ? "" : String.fromCharCode(code >>> 8, code & 255));

export interface Network {
  /** A private-use number of RFC 6996. */
  readonly asn: number;
  readonly name: string;
  readonly kind: NetworkKind;
}

/**
 * Who the addresses of a simulated world belong to: the sizes, places and countries of the real allocation, and networks
 * that do not exist.
 */
export interface Plan {
  /** Pieces of one network in one country. */
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  readonly ccs: Uint16Array;
  readonly network: Uint32Array;
  readonly networks: readonly Network[];
}

/** The first 4-byte AS number for private use (RFC 6996). */
export const FIRST_PRIVATE_ASN = 4_200_000_000;

const kindOf = (h: number, addresses: number): NetworkKind => {
  const x = unit(h);
  if (addresses >= 1 << 19) return x < 0.6 ? "access" : x < 0.8 ? "mobile" : x < 0.92 ? "hosting" : "campus";
  if (addresses >= 1 << 14)
    return x < 0.4 ? "access" : x < 0.5 ? "mobile" : x < 0.8 ? "hosting" : x < 0.9 ? "campus" : "enterprise";
  return x < 0.25 ? "access" : x < 0.6 ? "hosting" : x < 0.7 ? "campus" : "enterprise";
};

/** Lays invented networks over the real plan: AS `values` become private-use numbers in an order that the seed shuffles. */
export const inventPlan = (seed: number, asns: RangeTable, countries: RangeTable): Plan => {
  const sizes = new Map<number, number>();
  for (let i = 0; i < asns.starts.length; i++) {
    const asn = asns.values[i]!;
    sizes.set(asn, (sizes.get(asn) ?? 0) + asns.ends[i]! - asns.starts[i]! + 1);
  }
  const shuffled = [...sizes.keys()].map((asn) => ({ asn, order: mix(seed ^ 0x5eed, asn) }));
  shuffled.sort((a, b) => a.order - b.order || a.asn - b.asn);
  const placeOf = new Map(shuffled.map(({ asn }, place) => [asn, place]));
  const networks = shuffled.map(({ asn, order }, place): Network => {
    const kind = kindOf(mix(order, 7), sizes.get(asn) ?? 0);
    return { asn: FIRST_PRIVATE_ASN + place, name: inventedName(seed, place, kind), kind };
  });

  const most = asns.starts.length + countries.starts.length;
  const starts = new Uint32Array(most);
  const ends = new Uint32Array(most);
  const ccs = new Uint16Array(most);
  const network = new Uint32Array(most);
  let count = 0;
  let at = 0;
  for (let i = 0; i < asns.starts.length; i++) {
    const end = asns.ends[i]!;
    const place = placeOf.get(asns.values[i]!) ?? 0;
    while (at < countries.starts.length && countries.ends[at]! < asns.starts[i]!) at++;
    for (let j = at; j < countries.starts.length && countries.starts[j]! <= end; j++) {
      starts[count] = Math.max(asns.starts[i]!, countries.starts[j]!);
      ends[count] = Math.min(end, countries.ends[j]!);
      ccs[count] = countries.values[j]!;
      network[count] = place;
      count++;
    }
  }
  return {
    starts: starts.slice(0, count),
    ends: ends.slice(0, count),
    ccs: ccs.slice(0, count),
    network: network.slice(0, count),
    networks,
  };
};

/** The plan as prefix data: `first,last,asn,"name"`, addresses as numbers: the form of the packaged AS table. */
export const asnLines = (plan: Plan): Generator<string> =>
  lines(plan, (i) => {
    const network = plan.networks[plan.network[i]!]!;
    return `${network.asn},"${network.name}"`;
  });

/** The plan as prefix data: `first,last,cc`, the form of the packaged country table. */
export const countryLines = (plan: Plan): Generator<string> => lines(plan, (i) => ccText(plan.ccs[i]!));

function* lines(plan: Plan, value: (piece: number) => string): Generator<string> {
  for (let i = 0; i < plan.starts.length; i++) yield `${plan.starts[i]!},${plan.ends[i]!},${value(i)}\n`;
}

/** Draws pieces of a plan, without those `left` out, by their number of addresses times what `favour` says of them. */
export const pieceAlias = (
  plan: Plan,
  favour: (network: Network, cc: number, addresses: number) => number,
  left?: ReadonlySet<number>,
): Alias => {
  const weights = new Float64Array(plan.starts.length);
  for (let i = 0; i < weights.length; i++) {
    if (left?.has(i)) continue;
    const size = plan.ends[i]! - plan.starts[i]! + 1;
    weights[i] = size * favour(plan.networks[plan.network[i]!]!, plan.ccs[i]!, size);
  }
  return new Alias(weights);
};

/** An address of a piece that stands for a host: never ends in .0 or .255. */
export const hostIn = (plan: Plan, piece: number, word: number): number => {
  const start = plan.starts[piece]!;
  const size = plan.ends[piece]! - start + 1;
  const address = start + Math.floor(unit(word) * size);
  const last = address & 255;
  return last === 0 ? Math.min(address + 1, plan.ends[piece]!) : last === 255 ? Math.max(address - 1, start) : address;
};

/** The piece that holds an address, or -1. */
export const pieceOf = (plan: Plan, address: number): number => {
  let low = 0;
  let high = plan.starts.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    if (plan.ends[middle]! < address) low = middle + 1;
    else if (plan.starts[middle]! > address) high = middle - 1;
    else return middle;
  }
  return -1;
};
