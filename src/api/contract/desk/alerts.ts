// SPDX-License-Identifier: Apache-2.0
import { Type, type Static } from "typebox";
import { detectionKinds } from "../../../model/detection.ts";
import { Count, Share, Time, oneOf, orNull, strict } from "../shapes.ts";
import {
  AlertState,
  Country,
  Evidence,
  Held,
  Id,
  Kind,
  OrganisationId,
  OrganisationName,
  Port,
  SampleRow,
  Severity,
  Tlp,
  Version,
  alertStates,
  base,
  list,
  listOf,
  page,
  scope,
  severities,
  some,
  text,
} from "./shapes.ts";

export const AlertRow = strict({
  id: Id,
  version: Version,
  state: AlertState,
  /** Closed because it was not seen again and cannot be confirmed: an end of its own, never a clean-up. */
  unconfirmed: Type.Boolean(),
  kind: Kind,
  /** The address, its /64, or for networks behind translation the public address. */
  subject: text(64),
  source: orNull(text(45)),
  family: orNull(text(100)),
  severity: Severity,
  rank: Type.Number(),
  organisation: orNull(OrganisationName),
  /** The organisation operates an essential service. */
  essential: Type.Boolean(),
  country: orNull(Country),
  asn: orNull(Count),
  /** Behind address translation: needs time and source port. */
  translation: oneOf(["none", "cgnat"]),
  first: Time,
  last: Time,
  packets: Count,
  darkAddresses: Count,
  /** How many sensors saw it. */
  sensors: Count,
  ports: some(Port, 16),
  confidence: Share,
  /** Why it is kept from its owner; empty when it may be told. */
  held: some(Held, 8),
  released: orNull(Time),
  suppressedUntil: orNull(Time),
  suppressedReason: orNull(text(500)),
  relapses: Count,
  assignee: orNull(text(200)),
  /** Number of the case. */
  case: orNull(Count),
  notified: orNull(Time),
  /** What the owner said last, not yet confirmed by silence unless `state` says so. */
  answer: orNull(text(40)),
  marking: Tlp,
});
export const alertOrders = ["rank", "last", "first", "packets"] as const;
export const AlertsQuery = strict({
  state: Type.Optional(listOf(alertStates, "states")),
  kind: Type.Optional(listOf(detectionKinds, "kinds")),
  severity: Type.Optional(listOf(severities, "severities")),
  organisation: Type.Optional(OrganisationId),
  country: Type.Optional(Country),
  family: Type.Optional(text(100, 1)),
  port: Type.Optional(Port),
  /**
   * `held`: kept from owners; `suppressed`; `owned`: inside the constituency; `unclaimed`: nobody's; `mine`: assigned to who asks; `unanswered`: told, no answer;
   * `confirmed`: quiet, and so its owner's answer is confirmed.
   */
  only: Type.Optional(
    listOf(["held", "suppressed", "owned", "unclaimed", "mine", "unanswered", "confirmed", "essential"], "only these"),
  ),
  /** Address, prefix, AS number, family or name of an organisation. */
  q: Type.Optional(text(100, 1)),
  order: Type.Optional(oneOf(alertOrders)),
  ...scope,
  ...page(100),
});
export const Alerts = list(
  AlertRow,
  {
    /** Alerts by state under the same filter but for `state`. */
    states: strict({ new: Count, continuing: Count, quiet: Count, closed: Count, relapsed: Count }),
    held: Count,
    suppressed: Count,
    unclaimed: Count,
    essential: Count,
    /** Organisations with a new, continuing or relapsed alert. */
    owners: Count,
    /** New in the last 24 h, and in the 24 h before. */
    day: Count,
    dayBefore: Count,
    oldestUnnotified: orNull(Time),
  },
  "Alerts of the board, ranked.",
);

export const AlertPath = strict({ alert: Id });
/** FIRST's clocks. */
export const Clocks = strict({
  detected: orNull(Time),
  notified: orNull(Time),
  acknowledged: orNull(Time),
  acted: orNull(Time),
  quiet: orNull(Time),
  closed: orNull(Time),
});
/** How sure silence is: only under `needed` is it quiet. */
export const Silence = strict({
  /** P(no packet | still infected), from its own past rate and the up-time of the sensors that saw it; null: no rate known. */
  chance: orNull(Share),
  needed: Share,
  /** Seconds without a packet, the sensors up, before which quiet is never said. */
  atLeast: Type.Number({ minimum: 0 }),
  since: orNull(Time),
  /** When `chance` will be small enough if silence holds; null: cannot be told. */
  until: orNull(Time),
  /** Share of that time in which the sensors that saw it were up. */
  up: orNull(Share),
  verdict: oneOf(["active", "waiting", "quiet", "unknown", "moved"]),
});
export const Alert = strict({
  asked: Time,
  /** "" is real. */
  exercise: text(64),
  alert: AlertRow,
  clocks: Clocks,
  silence: orNull(Silence),
  classification: orNull(text(80)),
  samples: some(SampleRow, 100),
  detections: some(
    strict({
      id: Id,
      detector: text(64),
      version: Count,
      kind: Kind,
      first: Time,
      last: Time,
      packets: Count,
      darkAddresses: Count,
      confidence: Share,
      revision: Count,
      withdrawn: Type.Boolean(),
      evidence: Evidence,
    }),
    100,
  ),
  /** The same signature reappearing in the prefix. */
  possiblyMoved: some(strict({ alert: Id, subject: text(64), since: Time }), 10),
});

export const AlertNamed = strict({ id: Id, version: Version });
const Named = Type.Array(AlertNamed, { minItems: 1, maxItems: 500 });
const Reason = text(500, 3);
/** One action on many alerts; each is done or refused by itself. */
export const AlertAction = Type.Union([
  /** Says no more about them until `until`; the reason is kept. */
  strict({ action: Type.Literal("suppress"), alerts: Named, reason: Reason, until: Time }),
  strict({ action: Type.Literal("unsuppress"), alerts: Named }),
  /** Lets held alerts go to their owners. */
  strict({ action: Type.Literal("release"), alerts: Named, reason: Reason }),
  /** Handles them as one: in the named case, or in a new one with this title. */
  strict({
    action: Type.Literal("merge"),
    alerts: Named,
    case: Type.Optional(Count),
    title: Type.Optional(text(200, 3)),
  }),
  /** To a person, or to nobody. */
  strict({ action: Type.Literal("assign"), alerts: Named, person: orNull(Id) }),
  strict({
    action: Type.Literal("close"),
    alerts: Named,
    outcome: oneOf(["cleaned", "false-positive", "not-ours", "research", "duplicate", "expired"]),
    reason: Type.Optional(text(500)),
  }),
  strict({ action: Type.Literal("reopen"), alerts: Named, reason: Reason }),
]);
export const AlertActed = strict({
  done: Count,
  refused: some(strict({ id: Id, code: text(64), detail: text(500) }), 500),
  /** Of a merge. */
  case: orNull(Count),
});

export const alertEndpoints = {
  alerts: { method: "GET", path: `${base}/alerts`, query: AlertsQuery, answer: Alerts },
  alert: { method: "GET", path: `${base}/alerts/{alert}`, params: AlertPath, answer: Alert },
  "alerts/act": { method: "POST", path: `${base}/alerts/actions`, body: AlertAction, answer: AlertActed },
} as const;

export type AlertRow = Static<typeof AlertRow>;
export type AlertsQuery = Static<typeof AlertsQuery>;
export type Alerts = Static<typeof Alerts>;
export type Alert = Static<typeof Alert>;
export type Clocks = Static<typeof Clocks>;
export type Silence = Static<typeof Silence>;
export type AlertAction = Static<typeof AlertAction>;
export type AlertActed = Static<typeof AlertActed>;
