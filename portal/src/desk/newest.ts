// SPDX-License-Identifier: Apache-2.0

/** Why the change that was asked for last was refused; what was refused before it says nothing any more. */
export const newestError = <E>(
  ...sent: readonly { readonly submittedAt: number; readonly error: E | null }[]
): E | null => sent.toSorted((a, b) => b.submittedAt - a.submittedAt)[0]?.error ?? null;
