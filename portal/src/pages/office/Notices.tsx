// SPDX-License-Identifier: Apache-2.0
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import type { Letter, Outbox, OutboxRow } from "../../../../src/api/contract/desk/notices.ts";
import { FormDialog, read } from "../../desk/Form.tsx";
import { Loaded, Refused } from "../../desk/Loaded.tsx";
import { Rows } from "../../desk/Rows.tsx";
import { deskAsk, useSend } from "../../desk/client.ts";
import { Ago, CaseLink, OwnerName } from "../../desk/parts.tsx";
import { channels, outboxStates } from "../../desk/search.ts";
import { useRows } from "../../desk/useRows.ts";
import { Head, Panel, Segments, When } from "../../design/parts.tsx";
import { Table } from "../../design/Table.tsx";
import { type Changes, patched } from "../../search.ts";
import { useExercise } from "../../shell/exercise.ts";
import { Icon } from "../../shell/icons.tsx";
import { useWords } from "../../words/index.tsx";
import "../desk/board.css";
import { RenderedLetter } from "./RenderedLetter.tsx";

const route = getRouteApi("/notices");
const tones = { waiting: "", sending: "accent", sent: "good", dead: "act", held: "warn" } as const;

export const Notices = () => {
  const { t, f } = useWords();
  const words = t.office.notices;
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const exercise = useExercise();
  const [resetting, setResetting] = useState(false);
  const list = useRows<Outbox>("outbox", {
    state: search.state,
    channel: search.channel,
    exercise: exercise === "" ? undefined : exercise,
    limit: 100,
  });
  const retry = useSend("letter/act");
  const reset = useSend("breaker/reset", () => setResetting(false));
  const set = (next: Changes<typeof search>) => void navigate({ search: patched(search, next), replace: true });
  const facts = list.first?.facts as Outbox["facts"] | undefined;
  const lede =
    facts === undefined || list.said === undefined
      ? undefined
      : [
          words.lede({ sent: f.count(facts.sentDay), n: facts.sentDay, waiting: f.count(facts.waiting) }),
          facts.late > 0 ? words.late(facts.late, f.count(facts.late)) : "",
          facts.dead > 0 ? words.dead(facts.dead, f.count(facts.dead)) : "",
        ]
          .filter((said) => said !== "")
          .join(" ");
  return (
    <>
      <Head title={words.title} lede={list.asked.isError && lede === undefined ? t.state.errorTitle : lede} />
      {facts?.breaker === true ? (
        <div className="notice-line act" role="alert">
          <span>{words.breaker}</span>
          <button type="button" className="button end" onClick={() => setResetting(true)}>
            {words.resetBreaker}
          </button>
        </div>
      ) : undefined}
      {facts?.testMode == null ? undefined : <p className="notice-line warn">{words.test(facts.testMode)}</p>}
      {facts?.local === true ? <p className="notice-line warn">{words.local}</p> : undefined}
      <div className="board-tools no-print">
        <Segments
          label={t.word.state}
          value={search.state ?? "all"}
          options={[
            ["all", t.desk.word.all],
            ...outboxStates.map(
              (one) =>
                [one, facts === undefined ? words.states[one] : `${words.states[one]} ${f.short(facts[one])}`] as const,
            ),
          ]}
          onChange={(next) => set({ state: next === "all" ? undefined : next })}
        />
        <Segments
          label={words.channel}
          value={search.channel ?? "all"}
          options={[["all", t.desk.word.all], ...channels.map((one) => [one, t.desk.channels[one]] as const)]}
          onChange={(next) => set({ channel: next === "all" ? undefined : next })}
        />
      </div>
      <Refused error={retry.error} />
      <div className={`board ${search.letter === undefined ? "" : "peeking"}`}>
        <Panel>
          <Rows<OutboxRow>
            list={list}
            label={words.title}
            keyOf={({ id }) => id}
            empty={words.emptyTitle}
            hint={words.emptyHint}
            columns={[
              {
                key: "subject",
                head: words.subject,
                rowHead: true,
                className: "name",
                cell: ({ id, subject }) => (
                  <button type="button" className="said" onClick={() => set({ letter: id })}>
                    {subject}
                  </button>
                ),
              },
              {
                key: "state",
                head: t.word.state,
                cell: ({ id, state, maybeSent }) => (
                  <>
                    <span className={`chip ${tones[state]}`}>{words.states[state]}</span>{" "}
                    {maybeSent ? (
                      <span className="chip warn" title={words.maybeHint}>
                        {words.maybe}
                      </span>
                    ) : undefined}
                    {state === "dead" || state === "waiting" ? (
                      <button
                        type="button"
                        className="button small"
                        disabled={retry.isPending}
                        onClick={() => retry.mutate({ path: `outbox/${id}`, body: { action: "retry" } })}
                      >
                        {state === "dead" ? words.retry : words.sendNow}
                      </button>
                    ) : undefined}
                  </>
                ),
              },
              { key: "channel", head: words.channel, cell: ({ channel }) => t.desk.channels[channel] },
              {
                key: "recipient",
                head: words.recipient,
                className: "name",
                cell: ({ recipient }) => <span className="mono small">{recipient}</span>,
              },
              {
                key: "owner",
                head: t.desk.word.owner,
                className: "name",
                cell: ({ organisation }) => <OwnerName organisation={organisation} />,
              },
              {
                key: "case",
                head: t.desk.word.case,
                cell: ({ case: number, cases }) =>
                  number === null ? words.digest(f.count(cases)) : <CaseLink number={number} />,
              },
              { key: "attempts", head: words.attempts, num: true, cell: ({ attempts }) => f.count(attempts) },
              { key: "created", head: words.created, cell: ({ created }) => <Ago at={created} /> },
              {
                key: "error",
                head: words.error,
                className: "name",
                cell: ({ error }) => error ?? <span className="faint">–</span>,
              },
            ]}
          />
        </Panel>
        {search.letter === undefined ? undefined : (
          <OneLetter key={search.letter} id={search.letter} onClose={() => set({ letter: undefined })} />
        )}
      </div>
      {resetting ? (
        <FormDialog
          title={words.resetBreaker}
          note={words.breaker}
          button={words.resetBreaker}
          pending={reset.isPending}
          error={reset.error}
          onClose={() => setResetting(false)}
          onSend={(form) => reset.mutate({ path: "breaker/reset", body: { reason: read(form, "reason") } })}
        >
          <label className="field">
            <span>{t.desk.word.reason}</span>
            <textarea name="reason" required minLength={3} maxLength={500} />
          </label>
        </FormDialog>
      ) : undefined}
    </>
  );
};

const OneLetter = ({ id, onClose }: { id: string; onClose: () => void }) => {
  const { t, f } = useWords();
  const words = t.office.notices;
  const asked = useQuery(deskAsk("letter", `outbox/${encodeURIComponent(id)}`));
  const [discarding, setDiscarding] = useState(false);
  const acted = useSend("letter/act", () => setDiscarding(false));
  const act = (action: "retry" | "discard" | "release") => acted.mutate({ path: `outbox/${id}`, body: { action } });
  return (
    <aside className="panel peek" aria-label={words.letter}>
      <div className="peek-head">
        <h2>{words.letter}</h2>
        <button type="button" className="button icon-button quiet" aria-label={t.action.close} onClick={onClose}>
          <Icon name="close" />
        </button>
      </div>
      <Loaded<Letter> asked={asked} lines={12}>
        {(answer) => (
          <>
            <p className="row">
              <span className={`chip ${tones[answer.letter.state]}`}>{words.states[answer.letter.state]}</span>
              {answer.letter.state === "dead" || answer.letter.state === "waiting" ? (
                <button type="button" className="button" disabled={acted.isPending} onClick={() => act("retry")}>
                  {answer.letter.state === "dead" ? words.retry : words.sendNow}
                </button>
              ) : undefined}
              {answer.letter.state === "held" ? (
                <button type="button" className="button" disabled={acted.isPending} onClick={() => act("release")}>
                  {words.release}
                </button>
              ) : undefined}
              {answer.letter.state === "sent" ? undefined : (
                <button
                  type="button"
                  className="button quiet"
                  disabled={acted.isPending}
                  onClick={() => setDiscarding(true)}
                >
                  {words.discard}
                </button>
              )}
            </p>
            <Refused error={discarding ? null : acted.error} />
            {answer.rendered === null ? (
              <p className="muted">{words.notRendered}</p>
            ) : (
              <RenderedLetter letter={answer.rendered} />
            )}
            <section>
              <h3>{words.deliveries}</h3>
              <Table
                label={words.deliveries}
                rows={answer.deliveries}
                keyOf={({ attempt }) => String(attempt)}
                columns={[
                  { key: "attempt", head: "", num: true, rowHead: true, cell: ({ attempt }) => f.count(attempt) },
                  { key: "began", head: "UTC", cell: ({ began }) => <When at={began} alone /> },
                  { key: "outcome", head: "", cell: ({ outcome }) => words.outcomes[outcome ?? "unknown"] },
                  { key: "answer", head: words.error, className: "text", cell: ({ answer: said }) => said ?? "–" },
                ]}
              />
            </section>
          </>
        )}
      </Loaded>
      {discarding ? (
        <FormDialog
          title={words.discard}
          note={words.discardSure}
          button={words.discard}
          pending={acted.isPending}
          error={acted.error}
          onClose={() => setDiscarding(false)}
          onSend={() => act("discard")}
        />
      ) : undefined}
    </aside>
  );
};
