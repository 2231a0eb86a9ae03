// SPDX-License-Identifier: Apache-2.0
import { hkdfSync } from "node:crypto";
import type { Egress } from "../platform/egress.ts";
import type { Desk } from "../store/desk/desk.ts";
import { cookiesOf, createAccountsGuard } from "./accounts-guard.ts";
import { createAuditLog } from "./audit.ts";
import type { AuditLog } from "./audit.ts";
import { createDevices } from "./devices.ts";
import type { FindLink, Guard } from "./guard.ts";
import { createLimits } from "./limits.ts";
import { createPasskeys } from "./passkeys.ts";
import type { Passkeys } from "./passkeys.ts";
import { createPeople } from "./people.ts";
import type { People } from "./people.ts";
import { createProviders } from "./providers.ts";
import type { ProviderSettings, Providers } from "./providers.ts";
import { createPasswords, createSealer } from "./secrets.ts";
import type { PasswordCost } from "./secrets.ts";
import { createSessions } from "./sessions.ts";
import type { Sessions, SessionTimes } from "./sessions.ts";
import { createSignIn } from "./signin.ts";
import type { SignIn } from "./signin.ts";
import { createTokens } from "./tokens.ts";
import type { Tokens } from "./tokens.ts";

export interface AccountsOptions {
  readonly desk: Desk;
  /** Microseconds since 1970 UTC. */
  readonly now: () => number;
  /** 32 bytes of the node's own, kept beside its data: seals seeds and marks devices. */
  readonly key: Buffer;
  /** The node's name, as people see it in their authenticator. */
  readonly name: string;
  /** Where the portal is reached; the first is the one that links begin with. Asked each time: a port may be known late. */
  readonly origins: () => readonly string[];
  readonly providers?: readonly ProviderSettings[];
  /** The one way out of the node. */
  readonly egress: Egress;
  readonly times?: SessionTimes;
  readonly passwordCost?: PasswordCost;
  /** Finds who a self-help link speaks for. */
  readonly link?: FindLink;
  readonly onFault?: (error: unknown) => void;
  /** The first administrator was made. */
  readonly onFirst?: () => void;
}
export interface Accounts {
  readonly guard: Guard;
  readonly sessions: Sessions;
  readonly signIn: SignIn;
  readonly passkeys: Passkeys;
  readonly providers: Providers;
  readonly people: People;
  readonly tokens: Tokens;
  readonly audit: AuditLog;
  readonly origin: () => string;
  readonly cookies: () => ReturnType<typeof cookiesOf>;
  readonly options: AccountsOptions;
}

const derived = (key: Buffer, what: string): Buffer => Buffer.from(hkdfSync("sha256", key, "layang", what, 32));

/** People, their sign-in and their tokens, over one desk. */
export const createAccounts = (options: AccountsOptions): Accounts => {
  const { desk, now, key, name, origins } = options;
  const origin = (): string => origins()[0] ?? "";
  const audit = createAuditLog({ desk, now });
  const sessions = createSessions({ desk, now, ...(options.times === undefined ? {} : { times: options.times }) });
  const signIn = createSignIn({
    desk,
    now,
    sessions,
    passwords: createPasswords(options.passwordCost),
    sealer: createSealer(derived(key, "seeds")),
    limits: createLimits(now),
    devices: createDevices(derived(key, "devices")),
    audit,
    name,
    ...(options.onFirst === undefined ? {} : { onFirst: options.onFirst }),
  });
  const tokens = createTokens({ desk, now, sessions });
  return {
    options,
    origin,
    cookies: () => cookiesOf(origin()),
    audit,
    sessions,
    signIn,
    tokens,
    passkeys: createPasskeys({ signIn, name, origin, now }),
    providers: createProviders({
      settings: options.providers ?? [],
      egress: options.egress,
      signIn,
      sessions,
      origin,
      now,
      ...(options.onFault === undefined ? {} : { onFault: options.onFault }),
    }),
    people: createPeople({ desk, now, sessions, origin }),
    guard: createAccountsGuard({
      site: () => ({ origins: origins() }),
      sessions,
      tokens,
      ...(options.link === undefined ? {} : { link: options.link }),
    }),
  };
};
