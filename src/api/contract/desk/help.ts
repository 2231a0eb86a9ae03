// SPDX-License-Identifier: Apache-2.0
import { Type, type Static } from "typebox";
import { Count, Share, Time, oneOf, orNull, strict } from "../shapes.ts";
import { Silence } from "./alerts.ts";
import { Answer, AnswerKind, ToldBy } from "./cases.ts";
import { Kind, Language, Port, SampleRow, Severity, base, some, text } from "./shapes.ts";

/**
 * The self-help page: no account, one case, one decision. The link of a mail is `/help#TOKEN`: the secret is in the fragment, so
 * no server log, referrer or mail scanner sees it. The page sends it as `Authorization: Link TOKEN`. GET changes nothing; an answer is a POST.
 */
export const Help = strict({
  asked: Time,
  case: Count,
  organisation: text(200),
  /** Of the node: who tells. */
  from: text(200),
  language: Language,
  kind: Kind,
  classification: orNull(text(80)),
  family: orNull(text(100)),
  severity: Severity,
  exercise: text(64),
  simulated: Type.Boolean(),
  /** The owner's addresses that the case is about; the answer may name some of them. */
  subjects: some(
    strict({
      alert: text(64),
      subject: text(64),
      first: Time,
      last: Time,
      packets: Count,
      darkAddresses: Count,
      ports: some(Port, 16),
      /** What the letter said, whose link this is; null: it did not speak of this address. Beside it the figures are those of the newest letter. */
      told: orNull(strict({ at: Time, last: Time, packets: Count, darkAddresses: Count })),
      /** The letter's packets as the letter has them; below them those that a later one told. */
      samples: some(strict({ ...SampleRow.properties, newer: Type.Boolean() }), 50),
      /** Behind address translation and without source ports: cannot be told apart. */
      attributable: Type.Boolean(),
      silence: orNull(Silence),
    }),
    100,
  ),
  translation: oneOf(["none", "cgnat"]),
  sensors: Count,
  confidence: Share,
  /** How often a claim of this kind was right, of those answered. */
  precision: orNull(Share),
  /** What to do for this family, in the language asked for; first things first. */
  steps: some(text(1000), 8),
  answers: some(strict({ at: Time, answer: AnswerKind, channel: orNull(ToldBy), text: orNull(text(2000)) }), 20),
  state: oneOf(["asked", "claimed", "quiet", "unknown", "relapsed", "unconfirmed", "closed"]),
  expires: Time,
  contact: strict({ mail: orNull(text(254)), phone: orNull(text(50)) }),
});
export const HelpQuery = strict({ language: Type.Optional(Language) });
/** GET with the same header: CSV with the Shadowserver columns, as in the mail. */
export const helpEvidencePath = `${base}/help/evidence.csv`;
export const helpEndpoints = {
  help: { method: "GET", path: `${base}/help`, query: HelpQuery, answer: Help },
  "help/answer": { method: "POST", path: `${base}/help/answer`, body: Answer, answer: Help },
} as const;
export type Help = Static<typeof Help>;
