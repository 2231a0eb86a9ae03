// SPDX-License-Identifier: Apache-2.0
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { Tsubame } from "../../../src/api/contract/answers.ts";
import { answered, ask } from "../api.ts";
import { DateChart } from "../chart/DateChart.tsx";
import { CoverageText, Downloads, Failed } from "../design/Asked.tsx";
import { PortLink } from "../design/names.tsx";
import { Bones, Empty, Head, Panel, useNow } from "../design/parts.tsx";
import { Table } from "../design/Table.tsx";
import { portName, portWords } from "../ports.ts";
import { Icon } from "../shell/icons.tsx";
import { useWords } from "../words/index.tsx";
import { MiraiTable } from "./Ports.tsx";
import { SideBySide } from "./SideBySide.tsx";

const route = getRouteApi("/reports");

/** The quarter of a day and the eleven before it, newest first. */
const quartersUntil = (now: Date): string[] =>
  Array.from({ length: 12 }, (_, back) => {
    const place = now.getUTCFullYear() * 4 + Math.floor(now.getUTCMonth() / 3) - back;
    return `${Math.floor(place / 4)}Q${(place % 4) + 1}`;
  });

export const Reports = () => {
  const { t, f } = useWords();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const quarters = quartersUntil(useNow(3_600_000));
  const quarter = search.quarter ?? quarters[0] ?? "";
  const query = { quarter };
  const asked = useQuery(ask<Tsubame>("reports/tsubame", query));
  const answer = answered(asked);
  const facts = answer?.facts;
  const lede =
    facts === undefined
      ? undefined
      : facts.packets === 0 || facts.topProtocol === null
        ? t.reports.ledeNone(quarter)
        : t.reports.lede({
            quarter: facts.quarter,
            packets: f.short(facts.counted),
            asked: f.short(facts.packets),
            sensors: f.count(facts.sensors),
            n: facts.sensors,
            port: portWords(facts.topProtocol, facts.topPort),
          });
  return (
    <>
      <Head
        title={t.reports.title}
        lede={asked.isError && lede === undefined ? t.state.errorTitle : lede}
        sub={
          answer === undefined ? undefined : (
            <span className="row">
              {facts?.complete ? undefined : <span>{t.reports.underway}</span>}
              <CoverageText coverage={answer.coverage} />
            </span>
          )
        }
        actions={
          <>
            <label className="row small">
              {t.reports.quarter}
              <select
                className="date"
                value={quarter}
                onChange={(event) => void navigate({ search: { quarter: event.target.value } })}
              >
                {(quarters.includes(quarter) ? quarters : [...quarters, quarter]).map((one) => (
                  <option key={one}>{one}</option>
                ))}
              </select>
            </label>
            <button type="button" className="button" onClick={() => print()}>
              <Icon name="print" />
              {t.action.print}
            </button>
          </>
        }
      />
      {answer === undefined ? (
        <Panel>
          {asked.isError ? <Failed error={asked.error} onRetry={() => void asked.refetch()} /> : <Bones lines={24} />}
        </Panel>
      ) : answer.facts.packets === 0 ? (
        <Panel>
          <Empty title={t.state.emptyTitle}>{t.state.emptyHint}</Empty>
        </Panel>
      ) : (
        <Tables answer={answer} query={query} />
      )}
    </>
  );
};

const Tables = ({ answer, query }: { answer: Tsubame; query: { quarter: string } }) => {
  const { t, f } = useWords();
  // CSV and Parquet carry table (b), the main one; JSON has them all.
  const footOf = (whole: boolean) => (
    <>
      {answer.meta.simulated ? <span className="sim">{t.shell.simulated}</span> : undefined}
      <span className="end">
        <Downloads path="reports/tsubame" query={query} whole={whole} />
      </span>
    </>
  );
  const foot = footOf(true);
  const monthName = (month: string): string => f.month(new Date(`${month}-01T00:00:00Z`));
  const months = [...new Set(answer.rows.map(({ month }) => month))];
  const side = (month: string, which: "domestic" | "overseas"): string => {
    const value = answer.rows.find((row) => row.month === month && row.side === which)?.perSensorDay;
    return value == null ? "–" : f.short(value);
  };
  const days = new Map<string, Map<string, number | null>>();
  for (const { date, country, hosts } of answer.miraiHosts) {
    const day = days.get(date) ?? new Map<string, number | null>();
    day.set(country, hosts);
    days.set(date, day);
  }
  // Before the first day on which anybody looked there is nothing to tell.
  const totals = answer.miraiTotals.slice(
    Math.max(
      0,
      answer.miraiTotals.findIndex(({ hosts }) => hosts !== null),
    ),
  );
  const all = totals.map(({ date, hosts }) => ({ date, group: "", value: hosts }));
  return (
    <div className="grid report">
      <Panel className="w5 tall" title={t.reports.top} note={t.reports.topNote}>
        <Table
          label={t.reports.top}
          rows={answer.topPorts}
          whole
          keyOf={({ rank }) => String(rank)}
          columns={[
            { key: "rank", head: "#", num: true, cell: ({ rank }) => <span className="faint">{rank}</span> },
            { key: "port", head: t.word.port, rowHead: true, cell: (row) => <PortLink {...row} /> },
            {
              key: "mean",
              head: t.reports.perSensorDay,
              num: true,
              cell: ({ perSensorDay }) => (perSensorDay === null ? "–" : f.short(Math.round(perSensorDay))),
            },
            { key: "packets", head: t.word.packets, num: true, cell: ({ packets }) => f.count(packets) },
          ]}
        />
      </Panel>
      <Panel className="w7 tall" title={t.reports.topDaily} note={t.reports.topNote} foot={foot}>
        {answer.topPortsDaily.length === 0 ? undefined : (
          <DateChart
            rows={answer.topPortsDaily.map(({ date, protocol, port, perSensor }) => ({
              date,
              group: portName(protocol, port),
              value: perSensor,
            }))}
            nameOf={(name) => name}
            label={t.reports.topDaily}
            unit={t.reports.perSensorDay}
            height={260}
          />
        )}
      </Panel>
      <Panel title={t.reports.a} note={t.reports.aNote} foot={foot}>
        {all.length === 0 ? (
          <p className="muted">{t.word.none}</p>
        ) : (
          <div className="stack">
            <DateChart
              rows={[
                ...all,
                ...answer.miraiHosts.map(({ date, country, hosts }) => ({ date, group: country, value: hosts })),
              ]}
              nameOf={(code) => (code === "" ? t.reports.allHosts : f.country(code))}
              label={t.reports.a}
              unit={t.word.hosts}
              height={240}
              table={false}
            />
            <Table
              label={t.reports.a}
              rows={totals.toReversed()}
              keyOf={({ date }) => date}
              columns={[
                { key: "day", head: t.word.day, rowHead: true, cell: ({ date }) => f.day(new Date(date)) },
                ...answer.miraiCountries.map(({ country }) => ({
                  key: country,
                  head: f.country(country),
                  num: true,
                  cell: ({ date }: { date: string }) => {
                    const hosts = days.get(date)?.get(country);
                    return hosts == null ? "–" : f.count(hosts);
                  },
                })),
                {
                  key: "all",
                  head: t.reports.allHosts,
                  num: true,
                  cell: ({ hosts }) => (hosts === null ? t.chart.outage : f.count(hosts)),
                },
              ]}
            />
          </div>
        )}
      </Panel>
      <Panel className="w6 tall" title={t.reports.b} note={t.reports.bNote} foot={footOf(false)}>
        <Table
          label={t.reports.b}
          rows={months}
          whole
          keyOf={(month) => month}
          columns={[
            { key: "month", head: t.word.month, rowHead: true, cell: monthName },
            { key: "domestic", head: t.word.domestic, num: true, cell: (month) => side(month, "domestic") },
            { key: "overseas", head: t.word.overseas, num: true, cell: (month) => side(month, "overseas") },
          ]}
        />
      </Panel>
      <Panel className="w6 tall" title={t.reports.d} note={t.reports.dNote} foot={foot}>
        <MiraiTable answer={{ rows: answer.miraiPorts }} />
      </Panel>
      <Panel title={t.reports.c} note={t.reports.cNote} foot={foot}>
        <SideBySide label={t.reports.c} rows={answer.bySensor} whole />
      </Panel>
    </div>
  );
};
