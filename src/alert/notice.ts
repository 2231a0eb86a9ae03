// SPDX-License-Identifier: Apache-2.0
import { classificationOf } from "../model/detection.ts";
import type { DetectionKind, Sample } from "../model/detection.ts";
import type { Marking } from "../model/marking.ts";
import type { Alert, Severity } from "./alert.ts";
import { isAttributable } from "./life.ts";

export const noticeForms = ["notice", "relapse", "reminder", "digest", "correction", "breaker"] as const;
export type NoticeForm = (typeof noticeForms)[number];

/** One infection (or victim) as it is told. Every field is named here: what is not, does not leave. */
export interface NoticeItem {
  readonly case: string;
  /** LAYANG-42. */
  readonly number: number;
  readonly alert: string;
  /** Of the self-help link; the token is made of it when the letter is rendered. Null: none. */
  readonly link: string | null;
  readonly form: NoticeForm;
  readonly kind: DetectionKind;
  /** RSIT `taxonomy:type`. */
  readonly classification: string;
  readonly severity: Severity;
  readonly source: string | null;
  readonly subject: string;
  readonly network: string | null;
  readonly country: string | null;
  /** Origin AS of the address; absent in letters written before it was told. */
  readonly asn?: number | null;
  readonly translation: "none" | "cgnat";
  /** False: behind translation, and without the ports that would find the subscriber. */
  readonly attributable: boolean;
  readonly family: string | null;
  readonly confidence: number;
  readonly protocol: string | null;
  readonly ports: readonly number[];
  readonly signature: string | null;
  readonly tests: readonly string[];
  readonly first: number;
  readonly last: number;
  readonly packets: number;
  readonly darkAddresses: number;
  /** How many; never which. */
  readonly sensors: number;
  readonly samples: readonly Sample[];
  readonly marking: Marking;
}

/** What a letter says, before it is rendered in a language. */
export interface NoticePayload {
  readonly form: NoticeForm;
  readonly language: string;
  /** Of the recipient: local times stand beside UTC. */
  readonly timeZone: string;
  readonly organisation: { readonly id: string; readonly name: string };
  readonly exercise: string;
  readonly attach: { readonly csv: boolean; readonly xarf: boolean };
  readonly encrypt: boolean;
  /** When it was decided. A digest, and what waits for the morning, leaves long after; a letter's Date is when it leaves. */
  readonly at: number;
  readonly items: readonly NoticeItem[];
  /** Of a letter of the registry, instead of items: its words as they are; `{link}` in them becomes the address of the one-time link `link`. */
  readonly plain?: { readonly subject: string; readonly text: string; readonly link: string | null };
}

export const itemsAtMost = 500;

/** What an alert tells its owner: no sensor's name, no dark address, nothing of the evidence but what is listed. */
export const itemOf = (
  alert: Alert,
  form: NoticeForm,
  place: Pick<NoticeItem, "case" | "number" | "link">,
): NoticeItem => ({
  ...place,
  alert: alert.id,
  form,
  kind: alert.kind,
  classification: classificationOf[alert.kind] ?? "other:undetermined",
  severity: alert.severity,
  source: alert.source,
  subject: alert.subject,
  network: alert.network,
  country: alert.country,
  asn: alert.asn,
  translation: alert.translation,
  attributable: isAttributable(alert),
  family: alert.family,
  confidence: alert.confidence,
  protocol: alert.protocol,
  ports: alert.ports,
  signature: alert.signature,
  tests: alert.tests,
  first: alert.first,
  last: alert.last,
  packets: alert.packets,
  darkAddresses: alert.darkAddresses,
  sensors: alert.sensors.length,
  samples: alert.samples.map(({ time, error, sourcePort, port }) => ({ time, error, sourcePort, port })),
  marking: alert.marking,
});
