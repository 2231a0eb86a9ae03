// SPDX-License-Identifier: Apache-2.0
import { formatPrefix, parsePrefix } from "../net/prefix.ts";

/** A row of the constituency: what belongs to whom, for how long. Exactly one of `prefix`, `asn`, `domain` is set. */
export interface Network {
  readonly organisation: string;
  /** "" is shared; any other is a member's own, where the same private addresses may mean other hosts. */
  readonly realm: string;
  readonly prefix: string | null;
  readonly asn: number | null;
  readonly domain: string | null;
  /** `cgnat`: many subscribers behind one address. */
  readonly translation: "none" | "cgnat";
  /** Of the organisation: it operates an essential service. */
  readonly essential: boolean;
  /** Of the organisation, ISO 3166. */
  readonly country: string | null;
  /** Microseconds UTC; 0 when nobody knows since when. */
  readonly from: number;
  /** Exclusive; null: still. */
  readonly until: number | null;
}

export type NetworkKey = Pick<Network, "prefix" | "asn" | "domain">;

const label = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;

/** A domain name in lower-case ASCII form without a dot at its end; undefined when it is none. Names in other scripts become A-labels. */
export const domainOf = (text: string): string | undefined => {
  let name = text.toLowerCase();
  if (/[^\u0021-\u007e]/.test(name)) {
    // The URL parser of the language knows IDNA; it must find a host and nothing else.
    if (/[\s/?#@:\\%]/.test(name)) return undefined;
    try {
      name = new URL(`http://${name}/`).hostname;
    } catch {
      return undefined;
    }
  }
  if (name.endsWith(".")) name = name.slice(0, -1);
  const labels = name.split(".");
  const last = labels.at(-1) ?? "";
  if (name.length > 253 || labels.length < 2 || !labels.every((one) => label.test(one)) || /^\d+$/.test(last)) {
    return undefined;
  }
  return name;
};

/** What a text names: a prefix or address, `AS64500`, or a domain. Undefined when it is none of them, or a prefix with host bits set. */
export const networkKeyOf = (text: string): NetworkKey | undefined => {
  const asn = /^as\s?(\d{1,10})$/i.exec(text)?.[1];
  if (asn !== undefined) {
    const value = Number(asn);
    return value > 0 && value <= 0xffffffff ? { prefix: null, asn: value, domain: null } : undefined;
  }
  if (text.includes("/") || text.includes(":") || /^[\d.]+$/.test(text)) {
    const prefix = parsePrefix(text);
    return prefix === undefined ? undefined : { prefix: formatPrefix(prefix), asn: null, domain: null };
  }
  const domain = domainOf(text);
  return domain === undefined ? undefined : { prefix: null, asn: null, domain };
};

/** Whether a prefix is more than any organisation holds in the shared realm, a /8 (IPv4) or a /16 (IPv6): a slip of the pen, or a wish for everything. */
export const isTooWide = ({ prefix: text }: NetworkKey, realm: string): boolean => {
  const prefix = text === null || realm !== "" ? undefined : parsePrefix(text);
  return prefix !== undefined && prefix.length < (text?.includes(".") === true ? 104 : 16);
};

/** The text of such a key. */
export const networkText = ({ prefix, asn, domain }: NetworkKey): string =>
  prefix ?? (asn === null ? (domain ?? "") : `AS${asn}`);
