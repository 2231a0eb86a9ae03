// SPDX-License-Identifier: Apache-2.0
import { formatIp, parseIp } from "../net/ip.ts";
import { maskOf, parsePrefix } from "../net/prefix.ts";

/** Addresses and networks whose scanning is announced as research, and whose they are. */
export interface ResearchList {
  /** Addresses as the engine writes IPv6, with their owner. */
  readonly addresses: ReadonlyMap<string, string>;
  /** Start addresses of the networks, by prefix length in 128 bits. */
  readonly networks: ReadonlyMap<number, readonly string[]>;
  readonly size: number;
}

/** Stands where only the network is listed: its owner may have others. */
export const listedNetwork = "listed network";

/** `pinger1.netsec.colostate.edu` is colostate.edu's; a name without dots, or an address, is its own owner. */
const ownerOf = (name: string): string => {
  const text = name.trim().toLowerCase();
  if (text === "" || /^[\d.]+$/.test(text)) return "unnamed";
  if (!/^[a-z0-9.-]+\.[a-z]+$/.test(text)) return text;
  const labels = text.split(".");
  const second = labels.at(-2) ?? "";
  return labels.slice(second.length <= 3 && labels.length > 2 ? -3 : -2).join(".");
};

const engineIp = (words: readonly number[]): string => {
  const text = formatIp(words);
  return text.includes(":") ? text : `::ffff:${text}`;
};

/**
 * Reads lines of the form `address-or-prefix # owner` (the form of github.com/stamparm/maltrail's mass_scanner lists).
 * Lines that begin with `#`, empty ones and malformed ones are passed over.
 */
export const parseResearchList = (text: string): ResearchList => {
  const addresses = new Map<string, string>();
  const networks = new Map<number, string[]>();
  let size = 0;
  for (const line of text.split("\n")) {
    const at = line.indexOf("#");
    const prefix = parsePrefix((at < 0 ? line : line.slice(0, at)).trim());
    if (prefix === undefined) continue;
    size++;
    if (prefix.length === 128) addresses.set(engineIp(prefix.words), ownerOf(at < 0 ? "" : line.slice(at + 1)));
    else networks.set(prefix.length, [...(networks.get(prefix.length) ?? []), engineIp(prefix.words)]);
  }
  return { addresses, networks, size };
};

/** Whose an address is by the list; null when it is not on it. */
export const listOwner = (list: ResearchList | null, ip: string): string | null => {
  const words = parseIp(ip);
  if (list === null || words === undefined) return null;
  const own = list.addresses.get(engineIp(words));
  if (own !== undefined) return own;
  for (const [length, starts] of list.networks) {
    const start = [0, 1, 2, 3].map((i) => ((words[i] ?? 0) & maskOf(length, i)) >>> 0);
    if (starts.includes(engineIp(start))) return listedNetwork;
  }
  return null;
};

/** SQL that is true where `column` is on the list, with its values. */
export const listed = (
  list: ResearchList | null,
  column: string,
): { sql: string; parameters: Record<string, unknown> } => {
  if (list === null || list.size === 0) return { sql: "0", parameters: {} };
  const parameters: Record<string, unknown> = { listed: [...list.addresses.keys()] };
  const tests = [`${column} IN {listed:Array(IPv6)}`];
  for (const [length, starts] of list.networks) {
    parameters[`listed${length}`] = starts;
    tests.push(`tupleElement(IPv6CIDRToRange(${column}, ${length}), 1) IN {listed${length}:Array(IPv6)}`);
  }
  return { sql: `(${tests.join(" OR ")})`, parameters };
};
