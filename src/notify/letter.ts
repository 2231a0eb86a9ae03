// SPDX-License-Identifier: Apache-2.0
import { isVictim } from "../alert/alert.ts";
import { localTime } from "../alert/delivery.ts";
import type { NoticeItem, NoticePayload } from "../alert/notice.ts";
import type { Advice, ToldKind, Words } from "./templates/words.ts";
import { wordsOf } from "./templates/index.ts";

export interface LetterText {
  readonly subject: string;
  readonly text: string;
}

export const fill = (text: string, values: Readonly<Record<string, string | number>>): string =>
  text.replaceAll(/\{(\w+)\}/g, (whole, name: string) => (Object.hasOwn(values, name) ? String(values[name]) : whole));
/** One line, whatever was in it: subjects and lists stay what they are. */
// oxlint-disable-next-line no-control-regex
export const line = (text: string): string => text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ").trim();

/** Names of IoT malware as detectors give them. Others get the general advice. */
const iotFamilies = /mirai|mozi|gafgyt|bashlite|hajime|rapperbot|satori|moobot|fodcha|xorddos|dvr|iot/i;
const windowsFamilies = /wannacry|conficker|smb|eternalblue|ramnit|necurs|virut|sality/i;
export const adviceOf = (family: string | null): Advice => {
  if (family === null) return "unknown";
  if (iotFamilies.test(family)) return "iot";
  return windowsFamilies.test(family) ? "windows" : "unknown";
};

/** A moment as letters say it, to the second or the millisecond. */
export const utc = (time: number, digits: 19 | 23 = 19): string =>
  `${new Date(time / 1000).toISOString().slice(0, digits).replace("T", " ")} UTC`;
const moment = (time: number, timeZone: string): string => {
  if (timeZone === "UTC") return utc(time);
  const { date, minutes } = localTime(time, timeZone);
  const clock = `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
  return `${utc(time)} (${date} ${clock} ${timeZone})`;
};

const kindOf = (item: NoticeItem): ToldKind => item.kind as ToldKind;
const whereOf = (item: NoticeItem): string =>
  `${item.source ?? item.subject}${item.family === null ? "" : ` (${line(item.family)})`}`;

/** What to do, in a language; nothing for kinds that owners are not told of. */
export const stepsFor = (language: string, kind: NoticeItem["kind"], family: string | null): readonly string[] =>
  kind === "infected-host" || Object.hasOwn(wordsOf(language).steps, kind)
    ? stepsOf(wordsOf(language), { kind, family })
    : [];
export const stepsOf = (words: Words, item: Pick<NoticeItem, "kind" | "family">): readonly string[] =>
  item.kind === "infected-host"
    ? words.cleaning[adviceOf(item.family)]
    : words.steps[item.kind as Exclude<ToldKind, "infected-host">];

/** A rule as the detector named it (`infected-host: mark: outbound`), in words; what there are none for stays as it was named. */
const testSaid = ({ test: { detectors, rules, modes } }: Words, test: string): string => {
  const known: Readonly<Record<string, string>> = { ...detectors, ...rules, ...modes };
  return test
    .split(": ")
    .map((part) => (Object.hasOwn(known, part) ? (known[part] ?? part) : part))
    .join(", ");
};

const facts = (words: Words, item: NoticeItem, timeZone: string): string => {
  const { label } = words;
  const rows: readonly (readonly [string, string | null])[] = [
    [label.address, item.source ?? item.subject],
    [label.network, item.network],
    [label.class, item.classification],
    [label.family, item.family],
    [label.severity, words.severity[item.severity]],
    [label.confidence, `${Math.round(item.confidence * 100)} %`],
    [label.first, moment(item.first, timeZone)],
    [label.last, moment(item.last, timeZone)],
    [label.packets, String(item.packets)],
    [
      isVictim(item.kind) ? label.attacked : label.ports,
      item.ports.length === 0 ? null : `${item.protocol ?? ""} ${item.ports.join(", ")}`.trim(),
    ],
    [label.reach, words.reach(item.darkAddresses, item.sensors)],
    [label.tests, item.tests.map((test) => testSaid(words, test)).join("; ")],
    [label.signature, item.signature],
  ];
  return rows
    .filter(([, value]) => value !== null && value !== "")
    .map(([name, value]) => `  ${name}: ${line(value ?? "")}`)
    .join("\n");
};

const samples = (words: Words, item: NoticeItem): string[] => {
  if (item.samples.length === 0) return item.attributable ? [] : [words.unattributable];
  const rows = item.samples.map(
    ({ time, error, sourcePort, port }) =>
      `  ${utc(time, 23)}${error === null ? ` (${words.clockUnknown})` : ` ± ${Math.max(1, Math.round(error / 1000))} ms`}  ${words.sample.source} ${sourcePort}${port === null ? "" : `  ${words.sample.port} ${port}`}`,
  );
  return [...(item.translation === "cgnat" ? [words.translated] : []), `${words.samples}\n${rows.join("\n")}`];
};

/** How a letter begins: a host under attack is no culprit. */
const openingOf = (words: Words, payload: NoticePayload, first: NoticeItem | undefined): string => {
  const { form } = payload;
  const own = form === "notice" || form === "relapse" || form === "reminder";
  return own && first !== undefined && isVictim(first.kind) ? words.openingOfVictim[form] : words.opening[form];
};
/** What stands beside the letter, and how all of it is known. */
const closingOf = (words: Words, payload: NoticePayload, attached: readonly Attached[]): string => {
  const [one] = attached;
  const said = one === undefined ? [] : [words.attachments[attached.length > 1 ? "both" : one]];
  const attackedOnly = payload.items.every(({ kind }) => isVictim(kind));
  return [...said, attackedOnly ? words.methodOfVictim : words.method].join("\n");
};

/** What goes with a letter. */
export type Attached = "csv" | "xarf";

/**
 * A letter in the words of its recipient. `linkOf` gives the address of a self-help link, `until` its end; only what is attached is said to be. `byMail`: there is
 * no link that its recipient could follow, the answer is a reply.
 */
export const writeLetter = (
  payload: NoticePayload,
  linkOf: (item: NoticeItem) => string | null,
  until: number,
  attached: readonly Attached[] = [],
  byMail = false,
): LetterText => {
  const words = wordsOf(payload.language);
  const [first] = payload.items;
  const many = payload.form === "digest";
  const organisation = line(payload.organisation.name);
  const values = {
    organisation,
    count: payload.items.length,
    what: first === undefined ? "" : words.kind[kindOf(first)],
    where: first === undefined ? "" : whereOf(first),
  };
  const number = many || first === undefined ? "" : `[LAYANG-${first.number}] `;
  const tag = payload.exercise === "" ? "" : `[${words.exercise.tag}] `;
  const subject = line(`${tag}${number}${fill(words.subject[payload.form], values)}`);
  const parts: string[] = [];
  if (payload.exercise !== "") parts.push(words.exercise.line);
  if (organisation !== "") parts.push(fill(words.greeting, values));
  parts.push(fill(openingOf(words, payload, first), values));
  if (many) {
    for (const item of payload.items) {
      const link = linkOf(item);
      parts.push(
        [
          `LAYANG-${item.number}  ${words.kind[kindOf(item)]} ${whereOf(item)}`,
          facts(words, item, payload.timeZone),
          ...(link === null ? [] : [`  ${link}`]),
        ].join("\n"),
      );
    }
    if (byMail) parts.push(`${words.answerHeading}\n${words.replyAlone}`);
  } else if (first !== undefined) {
    if (payload.form !== "correction") parts.push(words.seen[kindOf(first)]);
    parts.push(facts(words, first, payload.timeZone));
    if (payload.form !== "correction") {
      parts.push(...samples(words, first));
      const steps = stepsOf(words, first).map((step, i) => `  ${i + 1}. ${step}`);
      parts.push(`${words.doHeading}\n${steps.join("\n")}`);
      const link = linkOf(first);
      if (link !== null) {
        parts.push(
          `${words.answerHeading}\n${isVictim(first.kind) ? words.answerOfVictim : words.answer}\n\n  ${link}\n\n${fill(words.linkUntil, { until: utc(until).slice(0, 10) })} ${words.reply}`,
        );
      } else if (byMail) parts.push(`${words.answerHeading}\n${words.replyAlone}`);
    }
  }
  if (first !== undefined) parts.push(closingOf(words, payload, attached), `${words.marking}: ${first.marking}`);
  return { subject, text: `${parts.join("\n\n")}\n` };
};
