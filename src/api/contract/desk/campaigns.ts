// SPDX-License-Identifier: Apache-2.0
import { Type, type Static } from "typebox";
import { Count, Share, Time, oneOf, orNull, strict } from "../shapes.ts";
import { Country, Id, Measured, OrganisationName, Port, base, list, page, scope, some, text } from "./shapes.ts";

/** Sources that share a SYN signature, marks and a port set: one botnet, or one scanner project. */
export const CampaignRow = strict({
  id: Id,
  name: text(100),
  kind: oneOf(["botnet", "scanner", "unknown"]),
  state: oneOf(["active", "over"]),
  family: orNull(text(100)),
  signature: orNull(text(100)),
  marks: some(oneOf(["mirai", "zmap", "masscan", "stateless"]), 4),
  ports: some(strict({ protocol: text(16), port: Port }), 32),
  first: Time,
  last: Time,
  /** Counts are told to who sees what sensors counted; null, without days, economies and predictions: to nobody else. */
  sources: orNull(Count),
  packets: orNull(Count),
  countries: orNull(Count),
  sensors: orNull(Count),
  /** Sources inside the constituency. */
  ours: orNull(Count),
  /** Predictions for neighbours: came true, of those due. */
  predicted: Count,
  came: Count,
  spark: some(orNull(Type.Number({ minimum: 0 })), 60),
});
export const CampaignsQuery = strict({
  kind: Type.Optional(oneOf(["botnet", "scanner", "unknown"])),
  state: Type.Optional(oneOf(["active", "over"])),
  country: Type.Optional(Country),
  order: Type.Optional(oneOf(["last", "sources", "ours"])),
  ...scope,
  ...page(50, 200),
});
export const Campaigns = list(
  CampaignRow,
  {
    active: Count,
    /** Of the active ones: those with a botnet's mark, those of scanners, and those with sources inside the constituency. */
    botnets: Count,
    scanners: Count,
    ours: orNull(Count),
    score: Measured,
  },
  "Campaigns, newest first.",
  200,
);
export const CampaignPath = strict({ campaign: Id });
export const Campaign = strict({
  asked: Time,
  campaign: CampaignRow,
  /** A day a row. */
  days: some(strict({ date: text(10), sources: orNull(Count), packets: orNull(Count) }), 400),
  /** Economies of the sources, most first; shares are of all sources. Null: those of the rest, or not known. */
  countries: some(strict({ country: orNull(Country), sources: Count, share: Share }), 70),
  /** Economies of the sensors that it reached, or was foretold to reach. One source may be seen in several. */
  reached: some(
    strict({
      country: Country,
      /** Null: not reached. */
      sources: orNull(Count),
      first: orNull(Time),
      /** Said beforehand that it would come here. */
      predicted: orNull(Time),
      outcome: oneOf(["seen", "predicted", "came", "missed"]),
    }),
    250,
  ),
  owners: some(strict({ organisation: OrganisationName, alerts: Count, open: Count, quiet: Count }), 200),
  predictions: some(
    strict({
      country: Country,
      made: Time,
      due: Time,
      chance: Share,
      outcome: oneOf(["due", "came", "missed"]),
      at: orNull(Time),
    }),
    250,
  ),
});
export const campaignEndpoints = {
  campaigns: { method: "GET", path: `${base}/campaigns`, query: CampaignsQuery, answer: Campaigns },
  campaign: { method: "GET", path: `${base}/campaigns/{campaign}`, params: CampaignPath, answer: Campaign },
} as const;
export type CampaignRow = Static<typeof CampaignRow>;
export type Campaigns = Static<typeof Campaigns>;
export type Campaign = Static<typeof Campaign>;
