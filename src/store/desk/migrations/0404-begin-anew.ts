// SPDX-License-Identifier: Apache-2.0

/** A reset takes away the identities that were connected to an account too. */
export const beginAnew: readonly string[] = ["GRANT DELETE ON person_providers TO layang_desk"];
