// SPDX-License-Identifier: Apache-2.0
import { isV4 } from "../net/ip.ts";
import { formatPrefix } from "../net/prefix.ts";
import type { Prefix } from "../net/prefix.ts";

/** Ethernet and one VLAN tag, an IP header, TCP with all its options: what must be seen of IPv4, and of IPv6. */
const HEADERS_V4 = 14 + 4 + 20 + 60;
const HEADERS_V6 = 14 + 4 + 40 + 60;

/**
 * The kernel filter (pcap-filter(7)) that admits traffic to or from the prefixes and nothing else; with `vlan` also inside
 * one VLAN tag. The word `vlan` shifts everything that follows it, hence its place at the end.
 */
export const darkFilter = (dark: readonly Prefix[], vlan: boolean): string => {
  const nets = dark.map((prefix) => `net ${formatPrefix(prefix)}`).join(" or ");
  return vlan ? `(${nets}) or (vlan and (${nets}))` : nets;
};

/** Bytes to capture of each packet: up to the end of the headers that are counted, which is where secrecy begins. */
export const headerLength = (dark: readonly Prefix[]): number =>
  dark.every((prefix) => isV4(prefix.words)) ? HEADERS_V4 : HEADERS_V6;
