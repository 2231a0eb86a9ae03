// SPDX-License-Identifier: Apache-2.0

/** Attempts that a letter had when somebody sent it again: it is given up after as many again. */
export const retries: readonly string[] = ["ALTER TABLE outbox ADD tried_before int NOT NULL DEFAULT 0"];
