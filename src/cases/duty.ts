// SPDX-License-Identifier: Apache-2.0
import { hour } from "../alert/alert.ts";
import type { NoticePayload } from "../alert/notice.ts";
import type { HoldReason } from "../model/detection.ts";
import type { DeskTransaction } from "../store/desk/desk.ts";
import { insertRows } from "./bulk.ts";
import { idOf } from "./ids.ts";
import type { CaseRules } from "./options.ts";
import { letterColumns } from "./rows.ts";

/** A breaker opened: analysts are called, once an hour for one owner (or for all). */
export const callDuty = async (
  trx: DeskTransaction,
  rules: CaseRules,
  what: { readonly breaker: HoldReason; readonly organisation: string | null; readonly exercise: string },
  now: number,
): Promise<void> => {
  if (rules.dutyMail === null) return;
  const payload: NoticePayload & { readonly breaker: HoldReason } = {
    form: "breaker",
    language: "en",
    timeZone: "UTC",
    organisation: { id: what.organisation ?? "", name: what.organisation ?? "" },
    exercise: what.exercise,
    attach: { csv: false, xarf: false },
    encrypt: false,
    at: now,
    items: [],
    breaker: what.breaker,
  };
  await insertRows(
    trx,
    "outbox",
    letterColumns,
    [
      {
        id: idOf("breaker", what.breaker, what.organisation, what.exercise, Math.floor(now / hour)),
        exercise: what.exercise,
        realm: "",
        // Of no organisation: an owner does not read what its analysts are called for.
        organisation_id: null,
        case_id: null,
        contact_id: null,
        channel: "mail",
        recipient: rules.dutyMail,
        payload,
        state: "waiting",
        due: now,
        created: now,
        form: "breaker",
      },
    ],
    "ON CONFLICT (id) DO NOTHING",
  );
};
