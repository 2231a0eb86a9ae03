// SPDX-License-Identifier: Apache-2.0
import { formatV4 } from "../net/ip.ts";
import { parsePrefix, prefixSize } from "../net/prefix.ts";
import { inventedName } from "./names.ts";
import { ccCode } from "./plan.ts";
import type { Plan } from "./plan.ts";
import { mix, mix3, unit } from "./random.ts";
import type { OrganisationSpec } from "./scenario.ts";

export interface SimulatedPrefix {
  readonly start: number;
  readonly size: number;
  /** CIDR. */
  readonly text: string;
}

/** An invented operator with the prefixes it has registered. */
export interface SimulatedOrganisation {
  readonly name: string;
  readonly group: string;
  readonly kind: string;
  readonly country: string;
  /** "" is the shared realm. */
  readonly realm: string;
  readonly asn: number | null;
  readonly prefixes: readonly SimulatedPrefix[];
  /** Shared public addresses a prefix; 0: an address a subscriber. */
  readonly cgnat: number;
  readonly essential: boolean;
}

/** Who the node is responsible for in a simulated world. */
export interface SimulatedConstituency {
  readonly organisations: readonly SimulatedOrganisation[];
  /** Pieces of the plan that hold a registered prefix: the background does not live there, so that the truth about each
   * source in the constituency is the cast's. */
  readonly pieces: ReadonlySet<number>;
}

const align = (start: number, size: number): number => Math.ceil(start / size) * size;

/** @throws Error when the plan has not enough networks of a kind in a country. */
export const drawConstituency = (
  plan: Plan,
  specs: readonly OrganisationSpec[],
  seed: number,
): SimulatedConstituency => {
  const organisations: SimulatedOrganisation[] = [];
  const pieces = new Set<number>();
  const taken = new Set<number>();
  for (const [s, spec] of specs.entries()) {
    const { group, kind, country, cgnat = 0, essential = false } = spec;
    const common = { group, kind, country, cgnat, essential };
    if (spec.networks !== undefined) {
      const prefixes = spec.networks.map((text): SimulatedPrefix => {
        const prefix = parsePrefix(text)!;
        return { start: prefix.words[3], size: prefixSize(prefix), text };
      });
      for (let i = 0; i < spec.count; i++) {
        const name = inventedName(mix3(seed, 0x7265616c, s), i, kind);
        organisations.push({ ...common, name, realm: spec.realm ?? "", asn: null, prefixes });
      }
      continue;
    }
    const size = 2 ** (32 - spec.length);
    const cc = ccCode(country);
    const found = new Map<number, number[]>();
    for (let i = 0; i < plan.starts.length; i++) {
      if (plan.ccs[i] !== cc) continue;
      const network = plan.network[i]!;
      if (plan.networks[network]!.kind !== kind || taken.has(network)) continue;
      if (align(plan.starts[i]!, size) + size - 1 > plan.ends[i]!) continue;
      const list = found.get(network);
      if (list === undefined) found.set(network, [i]);
      else list.push(i);
    }
    const order = [...found.keys()].sort((a, b) => mix3(seed, s, a) - mix3(seed, s, b) || a - b).slice(0, spec.count);
    if (order.length < spec.count) {
      throw new Error(`only ${order.length} of ${spec.count} ${kind} networks in ${country} have a /${spec.length}`);
    }
    for (const network of order) {
      taken.add(network);
      const prefixes: SimulatedPrefix[] = [];
      for (const piece of found.get(network)!) {
        let start = align(plan.starts[piece]!, size);
        for (; start + size - 1 <= plan.ends[piece]! && prefixes.length < spec.prefixes; start += size) {
          pieces.add(piece);
          prefixes.push({ start, size, text: `${formatV4(start)}/${spec.length}` });
        }
      }
      const { name, asn } = plan.networks[network]!;
      organisations.push({ ...common, name, realm: "", asn, prefixes });
    }
  }
  return { organisations, pieces };
};

/** An address of one of these organisations that stands for a host (behind carrier NAT, one that many share). */
export const hostOf = (organisation: SimulatedOrganisation, word: number): number => {
  const { prefixes, cgnat } = organisation;
  const prefix = prefixes[mix(word, 1) % prefixes.length]!;
  if (cgnat > 0) return prefix.start + 1 + (mix(word, 2) % Math.min(cgnat, prefix.size - 2));
  const address = prefix.start + Math.floor(unit(mix(word, 2)) * prefix.size);
  const last = address & 255;
  return last === 0 ? address + 1 : last === 255 ? address - 1 : address;
};
