// SPDX-License-Identifier: Apache-2.0
import { formatIp, isV4, parseIp } from "../net/ip.ts";
import { domainOf } from "./network.ts";
import type { Network } from "./network.ts";
import { OwnerTablesBuilder, noPrefix } from "./tables.ts";
import type { OwnerTables, RealmTables } from "./tables.ts";
import { nodeAt } from "./tree.ts";

/** Whose an address was at a moment. */
export interface Owner {
  readonly organisation: string;
  /** What matched: a prefix, `AS64500` or a domain. */
  readonly network: string;
  readonly translation: "none" | "cgnat";
  readonly essential: boolean;
  readonly country: string | null;
}

/**
 * Whose network it was. Times are microseconds UTC. The longest prefix that was held at that time wins; where none was, the
 * origin AS; of two rows about the same network the one that began later. Nothing but an address has an owner: null,
 * undefined and text that is no address match no network, not even 0.0.0.0/0.
 */
export interface Owners {
  /** Rows in it. */
  readonly count: number;
  ownerOf(realm: string, address: string | null | undefined, time: number): Owner | null;
  /** The same for four words at `at` (IPv4 is v4-mapped). */
  ownerAt(realm: string, words: ArrayLike<number>, at: number, time: number): Owner | null;
  /**
   * The same for a column of addresses (four words each): `into[i]` becomes a row for `owner`, or -1. `times` is one for each
   * address, or one for all.
   */
  find(realm: string, words: Uint32Array, times: ArrayLike<number> | number, into: Int32Array): void;
  /** The owner of a row that `find` gave. */
  owner(row: number): Owner;
  ownerOfAsn(realm: string, asn: number | null | undefined, time: number): Owner | null;
  /** Of a host name: the longest domain that is it or stands at its end. */
  ownerOfDomain(realm: string, name: string | null | undefined, time: number): Owner | null;
}

export interface OwnersOptions {
  /** Origin AS of an address (four words at `at`), 0 when not known: asked where no prefix matches. */
  readonly asnOf?: (words: Uint32Array, at: number) => number;
}

const remembered = 0x1_0000;

/** Look-ups over tables that are ready. */
export const ownersOver = (tables: OwnerTables, { asnOf }: OwnersOptions = {}): Owners => {
  const { from, until } = tables;
  /** Owners are made when first asked for; a slot is taken over by the next row that falls on it, so memory is bounded. */
  const rows = new Int32Array(remembered).fill(-1);
  const made: Owner[] = [];
  const scratch = new Uint32Array(4);

  const labels = new Map<number, string>();
  for (const { asns, domains } of tables.realms.values()) {
    for (const [asn, of] of asns) for (const row of of) labels.set(row, `AS${asn}`);
    for (const [domain, of] of domains) for (const row of of) labels.set(row, domain);
  }
  const owner = (row: number): Owner => {
    const slot = row & (remembered - 1);
    if (rows[slot] === row) return made[slot]!;
    const holder = tables.holders[tables.holder[row]!]!;
    const length = tables.lengths[row]!;
    const v4 = isV4(tables.words, row * 4) && length >= 96;
    const network =
      length === noPrefix ? labels.get(row)! : `${formatIp(tables.words, row * 4)}/${v4 ? length - 96 : length}`;
    const one: Owner = {
      organisation: holder.organisation,
      network,
      translation: tables.cgnat[row] === 1 ? "cgnat" : "none",
      essential: holder.essential,
      country: holder.country,
    };
    rows[slot] = row;
    made[slot] = one;
    return one;
  };
  const among = (candidates: readonly number[] | undefined, time: number): number => {
    if (candidates !== undefined)
      for (const row of candidates) if (from[row]! <= time && time < until[row]!) return row;
    return -1;
  };
  const byAsn = (realm: RealmTables, words: ArrayLike<number>, at: number, time: number): number => {
    if (asnOf === undefined || realm.asns.size === 0) return -1;
    for (let word = 0; word < 4; word++) scratch[word] = words[at + word]!;
    const asn = asnOf(scratch, 0);
    return asn > 0 ? among(realm.asns.get(asn), time) : -1;
  };
  const rowAt = (realm: RealmTables, words: ArrayLike<number>, at: number, time: number): number => {
    const v4 = isV4(words, at);
    const tree = v4 ? realm.v4 : realm.v6;
    for (let node = nodeAt(tree, words, v4 ? at + 3 : at); node >= 0; node = tree.parent[node]!) {
      const end = tree.first[node + 1]!;
      for (let i = tree.first[node]!; i < end; i++) {
        const row = tree.items[i]!;
        if (from[row]! <= time && time < until[row]!) return row;
      }
    }
    return byAsn(realm, words, at, time);
  };
  const orNull = (row: number): Owner | null => (row < 0 ? null : owner(row));
  return {
    count: tables.count,
    owner,
    ownerAt: (name, words, at, time) => {
      const realm = tables.realms.get(name);
      return realm === undefined ? null : orNull(rowAt(realm, words, at, time));
    },
    ownerOf: (name, address, time) => {
      const realm = tables.realms.get(name);
      const words = realm === undefined || address === null || address === undefined ? undefined : parseIp(address);
      return realm === undefined || words === undefined ? null : orNull(rowAt(realm, words, 0, time));
    },
    find: (name, words, times, into) => {
      const realm = tables.realms.get(name);
      for (let i = 0; i < into.length; i++) {
        into[i] = realm === undefined ? -1 : rowAt(realm, words, i * 4, typeof times === "number" ? times : times[i]!);
      }
    },
    ownerOfAsn: (name, asn, time) =>
      asn === null || asn === undefined ? null : orNull(among(tables.realms.get(name)?.asns.get(asn), time)),
    ownerOfDomain: (name, text, time) => {
      const domains = tables.realms.get(name)?.domains;
      if (domains === undefined || domains.size === 0 || text === null || text === undefined) return null;
      let rest = domainOf(text) ?? "";
      while (rest !== "") {
        const row = among(domains.get(rest), time);
        if (row >= 0) return owner(row);
        const dot = rest.indexOf(".");
        rest = dot < 0 ? "" : rest.slice(dot + 1);
      }
      return null;
    },
  };
};

/** Owners of these rows. Rows whose prefix cannot be read are left out; doors to the program refuse them before. */
export const createOwners = (networks: Iterable<Network>, options: OwnersOptions = {}): Owners => {
  const builder = new OwnerTablesBuilder();
  for (const network of networks) builder.add(network);
  return ownersOver(builder.build(), options);
};
