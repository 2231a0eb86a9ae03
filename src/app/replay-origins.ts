// SPDX-License-Identifier: Apache-2.0
import { cacheFolder } from "../platform/cache.ts";
import { Origins, packagedOrigins } from "../store/flows/origins.ts";
import type { ReplaySummary } from "./replay-summary.ts";

export interface OriginCount {
  readonly name: string;
  sources: number;
  packets: number;
}
export interface ReplayOrigins {
  readonly countries: readonly OriginCount[];
  readonly networks: readonly OriginCount[];
}

const most = 10;
const top = (counts: ReadonlyMap<string | number, OriginCount>): OriginCount[] =>
  [...counts.values()]
    .sort((a, b) => b.sources - a.sources || b.packets - a.packets || (a.name < b.name ? -1 : 1))
    .slice(0, most);

/** Where the sources of a replay are registered and announced, by the packaged prefix data: the ten with most sources each. */
export const replayOrigins = (summary: ReplaySummary): ReplayOrigins => {
  const origins = new Origins(packagedOrigins, cacheFolder());
  const names = new Map(origins.names);
  const countries = new Map<string, OriginCount>();
  const networks = new Map<number, OriginCount>();
  const add = <K>(counts: Map<K, OriginCount>, key: K, name: () => string, packets: number): void => {
    let found = counts.get(key);
    if (found === undefined) {
      found = { name: name(), sources: 0, packets: 0 };
      counts.set(key, found);
    }
    found.sources++;
    found.packets += packets;
  };
  const words = new Uint32Array(4);
  summary.eachSource((src, packets) => {
    words.set(src);
    const segment = origins.table.find(words, 0);
    const asn = segment < 0 ? 0 : origins.table.asnOf(segment);
    const country = segment < 0 ? undefined : origins.table.countries[origins.table.countryOf(segment) - 1];
    add(countries, country ?? "", () => country ?? "not registered", packets);
    add(networks, asn, () => (asn === 0 ? "not announced" : `AS${asn} ${names.get(asn) ?? ""}`.trimEnd()), packets);
  });
  return { countries: top(countries), networks: top(networks) };
};
