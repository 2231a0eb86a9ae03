// SPDX-License-Identifier: Apache-2.0
import { formatIp, isV4 } from "../net/ip.ts";
import type { OwnerTables } from "./tables.ts";
import type { PrefixTree } from "./tree.ts";

/** Somebody who holds a prefix, at the time that was asked for. */
export interface OverlapHolder {
  readonly organisation: string;
  readonly prefix: string;
  readonly from: number;
  readonly until: number | null;
}
/** `conflict`: two organisations hold the same prefix. `nested`: inside the prefix of one lies one of another; the longer wins. */
export interface Overlap {
  readonly prefix: string;
  readonly kind: "conflict" | "nested";
  /** The wider first; ten at most. */
  readonly holders: readonly OverlapHolder[];
}
export interface Overlaps {
  /** Prefixes of each kind, over all pages. */
  readonly conflicts: number;
  readonly nested: number;
  readonly rows: readonly Overlap[];
}
export interface OverlapsAsked {
  readonly kind?: "conflict" | "nested" | undefined;
  readonly offset?: number;
  readonly limit?: number;
}
const holdersAtMost = 10;

/** Prefixes of a realm that more than one organisation holds at a time; conflicts first, each kind in the order of addresses. */
export const overlapsOf = (
  tables: OwnerTables,
  realm: string,
  time: number,
  { kind, offset = 0, limit = 100 }: OverlapsAsked = {},
): Overlaps => {
  const { from, until } = tables;
  const organisationOf = (row: number): string => tables.holders[tables.holder[row]!]!.organisation;
  const textOf = (row: number): string => {
    const length = tables.lengths[row]!;
    return `${formatIp(tables.words, row * 4)}/${length >= 96 && isV4(tables.words, row * 4) ? length - 96 : length}`;
  };
  /** Rows of a prefix that are in force, one for each organisation. */
  const inForce = (tree: PrefixTree, node: number): number[] => {
    const rows: number[] = [];
    for (let i = tree.first[node]!; i < tree.first[node + 1]!; i++) {
      const row = tree.items[i]!;
      if (from[row]! > time || time >= until[row]!) continue;
      if (!rows.some((one) => organisationOf(one) === organisationOf(row))) rows.push(row);
    }
    return rows;
  };
  const found = { conflict: [] as number[][], nested: [] as number[][] };
  for (const tree of [tables.realms.get(realm)?.v4, tables.realms.get(realm)?.v6]) {
    if (tree === undefined) continue;
    // Prefixes come in the order of addresses, the wider before what lies in it.
    const inside = new Map<number, number[]>();
    const held = new Map<number, number>();
    for (let node = 0; node + 1 < tree.first.length; node++) {
      const rows = inForce(tree, node);
      const [row] = rows;
      if (row === undefined) continue;
      if (rows.length > 1) found.conflict.push(rows.slice(0, holdersAtMost));
      held.set(node, row);
      let wider = tree.parent[node]!;
      while (wider >= 0 && !held.has(wider)) wider = tree.parent[wider]!;
      const around = wider < 0 ? undefined : held.get(wider);
      if (around === undefined || organisationOf(around) === organisationOf(row)) continue;
      const list = inside.get(wider);
      if (list === undefined) inside.set(wider, [around, row]);
      else if (list.length < holdersAtMost) list.push(row);
    }
    for (const node of [...inside.keys()].toSorted((a, b) => a - b)) found.nested.push(inside.get(node)!);
  }
  const all = (kind === undefined ? (["conflict", "nested"] as const) : [kind]).flatMap((one) =>
    found[one].map((rows) => ({ kind: one, rows })),
  );
  return {
    conflicts: found.conflict.length,
    nested: found.nested.length,
    rows: all.slice(offset, offset + limit).map(({ kind: one, rows }) => ({
      prefix: textOf(rows[0]!),
      kind: one,
      holders: rows.map((row) => ({
        organisation: organisationOf(row),
        prefix: textOf(row),
        from: from[row]!,
        until: Number.isFinite(until[row]) ? until[row]! : null,
      })),
    })),
  };
};
