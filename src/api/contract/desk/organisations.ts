// SPDX-License-Identifier: Apache-2.0
import { Type, type Static } from "typebox";
import { Count, Time, oneOf, orNull, strict } from "../shapes.ts";
import { Mail, Secret } from "./session.ts";
import {
  Address,
  Country,
  Done,
  Exercise,
  Id,
  Language,
  OrganisationId,
  OrganisationName,
  Realm,
  base,
  list,
  page,
  some,
  text,
} from "./shapes.ts";

export const NetworkRow = strict({
  id: Id,
  organisation: OrganisationName,
  realm: Realm,
  /** Exactly one of the three. */
  prefix: orNull(text(49)),
  asn: orNull(Count),
  domain: orNull(text(253)),
  translation: oneOf(["none", "cgnat"]),
  from: Time,
  until: orNull(Time),
  origin: text(40),
  /** Parts that the member declares dark, for the ring view alone. */
  dark: some(text(49), 64),
  openAlerts: Count,
});
export const ContactRow = strict({
  id: Id,
  role: oneOf(["abuse", "security", "noc", "management"]),
  name: orNull(text(200)),
  mail: orNull(Mail),
  phone: orNull(text(50)),
  language: Language,
  /** Fingerprint of the OpenPGP key. */
  openpgp: orNull(text(128)),
  openpgpExpires: orNull(Time),
  webhook: orNull(text(500)),
  state: oneOf(["active", "pending", "dead", "ended"]),
  /** A change waits until then, so that the old contact can object. */
  waitsUntil: orNull(Time),
  verified: orNull(Time),
  lastCheck: orNull(Time),
  bounces: Count,
});
export const OrganisationRow = strict({
  id: OrganisationId,
  name: text(200),
  names: Type.Record(Type.String(), text(200)),
  country: orNull(Country),
  sector: orNull(text(100)),
  essential: Type.Boolean(),
  exercise: Exercise,
  created: Time,
  ended: orNull(Time),
  networks: Count,
  /** IPv4 addresses of its prefixes. */
  addresses: Count,
  contacts: Count,
  deadContacts: Count,
  verified: orNull(Time),
  openAlerts: Count,
  openCases: Count,
  unanswered: Count,
});
export const OrganisationsQuery = strict({
  q: Type.Optional(text(100, 1)),
  country: Type.Optional(Country),
  sector: Type.Optional(text(100, 1)),
  only: Type.Optional(oneOf(["essential", "no-contact", "dead-contact", "open-alerts", "ended"])),
  order: Type.Optional(oneOf(["name", "alerts", "created"])),
  exercise: Type.Optional(Exercise),
  ...page(100),
});
export const Organisations = list(
  OrganisationRow,
  {
    organisations: Count,
    networks: Count,
    addresses: Count,
    essential: Count,
    withoutContact: Count,
    deadContacts: Count,
    overlaps: Count,
    changes: Count,
  },
  "Organisations of the constituency.",
);
export const OrganisationPath = strict({ organisation: OrganisationId });
/** What changed, by whom: `who owned this on 3 May`. */
export const HistoryRow = strict({
  at: Time,
  by: text(200),
  what: oneOf(["organisation", "network", "contact"]),
  change: oneOf(["added", "changed", "ended"]),
  subject: text(253),
  before: orNull(text(2000)),
  after: orNull(text(2000)),
});
export const Organisation = strict({
  asked: Time,
  organisation: OrganisationRow,
  note: orNull(text(2000)),
  networks: some(NetworkRow, 1000),
  contacts: some(ContactRow, 200),
  history: some(HistoryRow, 200),
  may: some(oneOf(["change", "request", "end", "check"]), 4),
});
const editable = {
  name: text(200, 1),
  names: Type.Optional(Type.Record(Language, text(200, 1))),
  country: orNull(Country),
  sector: orNull(text(100)),
  essential: Type.Boolean(),
  note: orNull(text(2000)),
};
export const OrganisationNew = strict({ id: OrganisationId, ...editable });
export const OrganisationChange = strict(editable);
const Reason = Type.Optional(text(500));

/** One of prefix, asn and domain. */
export const NetworkNew = strict({
  prefix: Type.Optional(text(49, 3)),
  asn: Type.Optional(Type.Integer({ minimum: 1, maximum: 4_294_967_295 })),
  domain: Type.Optional(text(253, 3)),
  realm: Type.Optional(Realm),
  translation: oneOf(["none", "cgnat"]),
  from: Type.Optional(Time),
  until: Type.Optional(Time),
  dark: Type.Optional(some(text(49, 3), 64)),
});
export const NetworkPath = strict({ organisation: OrganisationId, network: Id });
export const NetworkChange = strict({
  translation: Type.Optional(oneOf(["none", "cgnat"])),
  until: Type.Optional(orNull(Time)),
  dark: Type.Optional(some(text(49, 3), 64)),
  reason: Reason,
});
export const ContactNew = strict({
  role: oneOf(["abuse", "security", "noc", "management"]),
  name: orNull(text(200)),
  mail: orNull(Mail),
  phone: orNull(text(50)),
  language: Language,
  /** Armoured public key. */
  openpgpKey: Type.Optional(orNull(text(20_000))),
  webhook: Type.Optional(orNull(Type.String({ maxLength: 500, pattern: "^https://" }))),
});
export const ContactPath = strict({ organisation: OrganisationId, contact: Id });
/** A change or a request for one: staff change at once, members ask; a changed contact waits 48 h and the old one is told. */
export const Changed = strict({
  outcome: oneOf(["done", "requested", "waiting"]),
  until: orNull(Time),
  organisation: Organisation,
});

export const OverlapRow = strict({
  prefix: text(49),
  /** Who wins: the longest prefix; none when both are the same prefix: a conflict. */
  kind: oneOf(["nested", "conflict"]),
  holders: some(
    strict({ organisation: OrganisationName, network: Id, prefix: text(49), from: Time, until: orNull(Time) }),
    10,
  ),
});
export const Overlaps = list(OverlapRow, { conflicts: Count, nested: Count }, "Prefixes that two organisations hold.");
export const OverlapsQuery = strict({ kind: Type.Optional(oneOf(["nested", "conflict"])), ...page(100) });

export const OwnerQuery = strict({ address: Address, time: Type.Optional(Time), realm: Type.Optional(Realm) });
export const Owner = strict({
  address: Address,
  time: Time,
  owner: orNull(strict({ organisation: OrganisationName, network: text(253), translation: oneOf(["none", "cgnat"]) })),
  asn: orNull(Count),
  network: orNull(text(200)),
  country: orNull(Country),
});

export const ChangeRow = strict({
  id: Id,
  organisation: OrganisationName,
  at: Time,
  by: text(200),
  kind: oneOf(["network", "contact", "organisation", "claim"]),
  subject: text(253),
  before: orNull(text(2000)),
  after: orNull(text(2000)),
  state: oneOf(["asked", "proof", "waiting", "approved", "refused", "withdrawn"]),
  waitsUntil: orNull(Time),
  /** Of a claim: whether control was shown, and how. */
  proof: orNull(
    strict({ method: oneOf(["dns", "mail", "rdap", "staff"]), shown: orNull(Time), instruction: text(500) }),
  ),
  reason: orNull(text(500)),
});
export const ChangesQuery = strict({
  state: Type.Optional(oneOf(["open", "done"])),
  organisation: Type.Optional(OrganisationId),
  ...page(50),
});
export const Changes = list(ChangeRow, { open: Count, claims: Count, oldest: orNull(Time) }, "Requests of members.");
export const ChangePath = strict({ change: Id });
export const ChangeDecision = strict({ decision: oneOf(["approve", "refuse", "withdraw"]), reason: Reason });
/** A member says that a network is theirs; counts only after proof of control. */
export const ClaimNew = strict({
  organisation: OrganisationId,
  prefix: Type.Optional(text(49, 3)),
  asn: Type.Optional(Type.Integer({ minimum: 1, maximum: 4_294_967_295 })),
  domain: Type.Optional(text(253, 3)),
  method: oneOf(["dns", "mail", "rdap"]),
});
/** Answer to a contact check, without an account: the secret of the mail, from a fragment. */
export const ContactConfirm = strict({ token: Secret });
export const ContactConfirmed = strict({ organisation: text(200), mail: orNull(Mail) });

export const ImportBody = strict({
  form: oneOf(["csv", "yaml"]),
  content: Type.String({ minLength: 1, maxLength: 20_000_000 }),
  /** False: only shows what would change. */
  apply: Type.Boolean(),
  /** Ends what the file does not hold. */
  replace: Type.Boolean(),
});
export const Imported = strict({
  applied: Type.Boolean(),
  added: Count,
  changed: Count,
  ended: Count,
  same: Count,
  /** Where there are any, the file is refused: nothing is added, changed, ended, nor shown. */
  faults: some(strict({ line: orNull(Count), detail: text(500) }), 200),
  /** What is taken, and hardly meant. */
  warnings: some(strict({ line: orNull(Count), detail: text(500) }), 200),
  /** The first of the differences. */
  rows: some(HistoryRow, 500),
});
/** GET `?form=csv|yaml`: the constituency as a file. */
export const exportPath = `${base}/constituency/export`;
/** Proposals from the registries; empty when RDAP is off. */
export const Proposals = strict({
  asked: Time,
  on: Type.Boolean(),
  rows: some(
    strict({
      registry: text(100),
      handle: text(200),
      name: orNull(text(200)),
      mail: orNull(Mail),
      phone: orNull(text(50)),
      role: text(40),
    }),
    50,
  ),
});
export const ProposalsQuery = strict({ asn: Type.Optional(Count), prefix: Type.Optional(text(49, 3)) });

const at = `${base}/organisations`;
const one = `${at}/{organisation}`;
const params = OrganisationPath;
export const organisationEndpoints = {
  organisations: { method: "GET", path: at, query: OrganisationsQuery, answer: Organisations },
  "organisations/new": { method: "POST", path: at, body: OrganisationNew, answer: Organisation },
  organisation: { method: "GET", path: one, params, answer: Organisation },
  "organisation/change": { method: "POST", path: one, params, body: OrganisationChange, answer: Changed },
  "organisation/end": {
    method: "POST",
    path: `${one}/end`,
    params,
    body: strict({ reason: text(500, 3) }),
    answer: Changed,
  },
  "network/new": { method: "POST", path: `${one}/networks`, params, body: NetworkNew, answer: Changed },
  "network/change": {
    method: "POST",
    path: `${one}/networks/{network}`,
    params: NetworkPath,
    body: NetworkChange,
    answer: Changed,
  },
  "contact/new": { method: "POST", path: `${one}/contacts`, params, body: ContactNew, answer: Changed },
  "contact/change": {
    method: "POST",
    path: `${one}/contacts/{contact}`,
    params: ContactPath,
    body: ContactNew,
    answer: Changed,
  },
  "contact/end": {
    method: "POST",
    path: `${one}/contacts/{contact}/end`,
    params: ContactPath,
    body: strict({ reason: Reason }),
    answer: Changed,
  },
  "contact/check": {
    method: "POST",
    path: `${one}/contacts/{contact}/check`,
    params: ContactPath,
    body: strict({}),
    answer: Done,
  },
  "contact/confirm": { method: "POST", path: `${base}/contact-check`, body: ContactConfirm, answer: ContactConfirmed },
  overlaps: { method: "GET", path: `${base}/constituency/overlaps`, query: OverlapsQuery, answer: Overlaps },
  owner: { method: "GET", path: `${base}/constituency/owner`, query: OwnerQuery, answer: Owner },
  import: { method: "POST", path: `${base}/constituency/import`, body: ImportBody, answer: Imported },
  proposals: { method: "GET", path: `${base}/constituency/proposals`, query: ProposalsQuery, answer: Proposals },
  changes: { method: "GET", path: `${base}/changes`, query: ChangesQuery, answer: Changes },
  "change/decide": {
    method: "POST",
    path: `${base}/changes/{change}`,
    params: ChangePath,
    body: ChangeDecision,
    answer: ChangeRow,
  },
  /** Looks for the proof now. */
  "change/prove": {
    method: "POST",
    path: `${base}/changes/{change}/prove`,
    params: ChangePath,
    body: strict({}),
    answer: ChangeRow,
  },
  "claims/new": { method: "POST", path: `${base}/claims`, body: ClaimNew, answer: ChangeRow },
} as const;

export type NetworkRow = Static<typeof NetworkRow>;
export type ContactRow = Static<typeof ContactRow>;
export type ContactNew = Static<typeof ContactNew>;
export type OrganisationRow = Static<typeof OrganisationRow>;
export type Organisations = Static<typeof Organisations>;
export type Organisation = Static<typeof Organisation>;
export type HistoryRow = Static<typeof HistoryRow>;
export type Changed = Static<typeof Changed>;
export type OverlapRow = Static<typeof OverlapRow>;
export type Overlaps = Static<typeof Overlaps>;
export type Owner = Static<typeof Owner>;
export type ChangeRow = Static<typeof ChangeRow>;
export type Changes = Static<typeof Changes>;
export type Imported = Static<typeof Imported>;
export type Proposals = Static<typeof Proposals>;
