// SPDX-License-Identifier: Apache-2.0
import { Resolver } from "node:dns/promises";
import { formatV4, isV4 } from "../net/ip.ts";
import { parsePrefix } from "../net/prefix.ts";

export interface Claimed {
  readonly prefix: string | null;
  readonly asn: number | null;
  readonly domain: string | null;
}

const v4Name = (value: number, labels: number): string =>
  `${formatV4(value).split(".").slice(0, labels).toReversed().join(".")}.in-addr.arpa`;
const v6Name = (words: readonly number[], nibbles: number): string => {
  const hex = words.map((word) => word.toString(16).padStart(8, "0")).join("");
  return `${hex.slice(0, nibbles).split("").toReversed().join(".")}.ip6.arpa`;
};

/**
 * Names whose TXT records show control of what is claimed; all of them must. Reverse zones follow octets (IPv4) and nibbles
 * (IPv6): a prefix between two borders is all the zones under it. Below a /24 the first and the last address' own names,
 * which RFC 2317 delegates. An AS has no place in the DNS: none.
 */
export const proofNames = ({ prefix: text, domain }: Claimed): readonly string[] => {
  if (domain !== null) return [`_layang.${domain}`];
  const prefix = text === null ? undefined : parsePrefix(text);
  if (prefix === undefined) return [];
  if (isV4(prefix.words) && prefix.length >= 96) {
    const bits = prefix.length - 96;
    const base = prefix.words[3];
    if (bits > 24) {
      const last = base + 2 ** (32 - bits) - 1;
      return [...new Set([base, last])].map((value) => v4Name(value, 4));
    }
    const labels = Math.max(1, Math.ceil(bits / 8));
    const step = 2 ** (32 - 8 * labels);
    return Array.from({ length: 2 ** (8 * labels - bits) }, (_, i) => v4Name(base + i * step, labels));
  }
  const nibbles = Math.max(1, Math.ceil(prefix.length / 4));
  const shift = 4 * nibbles - prefix.length;
  const at = (nibbles - 1) >> 3;
  const unit = 2 ** (28 - 4 * ((nibbles - 1) & 7));
  return Array.from({ length: 2 ** shift }, (_, i) =>
    v6Name(
      prefix.words.map((word, j) => (j === at ? word + i * unit : word)),
      nibbles,
    ),
  );
};

/** What must stand in a TXT record. */
export const proofText = (challenge: string): string => `layang-claim=${challenge}`;

/** Whether the challenge stands at every name. @throws what `txt` rejects with. */
export const isProven = async (
  claimed: Claimed,
  challenge: string,
  txt: (name: string) => Promise<readonly string[]>,
): Promise<boolean> => {
  const names = proofNames(claimed);
  for (const name of names) {
    if (!(await txt(name)).includes(proofText(challenge))) return false;
  }
  return names.length > 0;
};

/** TXT records through these name servers (`address` or `address:port`); the system's when none are named. */
export const txtThrough = (servers: readonly string[]): ((name: string) => Promise<readonly string[]>) => {
  const resolver = new Resolver({ timeout: 3_000, tries: 2 });
  if (servers.length > 0) resolver.setServers([...servers]);
  return async (name) => {
    try {
      return (await resolver.resolveTxt(name)).map((parts) => parts.join(""));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOTFOUND" || code === "ENODATA") return [];
      throw error;
    }
  };
};
