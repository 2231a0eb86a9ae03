// SPDX-License-Identifier: Apache-2.0
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { AlertAction, AlertRow } from "../../../../src/api/contract/desk/alerts.ts";
import { Refused } from "../../desk/Loaded.tsx";
import { deskAsk } from "../../desk/client.ts";
import { Segments } from "../../design/parts.tsx";
import { Dialog } from "../../shell/Dialog.tsx";
import { useWords } from "../../words/index.tsx";

export type ActionName = "close" | "suppress" | "release" | "merge" | "assign" | "reopen";
const outcomes = ["cleaned", "false-positive", "not-ours", "research", "duplicate", "expired"] as const;
const spans = ["1", "7", "30", "90"] as const;
const day = 86_400_000;
/** To take the work from whoever has it is a choice like any other, and never what is chosen at first. */
const NOBODY = "-";

/** Asks what an action needs to know: one short form, the first field under the cursor. */
export const ActionDialog = ({
  name,
  alerts,
  pending,
  onDo,
  onClose,
  children,
}: {
  name: ActionName;
  alerts: readonly AlertRow[];
  pending: boolean;
  onDo: (body: AlertAction) => void;
  onClose: () => void;
  children?: ReactNode;
}) => {
  const { t, f } = useWords();
  const words = t.desk.alerts;
  const people = useQuery({ ...deskAsk("colleagues", "colleagues"), enabled: name === "assign" });
  const [days, setDays] = useState<(typeof spans)[number]>("7");
  const [outcome, setOutcome] = useState<(typeof outcomes)[number]>("cleaned");
  // Names are shown on the board, ids are sent: of two people with one name none is taken for the other.
  const holders = new Set(alerts.map(({ assignee }) => assignee));
  const [holder] = holders.size === 1 ? holders : [];
  const namesakes = people.data?.rows.filter((person) => person.name === holder) ?? [];
  const current = namesakes.length === 1 ? (namesakes[0]?.id ?? "") : "";
  const named = alerts.map(({ id, version }) => ({ id, version }));
  const send = (form: FormData): void => {
    const read = (field: string): string => {
      const value = form.get(field);
      return typeof value === "string" ? value.trim() : "";
    };
    const reason = read("reason");
    switch (name) {
      case "suppress": {
        const until = new Date(Date.now() + Number(days) * day).toISOString();
        return onDo({ action: "suppress", alerts: named, reason, until });
      }
      case "release":
        return onDo({ action: "release", alerts: named, reason });
      case "reopen":
        return onDo({ action: "reopen", alerts: named, reason });
      case "close":
        return onDo({ action: "close", alerts: named, outcome, ...(reason === "" ? {} : { reason }) });
      case "assign":
        return onDo({ action: "assign", alerts: named, person: read("person") === NOBODY ? null : read("person") });
      case "merge": {
        const number = Number(read("case").replace(/\D/g, ""));
        return onDo({
          action: "merge",
          alerts: named,
          ...(number > 0 ? { case: number } : read("title") === "" ? {} : { title: read("title") }),
        });
      }
    }
  };
  const reasonField = (required: boolean): ReactNode => (
    <label className="field">
      <span>{t.desk.word.reason}</span>
      <textarea name="reason" required={required} minLength={required ? 3 : 0} maxLength={500} />
    </label>
  );
  return (
    <Dialog label={words.act[name]} onClose={onClose}>
      <form
        className="dialog-body form"
        onSubmit={(event) => {
          event.preventDefault();
          send(new FormData(event.currentTarget));
        }}
      >
        <h2>
          {words.act[name]}:{" "}
          {alerts.length === 1 ? <span className="mono">{alerts[0]?.subject}</span> : f.count(alerts.length)}
        </h2>
        <p className="muted">{words.about[name]}</p>
        {name === "suppress" ? (
          <Segments
            label={t.desk.word.until}
            value={days}
            options={spans.map((one) => [one, words.days[one]] as const)}
            onChange={setDays}
          />
        ) : undefined}
        {name === "close" ? (
          <div className="choices" role="group" aria-label={words.outcome}>
            {outcomes.map((one) => (
              <button key={one} type="button" aria-pressed={one === outcome} onClick={() => setOutcome(one)}>
                {words.outcomes[one]}
              </button>
            ))}
          </div>
        ) : undefined}
        {name === "merge" ? (
          <>
            <label className="field">
              <span>{words.into}</span>
              <input name="case" inputMode="numeric" pattern="(LAYANG-)?[0-9]*" />
            </label>
            <label className="field">
              <span>{words.mergeTitle}</span>
              <input name="title" maxLength={200} minLength={3} />
            </label>
          </>
        ) : name === "assign" ? (
          <label className="field">
            <span>{t.desk.word.assignee}</span>
            <select key={people.data === undefined ? "" : "there"} name="person" required defaultValue={current}>
              <option value="">{t.desk.word.choose}</option>
              <option value={NOBODY}>{t.desk.word.unassigned}</option>
              {people.data?.rows.map((person) => (
                <option key={person.id} value={person.id}>
                  {person.name}
                </option>
              ))}
            </select>
          </label>
        ) : (
          reasonField(name !== "close")
        )}
        {name === "assign" ? <Refused error={people.data === undefined ? people.error : null} /> : undefined}
        {children}
        <div className="buttons">
          <button type="button" className="button" onClick={onClose}>
            {t.desk.word.cancel}
          </button>
          <button
            type="submit"
            className="button primary"
            disabled={pending || (name === "assign" && people.data === undefined)}
          >
            {words.act[name]}
          </button>
        </div>
      </form>
    </Dialog>
  );
};
