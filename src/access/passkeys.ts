// SPDX-License-Identifier: Apache-2.0
import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from "@simplewebauthn/server";
import type {
  AuthenticationResponseJSON,
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
  RegistrationResponseJSON,
} from "@simplewebauthn/server";
import { AppError } from "../platform/errors.ts";
import { holdFactor } from "./factors.ts";
import type { Client, Session } from "./sessions.ts";
import type { Begun, SignIn } from "./signin.ts";

export interface Passkeys {
  beginNew(session: Session): Promise<PublicKeyCredentialCreationOptionsJSON>;
  /** @throws AppError FACTOR_REFUSED */
  makeNew(
    session: Session,
    response: Readonly<Record<string, unknown>>,
    name: string,
    client: Client,
  ): Promise<{ begun: Begun; recoveryCodes: readonly string[] }>;
  begin(session: Session): Promise<PublicKeyCredentialRequestOptionsJSON>;
  /** @throws AppError FACTOR_REFUSED */
  use(session: Session, response: Readonly<Record<string, unknown>>, client: Client): Promise<Begun>;
}

const mostPasskeys = 20;
/** EdDSA, ES256, RS256 (COSE): what authenticators have and this runtime checks without experiments. */
const algorithms = [-8, -7, -257];

/**
 * Passkeys as second factor, after the password. `origin` is where the portal is reached; its host name is the relying party, so
 * an address of digits has none: on one's own machine use `localhost`.
 */
export const createPasskeys = (options: {
  readonly signIn: SignIn;
  readonly name: string;
  readonly origin: () => string;
  readonly now: () => number;
}): Passkeys => {
  const { signIn, name, origin, now } = options;
  const party = (): string => new URL(origin()).hostname;

  /** The challenge of a session is taken once. */
  const takeChallenge = (session: Session): Promise<string | null> =>
    signIn.inside(async (trx) => {
      const row = await trx
        .selectFrom("sessions")
        .select("challenge")
        .where("id", "=", session.id)
        .forUpdate()
        .executeTakeFirst();
      await trx.updateTable("sessions").set({ challenge: null }).where("id", "=", session.id).execute();
      return row?.challenge ?? null;
    });
  const keepChallenge = (session: Session, challenge: string): Promise<unknown> =>
    signIn.inside((trx) => trx.updateTable("sessions").set({ challenge }).where("id", "=", session.id).execute());

  return {
    beginNew: async (session) => {
      holdFactor(session, now());
      const { passkeys } = await signIn.inside((trx) => signIn.factorsOf(trx, session.person.id));
      if (passkeys.length >= mostPasskeys) throw new AppError("BODY_INVALID", `${mostPasskeys} passkeys are enough`);
      const made = await generateRegistrationOptions({
        rpName: name,
        rpID: party(),
        userName: session.person.mail,
        userDisplayName: session.person.name,
        userID: new Uint8Array(Buffer.from(session.person.id)),
        attestationType: "none",
        supportedAlgorithmIDs: algorithms,
        excludeCredentials: passkeys.map(({ id, transports }) => ({ id, transports })),
        authenticatorSelection: { residentKey: "discouraged", userVerification: "preferred" },
      });
      await keepChallenge(session, made.challenge);
      return made;
    },
    makeNew: async (session, response, label, client) => {
      holdFactor(session, now());
      await signIn.tryFactor(session, client);
      const challenge = await takeChallenge(session);
      const checked =
        challenge === null
          ? undefined
          : await verifyRegistrationResponse({
              response: response as unknown as RegistrationResponseJSON,
              expectedChallenge: challenge,
              expectedOrigin: origin(),
              expectedRPID: party(),
              requireUserVerification: false,
              supportedAlgorithmIDs: algorithms,
            }).catch(() => undefined);
      if (checked === undefined || !checked.verified) return signIn.factorFailed(session, client, "passkey.new");
      const { credential } = checked.registrationInfo;
      const made = await signIn.inside(async (trx) => {
        const had = await signIn.hadFactor(trx, session);
        await trx
          .insertInto("passkeys")
          .values({
            id: credential.id,
            person_id: session.person.id,
            public_key: Buffer.from(credential.publicKey).toString("base64url"),
            counter: credential.counter,
            transports: (credential.transports ?? []).filter((one) => typeof one === "string").slice(0, 10),
            name: label,
            made: now(),
            used: null,
          })
          .execute();
        return signIn.factorMade(trx, session, client, had);
      });
      signIn.factorRight(session, client);
      await signIn.told("factor.passkey", session.person, client, "done", label);
      return made;
    },
    begin: async (session) => {
      const { passkeys } = await signIn.inside((trx) => signIn.factorsOf(trx, session.person.id));
      const made = await generateAuthenticationOptions({
        rpID: party(),
        allowCredentials: passkeys.map(({ id, transports }) => ({ id, transports })),
        userVerification: "preferred",
      });
      await keepChallenge(session, made.challenge);
      return made;
    },
    use: async (session, response, client) => {
      await signIn.tryFactor(session, client);
      const challenge = await takeChallenge(session);
      const { passkeys } = await signIn.inside((trx) => signIn.factorsOf(trx, session.person.id));
      const key = passkeys.find(({ id }) => id === response["id"]);
      const checked =
        challenge === null || key === undefined
          ? undefined
          : await verifyAuthenticationResponse({
              response: response as unknown as AuthenticationResponseJSON,
              expectedChallenge: challenge,
              expectedOrigin: origin(),
              expectedRPID: party(),
              requireUserVerification: false,
              credential: {
                id: key.id,
                publicKey: new Uint8Array(Buffer.from(key.public_key, "base64url")),
                counter: key.counter,
                transports: key.transports,
              },
            }).catch(() => undefined);
      if (key === undefined || checked === undefined || !checked.verified) {
        return signIn.factorFailed(session, client, "passkey");
      }
      const begun = await signIn.inside(async (trx) => {
        await trx
          .updateTable("passkeys")
          .set({ counter: checked.authenticationInfo.newCounter, used: now() })
          .where("id", "=", key.id)
          .execute();
        return signIn.enter(trx, session, client);
      });
      signIn.factorRight(session, client);
      await signIn.told("login.passkey", session.person, client, "done");
      return begun;
    },
  };
};
