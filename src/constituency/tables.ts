// SPDX-License-Identifier: Apache-2.0
import { isV4 } from "../net/ip.ts";
import { parsePrefix } from "../net/prefix.ts";
import { networkText } from "./network.ts";
import type { Network } from "./network.ts";
import { buildTree } from "./tree.ts";
import type { PrefixTree } from "./tree.ts";

/** Who is behind a row, as far as a look-up tells. */
export interface Holder {
  readonly organisation: string;
  readonly essential: boolean;
  readonly country: string | null;
}

/** The rows of one realm. `v4` and `v6` hold row numbers as items. */
export interface RealmTables {
  readonly v4: PrefixTree;
  readonly v6: PrefixTree;
  readonly asns: ReadonlyMap<number, readonly number[]>;
  readonly domains: ReadonlyMap<string, readonly number[]>;
}

/** Everything a look-up needs, as plain data: a worker may build it and hand it over. */
export interface OwnerTables {
  readonly count: number;
  readonly holders: readonly Holder[];
  /** By row: its holder, its validity, whether addresses are shared by translation. */
  readonly holder: Uint32Array;
  readonly from: Float64Array;
  readonly until: Float64Array;
  readonly cgnat: Uint8Array;
  /** By row: first address (four words) and length in the 128-bit form; length 255: no prefix. */
  readonly words: Uint32Array;
  readonly lengths: Uint8Array;
  readonly realms: ReadonlyMap<string, RealmTables>;
}

const grown = <T extends Uint32Array | Float64Array | Uint8Array>(old: T, room: number): T => {
  const next = new (old.constructor as new (length: number) => T)(room);
  next.set(old);
  return next;
};
export const noPrefix = 255;

/** Takes rows one by one, in any order, and makes the tables. A row whose prefix is none is refused with false. */
export class OwnerTablesBuilder {
  #count = 0;
  #room = 1024;
  #holder = new Uint32Array(this.#room);
  #from = new Float64Array(this.#room);
  #until = new Float64Array(this.#room);
  #cgnat = new Uint8Array(this.#room);
  #words = new Uint32Array(this.#room * 4);
  #lengths = new Uint8Array(this.#room);
  #realm = new Uint32Array(this.#room);
  readonly #holders: Holder[] = [];
  readonly #holderOf = new Map<string, number>();
  readonly #realms = new Map<string, number>();
  readonly #asns: Map<number, number[]>[] = [];
  readonly #domains: Map<string, number[]>[] = [];

  #holderIndex({ organisation, essential, country }: Network): number {
    const key = `${organisation}\n${essential ? 1 : 0}\n${country ?? ""}`;
    let index = this.#holderOf.get(key);
    if (index === undefined) {
      this.#holderOf.set(key, (index = this.#holders.length));
      this.#holders.push({ organisation, essential, country });
    }
    return index;
  }
  #realmIndex(realm: string): number {
    let index = this.#realms.get(realm);
    if (index === undefined) {
      this.#realms.set(realm, (index = this.#realms.size));
      this.#asns.push(new Map());
      this.#domains.push(new Map());
    }
    return index;
  }
  #grow(): void {
    this.#room *= 2;
    this.#holder = grown(this.#holder, this.#room);
    this.#from = grown(this.#from, this.#room);
    this.#until = grown(this.#until, this.#room);
    this.#cgnat = grown(this.#cgnat, this.#room);
    this.#words = grown(this.#words, this.#room * 4);
    this.#lengths = grown(this.#lengths, this.#room);
    this.#realm = grown(this.#realm, this.#room);
  }

  add(network: Network): boolean {
    const prefix = network.prefix === null ? null : parsePrefix(network.prefix);
    if (prefix === undefined || networkText(network) === "") return false;
    if (this.#count === this.#room) this.#grow();
    const row = this.#count++;
    const realm = this.#realmIndex(network.realm);
    this.#realm[row] = realm;
    this.#holder[row] = this.#holderIndex(network);
    this.#from[row] = network.from;
    this.#until[row] = network.until ?? Number.POSITIVE_INFINITY;
    this.#cgnat[row] = network.translation === "cgnat" ? 1 : 0;
    this.#lengths[row] = prefix === null ? noPrefix : prefix.length;
    if (prefix !== null) {
      for (let word = 0; word < 4; word++) this.#words[row * 4 + word] = prefix.words[word]!;
      return true;
    }
    const put = <K>(map: Map<K, number[]> | undefined, key: K): void => {
      const rows = map?.get(key);
      if (rows === undefined) map?.set(key, [row]);
      else rows.push(row);
    };
    if (network.asn !== null) put(this.#asns[realm], network.asn);
    else if (network.domain !== null) put(this.#domains[realm], network.domain);
    return true;
  }

  build(): OwnerTables {
    const count = this.#count;
    const from = this.#from.slice(0, count);
    const until = this.#until.slice(0, count);
    const lengths = this.#lengths.slice(0, count);
    const words = this.#words.slice(0, count * 4);
    /** Of rows about the same network the one that began last is asked first. */
    const newest = (a: number, b: number): number => from[b]! - from[a]! || until[b]! - until[a]! || a - b;
    const treeOf = (realm: number, v4: boolean): PrefixTree => {
      const width = v4 ? 1 : 4;
      // A v4-mapped prefix of at least 96 bits is IPv4; a wider one only speaks of IPv6.
      const rows = new Uint32Array(count);
      let n = 0;
      for (let row = 0; row < count; row++) {
        const length = lengths[row]!;
        if (this.#realm[row] !== realm || length === noPrefix) continue;
        if ((length >= 96 && isV4(words, row * 4)) === v4) rows[n++] = row;
      }
      const columns = { width, count: n, words: new Uint32Array(n * width), lengths: new Uint8Array(n) } as const;
      for (let i = 0; i < n; i++) {
        const row = rows[i]!;
        columns.lengths[i] = v4 ? lengths[row]! - 96 : lengths[row]!;
        for (let word = 0; word < width; word++) {
          columns.words[i * width + word] = words[row * 4 + (v4 ? 3 : word)]!;
        }
      }
      const tree = buildTree(columns);
      for (let i = 0; i < n; i++) tree.items[i] = rows[tree.items[i]!]!;
      for (let node = 0; node + 1 < tree.first.length; node++) {
        const [start, end] = [tree.first[node]!, tree.first[node + 1]!];
        if (end - start > 1) tree.items.subarray(start, end).sort(newest);
      }
      return tree;
    };
    const realms = new Map<string, RealmTables>();
    for (const [name, realm] of this.#realms) {
      const [asns, domains] = [this.#asns[realm]!, this.#domains[realm]!];
      for (const rows of [...asns.values(), ...domains.values()]) rows.sort(newest);
      realms.set(name, { v4: treeOf(realm, true), v6: treeOf(realm, false), asns, domains });
    }
    return {
      count,
      holders: this.#holders,
      holder: this.#holder.slice(0, count),
      from,
      until,
      cgnat: this.#cgnat.slice(0, count),
      words,
      lengths,
      realms,
    };
  }
}
