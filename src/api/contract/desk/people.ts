// SPDX-License-Identifier: Apache-2.0
import { Type, type Static } from "typebox";
import { Count, Time, oneOf, orNull, strict } from "../shapes.ts";
import { Mail, Role, Secret } from "./session.ts";
import { Done, Id, Language, OrganisationId, OrganisationName, base, list, page, some, text } from "./shapes.ts";

export const PersonRow = strict({
  id: Id,
  name: text(200),
  mail: Mail,
  language: Language,
  roles: some(Role, 8),
  organisations: some(OrganisationName, 100),
  sensors: some(text(64), 100),
  state: oneOf(["active", "invited", "disabled"]),
  passkeys: Count,
  totp: Type.Boolean(),
  /** Signs in through this provider. */
  provider: orNull(text(100)),
  created: Time,
  seen: orNull(Time),
  /** What who asks may do to this person: nobody acts on a higher one. */
  may: some(oneOf(["change", "disable", "enable", "reset"]), 4),
});
export const PeopleQuery = strict({
  q: Type.Optional(text(100, 1)),
  role: Type.Optional(Role),
  organisation: Type.Optional(OrganisationId),
  state: Type.Optional(oneOf(["active", "invited", "disabled"])),
  ...page(100),
});
export const People = list(
  PersonRow,
  { active: Count, administrators: Count, analysts: Count, members: Count, invited: Count, withoutFactor: Count },
  "People.",
);
/** For choosing an assignee: people who may work on cases. */
export const Colleagues = strict({ rows: some(strict({ id: Id, name: text(200) }), 500) });
const access = {
  roles: Type.Array(Role, { minItems: 1, maxItems: 8 }),
  organisations: some(OrganisationId, 100),
  sensors: Type.Optional(some(text(64), 100)),
};
export const Invite = strict({ mail: Mail, name: Type.Optional(text(200)), language: Language, ...access });
/** The link is shown once to who invites, and mailed when mail is set up. */
export const Invited = strict({ person: PersonRow, link: text(500), expires: Time, mailed: Type.Boolean() });
export const PersonPath = strict({ person: Id });
export const PersonChange = strict(access);
export const PersonAct = strict({ action: oneOf(["disable", "enable"]), reason: Type.Optional(text(500)) });

export const tokenScopes = [
  "observatory:read",
  "alerts:read",
  "alerts:write",
  "cases:read",
  "cases:write",
  "constituency:read",
  "constituency:write",
  "lookup:read",
  "statistics:read",
] as const;
export const Scope = oneOf(tokenScopes);
export const TokenRow = strict({
  id: Id,
  name: text(100),
  owner: text(200),
  organisation: orNull(OrganisationName),
  scopes: some(Scope, 16),
  created: Time,
  expires: Time,
  used: orNull(Time),
  revoked: orNull(Time),
  mine: Type.Boolean(),
});
export const Tokens = list(TokenRow, { live: Count, expiring: Count }, "API tokens.");
export const TokensQuery = strict({ ...page(100) });
export const TokenNew = strict({
  name: text(100, 1),
  scopes: Type.Array(Scope, { minItems: 1, maxItems: 16 }),
  organisation: Type.Optional(OrganisationId),
  /** At most 366. */
  days: Type.Integer({ minimum: 1, maximum: 366 }),
});
/** The secret is shown once. */
export const TokenMade = strict({ token: TokenRow, secret: Secret });
export const TokenPath = strict({ token: Id });

const at = `${base}/people`;
export const peopleEndpoints = {
  people: { method: "GET", path: at, query: PeopleQuery, answer: People },
  colleagues: { method: "GET", path: `${base}/colleagues`, answer: Colleagues },
  "people/invite": { method: "POST", path: at, body: Invite, answer: Invited },
  "person/change": {
    method: "POST",
    path: `${at}/{person}`,
    params: PersonPath,
    body: PersonChange,
    answer: PersonRow,
  },
  "person/act": {
    method: "POST",
    path: `${at}/{person}/state`,
    params: PersonPath,
    body: PersonAct,
    answer: PersonRow,
  },
  /** A one-time link for a new password and second factor; also sends an invitation again. */
  "person/reset": {
    method: "POST",
    path: `${at}/{person}/reset`,
    params: PersonPath,
    body: strict({}),
    answer: Invited,
  },
  tokens: { method: "GET", path: `${base}/tokens`, query: TokensQuery, answer: Tokens },
  "tokens/new": { method: "POST", path: `${base}/tokens`, body: TokenNew, answer: TokenMade },
  "token/revoke": {
    method: "POST",
    path: `${base}/tokens/{token}/revoke`,
    params: TokenPath,
    body: strict({}),
    answer: Done,
  },
} as const;
export type PersonRow = Static<typeof PersonRow>;
export type People = Static<typeof People>;
export type Colleagues = Static<typeof Colleagues>;
export type Invited = Static<typeof Invited>;
export type TokenRow = Static<typeof TokenRow>;
export type Tokens = Static<typeof Tokens>;
export type TokenMade = Static<typeof TokenMade>;
