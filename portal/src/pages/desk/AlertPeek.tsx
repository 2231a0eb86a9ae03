// SPDX-License-Identifier: Apache-2.0
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useRouterState } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import type { Alert, AlertRow } from "../../../../src/api/contract/desk/alerts.ts";
import { Loaded, Refused } from "../../desk/Loaded.tsx";
import { Samples } from "../../desk/Samples.tsx";
import { SilenceText } from "../../desk/SilenceText.tsx";
import { deskAsk, useSend } from "../../desk/client.ts";
import { CaseLink, OwnerName, Pairs, SeverityMark, StateChip, Tlp } from "../../desk/parts.tsx";
import { Copy, When, useNow } from "../../design/parts.tsx";
import { useExerciseOf } from "../../shell/exercise.ts";
import { Icon } from "../../shell/icons.tsx";
import { useSimulated } from "../../shell/status.ts";
import { useWords } from "../../words/index.tsx";
import type { ActionName } from "./AlertActions.tsx";
import { isVictim } from "./CaseTimeline.tsx";

const isAddress = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f:]*:[0-9a-f:.]*)$/i;
/** Numbers and names of a claim, as they are: an analyst compares them with the rule's text. */
const plain = (value: unknown): string =>
  value === null || value === undefined
    ? "–"
    : Array.isArray(value)
      ? value.slice(0, 20).map(plain).join(", ")
      : typeof value === "object"
        ? JSON.stringify(value).slice(0, 300)
        : String(value).slice(0, 300);

/** Evidence of one alert beside the board, as a mail beside its list. */
export const AlertPeek = ({
  id,
  named,
  staff,
  onThere,
  onClose,
  onAct,
}: {
  id: string;
  /** The exercise in the address. */
  named: string | undefined;
  staff: boolean;
  /** The evidence has come: who opened it by keyboard goes on reading at its heading. */
  onThere?: ((heading: HTMLElement) => void) | undefined;
  onClose: () => void;
  onAct: (name: ActionName, row: AlertRow) => void;
}) => {
  const { t } = useWords();
  const asked = useQuery(deskAsk("alert", `alerts/${encodeURIComponent(id)}`, {}, 15_000));
  return (
    <aside className="panel peek" aria-label={t.desk.alerts.evidence}>
      <Loaded<Alert> asked={asked} lines={12}>
        {(answer) => (
          <Peek answer={answer} named={named} staff={staff} onThere={onThere} onClose={onClose} onAct={onAct} />
        )}
      </Loaded>
      {asked.isError && asked.data === undefined ? (
        <button type="button" className="button" onClick={onClose}>
          {t.action.close}
        </button>
      ) : undefined}
    </aside>
  );
};

const Peek = ({
  answer: { alert, exercise, silence, samples, detections, possiblyMoved },
  named,
  staff,
  onThere,
  onClose,
  onAct,
}: {
  answer: Alert;
  named: string | undefined;
  staff: boolean;
  onThere?: ((heading: HTMLElement) => void) | undefined;
  onClose: () => void;
  onAct: (name: ActionName, row: AlertRow) => void;
}) => {
  const simulated = useSimulated();
  // The ring shows it too.
  const path = useRouterState({ select: (state) => state.location.pathname });
  useExerciseOf(path, named, exercise);
  const { t, f } = useWords();
  const words = t.desk.alerts;
  const navigate = useNavigate();
  const now = useNow(30_000);
  const ended = useSend("alerts/act");
  const begun = useSend("cases/new", ({ case: made }) =>
    navigate({ to: "/cases/$case", params: { case: String(made.number) } }),
  );
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (heading.current !== null) onThere?.(heading.current);
  }, [onThere]);
  const family = alert.family === null ? "" : ` · ${alert.family}`;
  const address = alert.source ?? alert.subject;
  return (
    <>
      <div className="peek-head">
        <h2 ref={heading} tabIndex={-1}>
          <Copy text={alert.subject} />
          <div className="small muted">
            {t.desk.kinds[alert.kind]}
            {family}
          </div>
        </h2>
        <button type="button" className="button icon-button quiet" aria-label={t.action.close} onClick={onClose}>
          <Icon name="close" />
        </button>
      </div>
      <p className="row">
        <StateChip state={alert.state} unconfirmed={alert.unconfirmed} />
        <SeverityMark severity={alert.severity} />
        <Tlp marking={alert.marking} />
        {alert.relapses > 0 ? (
          <span className="chip">{words.relapses(alert.relapses, f.count(alert.relapses))}</span>
        ) : undefined}
      </p>
      {alert.held.length > 0 && alert.released === null ? (
        <p className="notice-line warn">
          {words.heldBack}: {alert.held.map((one) => t.desk.held[one]).join("; ")}
        </p>
      ) : undefined}
      {alert.suppressedUntil === null ? undefined : (
        <div className="notice-line">
          <span>
            {words.suppressedUntil(f.time(new Date(alert.suppressedUntil)))}: {alert.suppressedReason}
          </span>
          {staff && Date.parse(alert.suppressedUntil) > now.getTime() ? (
            <button
              type="button"
              className="button quiet end"
              disabled={ended.isPending}
              onClick={() =>
                ended.mutate({
                  path: "alerts/actions",
                  body: { action: "unsuppress", alerts: [{ id: alert.id, version: alert.version }] },
                })
              }
            >
              {words.act.unsuppress}
            </button>
          ) : undefined}
        </div>
      )}
      <Refused error={ended.error} />
      {ended.data?.refused.map(({ id, code, detail }) => (
        <p key={id} className="refused" role="alert">
          {t.desk.refusals[code as "CHANGED"] ?? detail}
        </p>
      ))}
      {possiblyMoved.map(({ subject, alert: other }) => (
        <p key={other} className="notice-line warn">
          <Link to="/alerts" search={{ open: other, state: "all" }}>
            {words.moved(subject)}
          </Link>
        </p>
      ))}
      <section>
        <Pairs
          pairs={[
            [t.desk.word.owner, <OwnerName key="o" organisation={alert.organisation} essential={alert.essential} />],
            [t.word.first, <When key="f" at={alert.first} />],
            [t.word.last, <When key="l" at={alert.last} />],
            [t.word.packets, f.count(alert.packets)],
            [t.desk.word.dark, f.count(alert.darkAddresses)],
            [t.word.sensors, f.count(alert.sensors)],
            [
              t.word.ports,
              <span key="p" className="mono">
                {alert.ports.join(" ")}
              </span>,
            ],
            [t.desk.word.confidence, f.share(alert.confidence)],
            [
              t.desk.clocks.notified,
              alert.notified === null ? words.notNotified : <When key="n" at={alert.notified} />,
            ],
            alert.answer === null
              ? undefined
              : [t.desk.cases.answer, t.desk.answers[alert.answer as keyof typeof t.desk.answers] ?? alert.answer],
            [t.desk.word.case, <CaseLink key="c" number={alert.case} />],
          ]}
        />
      </section>
      <section className="row">
        {alert.case === null ? (
          staff ? (
            <button
              type="button"
              className="button primary"
              disabled={begun.isPending}
              onClick={() =>
                begun.mutate({
                  path: "cases",
                  body: { title: `${t.desk.kinds[alert.kind]} ${alert.subject}`, alerts: [alert.id] },
                })
              }
            >
              {words.startCase}
            </button>
          ) : undefined
        ) : (
          <Link className="button primary" to="/cases/$case" params={{ case: String(alert.case) }}>
            {words.openCase}
          </Link>
        )}
        {isAddress.test(address) ? (
          <Link className="button" to="/sources/$ip" params={{ ip: address }} search={{ last: "7d" }}>
            {t.action.explore}
          </Link>
        ) : undefined}
        {staff && alert.held.length > 0 && alert.released === null ? (
          <button type="button" className="button" onClick={() => onAct("release", alert)}>
            {words.act.release}
          </button>
        ) : undefined}
        <Refused error={begun.error} />
      </section>
      {silence === null ? undefined : (
        <section>
          <h3>{t.desk.silence.title}</h3>
          <SilenceText silence={silence} simulated={simulated} victim={isVictim(alert.kind)} />
        </section>
      )}
      {samples.length === 0 ? undefined : (
        <section>
          <h3>{words.samples}</h3>
          <p className="small muted">{words.samplesNote}</p>
          <Samples rows={samples.slice(0, 20)} />
        </section>
      )}
      {detections.map((one) => (
        <section key={one.id}>
          <h3>
            {words.rule(one.detector, f.count(one.version))}{" "}
            {one.withdrawn ? <span className="chip warn">{words.withdrawn}</span> : undefined}
          </h3>
          <Pairs
            pairs={Object.entries(one.evidence)
              .slice(0, 24)
              .map(([name, value]) => [name, plain(value)] as const)}
          />
        </section>
      ))}
    </>
  );
};
