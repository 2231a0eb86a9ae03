// SPDX-License-Identifier: Apache-2.0
import type { NoticeItem, NoticePayload } from "../alert/notice.ts";
import { darknetCsv } from "./csv.ts";
import { writeLetter } from "./letter.ts";
import type { Attached, LetterText } from "./letter.ts";
import { returnHeader } from "./returns.ts";
import { wordsOf } from "./templates/index.ts";
import { checkXarf, xarfOf } from "./xarf.ts";
import type { Reporter } from "./xarf.ts";

/** What every letter of a node has in common. */
export interface Sender {
  readonly reporter: Reporter;
  /** Address that letters come from. */
  readonly from: string;
  /** Where answers go; the same as `from` when null. */
  readonly replyTo: string | null;
  /** Address of the portal as recipients reach it, without a slash at the end. */
  readonly portal: string;
  /** Whether that is this machine alone: who gets a letter could not follow a link to it, so it bears none. */
  readonly local?: boolean;
  /** The token of a self-help link by its id. */
  readonly tokenOf: (link: string) => string;
  readonly linkFor: number;
  /** The tag by which a letter that comes back is known (`returns.ts`). */
  readonly returnTagOf: (letter: string) => string;
  /** Each letter leaves from an address of its own, which reports on it come to. */
  readonly verp?: boolean;
  /** The node's rows are invented: every letter says so. */
  readonly simulated?: boolean;
}

export interface Part {
  readonly filename: string;
  readonly type: string;
  readonly content: string;
}
export interface Composed {
  readonly subject: string;
  readonly text: string;
  readonly parts: readonly Part[];
  readonly headers: Readonly<Record<string, string>>;
}

/** The token stands behind the `#`, which browsers do not send: no server, proxy or scanner on the way logs it. */
export const helpAddress = (portal: string, token: string): string => `${portal}/help#${token}`;

/** A letter of the registry: its words are ready, only the secret of its link is not. */
const plainLetter = ({ subject, text, link }: NonNullable<NoticePayload["plain"]>, sender: Sender): LetterText => ({
  subject,
  text: link === null ? text : text.replaceAll("{link}", `${sender.portal}/contact-check#${sender.tokenOf(link)}`),
});

const asSimulated = ({ subject, text }: LetterText, language: string): LetterText => {
  const { tag, line } = wordsOf(language).simulated;
  return { subject: `[${tag}] ${subject}`, text: `${line}\n\n${text}` };
};

/** A letter, whole: the same letter, to the byte, however often it is tried. */
export const composeLetter = (id: string, payload: NoticePayload, sender: Sender): Composed => {
  // Who takes part in a drill may well sit at the node.
  const byMail = sender.local === true && payload.exercise === "";
  const linkOf = (item: NoticeItem): string | null =>
    item.link === null || byMail ? null : helpAddress(sender.portal, sender.tokenOf(item.link));
  // A report that breaks the format's rules is left out; the table beside it says the same.
  const reports = payload.items
    .map((item) => xarfOf(item, sender.reporter, id))
    .filter((report) => report !== null && checkXarf(report).length === 0);
  const correction = payload.form === "correction";
  const parts: Part[] = [];
  const attached: Attached[] = [];
  if (payload.items.length > 0 && payload.attach.csv && !correction) {
    attached.push("csv");
    parts.push({ filename: "findings.csv", type: "text/csv", content: darknetCsv(payload.items, sender.reporter.org) });
  }
  if (reports.length > 0 && payload.attach.xarf && !correction) {
    attached.push("xarf");
    parts.push({
      filename: "xarf.json",
      type: "application/json",
      content: `${JSON.stringify(reports.length === 1 ? reports[0] : reports, null, 2)}\n`,
    });
  }
  const written =
    payload.plain === undefined
      ? writeLetter(payload, linkOf, payload.at + sender.linkFor, attached, byMail)
      : plainLetter(payload.plain, sender);
  const { subject, text } = sender.simulated === true ? asSimulated(written, payload.language) : written;
  const [first] = payload.items;
  return {
    subject,
    text,
    parts,
    headers: {
      // RFC 3834: nobody's out-of-office answers to this.
      "Auto-Submitted": "auto-generated",
      "X-Auto-Response-Suppress": "All",
      "X-Layang-Letter": id,
      [returnHeader]: sender.returnTagOf(id),
      "X-Layang-Form": payload.plain === undefined ? payload.form : "plain",
      ...(first === undefined
        ? {}
        : {
            "X-Layang-Case": payload.items
              .map(({ number }) => number)
              .slice(0, 20)
              .join(","),
            "X-TLP": first.marking,
          }),
      ...(sender.simulated === true ? { "X-Layang-Simulated": "yes" } : {}),
      ...(payload.exercise === "" ? {} : { "X-Layang-Exercise": payload.exercise.replaceAll(/[^\w.-]+/g, "-") }),
    },
  };
};
