// SPDX-License-Identifier: Apache-2.0
import { sql } from "kysely";

/** What a case holds of attachments at most: of its owner and the desk, and, in places of their own, of what anybody can send by mail; and bytes of each. */
export const attachmentsAtMost = { known: 20, others: 5, bytes: 5 << 20 } as const;
/** Whether an attachment is the owner's or the desk's, by who brought it: a mail that is not known to be its owner's is a stranger's. */
export const isKnown = sql<boolean>`(actor NOT LIKE 'mail:%' OR actor LIKE 'mail:contact-%')`;
