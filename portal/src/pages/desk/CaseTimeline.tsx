// SPDX-License-Identifier: Apache-2.0
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import type {
  AnswerKind,
  Case,
  Timeline as TimelineAnswer,
  TimelineRow,
  ToldBy,
} from "../../../../src/api/contract/desk/cases.ts";
import { type ApiError, address, fetchJson } from "../../api.ts";
import { Refused } from "../../desk/Loaded.tsx";
import { useSend } from "../../desk/client.ts";
import { Tlp } from "../../desk/parts.tsx";
import { isStaff, useSession } from "../../desk/session.ts";
import { Segments } from "../../design/parts.tsx";
import { useWords } from "../../words/index.tsx";
import { joined } from "./joined.ts";
import { saidOf, whyOf } from "./said.ts";

const markings = ["TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED"] as const;
export const answerKinds = [
  "cleaned",
  "subscriber-notified",
  "working",
  "not-ours",
  "false-positive",
  "cannot-attribute",
  "research",
] as const satisfies readonly AnswerKind[];
/** Of a host under attack: there is nothing to clean, and no device to find. */
export const victimAnswers = [
  "mitigated",
  "attack-over",
  "working",
  "not-ours",
  "false-positive",
] as const satisfies readonly AnswerKind[];
const victims: ReadonlySet<string> = new Set(["dos-victim", "reflector-abuse"]);
export const isVictim = (kind: string): boolean => victims.has(kind);
export const toldBy = [
  "mail",
  "phone",
  "letter",
  "sms",
  "walled-garden",
  "portal",
  "other",
] as const satisfies readonly ToldBy[];

/** A note, or what the owner said by telephone or mail. */
export const Composer = ({ answer: { case: one, may, alerts } }: { answer: Case }) => {
  const { t } = useWords();
  const words = t.desk.cases;
  const staff = isStaff(useSession().session);
  const [mode, setMode] = useState<"note" | "answer">(may.includes("note") && staff ? "note" : "answer");
  const offered: readonly AnswerKind[] = isVictim(one.kind) ? victimAnswers : answerKinds;
  const [kind, setKind] = useState<AnswerKind>(offered[0] ?? "working");
  const [text, setText] = useState("");
  const noted = useSend("case/note", () => setText(""));
  const answered = useSend("case/answer", () => setText(""));
  const both = may.includes("note") && may.includes("answer");
  return (
    <form
      className="composer no-print"
      onSubmit={(event) => {
        event.preventDefault();
        const form = new FormData(event.currentTarget);
        const words_ = text.trim();
        if (mode === "note") {
          const marking = markings.find((name) => name === form.get("marking")) ?? "TLP:AMBER";
          noted.mutate({ path: `cases/${one.number}/notes`, body: { text: words_, marking } });
        } else {
          const channel = toldBy.find((name) => name === form.get("channel"));
          const alert = form.get("alert");
          answered.mutate({
            path: `cases/${one.number}/answers`,
            body: {
              answer: kind,
              ...(kind === "subscriber-notified" && channel !== undefined ? { channel } : {}),
              ...(words_ === "" ? {} : { text: words_ }),
              ...(typeof alert === "string" && alert !== "" ? { alerts: [alert] } : {}),
            },
          });
        }
      }}
    >
      {both ? (
        <Segments
          label={words.timeline}
          value={mode}
          options={[
            ["note", words.note],
            ["answer", words.answerTitle],
          ]}
          onChange={setMode}
        />
      ) : undefined}
      {mode === "answer" ? (
        <>
          <div className="choices" role="group" aria-label={words.answerTitle}>
            {offered.map((one_) => (
              <button key={one_} type="button" aria-pressed={one_ === kind} onClick={() => setKind(one_)}>
                {t.desk.answers[one_]}
              </button>
            ))}
          </div>
          <div className="row">
            {kind === "subscriber-notified" ? (
              <label className="row small">
                {words.toldBy}
                <select name="channel">
                  {toldBy.map((channel) => (
                    <option key={channel} value={channel}>
                      {t.desk.channels[channel]}
                    </option>
                  ))}
                </select>
              </label>
            ) : undefined}
            {alerts.length > 1 ? (
              <label className="row small">
                {words.splits}
                <select name="alert">
                  <option value="">{words.splitsAll}</option>
                  {alerts.map((alert) => (
                    <option key={alert.id} value={alert.id}>
                      {alert.subject}
                    </option>
                  ))}
                </select>
              </label>
            ) : undefined}
          </div>
        </>
      ) : undefined}
      <label className="field">
        <span>{mode === "note" ? words.note : words.answerText}</span>
        <textarea
          value={text}
          required={mode === "note"}
          maxLength={mode === "note" ? 8000 : 2000}
          placeholder={mode === "note" ? words.notePlaceholder : ""}
          onChange={(event) => setText(event.target.value)}
        />
      </label>
      <div className="row">
        {mode === "note" ? (
          <label className="row small">
            {words.noteMarking}
            <select name="marking" defaultValue="TLP:AMBER">
              {markings.map((marking) => (
                <option key={marking}>{marking}</option>
              ))}
            </select>
          </label>
        ) : (
          <span className="small muted">{staff ? words.answerFor : ""}</span>
        )}
        <button type="submit" className="button primary" disabled={noted.isPending || answered.isPending}>
          {mode === "note" ? words.addNote : words.answerSend}
        </button>
      </div>
      <Refused error={mode === "note" ? noted.error : answered.error} />
    </form>
  );
};

const tones: Readonly<Record<string, string>> = { quiet: "good", relapsed: "act", bounced: "act", held: "act" };

/** Answers that silence can confirm, and answers that stay what the owner claims. */
const confirmable: readonly unknown[] = ["cleaned", "subscriber-notified"] satisfies AnswerKind[];
const claims: readonly unknown[] = [
  ...confirmable,
  "not-ours",
  "false-positive",
  "cannot-attribute",
  "research",
] satisfies unknown[];
const Standing = ({ row, quiet }: { row: TimelineRow; quiet: string | null }) => {
  const { t } = useWords();
  const answer = row.facts["answer"];
  if (row.kind !== "answered" || !claims.includes(answer)) return undefined;
  return confirmable.includes(answer) && quiet !== null && quiet >= row.at ? (
    <span className="chip good">{t.desk.cases.confirmed}</span>
  ) : (
    <span className="chip">{t.desk.cases.claim}</span>
  );
};

const Why = ({ text }: { text: string }) => (text === "" ? undefined : <p className="words">{text}</p>);

/** Newest first, as one reads a conversation that goes on; the oldest is the detection. */
export const Timeline = ({ answer }: { answer: Case }) => {
  const { t, f } = useWords();
  const words = t.desk.cases;
  /** All that was there when older entries were asked for: what is new pushes nothing out of it. */
  const [kept, setKept] = useState<TimelineAnswer>();
  const left = kept?.earlier ?? answer.earlier;
  const all = joined(kept?.rows ?? [], answer.timeline);
  const older = useMutation<TimelineAnswer, ApiError>({
    mutationFn: () =>
      fetchJson(
        address(`desk/cases/${answer.case.number}/timeline`, {
          before: all[0]?.id,
          limit: 200,
        }),
        new AbortController().signal,
      ),
    onSuccess: ({ rows, earlier }) => setKept({ rows: joined(rows, all), earlier }),
  });
  const shown = all.toReversed();
  // The clock of quiet stands at the last packet, which comes before who cleaned the machine says so: the verdict is what comes after.
  const { quiet } = answer.clocks;
  const verdict = quiet === null ? null : (shown.find(({ kind }) => kind === "quiet")?.at ?? quiet);
  return (
    <>
      <ol className="timeline">
        {shown.map((row) => (
          <li key={row.id} className={`${row.who} ${tones[row.kind] ?? ""}`}>
            <div className="what">
              <strong>{saidOf({ t, f }, row)}</strong>
              <Standing row={row} quiet={verdict} />
              <time dateTime={row.at} title={f.exact(new Date(row.at))}>
                {f.time(new Date(row.at))}
              </time>
              <span className="who">{row.by === "link" ? words.byLink : row.by}</span>
              {row.text === null ? undefined : <Tlp marking={row.marking} />}
            </div>
            {row.text === null || row.text === "" ? undefined : <p className="words">{row.text}</p>}
            <Why text={whyOf(t, row)} />
          </li>
        ))}
      </ol>
      {left > 0 ? (
        <p>
          <button type="button" className="button" disabled={older.isPending} onClick={() => older.mutate()}>
            {words.showEarlier}
          </button>{" "}
          <span className="faint small">{words.earlier(left, f.count(left))}</span>
        </p>
      ) : undefined}
      <Refused error={older.error} />
    </>
  );
};
