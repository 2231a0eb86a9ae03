// SPDX-License-Identifier: Apache-2.0
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { Sensors as SensorsAnswer, Series } from "../../../src/api/contract/answers.ts";
import { ask } from "../api.ts";
import { SeriesChart } from "../chart/SeriesChart.tsx";
import { UpTime } from "../chart/UpTime.tsx";
import { Asked } from "../design/Asked.tsx";
import { CountryLink, SensorLink } from "../design/names.tsx";
import { Empty, Head, Segments, When, useNow } from "../design/parts.tsx";
import { Table } from "../design/Table.tsx";
import { dayChoices } from "../search.ts";
import { useWords } from "../words/index.tsx";

const route = getRouteApi("/sensors");
const chips = { up: "good", late: "warn", down: "act", never: "", revoked: "" } as const;
const lasts = { "1": "24h", "7": "7d", "30": "30d", "90": "90d" } as const;

export const Sensors = () => {
  const { t, f } = useWords();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const days = search.days ?? "7";
  const query = { days };
  const asked = useQuery(ask<SensorsAnswer>("sensors", query, 10_000));
  const facts = asked.data?.facts;
  const lede =
    facts === undefined
      ? undefined
      : facts.sensors === 0
        ? t.sensors.none
        : [
            facts.down === 0
              ? t.sensors.allUp(facts.sensors, f.count(facts.sensors))
              : t.sensors.someDown({
                  down: f.count(facts.down),
                  n: facts.down,
                  names: f.list(facts.downNames),
                  count: f.count(facts.sensors),
                }),
            facts.late > 0 ? t.sensors.late(facts.late, f.count(facts.late)) : "",
          ].join(" ");
  const none = <Empty title={t.sensors.none}>{t.sensors.noneHint}</Empty>;
  return (
    <>
      <Head
        title={t.sensors.title}
        lede={asked.isError && lede === undefined ? t.state.errorTitle : lede}
        actions={
          <Segments
            label={t.sensors.days}
            value={days}
            options={dayChoices.map((one) => [one, t.period[lasts[one]]] as const)}
            onChange={(next) => void navigate({ search: { days: next } })}
          />
        }
      />
      <div className="stack">
        <Asked<SensorsAnswer>
          title={t.sensors.health}
          path="sensors"
          query={query}
          every={10_000}
          lines={6}
          empty={none}
        >
          {(answer) => <Health answer={answer} days={days} />}
        </Asked>
        <Asked<SensorsAnswer>
          title={t.sensors.history}
          note={t.sensors.historyNote(days)}
          whole
          path="sensors"
          query={query}
          every={10_000}
          lines={6}
          empty={none}
        >
          {(answer) => <UpTime answer={answer} />}
        </Asked>
        <div className="grid">
          <div className="w8">
            <Asked<Series>
              title={t.sensors.rateChart}
              path="series"
              query={{ last: lasts[days], measure: "packets", group: "sensor", limit: 6 }}
              height={260}
              isEmpty={(answer) => answer.facts.total === 0}
            >
              {(answer) => <SeriesChart answer={answer} group="sensor" height={260} />}
            </Asked>
          </div>
          <div className="w4">
            <Asked<SensorsAnswer>
              title={t.sensors.alarms}
              whole
              path="sensors"
              query={query}
              every={10_000}
              isEmpty={({ alarms }) => alarms.length === 0}
              empty={<Empty title={t.sensors.noAlarms} />}
            >
              {({ alarms }) => (
                <Table
                  label={t.sensors.alarms}
                  rows={alarms}
                  keyOf={({ time, sensor, kind }) => `${time} ${sensor} ${kind}`}
                  columns={[
                    { key: "time", head: `${t.word.time} (UTC)`, cell: ({ time }) => <When at={time} alone /> },
                    { key: "sensor", head: t.word.sensor, rowHead: true, cell: ({ sensor }) => sensor },
                    { key: "text", head: t.word.reason, className: "text", cell: ({ text }) => text },
                  ]}
                />
              )}
            </Asked>
          </div>
        </div>
      </div>
    </>
  );
};

const Health = ({ answer, days }: { answer: SensorsAnswer; days: string }) => {
  const { t, f } = useWords();
  const now = useNow(5000);
  return (
    <Table
      label={t.sensors.health}
      rows={answer.rows}
      keyOf={({ sensor }) => sensor}
      columns={[
        { key: "sensor", head: t.word.sensor, rowHead: true, cell: ({ sensor }) => <SensorLink sensor={sensor} /> },
        {
          key: "state",
          head: t.word.state,
          cell: ({ state, degraded }) => (
            <>
              <span className={`chip ${chips[state]}`}>
                <span className="dot" />
                {t.sensors.states[state]}
              </span>
              {degraded ? <span className="chip warn">{t.sensors.legendDegraded}</span> : undefined}
            </>
          ),
        },
        { key: "country", head: t.word.country, cell: ({ country }) => <CountryLink code={country} /> },
        {
          key: "last",
          head: t.word.last,
          cell: ({ lastSeen }) =>
            lastSeen === null ? (
              "–"
            ) : (
              <time dateTime={lastSeen} title={`${f.exact(new Date(lastSeen))} · ${f.local(new Date(lastSeen))}`}>
                {f.ago(new Date(lastSeen), now)}
              </time>
            ),
        },
        {
          key: "lag",
          head: t.sensors.lag,
          num: true,
          cell: ({ lagSeconds }) => (lagSeconds === null ? "–" : f.span(lagSeconds)),
        },
        {
          key: "rate",
          head: `${t.sensors.rate} (${t.word.hitsPerSecond})`,
          num: true,
          cell: ({ rate }) => (rate === null ? "–" : f.rate(rate)),
        },
        {
          key: "loss",
          head: <span title={t.sensors.lossNote}>{t.sensors.loss}</span>,
          num: true,
          cell: ({ loss, spoolLost }) => (
            <span className={(loss ?? 0) > 0.001 || spoolLost > 0 ? "ink-warn" : ""}>
              {loss === null ? "–" : f.share(loss)}
            </span>
          ),
        },
        {
          key: "skew",
          head: t.sensors.skew,
          num: true,
          cell: ({ skewSeconds }) => (skewSeconds === null ? "–" : f.skew(skewSeconds)),
        },
        {
          key: "spool",
          head: t.sensors.spool,
          num: true,
          cell: ({ spoolBytes }) => (spoolBytes === null ? "–" : f.bytes(spoolBytes)),
        },
        {
          key: "dark",
          head: t.sensors.dark,
          num: true,
          // More than there are in the IPv4 space: it watches IPv6 alone.
          cell: ({ darkAddresses }) =>
            darkAddresses === null ? "–" : darkAddresses > 2 ** 32 ? "IPv6" : f.count(darkAddresses),
        },
        {
          key: "up",
          head: t.sensors.upShare(days),
          num: true,
          cell: ({ upShare, upSince }) =>
            upShare === null ? (
              "–"
            ) : (
              <>
                {f.share(upShare)}
                {upSince === null ? undefined : (
                  <div className="small muted">{t.sensors.since(f.time(new Date(upSince)))}</div>
                )}
              </>
            ),
        },
      ]}
    />
  );
};
