// SPDX-License-Identifier: Apache-2.0
import type { ToldSource } from "../access/told.ts";
import { formatIp, formatV4, isV4, parseIp } from "../net/ip.ts";
import { floorTo, hour, iso, only, spanOf } from "../observe/asked.ts";
import type { Span } from "../observe/asked.ts";
import { AppError } from "../platform/errors.ts";
import type { AnswerOf } from "./contract/index.ts";

type Query = Readonly<Record<string, unknown>>;
interface Asked {
  readonly query: Query;
  readonly now: number;
  readonly simulated: boolean;
}

/** One text for one address; empty: no address. */
const canonical = (address: string): string => {
  const words = parseIp(address);
  if (words === undefined) return "";
  return isV4(words) ? formatV4(words[3] >>> 0) : formatIp(words);
};
/** To the hour: exact times stand in the notice's samples, which are drawn. */
const timeOf = (micros: number): string => iso(floorTo(micros / 1000, hour));
const isWithin = ({ from, to }: Span, { first, last }: ToldSource): boolean => last / 1000 >= from && first / 1000 < to;

/** A filter would be a question about packets, and none is read here. */
const has = "what an owner was told has";
const envelope = (question: string, period: Span, { now, simulated }: Asked, truncated: boolean) => ({
  question,
  period: { from: iso(period.from), to: iso(period.to) },
  previous: null,
  coverage: null,
  meta: {
    simulated,
    realm: "",
    exercise: "",
    asked: iso(now),
    dataUntil: null,
    milliseconds: 0,
    // No packet was read.
    from: "none" as const,
    truncated,
  },
});
const periodOf = ({ query, now }: Asked, otherwise?: string): Span =>
  spanOf(query, { now, dataUntil: null, sensors: [] }, otherwise);

const victims = new Set<ToldSource["kind"]>(["dos-victim", "reflector-abuse"]);
const verdictOf = ({ kind, family }: ToldSource): AnswerOf<"source">["facts"]["verdict"] => {
  if (victims.has(kind)) return "backscatter";
  return family?.includes("mirai") === true ? "mirai-type" : "scanner";
};

/**
 * What an owner sees of a source: what the newest notice said of it, to the hour, and nothing that the host sent since. All of it comes from
 * the notices: a host that was told of once is no way to ask the sensors anything. What no notice says is 0, null or empty.
 */
export const ownSource = (told: readonly ToldSource[], asked: Asked): AnswerOf<"source"> => {
  only(asked.query, has, "ip");
  const ip = canonical(String(asked.query["ip"]));
  const found = ip === "" ? undefined : told.find(({ source }) => canonical(source) === ip);
  if (found === undefined) throw new AppError("NOT_FOUND", "no source of yours that you were told of");
  const period = periodOf(asked, "30d");
  const seen = isWithin(period, found);
  const [firstSeen, lastSeen] = [timeOf(found.first), timeOf(found.last)];
  return {
    ...envelope("source", period, asked, false),
    facts: {
      ip,
      seen,
      verdict: seen ? verdictOf(found) : "unseen",
      asn: found.asn,
      network: null,
      country: found.country,
      packets: seen ? found.packets : 0,
      bytes: 0,
      flows: 0,
      ports: seen ? found.ports.length : 0,
      mostPortsInDay: 0,
      sensors: 0,
      destinations: 0,
      hoursActive: 0,
      firstSeen: seen ? firstSeen : null,
      lastSeen: seen ? lastSeen : null,
      ttlMin: null,
      ttlMax: null,
      listOwner: null,
      spoofShare: null,
    },
    marks: { mirai: 0, zmap: 0, masscan: 0, stateless: 0 },
    classes: [],
    spoof: [],
    signatures: [],
    sensorRows: [],
    hours: [],
    evidence: [],
    rows: (seen ? found.ports : []).map((port) => ({
      protocol: found.protocol ?? "",
      port,
      class: "",
      packets: 0,
      flows: 0,
      mirai: 0,
      firstSeen,
      lastSeen,
    })),
  };
};

/** The sources that an owner was told of, by the packets that the notices say. */
export const ownSources = (told: readonly ToldSource[], asked: Asked): AnswerOf<"sources/top"> => {
  only(asked.query, has, "limit");
  const period = periodOf(asked);
  const all = told
    .filter((one) => isWithin(period, one))
    .toSorted((a, b) => b.packets - a.packets || (a.source < b.source ? -1 : 1));
  const packets = all.reduce((sum, one) => sum + one.packets, 0);
  const rows = all.slice(0, Number(asked.query["limit"] ?? 50)).map((one, i) => ({
    rank: i + 1,
    ip: canonical(one.source),
    asn: one.asn,
    network: null,
    country: one.country,
    packets: one.packets,
    ports: one.ports.length,
    sensors: 0,
    mirai: 0,
    zmap: 0,
    masscan: 0,
    stateless: 0,
    share: packets === 0 ? 0 : one.packets / packets,
    firstSeen: timeOf(one.first),
    lastSeen: timeOf(one.last),
  }));
  return {
    ...envelope("sources/top", period, asked, rows.length < all.length),
    facts: { sources: all.length, packets, topShare: rows[0]?.share ?? null },
    rows,
  };
};
