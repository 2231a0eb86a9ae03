// SPDX-License-Identifier: Apache-2.0
import {
  type AuthenticationResponseJSON,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
  type RegistrationResponseJSON,
  browserSupportsWebAuthn,
  startAuthentication,
  startRegistration,
} from "@simplewebauthn/browser";
import type { FactorMade, Session } from "../../../../src/api/contract/desk/session.ts";
import { deskSend } from "../../desk/client.ts";

export const passkeysWork = (): boolean => browserSupportsWebAuthn();
type Plain = Record<string, unknown>;

/** Signs in with a passkey: alone, or as the second step. */
export const signWithPasskey = async (): Promise<Session> => {
  const { options } = await deskSend("session/passkey/begin", "session/passkey/begin", {});
  const response: AuthenticationResponseJSON = await startAuthentication({
    optionsJSON: options as unknown as PublicKeyCredentialRequestOptionsJSON,
  });
  return deskSend("session/passkey", "session/passkey", { response: response as unknown as Plain });
};
/** Makes a passkey for the person who is signed in. */
export const makePasskey = async (name: string): Promise<FactorMade> => {
  const { options } = await deskSend("session/passkey/new/begin", "session/passkey/new/begin", {});
  const response: RegistrationResponseJSON = await startRegistration({
    optionsJSON: options as unknown as PublicKeyCredentialCreationOptionsJSON,
  });
  return deskSend("session/passkey/new", "session/passkey/new", { response: response as unknown as Plain, name });
};
