// SPDX-License-Identifier: Apache-2.0
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import type { Anomaly, RingView } from "../../../src/api/contract/desk/ring.ts";
import { Loaded } from "../desk/Loaded.tsx";
import { deskAsk } from "../desk/client.ts";
import { Ago, SeverityMark } from "../desk/parts.tsx";
import { isStaff, useSession } from "../desk/session.ts";
import { Empty, Head, Panel } from "../design/parts.tsx";
import { Table } from "../design/Table.tsx";
import { AlertPeek } from "../pages/desk/AlertPeek.tsx";
import "../pages/desk/board.css";
import { patched } from "../search.ts";
import { useExercise } from "../shell/exercise.ts";
import { Icon } from "../shell/icons.tsx";
import { useWords } from "../words/index.tsx";
import { Picture } from "./Picture.tsx";
import { useRingFeed } from "./feed.ts";
import "./ring.css";
import { gravest } from "./gravest.ts";
import { type Focus, ringKey } from "./keys.ts";
import { Inlet, type Sums, Tally } from "./tally.ts";
import { kindColours, kindOf, kinds } from "./trails.ts";

const route = getRouteApi("/ring");
/** How long an anomaly holds the edge of the screen when nobody touches it. */
const held = 45_000;

const withSeen = (before: ReadonlySet<string>, alert: string): ReadonlySet<string> =>
  new Set([...before].slice(-50)).add(alert);

const focusOf = (target: EventTarget | null): Focus => {
  if (document.querySelector("dialog[open]") !== null) return "dialog";
  if (!(target instanceof HTMLElement)) return "page";
  if (target.closest("input, select, textarea") !== null) return "field";
  return target.closest("button, a, summary") === null ? "page" : "button";
};

export const Ring = () => {
  const exercise = useExercise();
  // What came of the one is nothing of the other.
  return <View key={exercise} exercise={exercise} />;
};

const View = ({ exercise }: { exercise: string }) => {
  const { t, f } = useWords();
  const words = t.watch.ring;
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const client = useQueryClient();
  const query = exercise === "" ? {} : { exercise };
  const asked = useQuery({ ...deskAsk("ring", "ring", query, 60_000), structuralSharing: true });
  const [inlet] = useState(() => new Inlet());
  const [tally] = useState(() => new Tally());
  const [anomalies, setAnomalies] = useState<readonly Anomaly[]>([]);
  const [sums, setSums] = useState<Sums>();
  // The open evidence stands in the address: it comes back with it, and Back closes it.
  const open = search.open;
  const [stopped, setStopped] = useState(open !== undefined);
  const [shown, setShown] = useState(open);
  if (shown !== open) {
    setShown(open);
    setStopped(open !== undefined);
  }
  const live = useRingFeed(exercise, {
    packets: (event) => {
      inlet.push(event);
      tally.add(event, performance.now());
    },
    anomaly: (event) =>
      setAnomalies((before) => [event, ...before.filter(({ alert }) => alert !== event.alert)].slice(0, 20)),
    rings: () => void client.invalidateQueries({ queryKey: ["desk", "ring"] }),
  });
  // The figures beside the picture change once a second: no faster than they can be read.
  useEffect(() => {
    const timer = setInterval(() => setSums(tally.sums(performance.now())), 1000);
    return () => clearInterval(timer);
  }, [tally]);
  // Without the stream the last figures are figures of no time.
  const now = live ? sums : undefined;
  const [seen, setSeen] = useState<ReadonlySet<string>>(new Set());
  const current = gravest(anomalies.filter(({ alert }) => !seen.has(alert)));
  const alert = current?.alert;
  useEffect(() => {
    if (alert === undefined || stopped) return undefined;
    const timer = setTimeout(() => setSeen((before) => withSeen(before, alert)), held);
    return () => clearTimeout(timer);
  }, [alert, stopped]);
  const resume = (): void => {
    setStopped(false);
    if (open !== undefined) void navigate({ search: (before) => patched(before, { open: undefined }), replace: true });
  };
  const stop = (alert: string | undefined): void => {
    // Where nothing is known of what was chosen, the evidence of something else must not stay beside it.
    if (alert === undefined && open !== undefined) return resume();
    setStopped(true);
    if (alert !== undefined && alert !== open)
      void navigate({ search: (before) => patched(before, { open: alert }), replace: open !== undefined });
  };
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      const does = ringKey(event.key, focusOf(event.target), {
        stopped,
        open: open !== undefined,
        anomaly: current !== undefined,
      });
      if (does === undefined) return;
      if (does === "toggle") setStopped((before) => !before);
      else if (does === "resume") resume();
      else stop(current?.alert);
      event.preventDefault();
    };
    // Before the shell's keys: Escape goes on with the picture first, and leaves the wall with the next.
    addEventListener("keydown", press, true);
    return () => removeEventListener("keydown", press, true);
  });
  const view = asked.data;
  const sentence = (one: Anomaly): string =>
    words.anomaly({
      kind: t.desk.kinds[one.kind],
      family: one.family === null ? "" : ` (${one.family})`,
      where: one.name ?? words.somewhere,
      subject: one.subject ?? "",
      packets: f.count(one.packets),
      n: one.packets,
    });
  const alerts = view?.rings.reduce((sum, ring) => sum + ring.openAlerts, 0) ?? 0;
  const lede =
    view === undefined
      ? undefined
      : words.lede({
          rings: f.count(view.rings.length + view.more),
          n: view.rings.length + view.more,
          alerts: f.count(alerts),
          a: alerts,
          rate: now?.heard === true ? f.short(Math.round(now.rate)) : "–",
        });
  const sampling =
    now === undefined || now.packets === 0
      ? words.waiting
      : now.shown >= now.packets
        ? words.whole
        : words.sampled(f.short(Math.max(2, Math.ceil(now.packets / Math.max(1, now.shown)))));
  const wall = search.wall === "1";
  return (
    <>
      <Head
        title={words.title}
        // The figures move every second.
        question="ring"
        lede={asked.isError && lede === undefined ? t.state.errorTitle : lede}
        actions={
          <>
            <button
              type="button"
              className="button"
              aria-pressed={stopped}
              onClick={() => (stopped ? resume() : setStopped(true))}
            >
              {stopped ? words.resume : words.stop}
            </button>
            <button
              type="button"
              className="button"
              onClick={() => void navigate({ search: patched(search, { wall: wall ? undefined : "1" }) })}
            >
              <Icon name="wall" /> {wall ? t.action.leaveWall : t.action.wall}
            </button>
          </>
        }
      />
      <Loaded<RingView> asked={asked} height={480}>
        {(answer) => (
          <div className={`ring-grid ${open === undefined ? "" : "peeking"}`}>
            <div>
              <div className="ring-stage">
                {answer.rings.length === 0 ? (
                  <Empty title={words.emptyTitle}>{words.emptyHint}</Empty>
                ) : (
                  <Picture
                    // A new answer with the same rings keeps its lists (structural sharing): the picture goes on.
                    rings={answer.rings}
                    sensors={answer.sensors}
                    classes={answer.classes}
                    inlet={inlet}
                    anomaly={current}
                    stopped={stopped}
                    label={words.picture}
                    onPick={(ring) => {
                      const id = answer.rings[ring]?.id;
                      const of =
                        current !== undefined && (id === undefined || current.organisation === id)
                          ? current.alert
                          : undefined;
                      stop(of ?? answer.open.find(({ organisation }) => organisation?.id === id)?.id);
                    }}
                  />
                )}
                {current === undefined ? undefined : (
                  <div className="ring-anomaly" role="alert">
                    <SeverityMark severity={current.severity} />
                    <p>{sentence(current)}</p>
                    <span className="buttons">
                      <button type="button" className="button primary" onClick={() => stop(current.alert)}>
                        {t.desk.alerts.evidence}
                      </button>
                      <button
                        type="button"
                        className="button"
                        onClick={() => setSeen((before) => withSeen(before, current.alert))}
                      >
                        {words.seen}
                      </button>
                    </span>
                  </div>
                )}
                {stopped ? <p className="ring-state chip warn">{words.stopped}</p> : undefined}
                <div className="ring-legend">
                  <ul aria-hidden>
                    {kinds.map((kind) => (
                      <li key={kind}>
                        <span className="trail" style={{ color: `var(${kindColours[kind]})` }} />
                        {words.kinds[kind]}
                      </li>
                    ))}
                  </ul>
                  <ul>
                    <li>
                      <span className="trail faint-1" aria-hidden />
                      {"<10"}
                    </li>
                    <li>
                      <span className="trail faint-2" aria-hidden />
                      {"<100"}
                    </li>
                    <li>
                      <span className="trail" aria-hidden />
                      {words.brightness}
                    </li>
                  </ul>
                  <span>
                    {live ? sampling : words.offline} {words.rim}
                  </span>
                </div>
              </div>
              {current === undefined || current.severity === "low" ? undefined : (
                <div className="ring-edge" aria-hidden />
              )}
              {wall ? undefined : (
                <div className="grid ring-below">
                  <div className="w8">
                    <Panel title={words.list} note={words.listNote}>
                      <RingList answer={answer} sums={now} onOpen={(id) => stop(id)} />
                    </Panel>
                  </div>
                  <div className="w4 stack">
                    <Panel title={words.news}>
                      <News rows={[...anomalies, ...answer.anomalies]} sentence={sentence} onOpen={stop} />
                    </Panel>
                    <Panel title={words.classes}>
                      <Classes answer={answer} sums={now} />
                    </Panel>
                  </div>
                </div>
              )}
            </div>
            {open === undefined ? undefined : <Beside id={open} onClose={resume} />}
          </div>
        )}
      </Loaded>
    </>
  );
};

const Beside = ({ id, onClose }: { id: string; onClose: () => void }) => {
  const staff = isStaff(useSession().session);
  const navigate = route.useNavigate();
  const { exercise } = route.useSearch();
  return (
    <AlertPeek
      key={id}
      id={id}
      named={exercise}
      staff={staff}
      onClose={onClose}
      onAct={() => void navigate({ to: "/alerts", search: { open: id, state: "all" } })}
    />
  );
};

/** The same as the picture, for those who cannot see it. */
const RingList = ({
  answer,
  sums,
  onOpen,
}: {
  answer: RingView;
  sums: Sums | undefined;
  onOpen: (alert: string) => void;
}) => {
  const { t, f } = useWords();
  const words = t.watch.ring;
  const rows = answer.rings
    .map((ring, i) => ({ ring, rate: sums?.rings.get(i) ?? 0 }))
    .toSorted((a, b) => b.ring.openAlerts - a.ring.openAlerts || b.rate - a.rate);
  return (
    <Table
      label={words.list}
      rows={rows}
      keyOf={({ ring }) => ring.id}
      columns={[
        {
          key: "name",
          head: t.desk.word.organisation,
          rowHead: true,
          className: "name",
          cell: ({ ring }) => ring.name,
        },
        {
          key: "country",
          head: t.word.country,
          cell: ({ ring }) => (ring.country === null ? "–" : f.country(ring.country)),
        },
        { key: "space", head: words.space, num: true, cell: ({ ring }) => f.short(ring.addresses) },
        {
          key: "dark",
          head: words.dark,
          num: true,
          cell: ({ ring }) =>
            f.share(ring.arcs.filter(({ kind }) => kind === "dark").reduce((sum, { from, to }) => sum + to - from, 0)),
        },
        { key: "rate", head: t.word.hitsPerSecond, num: true, cell: ({ rate }) => f.short(Math.round(rate)) },
        {
          key: "alerts",
          head: t.desk.nav.alerts,
          num: true,
          cell: ({ ring }) => {
            const alert = answer.open.find(({ organisation }) => organisation?.id === ring.id);
            return ring.openAlerts === 0 ? (
              <span className="faint">0</span>
            ) : alert === undefined ? (
              f.count(ring.openAlerts)
            ) : (
              <button type="button" className="button quiet" onClick={() => onOpen(alert.id)}>
                {f.count(ring.openAlerts)}
              </button>
            );
          },
        },
      ]}
    />
  );
};

const News = ({
  rows,
  sentence,
  onOpen,
}: {
  rows: readonly Anomaly[];
  sentence: (one: Anomaly) => string;
  onOpen: (alert: string) => void;
}) => {
  const { t } = useWords();
  const once = rows.filter((one, i) => rows.findIndex(({ alert }) => alert === one.alert) === i).slice(0, 12);
  if (once.length === 0) return <Empty title={t.watch.ring.quiet} />;
  return (
    <ol className="small-list">
      {once.map((one) => (
        <li key={one.alert}>
          <button type="button" className="said" onClick={() => onOpen(one.alert)}>
            {sentence(one)}
          </button>
          <span className="end faint small">
            <Ago at={one.at} />
          </span>
        </li>
      ))}
    </ol>
  );
};

const Classes = ({ answer, sums }: { answer: RingView; sums: Sums | undefined }) => {
  const { t, f } = useWords();
  const rows = kinds.map((kind) => ({
    kind,
    rate: answer.classes.reduce((sum, name, i) => sum + (kindOf(name) === kind ? (sums?.classes.get(i) ?? 0) : 0), 0),
  }));
  return (
    <Table
      label={t.watch.ring.classes}
      rows={rows}
      keyOf={({ kind }) => kind}
      columns={[
        {
          key: "kind",
          head: t.word.class,
          rowHead: true,
          cell: ({ kind }) => (
            <>
              <span className="dot" style={{ color: `var(${kindColours[kind]})` }} /> {t.watch.ring.kinds[kind]}
            </>
          ),
        },
        { key: "rate", head: t.word.hitsPerSecond, num: true, cell: ({ rate }) => f.short(Math.round(rate)) },
      ]}
    />
  );
};
