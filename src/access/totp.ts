// SPDX-License-Identifier: Apache-2.0
import { generateSecret, generateURI, verifySync } from "otplib";

/** A new seed in Base32, 160 bits. */
export const newSeed = (): string => generateSecret({ length: 20 });
/** For an authenticator's camera. */
export const seedUri = (seed: string, issuer: string, account: string): string =>
  generateURI({ issuer, label: account, secret: seed });

/**
 * The time step (30 s) that a code is of, when it is right and newer than `after`: the step before and the one after now count,
 * and no step counts twice. Undefined: wrong, old or used. `now` in microseconds.
 */
export const stepOf = (seed: string, code: string, now: number, after: number): number | undefined => {
  if (!/^\d{6}$/.test(code)) return undefined;
  const result = verifySync({
    strategy: "totp",
    secret: seed,
    token: code,
    epoch: Math.floor(now / 1e6),
    epochTolerance: 30,
  });
  if (!result.valid || !("timeStep" in result)) return undefined;
  return result.timeStep > after ? result.timeStep : undefined;
};
