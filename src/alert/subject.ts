// SPDX-License-Identifier: Apache-2.0
import { formatPrefix, maskOf } from "../net/prefix.ts";
import { isV4, parseIp } from "../net/ip.ts";
import type { IpWords } from "../net/ip.ts";

/** The /64 of an IPv6 address; hosts change the rest of it by themselves (RFC 8981). */
export const network64 = (address: string): string | null => {
  const words = parseIp(address);
  if (words === undefined || isV4(words)) return null;
  const masked = words.map((word, i) => (word & maskOf(64, i)) >>> 0) as unknown as IpWords;
  return formatPrefix({ words: masked, length: 64 });
};

/**
 * What makes findings one alert: an IPv4 address, an IPv6 /64, or, behind a carrier's translation, the public address and the
 * family, since many subscribers share the address. Times and ports are never part of it.
 */
export const subjectOf = (source: string, family: string | null, translation: "none" | "cgnat"): string => {
  const network = network64(source);
  if (network !== null) return network;
  return translation === "cgnat" ? `${source}#${family ?? "unknown"}` : source;
};

/** A subject as people read it: behind translation the family is in it, to tell alerts of one address apart. */
export const subjectShown = (subject: string): string => subject.split("#")[0] ?? subject;

/** The one text of everything that makes an alert the same alert; ids are made of it and of its opening. */
export const alertKey = (alert: {
  readonly organisation: string | null;
  readonly realm: string;
  readonly exercise: string;
  readonly kind: string;
  readonly subject: string;
}): string => JSON.stringify([alert.organisation, alert.realm, alert.exercise, alert.kind, alert.subject]);
