// SPDX-License-Identifier: Apache-2.0
import { day, hour } from "../alert/alert.ts";
import type { NoticeItem, NoticePayload } from "../alert/notice.ts";
import type { Preferences } from "../alert/delivery.ts";
import { classificationOf } from "../model/detection.ts";
import type { DetectionKind } from "../model/detection.ts";
import type { Composed, Sender } from "./compose.ts";
import { composeLetter } from "./compose.ts";

/** A finding that nobody made, on addresses of documentation (RFC 5737), for looking at a letter before the first one. */
export const inventedItem = (kind: DetectionKind, now: number): NoticeItem => ({
  case: "preview",
  number: 0,
  alert: "preview",
  link: null,
  form: "notice",
  kind,
  classification: classificationOf[kind] ?? "other:undetermined",
  severity: "medium",
  source: "192.0.2.17",
  subject: "192.0.2.17",
  network: "192.0.2.0/24",
  country: null,
  asn: 64_496,
  translation: "none",
  attributable: true,
  family: kind === "infected-host" ? "mirai" : null,
  confidence: 0.97,
  protocol: "tcp",
  ports: [23, 2323],
  signature: null,
  tests: ["preview"],
  first: now - 2 * hour,
  last: now - hour,
  packets: 412,
  darkAddresses: 87,
  sensors: 3,
  samples: [{ time: now - 2 * hour, error: 2_000, sourcePort: 40_213, port: 23 }],
  marking: "TLP:AMBER",
});

/** A letter as it would be, from what was found or from what was invented. */
export const previewLetter = (
  organisation: { readonly id: string; readonly name: string },
  preferences: Preferences,
  items: readonly NoticeItem[],
  form: "notice" | "digest",
  language: string,
  sender: Sender,
  now: number,
): Composed => {
  const payload: NoticePayload = {
    form,
    language,
    timeZone: preferences.timeZone,
    organisation,
    exercise: "",
    attach: preferences.attach,
    encrypt: preferences.encrypt,
    at: now,
    items,
  };
  return composeLetter(`preview-${Math.floor(now / day)}`, payload, { ...sender, tokenOf: () => "TOKEN" });
};
