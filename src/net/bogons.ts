// SPDX-License-Identifier: Apache-2.0
import { parsePrefix, prefixContains } from "./prefix.ts";
import type { Prefix } from "./prefix.ts";

/** Addresses that cannot be a host on the Internet (RFC 6890 and its registries; RFC 5735 before it). */
const bogons = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/3",
  "::/8",
  "100::/64",
  "2001:db8::/32",
  "fc00::/7",
  "fe80::/10",
  "ff00::/8",
].flatMap((text) => parsePrefix(text) ?? []);
const v4 = bogons.filter(({ length, words }) => length >= 96 && words[2] === 0xffff);
const v6 = bogons.filter((one) => !v4.includes(one));

/** Those of the address's own family: `::/8` holds the mapped form of every IPv4 address. */
const beside = (words: ArrayLike<number>): readonly Prefix[] =>
  words[0] === 0 && words[1] === 0 && words[2] === 0xffff ? v4 : v6;

/** Whether no host on the Internet can have this address (four words). */
export const isBogon = (words: ArrayLike<number>): boolean =>
  beside(words).some((prefix) => prefixContains(prefix, words));

/** Whether all of a network is such addresses. */
export const isBogonNetwork = ({ words, length }: Prefix): boolean =>
  beside(words).some((bogon) => bogon.length <= length && prefixContains(bogon, words));
