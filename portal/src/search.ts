// SPDX-License-Identifier: Apache-2.0
// What each page keeps in its address. An address is a person's input: what does not fit is left out, never an error.
import type { lasts } from "../../src/api/contract/query.ts";

export type Last = (typeof lasts)[number];
/** Every period the API knows; `custom` stands for from–to. */
export const allLasts = [
  "15m",
  "1h",
  "6h",
  "24h",
  "2d",
  "7d",
  "14d",
  "30d",
  "90d",
  "365d",
] as const satisfies readonly Last[];

export type Raw = Readonly<Record<string, unknown>>;
export const text = (raw: Raw, name: string, pattern: RegExp): string | undefined => {
  const value = raw[name];
  return typeof value === "string" && pattern.test(value) ? value : undefined;
};
export const oneOf = <V extends string>(raw: Raw, name: string, values: readonly V[]): V | undefined =>
  values.find((value) => value === raw[name]);
/**
 * The router lays what a page validates over what the address said: a name that does not fit must be there, undefined, to
 * be taken out. Readers see it as absent.
 */
export const set = <T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } => values as never;

export const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?Z$/;
export interface WhenSearch {
  last?: Last;
  from?: string;
  to?: string;
}
export const whenSearch = (raw: Raw): WhenSearch => {
  const from = text(raw, "from", instant);
  const to = text(raw, "to", instant);
  const both = from !== undefined && to !== undefined && from < to;
  return set({
    last: both ? undefined : oneOf(raw, "last", allLasts),
    from: both ? from : undefined,
    to: both ? to : undefined,
  });
};

export const filterNames = ["port", "protocol", "class", "country", "asn", "sensor", "mark", "signature"] as const;
export type FilterName = (typeof filterNames)[number];
export type FilterSearch = { [N in FilterName]?: string };
const filterForms: Record<FilterName, RegExp> = {
  port: /^\d{1,5}(,\d{1,5}){0,31}$/,
  protocol: /^[a-z0-9]{1,5}$/,
  class: /^[a-z-]+(,[a-z-]+)*$/,
  country: /^([A-Z]{2}|--)(,([A-Z]{2}|--)){0,31}$/,
  asn: /^\d{1,10}(,\d{1,10}){0,31}$/,
  sensor: /^[A-Za-z0-9][\w.-]{0,62}(,[A-Za-z0-9][\w.-]{0,62}){0,31}$/,
  mark: /^(mirai|zmap|masscan|stateless)$/,
  signature: /^\d{1,5}:[a-z,-]{1,40}:(\d{1,5}|-):(\d{1,3}|-)$/,
};
/** The filter's value made tidy (spaces out, case right), or undefined when it is no value of that filter. */
export const tidyFilter = (name: FilterName, value: string): string | undefined => {
  const bare = value.replaceAll(/\s+/g, "").replaceAll(/,+/g, ",").replaceAll(/^,|,$/g, "");
  const cased =
    name === "country"
      ? bare.toUpperCase()
      : name === "asn"
        ? bare.replaceAll(/as/gi, "")
        : name === "sensor"
          ? bare
          : bare.toLowerCase();
  return filterForms[name].test(cased) ? cased : undefined;
};
const filterSearch = (raw: Raw): FilterSearch =>
  set(Object.fromEntries(filterNames.map((name) => [name, text(raw, name, filterForms[name])])) as FilterSearch);

export const bys = ["packets", "sources"] as const;
export const amounts = ["packets", "sources", "mirai_sources"] as const;
export const measures = ["packets", "sources", "flows"] as const;
export const groups = ["none", "port", "country", "network", "sensor", "class", "mark"] as const;
export const stepNames = ["5m", "1h", "1d"] as const;
export const dayChoices = ["1", "7", "30", "90"] as const;

export const nowSearch = (raw: Raw) => ({
  ...whenSearch(raw),
  ...set({ news: oneOf(raw, "news", ["look", "24h"] as const), wall: oneOf(raw, "wall", ["1"] as const) }),
});
export const portsSearch = (raw: Raw) => ({ ...whenSearch(raw), ...set({ by: oneOf(raw, "by", bys) }) });
export const networksSearch = (raw: Raw) => ({
  ...whenSearch(raw),
  ...set({ by: oneOf(raw, "by", amounts), country: text(raw, "country", filterForms.country) }),
});
export const sensorsSearch = (raw: Raw) => set({ days: oneOf(raw, "days", dayChoices) });
export const exploreSearch = (raw: Raw) => ({
  ...whenSearch(raw),
  ...filterSearch(raw),
  ...set({
    measure: oneOf(raw, "measure", measures),
    group: oneOf(raw, "group", groups),
    step: oneOf(raw, "step", stepNames),
  }),
});
export const reportsSearch = (raw: Raw) => set({ quarter: text(raw, "quarter", /^\d{4}Q[1-4]$/) });

/** What is asked of the API for a page's period: the chosen one, or the page's own. */
export const whenOf = (search: WhenSearch, otherwise: Last): { last?: Last; from?: string; to?: string } =>
  search.from !== undefined && search.to !== undefined
    ? { from: search.from, to: search.to }
    : { last: search.last ?? otherwise };
export const spanOf = (search: WhenSearch, otherwise: Last): Last | "custom" =>
  search.from !== undefined ? "custom" : (search.last ?? otherwise);

/** Addresses hold plain text: `?last=7d&port=23,2323`, no quotes, no JSON. */
export const parseSearch = (search: string): Record<string, string> => Object.fromEntries(new URLSearchParams(search));
export const stringifySearch = (search: Raw): string => {
  const query = new URLSearchParams(
    Object.entries(search).flatMap(([name, value]) =>
      typeof value === "string" && value !== "" ? [[name, value] satisfies [string, string]] : [],
    ),
  )
    .toString()
    .replaceAll("%2C", ",")
    .replaceAll("%3A", ":");
  return query === "" ? "" : `?${query}`;
};

export type Changes<S> = { readonly [K in keyof S]?: S[K] | undefined };
/** A page's state with some of it changed; undefined takes a name out. */
export const patched = <S extends object>(before: S, next: Changes<S>): S =>
  Object.fromEntries(Object.entries({ ...before, ...next }).filter(([, value]) => value !== undefined)) as S;
