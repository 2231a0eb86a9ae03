// SPDX-License-Identifier: Apache-2.0
import type { Search } from "../../../src/api/contract/answers.ts";
import type { DeskSearch } from "../../../src/api/contract/desk/search.ts";

export type Seen = Search["rows"][number];
export type Known = DeskSearch["rows"][number];
export type Hit = (Seen & { readonly desk?: undefined }) | { readonly desk: Known };

/** What was typed or pasted, by its form alone. */
export type Typed =
  | { readonly kind: "address"; readonly ip: string }
  | { readonly kind: "prefix" }
  | { readonly kind: "asn"; readonly asn: number }
  | { readonly kind: "port"; readonly port: number; readonly protocol: string | null }
  | { readonly kind: "case"; readonly number: number }
  | { readonly kind: "text" };

const address = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]*:[0-9a-f:]*:[0-9a-f:.]*)$/i;
const port = /^(?:(tcp|udp)\s?[/:]?\s?)?(\d{1,5})(?:\s?\/\s?(tcp|udp))?$/i;

export const typedAs = (text: string): Typed => {
  const typed = text.trim();
  if (address.test(typed)) return { kind: "address", ip: typed.toLowerCase() };
  const [before = "", length, ...more] = typed.split("/");
  if (address.test(before) && length !== undefined && /^\d{1,3}$/.test(length) && more.length === 0)
    return { kind: "prefix" };
  const asn = /^as\s?(\d{1,10})$/i.exec(typed)?.[1];
  if (asn !== undefined && Number(asn) <= 0xffff_ffff) return { kind: "asn", asn: Number(asn) };
  const number = /^layang-(\d{1,9})$/i.exec(typed)?.[1];
  if (number !== undefined) return { kind: "case", number: Number(number) };
  const [, first, digits = "", last] = port.exec(typed) ?? [];
  if (digits !== "" && Number(digits) <= 65_535)
    return { kind: "port", port: Number(digits), protocol: (first ?? last)?.toLowerCase() ?? null };
  return { kind: "text" };
};

const nothing = {
  packets: 0,
  sources: 0,
  ip: null,
  asn: null,
  protocol: null,
  port: null,
  country: null,
  sensor: null,
};
/** The page of what was typed, whether or not anything of it was seen: "not seen" is an answer too. */
const own = (typed: Typed): Seen[] => {
  if (typed.kind === "address") return [{ ...nothing, kind: "source", label: typed.ip, detail: null, ip: typed.ip }];
  if (typed.kind === "asn")
    return [{ ...nothing, kind: "network", label: `AS${typed.asn}`, detail: null, asn: typed.asn }];
  if (typed.kind !== "port") return [];
  const protocol = typed.protocol ?? "tcp";
  return [{ ...nothing, kind: "port", label: `${protocol}/${typed.port}`, detail: null, protocol, port: typed.port }];
};

const same = (a: string, b: string): boolean => a.toLowerCase() === b.trim().toLowerCase();
const isSeen = (typed: Typed, text: string, hit: Seen): boolean => {
  switch (typed.kind) {
    case "address":
      // The answer writes it its own way, and answers to one address with one source.
      return hit.kind === "source";
    case "prefix":
      return hit.kind === "prefix";
    case "asn":
      return hit.kind === "network" && hit.asn === typed.asn;
    case "port":
      return hit.kind === "port" && hit.port === typed.port && (typed.protocol ?? hit.protocol) === hit.protocol;
    default:
      return same(hit.label, text) || (hit.detail !== null && same(hit.detail, text));
  }
};
const isKnown = (typed: Typed, text: string, hit: Known): boolean =>
  typed.kind === "case" ? hit.kind === "case" && hit.case === typed.number : same(hit.label, text);

/**
 * What `/` found, in the order in which it is shown: first the very thing that was typed, with its page, then what the desk knows about it, then
 * the rest. `answered`: the answers are those to this text, not to the one before it.
 */
export const inOrder = (
  text: string,
  seen: readonly Seen[],
  known: readonly Known[],
  answered: boolean,
): { readonly hits: readonly Hit[]; readonly exact: number } => {
  const typed = typedAs(text);
  const found = answered ? seen.filter((hit) => isSeen(typed, text, hit)) : [];
  const page: Hit[] = found.length > 0 ? [...found] : own(typed);
  // Of the desk's, an alert of that address is about it and not it.
  const meant = answered
    ? known.filter(
        (hit) =>
          hit.kind !== "alert" &&
          (typed.kind === "case" || typed.kind === "prefix" || typed.kind === "text") &&
          isKnown(typed, text, hit),
      )
    : [];
  const first: Hit[] = [...meant.filter(({ kind }) => kind === "case").map((desk) => ({ desk })), ...page];
  first.push(...meant.filter(({ kind }) => kind !== "case").map((desk) => ({ desk })));
  const rest: Hit[] = [
    ...known.filter((hit) => !meant.includes(hit)).map((desk) => ({ desk })),
    ...seen.filter((hit) => !found.includes(hit)),
  ];
  return { hits: [...first, ...rest], exact: first.length };
};
