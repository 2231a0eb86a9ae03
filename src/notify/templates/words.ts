// SPDX-License-Identifier: Apache-2.0
import type { NoticeForm } from "../../alert/notice.ts";
import type { DetectionKind } from "../../model/detection.ts";

/** Kinds that an owner is told of. */
export type ToldKind = Extract<
  DetectionKind,
  "infected-host" | "scanning-host" | "dos-victim" | "reflector-abuse" | "amplification-scan"
>;
/** Families whose cleaning differs; everything else is `other`. */
export const advices = ["iot", "windows", "unknown"] as const;
export type Advice = (typeof advices)[number];

/** Detectors that an owner is told of, and the words in which `Alert.tests` names their rules and from where a host was seen. */
export const testDetectors = ["infected-host", "amplification", "dos-victim"] as const;
export const testRules = ["packets", "mark"] as const;
export const testModes = [
  "internal",
  "outbound",
  "outbound, seen at home",
  "outbound, seen abroad",
  "outbound, seen at home and abroad",
] as const;

/** The words of letters in one language. `{name}` is a place for a value. One file a language beside this one. */
export interface Words {
  readonly language: string;
  readonly kind: Readonly<Record<ToldKind, string>>;
  /** Of one finding: {what} and {where}. Of a digest: {count} and {organisation}. */
  readonly subject: Readonly<Record<NoticeForm, string>>;
  /** A person's one-time link: {node}, {link}, {until}. */
  readonly invitation: { readonly subject: string; readonly text: string };
  readonly simulated: { readonly tag: string; readonly line: string };
  readonly exercise: { readonly tag: string; readonly line: string };
  /** {organisation}, {count}. */
  readonly greeting: string;
  readonly opening: Readonly<Record<NoticeForm, string>>;
  /** Of a host under attack, whose owner is no suspect. */
  readonly openingOfVictim: Readonly<Record<"notice" | "relapse" | "reminder", string>>;
  readonly seen: Readonly<Record<ToldKind, string>>;
  readonly label: {
    readonly address: string;
    readonly network: string;
    readonly family: string;
    readonly confidence: string;
    readonly severity: string;
    readonly first: string;
    readonly last: string;
    readonly packets: string;
    readonly ports: string;
    /** Of a host under attack, instead of `ports`. */
    readonly attacked: string;
    readonly reach: string;
    readonly tests: string;
    readonly signature: string;
    readonly class: string;
  };
  readonly severity: Readonly<Record<"low" | "medium" | "high" | "critical", string>>;
  readonly test: {
    readonly detectors: Readonly<Record<(typeof testDetectors)[number], string>>;
    readonly rules: Readonly<Record<(typeof testRules)[number], string>>;
    readonly modes: Readonly<Record<(typeof testModes)[number], string>>;
  };
  /** {dark}, {sensors}. */
  readonly reach: (dark: number, sensors: number) => string;
  /** Of a sample whose sensor's clock nobody has measured. */
  readonly clockUnknown: string;
  readonly samples: string;
  readonly sample: { readonly time: string; readonly source: string; readonly port: string };
  readonly translated: string;
  readonly unattributable: string;
  readonly doHeading: string;
  readonly steps: Readonly<Record<Exclude<ToldKind, "infected-host">, readonly string[]>>;
  readonly cleaning: Readonly<Record<Advice, readonly string[]>>;
  readonly answerHeading: string;
  readonly answer: string;
  readonly answerOfVictim: string;
  /** {until}. */
  readonly linkUntil: string;
  readonly reply: string;
  /** Of a letter without a link, which can be answered in no other way. */
  readonly replyAlone: string;
  /** By what is attached. */
  readonly attachments: Readonly<Record<"csv" | "xarf" | "both", string>>;
  readonly method: string;
  readonly methodOfVictim: string;
  readonly marking: string;
}
