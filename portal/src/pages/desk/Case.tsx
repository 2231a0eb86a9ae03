// SPDX-License-Identifier: Apache-2.0
import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import type { Case as CaseAnswer } from "../../../../src/api/contract/desk/cases.ts";
import { Loaded, Refused } from "../../desk/Loaded.tsx";
import { Samples } from "../../desk/Samples.tsx";
import { SilenceText } from "../../desk/SilenceText.tsx";
import { deskAsk, useSend } from "../../desk/client.ts";
import { newestError } from "../../desk/newest.ts";
import { Ago, CaseStateChip, OwnerName, Pairs, SeverityMark, SilenceChip, StateChip, Tlp } from "../../desk/parts.tsx";
import { isStaff, useSession } from "../../desk/session.ts";
import { Copy, Head, Panel, useNow } from "../../design/parts.tsx";
import { Table } from "../../design/Table.tsx";
import { useExerciseOf } from "../../shell/exercise.ts";
import { useSimulated } from "../../shell/status.ts";
import { useWords } from "../../words/index.tsx";
import { Attachments, Links, Tasks } from "./CaseParts.tsx";
import { Composer, Timeline, isVictim } from "./CaseTimeline.tsx";
import "./case.css";

const route = getRouteApi("/cases/$case");

/** One case: what happened, in order, and what can be done now. */
export const Case = () => {
  const { t, f, language } = useWords();
  const words = t.desk.cases;
  const number = route.useParams().case;
  const now = useNow(30_000);
  const asked = useQuery(deskAsk("case", `cases/${encodeURIComponent(number)}`, { language }, 15_000));
  const one = asked.data?.case;
  const replied = asked.data?.replied ?? null;
  useExerciseOf(`/cases/${number}`, route.useSearch().exercise, one?.exercise);
  const lede =
    one === undefined
      ? undefined
      : words.lede1({
          kind: t.desk.kinds[one.kind],
          family: one.family === null ? "" : ` (${one.family})`,
          subject: `${one.subjects[0] ?? "–"}${one.alerts > 1 ? words.and(f.count(one.alerts - 1)) : ""}`,
          owner: one.organisation?.name ?? t.desk.word.nobody,
        }) +
        words.stop +
        (one.relapsed === null ? "" : words.relapsed(f.ago(new Date(one.relapsed), now))) +
        (one.notified === null
          ? words.notTold
          : words.told(f.ago(new Date(one.notified), now)) +
            (one.answer !== null
              ? words.claimed(t.desk.answers[one.answer])
              : replied === null
                ? words.noAnswer
                : words.wrote(f.ago(new Date(replied), now))));
  return (
    <>
      <Head
        title={t.desk.word.caseName(number)}
        lede={asked.isError && lede === undefined ? t.state.errorTitle : lede}
        sub={
          one === undefined ? undefined : (
            <span className="row">
              <CaseStateChip state={one.state} />
              {one.relapsed === null ? undefined : <StateChip state="relapsed" />}
              <SeverityMark severity={one.severity} />
              <SilenceChip verdict={one.silence} />
              <OwnerName organisation={one.organisation} essential={one.essential} />
              <Tlp marking={one.marking} />
              <span className="faint">
                {t.desk.word.assignee}: {one.assignee ?? t.desk.word.unassigned}
              </span>
            </span>
          )
        }
      />
      <Loaded<CaseAnswer> asked={asked} lines={14}>
        {(answer) => <Whole answer={answer} />}
      </Loaded>
    </>
  );
};

const clocks = ["detected", "notified", "acknowledged", "acted", "quiet", "closed"] as const;
const Clocks = ({ answer }: { answer: CaseAnswer }) => {
  const { t, f } = useWords();
  const start = answer.clocks.detected === null ? undefined : Date.parse(answer.clocks.detected);
  return (
    <ol className="clock-steps">
      {clocks.map((name) => {
        const at = answer.clocks[name];
        return (
          <li key={name} className={at === null ? "" : name === "quiet" ? "done quiet" : "done"}>
            {t.desk.clocks[name]}
            {at === null ? undefined : (
              <>
                <br />
                <time dateTime={at} title={f.exact(new Date(at))}>
                  {f.brief(new Date(at))}
                </time>
                {name === "detected" || start === undefined ? undefined : (
                  <span className="after">{t.desk.clocks.after(f.span((Date.parse(at) - start) / 1000))}</span>
                )}
              </>
            )}
          </li>
        );
      })}
    </ol>
  );
};

const Whole = ({ answer }: { answer: CaseAnswer }) => {
  const staff = isStaff(useSession().session);
  const simulated = useSimulated();
  const { t, f } = useWords();
  const words = t.desk.cases;
  const { case: one, may } = answer;
  const path = `cases/${one.number}`;
  const state = useSend("case/state");
  const told = useSend("case/notify");
  const revoked = useSend("case/revoke");
  // Its look comes before it leaves: no second one is written beside it.
  const held = answer.notices.find((notice) => notice.state === "held" && notice.channel !== "inbox");
  return (
    <div className="grid">
      <div className="w8 stack">
        <Panel title={t.desk.clocks.title}>
          <Clocks answer={answer} />
        </Panel>
        <Panel title={words.timeline}>
          {may.includes("note") || may.includes("answer") ? <Composer answer={answer} /> : undefined}
          <Timeline answer={answer} />
        </Panel>
        <Panel title={words.alerts}>
          <Table
            label={words.alerts}
            rows={answer.alerts}
            keyOf={({ id }) => id}
            columns={[
              {
                key: "subject",
                head: t.desk.word.subject,
                rowHead: true,
                cell: ({ subject }) => <Copy text={subject} />,
              },
              {
                key: "family",
                head: t.desk.word.family,
                cell: ({ family, kind }) => family ?? t.desk.kinds[kind],
              },
              {
                key: "state",
                head: t.word.state,
                cell: ({ state: now, unconfirmed }) => <StateChip state={now} unconfirmed={unconfirmed} />,
              },
              { key: "packets", head: t.word.packets, num: true, cell: ({ packets }) => f.count(packets) },
              { key: "dark", head: t.desk.word.dark, num: true, cell: ({ darkAddresses }) => f.count(darkAddresses) },
              {
                key: "ports",
                head: t.word.ports,
                cell: ({ ports }) => <span className="mono">{ports.slice(0, 6).join(" ")}</span>,
              },
              { key: "last", head: t.desk.word.age, cell: ({ last }) => <Ago at={last} /> },
            ]}
          />
        </Panel>
        <Panel title={t.desk.alerts.samples} note={t.desk.alerts.samplesNote}>
          {answer.attributable ? undefined : <p className="notice-line warn">{words.cannotTell}</p>}
          {answer.samples.length === 0 ? (
            <p className="muted">{t.desk.word.none}</p>
          ) : (
            <Samples rows={answer.samples} />
          )}
        </Panel>
      </div>
      <div className="w4 stack">
        {may.includes("state") ? (
          <Panel>
            <div className="row">
              {one.state === "closed" ? (
                <button
                  type="button"
                  className="button"
                  disabled={state.isPending || told.isPending}
                  onClick={() => state.mutate({ path: `${path}/state`, body: { version: one.version, state: "open" } })}
                >
                  {words.reopen}
                </button>
              ) : (
                <>
                  <button
                    type="button"
                    className="button primary"
                    disabled={state.isPending || told.isPending}
                    onClick={() =>
                      state.mutate({ path: `${path}/state`, body: { version: one.version, state: "closed" } })
                    }
                  >
                    {words.close}
                  </button>
                  {one.state === "open" ? (
                    <button
                      type="button"
                      className="button"
                      disabled={state.isPending || told.isPending}
                      onClick={() =>
                        state.mutate({ path: `${path}/state`, body: { version: one.version, state: "waiting" } })
                      }
                    >
                      {words.wait}
                    </button>
                  ) : undefined}
                </>
              )}
              {may.includes("notify") && held !== undefined ? (
                <Link className="button" to="/notices" search={{ letter: held.id }}>
                  {words.lookFirst}
                </Link>
              ) : may.includes("notify") ? (
                <button
                  type="button"
                  className="button"
                  disabled={state.isPending || told.isPending}
                  onClick={() => told.mutate({ path: `${path}/notify`, body: {} })}
                >
                  {words.notify}
                </button>
              ) : undefined}
            </div>
            <Refused error={newestError(state, told)} />
          </Panel>
        ) : undefined}
        {answer.silence === null ? undefined : (
          <Panel title={t.desk.silence.title}>
            <SilenceText silence={answer.silence} simulated={simulated} victim={isVictim(one.kind)} />
          </Panel>
        )}
        <Panel title={words.facts}>
          <Pairs
            pairs={[
              [t.desk.word.kind, t.desk.kinds[one.kind]],
              ["RSIT", answer.classification === null ? "–" : <code key="c">{answer.classification}</code>],
              [t.desk.word.family, one.family ?? "–"],
              [t.desk.word.marking, <Tlp key="t" marking={one.marking} />],
            ]}
          />
        </Panel>
        <Tasks answer={answer} />
        <Links answer={answer} />
        <Attachments answer={answer} />
        <Panel title={words.notices}>
          {answer.notices.length === 0 ? <p className="muted">{t.desk.alerts.notNotified}</p> : undefined}
          <ul className="small-list">
            {answer.notices.map((notice) => (
              <li key={notice.id}>
                {staff ? (
                  <Link to="/notices" search={{ letter: notice.id }}>
                    {t.desk.channels[notice.channel]}
                  </Link>
                ) : (
                  <span>{t.desk.channels[notice.channel]}</span>
                )}
                <span className="mono small">{notice.recipient}</span>
                <span className="end">
                  <span className={`chip ${notice.state === "dead" ? "act" : notice.state === "sent" ? "good" : ""}`}>
                    {t.office.notices.states[notice.state]}
                  </span>
                </span>
              </li>
            ))}
          </ul>
          <p className="small muted">
            {answer.helpLink.revoked
              ? words.revoked
              : answer.helpLink.expires === null
                ? words.noHelpLink
                : words.helpLink(f.time(new Date(answer.helpLink.expires)))}{" "}
            {may.includes("revoke") && !answer.helpLink.revoked && answer.helpLink.expires !== null ? (
              <button
                type="button"
                className="button quiet"
                disabled={revoked.isPending}
                onClick={() => revoked.mutate({ path: `${path}/help-link/revoke`, body: {} })}
              >
                {words.revoke}
              </button>
            ) : undefined}
          </p>
          <Refused error={revoked.error} />
        </Panel>
        {answer.steps.length === 0 ? undefined : (
          <Panel title={words.steps}>
            <ol className="steps-list">
              {answer.steps.map((step) => (
                <li key={step}>{step}</li>
              ))}
            </ol>
          </Panel>
        )}
      </div>
    </div>
  );
};
