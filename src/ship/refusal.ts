// SPDX-License-Identifier: Apache-2.0

/** Why a batch is refused, in words without any byte of it. Thrown inside the decoder only; callers get an outcome. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}
export const refuse = (reason: string): never => {
  throw new Refusal(reason);
};
