// SPDX-License-Identifier: Apache-2.0
import type { Format } from "../../format.ts";
import type { Messages } from "../../words/messages.ts";

const numberOf = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) ? value : undefined;
const partsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};

/** What a warning rests on, as a person reads it: names, numbers and times, nothing that is not there. */
export const restsOn = (
  evidence: Readonly<Record<string, unknown>>,
  t: Messages,
  f: Format,
): (readonly [string, string])[] => {
  const words = t.watch.warnings.one.rests;
  const of = (name: string): number | undefined => numberOf(evidence[name]);
  const pairs: (readonly [string, string])[] = [];
  const add = (name: string, value: string | undefined): void =>
    void (value === undefined || pairs.push([name, value]));
  const found = of("found");
  add(words.found, found === undefined ? undefined : f.time(new Date(found / 1000)));
  const [sources, expected, hours] = [of("sources"), of("expected"), of("window_hours")];
  if (sources !== undefined && expected !== undefined && hours !== undefined)
    add(words.window, words.windowOf(f.count(sources), f.rate(expected), f.count(hours)));
  const chance = of("chance_log10");
  add(
    words.chance,
    chance === undefined || chance > 0 ? undefined : words.chanceOf(f.short(10 ** Math.min(15, -chance))),
  );
  const networks = of("networks");
  add(words.networks, networks === undefined ? undefined : f.count(networks));
  const { signature } = evidence;
  add(t.word.signature, typeof signature === "string" ? signature : undefined);
  const [growth, error] = [of("growth_per_hour"), of("growth_error")];
  add(
    words.growth,
    growth === undefined ? undefined : `${f.change(growth)}${error === undefined ? "" : ` ± ${f.share(error)}`}`,
  );
  const doubling = of("doubling_hours");
  add(words.doubling, doubling === undefined ? undefined : f.span(doubling * 3600));
  const hosts = partsOf(evidence["hosts"]);
  const [low, middle, high] = [numberOf(hosts["low"]), numberOf(hosts["middle"]), numberOf(hosts["high"])];
  if (low !== undefined && middle !== undefined)
    add(words.hosts, `${f.short(middle)} (${f.short(low)}–${high === undefined ? "∞" : f.short(high)})`);
  const change = partsOf(evidence["changefinder"]);
  const scores = [numberOf(change["packets"]), numberOf(change["sources"])];
  if (scores.every((one) => one !== undefined))
    add(words.changefinder, scores.map((one) => f.rate(one ?? 0)).join(", "));
  return pairs;
};
