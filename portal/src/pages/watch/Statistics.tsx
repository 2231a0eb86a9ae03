// SPDX-License-Identifier: Apache-2.0
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { CleanUp, Curve, Precision, Response, Span } from "../../../../src/api/contract/desk/statistics.ts";
import { SurvivalChart } from "../../chart/SurvivalChart.tsx";
import { pointAt, watched } from "../../chart/steps.ts";
import { Loaded } from "../../desk/Loaded.tsx";
import { deskAsk } from "../../desk/client.ts";
import { DeskDownload, MeasuredShare } from "../../desk/parts.tsx";
import { cleanUpBys, responseBys, statisticsDays } from "../../desk/search.ts";
import { Empty, Facts, Head, Panel, Segments } from "../../design/parts.tsx";
import { Table } from "../../design/Table.tsx";
import { type Changes, patched } from "../../search.ts";
import { Icon } from "../../shell/icons.tsx";
import { useWords } from "../../words/index.tsx";

const route = getRouteApi("/statistics");
const day = 86_400;

export const Statistics = () => {
  const { t, f } = useWords();
  const words = t.watch.statistics;
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const by = search.by ?? "none";
  const responseBy = search.response ?? "owner";
  const days = search.days ?? "60";
  const set = (next: Changes<typeof search>) => void navigate({ search: patched(search, next), replace: true });
  const asked = useQuery(deskAsk("statistics/clean-up", "statistics/clean-up", { by, days: Number(days) }, 60_000));
  const response = useQuery(deskAsk("statistics/response", "statistics/response", { by: responseBy }, 60_000));
  const precision = useQuery(deskAsk("statistics/precision", "statistics/precision", {}, 60_000));
  const all = asked.data?.all;
  const before = asked.data?.before?.medianDays ?? null;
  const lede =
    all === undefined
      ? undefined
      : all.n === 0
        ? words.empty
        : [
            (all.medianDays === null
              ? words.ledeNever(f.count(all.n))
              : words.lede({ half: f.span(all.medianDays * day), n: f.count(all.n) })) +
              (before === null ? words.noBefore : words.before(f.span(before * day))),
            words.censored(f.share(all.censored / all.n)),
          ].join(" ");
  return (
    <>
      <Head
        title={words.title}
        lede={asked.isError && lede === undefined ? t.state.errorTitle : lede}
        actions={
          <button type="button" className="button" onClick={() => print()}>
            <Icon name="print" /> {t.action.print}
          </button>
        }
      />
      <div className="stack">
        <Panel
          title={words.curve}
          note={words.curveNote}
          foot={<DeskDownload path="statistics/clean-up" query={{ by, days }} name="clean-up" />}
          actions={
            <div className="row no-print">
              <Segments
                label={words.by}
                value={by}
                options={cleanUpBys.map((one) => [one, words.bys[one]] as const)}
                onChange={(next) => set({ by: next === "none" ? undefined : next })}
              />
              <Segments
                label={words.day}
                value={days}
                options={statisticsDays.map((one) => [one, words.days(one)] as const)}
                onChange={(next) => set({ days: next === "60" ? undefined : next })}
              />
            </div>
          }
        >
          <Loaded<CleanUp> asked={asked} height={320}>
            {(answer) => <Curves answer={answer} />}
          </Loaded>
        </Panel>
        <Panel
          title={words.response}
          note={words.responseNote}
          foot={<DeskDownload path="statistics/response" query={{ by: responseBy }} name="response" />}
          actions={
            <Segments
              label={words.by}
              value={responseBy}
              options={responseBys.map((one) => [one, words.responseBy[one]] as const)}
              onChange={(next) => set({ response: next === "owner" ? undefined : next })}
            />
          }
        >
          <Loaded<Response> asked={response}>{(answer) => <Responses answer={answer} />}</Loaded>
        </Panel>
        <Panel
          title={words.precision}
          note={words.precisionNote}
          foot={<DeskDownload path="statistics/precision" name="precision" />}
        >
          <Loaded<Precision> asked={precision}>
            {({ rows }) =>
              rows.length === 0 ? (
                <Empty title={words.noAnswer}>{words.noAnswerHint}</Empty>
              ) : (
                <Table
                  label={words.precision}
                  rows={rows.toReversed()}
                  keyOf={({ month, detector, kind }) => `${month} ${detector} ${kind}`}
                  columns={[
                    {
                      key: "month",
                      head: t.word.month,
                      rowHead: true,
                      cell: ({ month }) => f.month(new Date(`${month}-01T00:00:00Z`)),
                    },
                    { key: "detector", head: t.watch.detectors.title, cell: ({ detector }) => detector },
                    { key: "kind", head: t.desk.word.kind, cell: ({ kind }) => t.desk.kinds[kind] },
                    { key: "right", head: words.right, num: true, cell: ({ right }) => f.count(right) },
                    { key: "wrong", head: words.wrong, num: true, cell: ({ wrong }) => f.count(wrong) },
                    { key: "undecided", head: words.undecided, num: true, cell: ({ undecided }) => f.count(undecided) },
                    {
                      key: "precision",
                      head: t.watch.detectors.precision,
                      cell: (row) => <MeasuredShare measured={row.precision} />,
                    },
                  ]}
                />
              )
            }
          </Loaded>
        </Panel>
      </div>
    </>
  );
};

const Curves = ({ answer }: { answer: CleanUp }) => {
  const { t, f } = useWords();
  const words = t.watch.statistics;
  if (answer.all.n === 0 || answer.all.points.length === 0) return <Empty title={words.empty}>{words.emptyHint}</Empty>;
  const labelOf = (curve: Curve): string =>
    answer.by === "country"
      ? f.country(curve.group)
      : answer.by === "channel"
        ? (t.desk.channels[curve.group as keyof typeof t.desk.channels] ?? curve.label)
        : curve.label;
  const shown =
    answer.by === "none" || answer.groups.length === 0
      ? [{ curve: answer.all, label: words.all }]
      : answer.groups.map((curve) => ({ curve, label: labelOf(curve) }));
  const curves =
    answer.baseline === null || answer.baseline.points.length === 0
      ? shown
      : [...shown, { curve: answer.baseline, label: words.baseline, baseline: true }];
  const marks = [0, 1, 3, 7, 14, 30, 60, 90].filter(
    (one) => one <= Math.max(...curves.flatMap(({ curve }) => watched(curve.points).map((point) => point.day))),
  );
  const cell = (curve: Curve, mark: number): string => {
    const point = pointAt(curve.points, mark);
    return point === undefined ? "–" : `${f.share(point.still)} · ${f.count(point.atRisk)}`;
  };
  return (
    <>
      <SurvivalChart curves={curves} />
      <Table
        label={words.curve}
        rows={curves}
        keyOf={({ label }) => label}
        columns={[
          { key: "label", head: "", rowHead: true, cell: ({ label }) => label },
          { key: "n", head: "n", num: true, cell: ({ curve }) => f.count(curve.n) },
          { key: "censored", head: words.nCensored, num: true, cell: ({ curve }) => f.count(curve.censored) },
          {
            key: "half",
            head: words.half,
            num: true,
            cell: ({ curve }) => (curve.medianDays === null ? "–" : f.span(curve.medianDays * day)),
          },
          ...marks.map((mark) => ({
            key: String(mark),
            head: `${words.day} ${mark}`,
            num: true,
            cell: ({ curve }: { curve: Curve }) => cell(curve, mark),
          })),
        ]}
      />
      <p className="small muted">
        {words.still} · {words.atRisk}. {answer.by === "none" ? "" : words.least(f.count(answer.least))}{" "}
        {answer.baseline === null ? "" : words.baselineNote}{" "}
        {answer.unconfirmed === 0 ? "" : words.unconfirmed(f.count(answer.unconfirmed))}
      </p>
    </>
  );
};

const useSpan = (): ((span: Span) => string) => {
  const { f } = useWords();
  // A line may end between the two, and nowhere else.
  const whole = (seconds: number): string => f.span(seconds).replaceAll(" ", "\u00a0");
  return ({ median, p90 }) => (median === null ? "–" : `${whole(median)}${p90 === null ? "" : ` (${whole(p90)})`}`);
};
const Responses = ({ answer }: { answer: Response }) => {
  const { t, f } = useWords();
  const words = t.watch.statistics;
  const said = useSpan();
  const spans = ["firstNotified", "detectedNotified", "notifiedAcknowledged", "notifiedActed", "actedQuiet"] as const;
  const labelOf = ({ group, label }: Response["rows"][number]): string =>
    answer.by === "country"
      ? f.country(group)
      : answer.by === "month"
        ? f.month(new Date(`${group}-01T00:00:00Z`))
        : answer.by === "kind"
          ? (t.desk.kinds[group as keyof typeof t.desk.kinds] ?? label)
          : label;
  return (
    <div className="stack">
      <Facts
        facts={spans.map((one) => ({
          label: words[one],
          value: answer.all[one].median === null ? "–" : f.span(answer.all[one].median),
          beside: t.desk.word.n(f.count(answer.all[one].n)),
        }))}
      />
      {answer.rows.length === 0 ? (
        <Empty title={words.empty}>{words.emptyHint}</Empty>
      ) : (
        <Table
          label={words.response}
          rows={answer.rows}
          keyOf={({ group }) => group}
          columns={[
            { key: "label", head: words.responseBy[answer.by], rowHead: true, className: "name", cell: labelOf },
            { key: "notices", head: words.notices, num: true, cell: ({ notices }) => f.count(notices) },
            { key: "answered", head: words.answered, cell: ({ answered }) => <MeasuredShare measured={answered} /> },
            ...spans.map((one) => ({
              key: one,
              head: words[one],
              num: true,
              cell: (row: Response["rows"][number]) => said(row[one]),
            })),
            { key: "relapsed", head: words.relapsed, num: true, cell: ({ relapsed }) => f.count(relapsed) },
          ]}
        />
      )}
    </div>
  );
};
