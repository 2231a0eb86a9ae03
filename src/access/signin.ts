// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";
import type { Role } from "../model/actor.ts";
import { AppError } from "../platform/errors.ts";
import type { Desk, DeskTransaction } from "../store/desk/desk.ts";
import type { AuditLog } from "./audit.ts";
import type { Devices } from "./devices.ts";
import { holdFactor, newRecoveryCodes, takeRecoveryCode } from "./factors.ts";
import { asSystem, personOf } from "./identity.ts";
import { readLink, takeLink } from "./invitations.ts";
import type { Attempt, Limits } from "./limits.ts";
import { holdPassword } from "./password.ts";
import { newId } from "./secrets.ts";
import type { Passwords, Sealer } from "./secrets.ts";
import type { Client, Session, Sessions } from "./sessions.ts";
import { newSeed, seedUri, stepOf } from "./totp.ts";

export interface SignInOptions {
  readonly desk: Desk;
  /** Microseconds. */
  readonly now: () => number;
  readonly sessions: Sessions;
  readonly passwords: Passwords;
  readonly sealer: Sealer;
  readonly limits: Limits;
  readonly devices: Devices;
  readonly audit: AuditLog;
  /** Shown in authenticators. */
  readonly name: string;
  /** The first administrator was made: the link that was printed is of no more use. */
  readonly onFirst?: () => void;
}
/** A session that just began: its secret goes into the cookie. `device`: a mark for this browser, when it signed in whole. */
export interface Begun {
  readonly secret: string;
  readonly device: string | null;
}
export interface SeenInvitation {
  readonly mail: string;
  readonly name: string | null;
  readonly roles: readonly Role[];
  readonly organisations: readonly { readonly id: string; readonly name: string }[];
  readonly invitedBy: string;
  readonly expires: number;
  readonly purpose: "account" | "reset";
}
export interface Profile {
  readonly name: string;
  readonly password: string;
  readonly language: string;
}

const lower = (mail: string): string => mail.trim().toLowerCase();

/** Names of organisations, for people to read. */
export const organisationsNamed = async (
  trx: DeskTransaction,
  ids: readonly string[],
): Promise<{ id: string; name: string }[]> =>
  ids.length === 0
    ? []
    : trx.selectFrom("organisations").select(["id", "name"]).where("id", "in", ids).orderBy("id").execute();

export type SignIn = ReturnType<typeof createSignIn>;

/** Everything between a stranger and a session. What may be tried, and how often, is decided here. */
export const createSignIn = (options: SignInOptions) => {
  const { desk, now, sessions, passwords, sealer, limits, devices, audit, name } = options;
  /** What ended in a transaction has ended when that is kept: what was looked up until then is forgotten once more. */
  const inside = async <T>(work: (trx: DeskTransaction) => Promise<T>): Promise<T> => {
    const before = sessions.version();
    const found = await asSystem(desk, work);
    if (sessions.version() !== before) sessions.changed();
    return found;
  };

  const told = (
    action: string,
    who: { id: string; name: string } | null,
    client: Client,
    outcome: "done" | "refused",
    detail?: string,
  ): Promise<void> =>
    audit.write({
      actor: who === null ? "nobody" : `person:${who.id}`,
      name: who?.name ?? "",
      kind: "session",
      action,
      outcome,
      address: client.address ?? null,
      detail: detail ?? null,
    });

  const factorsOf = async (trx: DeskTransaction, person: string) => {
    const secrets = await trx
      .selectFrom("person_secrets")
      .selectAll()
      .where("person_id", "=", person)
      .executeTakeFirst();
    const passkeys = await trx.selectFrom("passkeys").selectAll().where("person_id", "=", person).execute();
    const codes = await trx
      .selectFrom("recovery_codes")
      .select("hash")
      .where("person_id", "=", person)
      .where("used", "is", null)
      .execute();
    return {
      password: secrets?.password ?? null,
      totp: secrets?.totp_seed ?? null,
      passkeys,
      recoveryCodes: codes.length,
      any: passkeys.length > 0 || (secrets?.totp_seed ?? null) !== null,
    };
  };

  /** The same, for who changes them: two that come at once come one after the other. */
  const heldFactors = async (trx: DeskTransaction, person: string) => {
    await trx.selectFrom("people").select("id").where("id", "=", person).forUpdate().execute();
    return factorsOf(trx, person);
  };

  const setPassword = async (trx: DeskTransaction, person: string, password: string): Promise<void> => {
    await trx
      .insertInto("person_secrets")
      .values({ person_id: person, password, totp_seed: null, totp_pending: null })
      .onConflict((conflict) => conflict.column("person_id").doUpdateSet({ password }))
      .execute();
  };

  /** The whole way in: a new secret, whatever was known before; the browser is remembered. */
  const enter = async (trx: DeskTransaction, session: Session, client: Client): Promise<Begun> => {
    const secret = await sessions.begin(trx, session.person.id, "in", client, session.id);
    await trx.updateTable("people").set({ seen: now() }).where("id", "=", session.person.id).execute();
    return { secret, device: devices.make(session.person.mail) };
  };

  /** Counts a try at a second factor before it is looked at; the fifth wrong one ends the sign-in. */
  const tryFactor = async (session: Session, client: Client): Promise<void> => {
    limits.checkFactor(session.person.mail, client.device);
    // Counted before the answer is known: tries of many sign-ins side by side all count.
    limits.failedFactor(session.person.mail, client.device);
    await inside(async (trx) => {
      const row = await trx
        .updateTable("sessions")
        .set({ tries: sql`tries + 1` })
        .where("id", "=", session.id)
        .returning("tries")
        .executeTakeFirst();
      if (row === undefined || row.tries > 5) {
        await trx.deleteFrom("sessions").where("id", "=", session.id).execute();
        sessions.changed();
        return false;
      }
      return true;
    }).then((mayTry) => {
      if (!mayTry) throw new AppError("FACTOR_REFUSED", "too many wrong answers: begin again with the password");
    });
  };
  const factorRight = (session: Session, client: Client): void =>
    limits.succeededFactor(session.person.mail, client.device);
  const factorFailed = async (session: Session, client: Client, what: string): Promise<never> => {
    await told(`login.${what}`, session.person, client, "refused");
    throw new AppError("FACTOR_REFUSED", "the code or passkey is not right, or was used before");
  };

  const first = async (token: string, given: Profile & { readonly mail: string }, client: Client): Promise<Begun> => {
    const mail = lower(given.mail);
    holdPassword(given.password, mail);
    await inside((trx) => readLink(trx, token, now(), "first"));
    const password = await passwords.hash(given.password);
    const id = newId();
    const secret = await inside(async (trx) => {
      await takeLink(trx, token, now(), "first");
      if (await hasAdministrator(trx)) throw new AppError("LINK_INVALID", "there is an administrator already");
      await trx
        .insertInto("people")
        .values({
          id,
          name: given.name,
          mail,
          language: given.language,
          roles: ["administrator", "analyst"],
          sensors: [],
          state: "active",
          created: now(),
          seen: null,
          invited_by: "system",
        })
        .execute();
      await setPassword(trx, id, password);
      return sessions.begin(trx, id, "enrol", client);
    });
    options.onFirst?.();
    await told("first administrator", { id, name: given.name }, client, "done", mail);
    return { secret, device: null };
  };

  const hasAdministrator = async (trx: DeskTransaction): Promise<boolean> =>
    (await trx
      .selectFrom("people")
      .select("id")
      .where("state", "=", "active")
      .where(sql<boolean>`'administrator' = ANY (roles)`)
      .limit(1)
      .executeTakeFirst()) !== undefined;

  const seen = (token: string): Promise<SeenInvitation> =>
    inside(async (trx) => {
      const row = await readLink(trx, token, now(), "account", "reset");
      const person = await personOf(trx, row.person_id ?? "", now());
      if (person === undefined) throw new AppError("LINK_INVALID", "whom this link was for is gone");
      const by = row.made_by.startsWith("person:")
        ? await trx
            .selectFrom("people")
            .select("name")
            .where("id", "=", row.made_by.slice("person:".length))
            .executeTakeFirst()
        : undefined;
      return {
        mail: person.mail,
        name: person.name === "" ? null : person.name,
        roles: person.actor.roles,
        organisations: await organisationsNamed(trx, person.actor.organisations),
        invitedBy: by?.name ?? name,
        expires: row.expires,
        purpose: row.purpose === "reset" ? "reset" : "account",
      };
    });

  const accept = async (token: string, given: Profile, client: Client): Promise<Begun> => {
    const { mail } = await seen(token);
    holdPassword(given.password, mail);
    const password = await passwords.hash(given.password);
    const { secret, person } = await inside(async (trx) => {
      const row = await takeLink(trx, token, now(), "account", "reset");
      const one = await personOf(trx, row.person_id ?? "", now());
      if (one === undefined || one.state === "disabled") {
        throw new AppError("LINK_INVALID", "this one-time link is wrong, used or too old: ask for a new one");
      }
      await trx
        .updateTable("people")
        .set({ state: "active", name: given.name, language: given.language })
        .where("id", "=", one.id)
        .execute();
      // A reset begins anew: what somebody else may have set up is gone with it.
      await setPassword(trx, one.id, password);
      await trx
        .updateTable("person_secrets")
        .set({ totp_seed: null, totp_pending: null })
        .where("person_id", "=", one.id)
        .execute();
      await trx.deleteFrom("passkeys").where("person_id", "=", one.id).execute();
      await trx.deleteFrom("recovery_codes").where("person_id", "=", one.id).execute();
      await trx.deleteFrom("person_providers").where("person_id", "=", one.id).execute();
      await trx
        .updateTable("api_tokens")
        .set({ revoked: now() })
        .where("person_id", "=", one.id)
        .where("revoked", "is", null)
        .execute();
      await sessions.endAll(trx, one.id);
      return { secret: await sessions.begin(trx, one.id, "enrol", client), person: { id: one.id, name: given.name } };
    });
    await told("invitation accepted", person, client, "done");
    return { secret, device: null };
  };

  /** Whether a password is right. When too many wait for that, the attempt does not count: it was none. */
  const verified = (attempt: Attempt, password: string, encoded: string | null): Promise<boolean> =>
    passwords.verify(password, encoded).catch((error: unknown) => {
      limits.undone(attempt);
      throw error;
    });

  const login = async (
    given: { readonly mail: string; readonly password: string },
    client: Client & { readonly deviceCookie?: string | undefined },
    before: Session | null,
  ): Promise<Begun> => {
    const account = lower(given.mail);
    const device = devices.check(account, client.deviceCookie);
    const attempt = { address: client.address, account, device };
    try {
      limits.check(attempt);
    } catch (error) {
      // Once: who goes on knocking must not fill the log.
      if (error instanceof AppError && error.details["first"] === true)
        await told("login", null, client, "refused", `limit: ${account.slice(0, 200)}`);
      throw error;
    }
    // Counted before the answer is known: guesses sent side by side all count.
    limits.failed(attempt);
    const found = await inside(async (trx) => {
      const row = await trx.selectFrom("people").select(["id", "state"]).where("mail", "=", account).executeTakeFirst();
      return row === undefined ? undefined : { ...row, password: (await factorsOf(trx, row.id)).password };
    });
    const right = await verified(attempt, given.password, found?.state === "active" ? found.password : null);
    if (found === undefined || !right) {
      await told("login", null, client, "refused", account.slice(0, 254));
      throw new AppError("LOGIN_REFUSED", "mail address or password is wrong");
    }
    limits.succeeded(attempt);
    const { secret, person } = await inside(async (trx) => {
      const state = (await factorsOf(trx, found.id)).any ? ("factor" as const) : ("enrol" as const);
      const one = await personOf(trx, found.id, now());
      return { secret: await sessions.begin(trx, found.id, state, client, before?.id), person: one };
    });
    await told("login.password", person ?? null, client, "done");
    return { secret, device: null };
  };

  const totp = async (session: Session, code: string, client: Client): Promise<Begun> => {
    await tryFactor(session, client);
    const begun = await inside(async (trx) => {
      const row = await trx
        .selectFrom("person_secrets")
        .selectAll()
        .where("person_id", "=", session.person.id)
        .executeTakeFirst();
      if (row === undefined || row.totp_seed === null) return undefined;
      const step = stepOf(sealer.open(row.totp_seed), code, now(), row.totp_step);
      if (step === undefined) return undefined;
      // Two requests with one code: the second finds the step taken.
      const { numUpdatedRows } = await trx
        .updateTable("person_secrets")
        .set({ totp_step: step })
        .where("person_id", "=", session.person.id)
        .where("totp_step", "<", step)
        .executeTakeFirst();
      return numUpdatedRows === 1n ? enter(trx, session, client) : undefined;
    });
    if (begun === undefined) return factorFailed(session, client, "totp");
    factorRight(session, client);
    await told("login.totp", session.person, client, "done");
    return begun;
  };

  const totpBegin = async (session: Session): Promise<{ secret: string; uri: string }> => {
    holdFactor(session, now());
    const seed = newSeed();
    await inside((trx) =>
      trx
        .insertInto("person_secrets")
        .values({ person_id: session.person.id, password: null, totp_seed: null, totp_pending: sealer.seal(seed) })
        .onConflict((conflict) => conflict.column("person_id").doUpdateSet({ totp_pending: sealer.seal(seed) }))
        .execute(),
    );
    return { secret: seed, uri: seedUri(seed, name, session.person.mail) };
  };

  /**
   * Whether there was a factor before the one that is being made. A sign-in that lacked one makes the first and no other: what stands there
   * by now was set up by somebody else who signed in. @throws AppError ACCESS_SIGN_IN
   */
  const hadFactor = async (trx: DeskTransaction, session: Session): Promise<boolean> => {
    const { any } = await heldFactors(trx, session.person.id);
    if (any && session.state === "enrol")
      throw new AppError("ACCESS_SIGN_IN", "a second factor was set up meanwhile: sign in anew");
    return any;
  };
  /**
   * Ends what a new factor ends: the sign-in that lacked one, and others that lacked one. First one of all: recovery codes, shown once.
   */
  const factorMade = async (
    trx: DeskTransaction,
    session: Session,
    client: Client,
    had: boolean,
  ): Promise<{ begun: Begun; recoveryCodes: readonly string[] }> => {
    await trx.deleteFrom("sessions").where("person_id", "=", session.person.id).where("state", "=", "enrol").execute();
    return {
      recoveryCodes: had ? [] : await newRecoveryCodes(trx, session.person.id),
      begun: await enter(trx, session, client),
    };
  };

  const totpConfirm = async (session: Session, code: string, client: Client) => {
    holdFactor(session, now());
    await tryFactor(session, client);
    const made = await inside(async (trx) => {
      const row = await trx
        .selectFrom("person_secrets")
        .selectAll()
        .where("person_id", "=", session.person.id)
        .executeTakeFirst();
      if (row === undefined || row.totp_pending === null) return undefined;
      const step = stepOf(sealer.open(row.totp_pending), code, now(), 0);
      if (step === undefined) return undefined;
      const had = await hadFactor(trx, session);
      await trx
        .updateTable("person_secrets")
        .set({ totp_seed: row.totp_pending, totp_pending: null, totp_step: step })
        .where("person_id", "=", session.person.id)
        .execute();
      return factorMade(trx, session, client, had);
    });
    if (made === undefined) return factorFailed(session, client, "totp.confirm");
    factorRight(session, client);
    await told("factor.totp", session.person, client, "done");
    return made;
  };

  const recovery = async (session: Session, code: string, client: Client): Promise<Begun> => {
    await tryFactor(session, client);
    const begun = await inside(async (trx) =>
      (await takeRecoveryCode(trx, session.person.id, code, now())) ? enter(trx, session, client) : undefined,
    );
    if (begun === undefined) return factorFailed(session, client, "recovery");
    factorRight(session, client);
    await told("login.recovery", session.person, client, "done");
    return begun;
  };

  /** Whether the person is there: shown less than five minutes ago, or the password is said again. @throws AppError ACCESS_PROOF */
  const prove = async (session: Session, password: string | undefined, client: Client): Promise<void> => {
    if (password === undefined) {
      if (now() - session.proved < 5 * 60e6) return;
      throw new AppError("ACCESS_PROOF", "say the password again");
    }
    const attempt = { address: client.address, account: session.person.mail, device: session.id };
    limits.check(attempt);
    limits.failed(attempt);
    const factors = await inside((trx) => factorsOf(trx, session.person.id));
    if (!(await verified(attempt, password, factors.password))) {
      await told("proof", session.person, client, "refused");
      throw new AppError("LOGIN_REFUSED", "the password is wrong");
    }
    limits.succeeded(attempt);
  };

  const changePassword = async (
    session: Session,
    given: { readonly current: string; readonly next: string },
    client: Client,
  ): Promise<void> => {
    await prove(session, given.current, client);
    holdPassword(given.next, session.person.mail);
    const password = await passwords.hash(given.next);
    await inside(async (trx) => {
      await setPassword(trx, session.person.id, password);
      await sessions.endAll(trx, session.person.id, session.id);
    });
    await told("password", session.person, client, "done");
  };

  const removeFactor = async (
    session: Session,
    given: {
      readonly kind: "passkey" | "totp" | "session";
      readonly id?: string | undefined;
      readonly password?: string | undefined;
    },
    client: Client,
  ): Promise<void> => {
    if (given.kind !== "session" || given.password !== undefined) await prove(session, given.password, client);
    await inside(async (trx) => {
      const factors = await heldFactors(trx, session.person.id);
      if (given.kind === "session") {
        await trx
          .deleteFrom("sessions")
          .where("person_id", "=", session.person.id)
          .where("id", "=", given.id ?? "")
          .execute();
        return;
      }
      const left = factors.passkeys.length + (factors.totp === null ? 0 : 1) - 1;
      if (left < 1) throw new AppError("ACCESS_DENIED", "one second factor stays: set up another one first");
      if (given.kind === "totp") {
        await trx
          .updateTable("person_secrets")
          .set({ totp_seed: null, totp_pending: null })
          .where("person_id", "=", session.person.id)
          .execute();
        return;
      }
      const gone = await trx
        .deleteFrom("passkeys")
        .where("person_id", "=", session.person.id)
        .where("id", "=", given.id ?? "")
        .executeTakeFirst();
      if (gone.numDeletedRows === 0n) throw new AppError("NOT_FOUND", "there is no such passkey");
    });
    sessions.changed();
    await told(`remove.${given.kind}`, session.person, client, "done", given.id?.slice(0, 100));
  };

  return {
    first,
    seen,
    accept,
    login,
    totp,
    totpBegin,
    totpConfirm,
    recovery,
    prove,
    changePassword,
    /** For the rooms beside: passkeys and providers end in the same ways. */
    inside,
    told,
    enter,
    tryFactor,
    factorFailed,
    factorRight,
    hadFactor,
    factorMade,
    factorsOf,
    hasAdministrator: (): Promise<boolean> => inside(hasAdministrator),
    deviceOf: (mail: string, cookie: string | undefined): string | undefined => devices.check(mail, cookie),
    removeFactor,
    profile: async (session: Session, given: { readonly name: string; readonly language: string }): Promise<void> => {
      await inside((trx) =>
        trx
          .updateTable("people")
          .set({ name: given.name, language: given.language })
          .where("id", "=", session.person.id)
          .execute(),
      );
      sessions.changed();
    },
  };
};
