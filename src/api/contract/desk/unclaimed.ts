// SPDX-License-Identifier: Apache-2.0
import { Type, type Static } from "typebox";
import { Count, Time, oneOf, orNull, strict } from "../shapes.ts";
import { Organisation } from "./organisations.ts";
import { Mail } from "./session.ts";
import {
  Country,
  Kind,
  Language,
  OrganisationId,
  OrganisationName,
  base,
  list,
  page,
  scope,
  some,
  text,
} from "./shapes.ts";

/** A network of the packaged data with alerts and without an owner. */
export const UnclaimedRow = strict({
  asn: Count,
  network: orNull(text(200)),
  country: orNull(Country),
  alerts: Count,
  sources: Count,
  packets: Count,
  kinds: some(Kind, 12),
  families: some(text(100), 5),
  first: Time,
  last: Time,
  /** An organisation of that name is there already, without this network. */
  organisation: orNull(OrganisationName),
  /** What the desk would call it. */
  proposedId: OrganisationId,
});
export const UnclaimedQuery = strict({
  country: Type.Optional(Country),
  q: Type.Optional(text(100, 1)),
  order: Type.Optional(oneOf(["alerts", "last", "packets"])),
  ...scope,
  ...page(100),
});
export const Unclaimed = list(
  UnclaimedRow,
  { networks: Count, alerts: Count, countries: Count, topCountry: orNull(Country), topAlerts: Count },
  "What belongs to nobody.",
);
export const UnclaimedPath = strict({ asn: Type.Integer({ minimum: 1, maximum: 4_294_967_295 }) });
/** Two clicks: everything may be left out. The AS becomes its network and its open alerts become its own. */
export const UnclaimedTake = strict({
  id: Type.Optional(OrganisationId),
  name: Type.Optional(text(200, 1)),
  mail: Type.Optional(Mail),
  language: Type.Optional(Language),
});
export const unclaimedEndpoints = {
  unclaimed: { method: "GET", path: `${base}/unclaimed`, query: UnclaimedQuery, answer: Unclaimed },
  "unclaimed/take": {
    method: "POST",
    path: `${base}/unclaimed/{asn}/organisation`,
    params: UnclaimedPath,
    body: UnclaimedTake,
    answer: Organisation,
  },
} as const;
export type UnclaimedRow = Static<typeof UnclaimedRow>;
export type Unclaimed = Static<typeof Unclaimed>;
