// SPDX-License-Identifier: Apache-2.0
import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import type { Warning as WarningAnswer } from "../../../../src/api/contract/desk/warning.ts";
import { DateChart } from "../../chart/DateChart.tsx";
import { OutcomeChart } from "../../chart/OutcomeChart.tsx";
import { TimeChart } from "../../chart/TimeChart.tsx";
import { Loaded } from "../../desk/Loaded.tsx";
import { deskAsk } from "../../desk/client.ts";
import { Ago, DeskDownload, Pairs } from "../../desk/parts.tsx";
import { Empty, Head, Panel, When } from "../../design/parts.tsx";
import { Table } from "../../design/Table.tsx";
import { portName } from "../../ports.ts";
import { useWords } from "../../words/index.tsx";
import { Economies } from "./Economies.tsx";
import { WarningState } from "./Warnings.tsx";
import { restsOn } from "./rests.ts";

const route = getRouteApi("/warnings/$warning");

export const Warning = () => {
  const { t, f } = useWords();
  const words = t.watch.warnings;
  const { warning: id } = route.useParams();
  const asked = useQuery(deskAsk("warning", `warnings/${encodeURIComponent(id)}`, {}, 60_000));
  const surge = asked.data?.surge;
  const lede =
    surge === undefined
      ? undefined
      : surge.sources === null
        ? `${words.kinds[surge.kind]}: ${portName(surge.protocol, surge.port)}.`
        : `${words.kinds[surge.kind]}: ${words.one.lede({
            port: portName(surge.protocol, surge.port),
            sources: f.count(surge.sources),
            n: surge.sources,
            times:
              surge.usualSources === null
                ? words.one.fresh
                : surge.usualSources > 0
                  ? words.one.times(f.rate(surge.sources / surge.usualSources))
                  : "",
          })}.`;
  return (
    <>
      <Head
        title={words.title}
        lede={asked.isError && lede === undefined ? t.state.errorTitle : lede}
        sub={
          surge === undefined ? undefined : (
            <span className="row">
              <WarningState state={surge.state} />
              <span className={`chip ${surge.corroborated ? "good" : "warn"}`}>
                {surge.corroborated ? words.corroborated : words.alone}
              </span>
              <span className="muted">
                {words.since} <Ago at={surge.first} />
              </span>
              <span className="muted">{words.asOf(f.time(new Date(surge.last)))}</span>
              <Link
                to="/ports/$protocol/$port"
                params={{ protocol: surge.protocol, port: String(surge.port) }}
                search={{ last: "7d" }}
              >
                {t.action.explore}
              </Link>
            </span>
          )
        }
      />
      <Loaded<WarningAnswer> asked={asked} height={420}>
        {(answer) => <Whole answer={answer} />}
      </Loaded>
    </>
  );
};

const Whole = ({ answer }: { answer: WarningAnswer }) => {
  const { t, f } = useWords();
  const words = t.watch.warnings.one;
  return (
    <div className="grid">
      <div className="w8 stack">
        <Panel
          title={answer.released ? t.watch.campaigns.one.days : words.series}
          note={answer.released ? t.state.releasedHint : words.seriesNote}
          foot={
            <DeskDownload
              path={`warnings/${encodeURIComponent(answer.surge.id)}`}
              name={`warning-${answer.surge.id}`}
            />
          }
        >
          {answer.released && answer.series.some(({ sources }) => sources !== null) ? (
            <DateChart
              rows={answer.series.map(({ time, sources }) => ({ date: time.slice(0, 10), group: "", value: sources }))}
              nameOf={() => t.word.sources}
              label={t.watch.campaigns.one.days}
              unit={t.word.sources}
            />
          ) : answer.released || answer.series.length < 2 ? (
            <Empty title={t.state.emptyTitle} />
          ) : (
            <>
              <TimeChart
                times={answer.series.map(({ time }) => Date.parse(time))}
                step={3_600_000}
                filling={answer.filling}
                label={words.series}
                height={240}
                lines={[
                  { key: "sources", label: t.word.sources, values: answer.series.map(({ sources }) => sources) },
                  { key: "usual", label: words.usual, values: answer.series.map(({ usual }) => usual) },
                ]}
              />
              <details className="table no-print">
                <summary>{t.action.table}</summary>
                <Table
                  label={words.series}
                  rows={answer.series.toReversed()}
                  keyOf={({ time }) => time}
                  columns={[
                    { key: "time", head: t.word.time, rowHead: true, cell: ({ time }) => f.time(new Date(time)) },
                    {
                      key: "sources",
                      head: t.word.sources,
                      num: true,
                      cell: ({ sources }) => (sources === null ? t.chart.outage : f.count(sources)),
                    },
                    {
                      key: "usual",
                      head: words.usual,
                      num: true,
                      cell: ({ usual }) => (usual === null ? "–" : f.rate(usual)),
                    },
                  ]}
                />
              </details>
            </>
          )}
        </Panel>
        {answer.surge.kind === "outbreak" && !answer.released ? (
          <Panel title={words.outcome} note={words.outcomeNote}>
            {answer.forecasts.length === 0 ? (
              <Empty title={words.noForecast} />
            ) : (
              <>
                <OutcomeChart warning={answer} />
                <Table
                  label={words.outcome}
                  rows={answer.forecasts.toReversed()}
                  keyOf={({ made, hours }) => `${made} ${hours}`}
                  columns={[
                    {
                      key: "made",
                      head: `${words.made} (UTC)`,
                      rowHead: true,
                      cell: ({ made }) => <When at={made} alone />,
                    },
                    { key: "hours", head: words.forecast, cell: ({ hours }) => words.hours(hours) },
                    { key: "due", head: `${words.due} (UTC)`, cell: ({ due }) => <When at={due} alone /> },
                    {
                      key: "range",
                      head: words.range,
                      num: true,
                      cell: ({ low, high }) => `${f.short(low)}–${f.short(high)}`,
                    },
                    { key: "middle", head: words.infected, num: true, cell: ({ middle }) => f.short(middle) },
                    {
                      key: "came",
                      head: words.came,
                      num: true,
                      cell: ({ came }) => (came === null ? "–" : f.short(came)),
                    },
                    {
                      key: "outcome",
                      head: "",
                      cell: ({ outcome }) => (
                        <span
                          className={`chip ${outcome === "inside" ? "good" : outcome === "below" || outcome === "above" ? "warn" : ""}`}
                        >
                          {words.outcomes[outcome]}
                        </span>
                      ),
                    },
                  ]}
                />
              </>
            )}
          </Panel>
        ) : undefined}
      </div>
      <div className="w4 stack">
        <Panel title={words.owners}>
          {answer.owners.length === 0 ? (
            <Empty title={t.desk.word.none} />
          ) : (
            <Table
              label={words.owners}
              rows={answer.owners}
              keyOf={({ organisation }) => organisation}
              columns={[
                {
                  key: "name",
                  head: t.desk.word.organisation,
                  rowHead: true,
                  cell: ({ organisation }) => organisation,
                },
                { key: "sources", head: t.word.sources, num: true, cell: ({ sources }) => f.count(sources) },
              ]}
            />
          )}
        </Panel>
        {answer.released ? undefined : <Seen answer={answer} />}
      </div>
    </div>
  );
};

/** What the sensors saw of it: for who is told what they count. */
const Seen = ({ answer }: { answer: WarningAnswer }) => {
  const { t, f } = useWords();
  const words = t.watch.warnings.one;
  return (
    <>
      <Panel title={words.countries}>
        <Economies label={words.countries} rows={answer.countries} />
      </Panel>
      <Panel title={words.sensors}>
        <Table
          label={words.sensors}
          rows={answer.sensors}
          keyOf={({ sensor }) => sensor}
          columns={[
            { key: "sensor", head: t.word.sensor, rowHead: true, cell: ({ sensor }) => sensor },
            { key: "sources", head: t.word.sources, num: true, cell: ({ sources }) => f.count(sources) },
            { key: "packets", head: t.word.packets, num: true, cell: ({ packets }) => f.count(packets) },
          ]}
        />
      </Panel>
      <Panel title={words.evidence} note={words.evidenceNote}>
        <Pairs pairs={restsOn(answer.evidence, t, f)} />
        <p className="after small">
          <a href={`/api/v1/desk/warnings/${encodeURIComponent(answer.surge.id)}`}>{words.whole}</a>
        </p>
      </Panel>
    </>
  );
};
