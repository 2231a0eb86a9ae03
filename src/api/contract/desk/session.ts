// SPDX-License-Identifier: Apache-2.0
import { Type, type Static } from "typebox";
import { roles } from "../../../model/actor.ts";
import { Count, Time, oneOf, orNull, strict } from "../shapes.ts";
import { Done, Exercise, Id, Language, OrganisationName, Realm, base, some, text } from "./shapes.ts";

export const Role = oneOf(roles);
export const Password = text(256, 1);
export const NewPassword = text(256, 12);
export const Mail = Type.String({ minLength: 3, maxLength: 254, pattern: '^[^\\s@<>"]+@[^\\s@<>"]+$' });
/** A one-time secret: of the printed link, an invitation, a contact check. Travels in a fragment and in bodies, never in a path. */
export const Secret = Type.String({ pattern: "^[A-Za-z0-9_-]{16,256}$" });
export const Code = Type.String({ pattern: "^[0-9]{6}$" });

/** Who asks, and what the portal may offer. Answers everybody, also before anyone is signed in. */
export const Session = strict({
  /**
   * `first`: there is no administrator yet, the printed one-time link makes one; `out`: not signed in; `factor`: the password was
   * right, the second factor is asked for; `enrol`: signed in, but a second factor must be set up before anything else;
   * `in`: signed in.
   */
  state: oneOf(["first", "out", "factor", "enrol", "in"]),
  person: orNull(strict({ id: Id, name: text(200), mail: orNull(Mail), language: Language })),
  roles: some(Role, 8),
  organisations: some(OrganisationName, 100),
  realms: some(Realm, 100),
  /** Exercises that the person takes part in and that run now. */
  exercises: some(Exercise, 20),
  factors: strict({ password: Type.Boolean(), passkeys: Count, totp: Type.Boolean(), recoveryCodes: Count }),
  /** Which second factors can answer now (state `factor`). */
  wanted: some(oneOf(["passkey", "totp", "recovery"]), 3),
  expires: orNull(Time),
  /** Throw-away data on this machine: the visitor is signed in without an account. */
  demo: Type.Boolean(),
  /** Other ways to sign in: GET `startPath` with `to` leaves for the provider. */
  providers: some(strict({ id: Id, name: text(100) }), 10),
});
export const Login = strict({ mail: Mail, password: Password });
export const First = strict({
  token: Secret,
  name: text(200, 1),
  mail: Mail,
  password: NewPassword,
  language: Language,
});
export const InvitationToken = strict({ token: Secret });
export const InvitationSeen = strict({
  mail: Mail,
  name: orNull(text(200)),
  roles: some(Role, 8),
  organisations: some(OrganisationName, 100),
  invitedBy: text(200),
  expires: Time,
  /** `account`: a new person; `reset`: a new password and second factor for one that exists. */
  purpose: oneOf(["account", "reset"]),
});
export const Accept = strict({ token: Secret, name: text(200, 1), password: NewPassword, language: Language });
export const TotpBegun = strict({ secret: text(128, 16), uri: text(512, 10) });
export const TotpCode = strict({ code: Code });
/** Shown once, when the first second factor was set up. */
export const FactorMade = strict({ session: Session, recoveryCodes: some(text(32), 16) });
/** WebAuthn's own JSON (PublicKeyCredentialCreationOptionsJSON or ...RequestOptionsJSON), as @simplewebauthn makes it. */
export const PasskeyOptions = strict({ options: Type.Record(Type.String(), Type.Unknown()) });
export const PasskeyMade = strict({ response: Type.Record(Type.String(), Type.Unknown()), name: text(100, 1) });
export const PasskeyUsed = strict({ response: Type.Record(Type.String(), Type.Unknown()) });
export const Recovery = strict({ code: text(64, 8) });
export const PasswordChange = strict({ current: Password, next: NewPassword });
export const Factors = strict({
  passkeys: some(strict({ id: text(512), name: text(100), made: Time, used: orNull(Time) }), 20),
  totp: Type.Boolean(),
  recoveryCodes: Count,
  sessions: some(strict({ id: Id, began: Time, seen: Time, agent: text(200), current: Type.Boolean() }), 50),
});
export const FactorGone = strict({
  kind: oneOf(["passkey", "totp", "session"]),
  /** Of the passkey or session. */
  id: Type.Optional(text(512)),
  /** Said again, unless the session is younger than five minutes. */
  password: Type.Optional(Password),
});
export const ProviderPath = strict({ provider: Id });
export const ProviderStart = strict({
  to: Type.Optional(Type.String({ maxLength: 512, pattern: "^/(?![/\\\\])[^\\u0000-\\u001f\\\\]*$" })),
});
export const Profile = strict({ name: text(200, 1), language: Language });
/** GET, answers 303 to the provider; its answer comes to `…/callback`, which the server alone speaks. */
export const startPath = `${base}/session/providers/{provider}/start`;

const at = `${base}/session`;
export const sessionEndpoints = {
  session: { method: "GET", path: at, answer: Session },
  "session/login": { method: "POST", path: `${at}/login`, body: Login, answer: Session },
  "session/logout": { method: "POST", path: `${at}/logout`, body: strict({}), answer: Session },
  "session/first": { method: "POST", path: `${at}/first`, body: First, answer: Session },
  "session/invitation": { method: "POST", path: `${at}/invitation`, body: InvitationToken, answer: InvitationSeen },
  "session/accept": { method: "POST", path: `${at}/accept`, body: Accept, answer: Session },
  "session/totp": { method: "POST", path: `${at}/totp`, body: TotpCode, answer: Session },
  "session/totp/begin": { method: "POST", path: `${at}/totp/begin`, body: strict({}), answer: TotpBegun },
  "session/totp/confirm": { method: "POST", path: `${at}/totp/confirm`, body: TotpCode, answer: FactorMade },
  "session/passkey/begin": { method: "POST", path: `${at}/passkey/begin`, body: strict({}), answer: PasskeyOptions },
  "session/passkey": { method: "POST", path: `${at}/passkey`, body: PasskeyUsed, answer: Session },
  "session/passkey/new/begin": {
    method: "POST",
    path: `${at}/passkey/new/begin`,
    body: strict({}),
    answer: PasskeyOptions,
  },
  "session/passkey/new": { method: "POST", path: `${at}/passkey/new`, body: PasskeyMade, answer: FactorMade },
  "session/recovery": { method: "POST", path: `${at}/recovery`, body: Recovery, answer: Session },
  "session/password": { method: "POST", path: `${at}/password`, body: PasswordChange, answer: Done },
  "session/profile": { method: "POST", path: `${at}/profile`, body: Profile, answer: Session },
  "session/factors": { method: "GET", path: `${at}/factors`, answer: Factors },
  "session/factors/remove": { method: "POST", path: `${at}/factors/remove`, body: FactorGone, answer: Factors },
} as const;

export type Session = Static<typeof Session>;
export type InvitationSeen = Static<typeof InvitationSeen>;
export type TotpBegun = Static<typeof TotpBegun>;
export type FactorMade = Static<typeof FactorMade>;
export type PasskeyOptions = Static<typeof PasskeyOptions>;
export type Factors = Static<typeof Factors>;
