// SPDX-License-Identifier: Apache-2.0
import type { Detection, HoldReason } from "../model/detection.ts";
import { parseSignature } from "../model/signature.ts";
import type { Alert, AlertPolicy, Closing, Owner } from "./alert.ts";
import { toldKinds } from "./alert.ts";
import { rankOf, severityOf } from "./severity.ts";
import { subjectOf } from "./subject.ts";

/** What happened to an alert; each becomes a line of the case's timeline. */
export type Change = "detected" | "continuing" | "relapsed" | "reclaimed" | "family" | "held" | "cleared";

export interface Observed {
  readonly alert: Alert;
  readonly changes: readonly Change[];
}

const portsAtMost = 32;
const testsAtMost = 8;
const union = <T>(a: readonly T[], b: readonly T[], atMost = Infinity): readonly T[] => {
  const all = [...new Set([...a, ...b])];
  return all.length === a.length ? a : all.slice(0, atMost);
};

/** Reasons that end by themselves: other sensors see it too, or the week of the budget is over. */
const passing: readonly HoldReason[] = ["one-sensor-abroad", "few-sensors"];
/** An owner abroad is not told on the word of one sensor. */
const abroad = (owner: Owner | null, sensors: readonly string[], realm: string, policy: AlertPolicy): boolean =>
  owner !== null &&
  realm === "" &&
  policy.country !== null &&
  owner.country !== null &&
  owner.country !== policy.country &&
  sensors.length < 2;

const heldBy = (
  before: readonly HoldReason[],
  detection: Detection,
  owner: Owner | null,
  sensors: readonly string[],
  policy: AlertPolicy,
): readonly HoldReason[] => {
  const kept = union(before, detection.held).filter((reason) => !passing.includes(reason));
  return abroad(owner, sensors, detection.realm, policy) ? [...kept, "one-sensor-abroad"] : kept;
};

/** The commonest signature, if it is one. */
const signatureOf = (detection: Detection): string | null => {
  const { signature, signatures } = detection.evidence;
  const said = signature ?? (Array.isArray(signatures) ? (signatures[0] as unknown) : null);
  return typeof said === "string" && parseSignature(said) !== undefined ? said : null;
};
/** Ports by name (`23/tcp`) where the detector counted several, the one of the claim first. */
const portsOf = (detection: Detection): readonly number[] => {
  const { ports } = detection.evidence;
  const named =
    typeof ports === "object" && ports !== null
      ? Object.keys(ports).flatMap((name) => /^(\d{1,5})\/(?:tcp|udp)$/.exec(name)?.[1] ?? [])
      : [];
  return union(
    detection.port === null ? [] : [detection.port],
    named.map(Number).filter((port) => port <= 65_535),
    portsAtMost,
  );
};
const plainWords = /^[a-z0-9][a-z0-9 ,-]{0,60}$/;
/** The rule that fired and from where it was seen, in the detector's words. Nothing else of the evidence is taken: it is allowed, not filtered. */
const testOf = (detection: Detection): string => {
  const said = [detection.evidence["rule"], detection.evidence["mode"]].filter(
    (one): one is string => typeof one === "string" && plainWords.test(one),
  );
  return [detection.detector, ...said].join(": ");
};

const ranked = (alert: Alert): Alert => ({ ...alert, severity: severityOf(alert), rank: rankOf(alert) });

/** The first sight of a subject. `id`, samples and marking are the caller's. */
export const open = (
  id: string,
  detection: Detection,
  owner: Owner | null,
  policy: AlertPolicy,
  now: number,
  birth: Pick<Alert, "marking" | "origin" | "asn" | "country">,
): Observed => {
  const translation = owner?.translation ?? "none";
  const held = heldBy([], detection, owner, detection.sensors, policy);
  const source = detection.source ?? "";
  const alert: Alert = {
    id,
    organisation: owner?.organisation ?? null,
    realm: detection.realm,
    exercise: detection.exercise,
    kind: detection.kind,
    subject: subjectOf(source, detection.family, translation),
    source: detection.source,
    family: detection.family,
    translation,
    network: owner?.network ?? null,
    essential: owner?.essential ?? false,
    state: "new",
    severity: "low",
    rank: 0,
    first: detection.first,
    last: detection.last,
    packets: detection.packets,
    darkAddresses: detection.darkAddresses,
    sensors: detection.sensors,
    confidence: detection.confidence,
    protocol: detection.protocol,
    ports: portsOf(detection),
    signature: signatureOf(detection),
    samples: detection.samples,
    tests: [testOf(detection)],
    held,
    released: null,
    suppressedUntil: null,
    suppressedReason: null,
    relapses: 0,
    detected: now,
    told: null,
    notified: null,
    acknowledged: null,
    acted: null,
    quieted: null,
    closed: null,
    closing: null,
    case: null,
    ...birth,
    version: 0,
  };
  return { alert: ranked(alert), changes: held.length > 0 ? ["detected", "held"] : ["detected"] };
};

/** An alert that was nobody's, and whose network has an owner now: as if it had been opened with that owner. */
export const handOver = (alert: Alert, owner: Owner, policy: AlertPolicy): Alert =>
  ranked({
    ...alert,
    organisation: owner.organisation,
    subject: subjectOf(alert.source ?? "", alert.family, owner.translation),
    translation: owner.translation,
    network: owner.network,
    essential: owner.essential,
    country: alert.country ?? owner.country,
    // To this owner it never came back: it is the first that he hears of it.
    ...(alert.told === null ? { relapses: 0 } : {}),
    held: abroad(owner, alert.sensors, alert.realm, policy)
      ? union(alert.held, ["one-sensor-abroad"])
      : alert.held.filter((reason) => reason !== "one-sensor-abroad"),
  });

/** The clocks of an episode that begins. */
const anew = (now: number): Partial<Alert> => ({
  detected: now,
  told: null,
  notified: null,
  acknowledged: null,
  acted: null,
  quieted: null,
  closed: null,
  closing: null,
});

/**
 * A finding about a subject that has an alert. `before` is the same detection as it was counted last time (an earlier
 * revision), so that its packets are not counted twice. What was held stays held until an analyst releases it.
 */
export const observe = (
  alert: Alert,
  detection: Detection,
  before: Pick<Detection, "packets"> | null,
  owner: Owner | null,
  policy: AlertPolicy,
  now: number,
): Observed => {
  const changes: Change[] = [];
  const ended = alert.state === "quiet" || alert.state === "closed";
  // Late news of what happened before it fell silent is no relapse.
  const back = ended && detection.last > (alert.quieted ?? alert.closed ?? Infinity) && detection.last > alert.last;
  // What was taken back and is claimed again after all: whoever was told of it was told that it is wrong.
  const again = !back && alert.state === "closed" && alert.closing === "withdrawn";
  const sensors = union(alert.sensors, detection.sensors);
  const held = heldBy(alert.held, detection, owner, sensors, policy);
  const fresh = held.filter((reason) => !alert.held.includes(reason));
  const family = alert.family ?? detection.family;
  let { state } = alert;
  if (back) {
    state = "relapsed";
    changes.push("relapsed");
  } else if (again) {
    state = "continuing";
    changes.push("reclaimed");
  } else if (state === "new" && Math.max(alert.last, detection.last) >= alert.detected + policy.newFor) {
    state = "continuing";
    changes.push("continuing");
  }
  if (family !== alert.family) changes.push("family");
  // A release is of the reasons that were there: a new one holds again.
  if (fresh.length > 0) changes.push("held");
  if (passing.some((reason) => alert.held.includes(reason) && !held.includes(reason))) changes.push("cleared");
  return {
    changes,
    alert: ranked({
      ...alert,
      state,
      family,
      held,
      sensors,
      released: fresh.length > 0 ? null : alert.released,
      essential: owner?.essential ?? alert.essential,
      first: Math.min(alert.first, detection.first),
      last: Math.max(alert.last, detection.last),
      packets: Math.max(0, alert.packets + detection.packets - (before?.packets ?? 0)),
      darkAddresses: Math.max(alert.darkAddresses, detection.darkAddresses),
      confidence: Math.max(alert.confidence, detection.confidence),
      protocol: alert.protocol ?? detection.protocol,
      ports: union(alert.ports, portsOf(detection), portsAtMost),
      signature: alert.signature ?? signatureOf(detection),
      tests: union(alert.tests, [testOf(detection)], testsAtMost),
      relapses: alert.relapses + (back ? 1 : 0),
      ...(back || again ? anew(now) : {}),
    }),
  };
};

/** Whether a finding belongs to an alert that ended, or opens another one. */
export const continues = (alert: Alert, detection: Detection, policy: AlertPolicy): boolean =>
  alert.state !== "closed" ||
  (alert.closing !== "not-ours" && detection.last - (alert.closed ?? 0) <= policy.relapseWithin);

export const isHeld = (alert: Alert): boolean => alert.held.length > 0 && alert.released === null;
export const isSuppressed = (alert: Alert, now: number): boolean =>
  alert.suppressedUntil !== null && alert.suppressedUntil > now;
/** Behind a carrier's translation a finding without times and source ports names thousands of subscribers. */
export const isAttributable = (alert: Pick<Alert, "translation" | "samples">): boolean =>
  alert.translation === "none" || alert.samples.length > 0;

/** Why an owner is not told, or null when it is. Unclaimed and weak findings are for analysts. */
export const untold = (
  alert: Alert,
  policy: AlertPolicy,
  now: number,
): "kind" | "unclaimed" | "confidence" | "held" | "suppressed" | "ended" | null => {
  if (!toldKinds.includes(alert.kind)) return "kind";
  if (alert.organisation === null) return "unclaimed";
  if (alert.confidence < policy.minimumConfidence) return "confidence";
  if (isHeld(alert)) return "held";
  if (isSuppressed(alert, now)) return "suppressed";
  return alert.state === "quiet" || alert.state === "closed" ? "ended" : null;
};

/** The end of an alert, for a reason. */
export const close = (alert: Alert, closing: Closing, now: number): Alert => ({
  ...alert,
  state: "closed",
  closed: now,
  closing,
});

/** What a letter would say of it now: first news, news that it is back, or that it still goes on; null: nothing. */
export const news = (alert: Alert, policy: AlertPolicy): "notice" | "relapse" | "reminder" | null => {
  if (alert.told === null) return alert.relapses > 0 ? "relapse" : "notice";
  return policy.remindAfter !== null && alert.last >= alert.told + policy.remindAfter ? "reminder" : null;
};
