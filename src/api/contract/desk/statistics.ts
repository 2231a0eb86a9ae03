// SPDX-License-Identifier: Apache-2.0
import { Type, type Static } from "typebox";
import { Count, Period, Share, Time, oneOf, orNull, strict } from "../shapes.ts";
import { Kind, Measured, OrganisationId, base, some, text } from "./shapes.ts";

const Num = Type.Number({ minimum: 0 });
/** Kaplan-Meier: the share of addresses still infected so many days after the first notice, with Greenwood's interval (95 %). */
export const Curve = strict({
  /** Channel, organisation id, family or country; "" when not grouped. */
  group: text(200),
  label: text(200),
  /** Notices that enter, and those whose end is not known (still infected, unknown, sensors down). */
  n: Count,
  censored: Count,
  /** Days until half are quiet; null when the curve never gets there. */
  medianDays: orNull(Num),
  points: some(
    strict({ day: Num, still: Share, low: Share, high: Share, atRisk: Count, quiet: Count, censored: Count }),
    400,
  ),
});
export const CleanUpQuery = strict({
  by: Type.Optional(oneOf(["none", "channel", "owner", "family", "country"])),
  kind: Type.Optional(Kind),
  organisation: Type.Optional(OrganisationId),
  from: Type.Optional(Time),
  to: Type.Optional(Time),
  days: Type.Optional(Type.Integer({ minimum: 7, maximum: 365, default: 60 })),
});
export const CleanUp = strict({
  asked: Time,
  period: Period,
  by: oneOf(["none", "channel", "owner", "family", "country"]),
  all: Curve,
  /** Largest first, at most seven; groups under `least` notices are not shown. */
  groups: some(Curve, 7),
  least: Count,
  /** Addresses nobody was told about. Not causal: they differ in more than the notice. */
  baseline: orNull(Curve),
  /** The same period before, for the sentence. */
  before: orNull(strict({ n: Count, medianDays: orNull(Num) })),
  /** Of `all`: closed as not seen again, cannot be confirmed. Censored in the curve, never counted as cleaned. */
  unconfirmed: Count,
});

/**
 * Between two moments, in seconds. `firstNotified` begins with the first packet seen (of what came back: not known, not counted), the others are
 * between FIRST's clocks: `detected` is when the node had its alert.
 */
export const Span = strict({ n: Count, median: orNull(Num), p90: orNull(Num) });
export const ResponseQuery = strict({
  by: Type.Optional(oneOf(["owner", "kind", "month", "country", "sector"])),
  from: Type.Optional(Time),
  to: Type.Optional(Time),
});
export const Response = strict({
  asked: Time,
  period: Period,
  by: oneOf(["owner", "kind", "month", "country", "sector"]),
  all: strict({
    firstNotified: Span,
    detectedNotified: Span,
    notifiedAcknowledged: Span,
    notifiedActed: Span,
    actedQuiet: Span,
    answered: Measured,
  }),
  rows: some(
    strict({
      group: text(200),
      label: text(200),
      notices: Count,
      answered: Measured,
      firstNotified: Span,
      detectedNotified: Span,
      notifiedAcknowledged: Span,
      notifiedActed: Span,
      actedQuiet: Span,
      relapsed: Count,
    }),
    200,
  ),
});
/** Detectors' precision as owners' answers tell it, a month and detector a row. */
export const Precision = strict({
  asked: Time,
  rows: some(
    strict({
      month: text(7),
      detector: text(64),
      kind: Kind,
      right: Count,
      wrong: Count,
      undecided: Count,
      precision: Measured,
    }),
    600,
  ),
});
/** Small figures for the shell and for *Now*. */
export const Summary = strict({
  asked: Time,
  /** Up to when the detector of infected hosts has judged; null: nothing yet. What came since is in no alert. */
  judged: orNull(Time),
  alerts: strict({ new: Count, relapsed: Count, held: Count, open: Count, essential: Count }),
  cases: strict({ open: Count, unanswered: Count, mine: Count }),
  warnings: strict({ rising: Count }),
  /** `late`: of those that wait, tried in vain for more than ten minutes. */
  outbox: strict({ waiting: Count, dead: Count, held: Count, late: Count }),
  changes: Count,
  inbox: Count,
  /** Mailing is stopped by the global breaker until an analyst looks. */
  breaker: Type.Boolean(),
  exercise: orNull(text(64)),
});
export const statisticsEndpoints = {
  summary: { method: "GET", path: `${base}/summary`, answer: Summary },
  "statistics/clean-up": { method: "GET", path: `${base}/statistics/clean-up`, query: CleanUpQuery, answer: CleanUp },
  "statistics/response": { method: "GET", path: `${base}/statistics/response`, query: ResponseQuery, answer: Response },
  "statistics/precision": { method: "GET", path: `${base}/statistics/precision`, answer: Precision },
} as const;
export type Curve = Static<typeof Curve>;
export type CleanUp = Static<typeof CleanUp>;
export type Span = Static<typeof Span>;
export type Response = Static<typeof Response>;
export type Precision = Static<typeof Precision>;
export type Summary = Static<typeof Summary>;
