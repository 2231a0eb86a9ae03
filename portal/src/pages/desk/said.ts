// SPDX-License-Identifier: Apache-2.0
import type { AnswerKind, TimelineRow, ToldBy } from "../../../../src/api/contract/desk/cases.ts";
import type { Format } from "../../format.ts";
import type { Messages } from "../../words/messages.ts";

interface Words {
  readonly t: Messages;
  readonly f: Format;
}
type Entry = Pick<TimelineRow, "kind" | "facts">;
/** Numbers of cases, which are names. */
const names: ReadonlySet<string> = new Set(["case", "into"]);

/** An entry in the reader's language, from its kind and facts; a kind that is not known is shown by its name. */
export const saidOf = ({ t, f }: Words, row: Entry): string => {
  const said = t.desk.cases.events[row.kind as keyof typeof t.desk.cases.events];
  if (said === undefined) return row.kind;
  const { answer, channel, reason, reasons, state, until } = row.facts;
  const held = String(reasons ?? reason ?? "")
    .split(",")
    .map((one) => t.desk.held[one as keyof typeof t.desk.held] ?? one);
  const counted = Object.fromEntries(
    Object.entries(row.facts).flatMap(([name, value]) =>
      typeof value === "number" && !names.has(name)
        ? [
            [name, f.count(value)],
            // It chooses the plural.
            [`${name}N`, value],
          ]
        : [[name, value]],
    ),
  );
  return said({
    ...counted,
    // The desk keeps times in microseconds.
    ...(typeof until === "number" ? { until: f.time(new Date(until / 1000)) } : {}),
    answerSaid:
      (t.desk.answers[answer as AnswerKind] ?? String(answer ?? "")) +
      (typeof channel === "string" ? ` (${t.desk.channels[channel as ToldBy] ?? channel})` : ""),
    reasonSaid: held.join("; "),
    state: t.desk.caseStates[state as keyof typeof t.desk.caseStates] ?? state ?? null,
  });
};

const reasoned: ReadonlySet<string> = new Set(["released", "suppressed", "state"]);
/** Why somebody decided so, in their own words; of a close, its outcome before them. "" where nothing was said. */
export const whyOf = (t: Messages, { kind, facts: { outcome, reason } }: Entry): string => {
  if (!reasoned.has(kind)) return "";
  const { outcomes } = t.desk.alerts;
  return [typeof outcome === "string" ? (outcomes[outcome as keyof typeof outcomes] ?? outcome) : "", reason]
    .filter((one): one is string => typeof one === "string" && one !== "")
    .join(": ");
};
