// SPDX-License-Identifier: Apache-2.0
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { Suspense, lazy } from "react";
import type { Countries, DomesticOverseas, Networks as NetworksAnswer } from "../../../src/api/contract/answers.ts";
import { answered, ask } from "../api.ts";
import { DateChart } from "../chart/DateChart.tsx";
import { Asked } from "../design/Asked.tsx";
import { Bar, CountryLink, NetworkLink } from "../design/names.tsx";
import { Bones, Change, Head, Segments } from "../design/parts.tsx";
import { PeriodPicker } from "../design/PeriodPicker.tsx";
import { Table } from "../design/Table.tsx";
import { amounts, spanOf, whenOf } from "../search.ts";
import { useWords } from "../words/index.tsx";

const WorldMap = lazy(async () => ({ default: (await import("../map/WorldMap.tsx")).WorldMap }));
const route = getRouteApi("/networks");

export const Networks = () => {
  const { t, f } = useWords();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const by = search.by ?? "sources";
  const when = whenOf(search, "24h");
  const query = { ...when, by, limit: 250 };
  const countries = useQuery(ask<Countries>("countries", query));
  const facts = answered(countries)?.facts;
  const amount = (row: { packets: number; sources: number; miraiSources: number | null }): number =>
    by === "packets" ? row.packets : by === "sources" ? row.sources : (row.miraiSources ?? 0);
  const unit =
    by === "packets" ? t.explore.measures.packets : by === "sources" ? t.explore.measures.sources : t.networks.byMirai;
  const lede =
    facts === undefined
      ? undefined
      : facts.topCountry === null
        ? t.state.emptyTitle
        : t.networks.lede({
            country: f.country(facts.topCountry),
            share: f.share(facts.topShare ?? 0),
            unit,
            count: f.count(facts.countries),
            n: facts.countries,
            inLast: t.period.inLast[spanOf(search, "24h")],
          }) +
          (facts.topChange === null || Math.abs(facts.topChange) < 0.03
            ? t.now.noCompare
            : t.networks.led({
                country: f.country(facts.topCountry),
                change: f.share(Math.abs(facts.topChange)),
                more: facts.topChange > 0,
              }));
  const amountColumns = [
    { key: "packets", head: t.word.packets, num: true, cell: ({ packets }: { packets: number }) => f.count(packets) },
    { key: "sources", head: t.word.sources, num: true, cell: ({ sources }: { sources: number }) => f.count(sources) },
    {
      key: "mirai",
      head: t.word.mirai,
      num: true,
      cell: ({ miraiSources }: { miraiSources: number | null }) => (miraiSources === null ? "" : f.count(miraiSources)),
    },
    {
      key: "change",
      head: t.word.change,
      num: true,
      cell: (row: {
        packets: number;
        sources: number;
        previousPackets: number | null;
        previousSources: number | null;
      }) =>
        by === "packets" ? (
          <Change now={row.packets} before={row.previousPackets} />
        ) : (
          <Change now={row.sources} before={row.previousSources} />
        ),
    },
  ];
  return (
    <>
      <Head
        title={t.networks.title}
        lede={countries.isError && lede === undefined ? t.state.errorTitle : lede}
        actions={
          <>
            <Segments
              label={t.networks.by}
              value={by}
              options={amounts.map(
                (one) =>
                  [
                    one,
                    one === "packets" ? t.word.packets : one === "sources" ? t.word.sources : t.networks.byMirai,
                  ] as const,
              )}
              onChange={(next) => void navigate({ search: { ...search, by: next } })}
            />
            <PeriodPicker
              search={search}
              otherwise="24h"
              onChange={(next) => void navigate({ search: { ...next, by } })}
            />
          </>
        }
      />
      <div className="grid">
        <Asked<Countries> className="w8 tall" title={t.networks.map} path="countries" query={query} height={420}>
          {(answer) => (
            <Suspense fallback={<Bones height={420} />}>
              <WorldMap
                amounts={answer.rows.map((row) => ({ code: row.country, value: amount(row) }))}
                label={`${t.networks.map}: ${unit}`}
                unit={unit}
              />
            </Suspense>
          )}
        </Asked>
        <Asked<DomesticOverseas>
          className="w4 tall"
          title={t.networks.side}
          note={t.networks.sideNote}
          path="region/domestic-overseas"
          query={when}
          height={200}
          isEmpty={(answer) => answer.rows.every(({ perSensorDay }) => perSensorDay === null)}
        >
          {(answer) => (
            <div className="stack">
              <p>
                {answer.facts.ratio === null
                  ? t.networks.sideLedeNone
                  : t.networks.sideLede(f.rate(answer.facts.ratio))}
              </p>
              <DateChart
                rows={answer.rows.map(({ date, side, perSensorDay }) => ({ date, group: side, value: perSensorDay }))}
                nameOf={(side) => (side === "domestic" ? t.word.domestic : t.word.overseas)}
                label={t.networks.side}
                unit={t.reports.perSensorDay}
                height={200}
              />
            </div>
          )}
        </Asked>
        <Asked<Countries> className="w5" title={t.networks.countries} path="countries" query={query} lines={20}>
          {(answer) => (
            <Table
              label={t.networks.countries}
              rows={answer.rows}
              keyOf={({ country }) => country}
              columns={[
                {
                  key: "country",
                  head: t.word.country,
                  rowHead: true,
                  className: "name",
                  cell: ({ country }) => <CountryLink code={country} />,
                },
                {
                  key: "bar",
                  head: "",
                  className: "bar-cell",
                  cell: (row) => <Bar share={amount(row) / (amount(answer.rows[0] ?? row) || 1)} />,
                },
                ...amountColumns,
              ]}
            />
          )}
        </Asked>
        <Asked<NetworksAnswer>
          className="w7"
          title={t.networks.asns}
          path="networks"
          query={{ ...when, by, limit: 200 }}
          lines={14}
        >
          {(answer) => (
            <Table
              label={t.networks.asns}
              rows={answer.rows}
              keyOf={({ asn, rank }) => `${asn} ${rank}`}
              columns={[
                {
                  key: "network",
                  head: t.word.network,
                  rowHead: true,
                  className: "name",
                  cell: ({ asn, network }) => <NetworkLink asn={asn} name={network} />,
                },
                { key: "country", head: t.word.country, cell: ({ country }) => <CountryLink code={country} /> },
                ...amountColumns,
              ]}
            />
          )}
        </Asked>
      </div>
    </>
  );
};
