// SPDX-License-Identifier: Apache-2.0
import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import type { OnePort } from "../../../src/api/contract/answers.ts";
import { answered, ask } from "../api.ts";
import { TimeChart } from "../chart/TimeChart.tsx";
import { Asked } from "../design/Asked.tsx";
import { Bar, CountryLink, NetworkLink, SensorLink, SourceLink } from "../design/names.tsx";
import { Change, Copy, Facts, Head, Panel, Segments, When } from "../design/parts.tsx";
import { PeriodPicker } from "../design/PeriodPicker.tsx";
import { Table } from "../design/Table.tsx";
import { portName, serviceOf } from "../ports.ts";
import { bys, spanOf, whenOf } from "../search.ts";
import { useWords } from "../words/index.tsx";

const route = getRouteApi("/ports/$protocol/$port");

export const Port = () => {
  const { t, f } = useWords();
  const { protocol, port } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const by = search.by ?? "packets";
  const path = `ports/${encodeURIComponent(protocol)}/${encodeURIComponent(port)}`;
  const query = { ...whenOf(search, "7d"), limit: 50 };
  const asked = useQuery(ask<OnePort>(path, query));
  const facts = asked.data?.facts;
  const service = serviceOf(protocol, Number(port));
  const said = answered(asked)?.facts;
  const lede =
    said === undefined
      ? undefined
      : said.packets === 0
        ? t.port.unseen
        : [
            t.port.lede({
              packets: f.short(said.packets),
              sources: f.short(said.sources),
              n: said.sources,
              inLast: t.period.inLast[spanOf(search, "7d")],
            }) +
              (said.change === null || Math.abs(said.change) < 0.03
                ? t.now.noCompare
                : (said.change > 0 ? t.now.up : t.now.down)(f.share(Math.abs(said.change)))),
            said.miraiShare !== null && said.miraiShare > 0.01 ? t.port.mirai(f.share(said.miraiShare)) : "",
          ].join(" ");
  return (
    <>
      <Head
        title={
          <>
            <span className="mono">{portName(protocol, Number(port))}</span> {service}
          </>
        }
        lede={asked.isError && lede === undefined ? t.state.errorTitle : lede}
        actions={
          <>
            <Link to="/explore" search={{ ...search, port, protocol }} className="button">
              {t.action.explore}
            </Link>
            <PeriodPicker
              search={search}
              otherwise="7d"
              onChange={(next) => void navigate({ search: { ...next, by } })}
            />
          </>
        }
      />
      <div className="stack">
        {facts === undefined || facts.packets === 0 ? undefined : (
          <Facts
            facts={[
              {
                label: t.word.packets,
                value: f.short(facts.packets),
                beside: <Change now={facts.packets} before={facts.previousPackets} />,
              },
              {
                label: t.word.sources,
                value: f.short(facts.sources),
                beside: <Change now={facts.sources} before={facts.previousSources} />,
              },
              { label: t.word.rank, value: facts.rank ?? "–" },
              { label: t.ports.mirai, value: facts.miraiShare === null ? "–" : f.share(facts.miraiShare) },
              { label: t.word.sensors, value: f.count(facts.sensors) },
              ...(facts.lastSeen === null
                ? []
                : [
                    {
                      label: t.word.last,
                      value: f.clock(new Date(facts.lastSeen)),
                      unit: `UTC, ${f.dayShort(new Date(facts.lastSeen))}`,
                    },
                  ]),
            ]}
          />
        )}
        <Asked<OnePort>
          title={t.port.over}
          whole
          path={path}
          query={query}
          height={280}
          isEmpty={(answer) => answer.facts.packets === 0}
          actions={
            <Segments
              label={t.port.measure}
              value={by}
              options={bys.map((one) => [one, t.word[one]] as const)}
              onChange={(next) => void navigate({ search: { ...search, by: next } })}
            />
          }
        >
          {(answer) => <PortChart answer={answer} by={by} />}
        </Asked>
        {facts === undefined || facts.packets === 0 || asked.data === undefined ? undefined : (
          <Origins answer={asked.data} />
        )}
        <Asked<OnePort> title={t.port.sources} path={path} query={query} lines={12}>
          {(answer) => (
            <Table
              label={t.port.sources}
              rows={answer.rows}
              keyOf={({ ip }) => ip}
              columns={[
                { key: "ip", head: t.word.address, rowHead: true, cell: ({ ip }) => <SourceLink ip={ip} /> },
                { key: "country", head: t.word.country, cell: ({ country }) => <CountryLink code={country} /> },
                {
                  key: "network",
                  head: t.word.network,
                  className: "name",
                  cell: ({ asn, network }) => <NetworkLink asn={asn} name={network} />,
                },
                { key: "packets", head: t.word.packets, num: true, cell: ({ packets }) => f.count(packets) },
                {
                  key: "mirai",
                  head: t.word.mirai,
                  num: true,
                  cell: ({ mirai }) => (mirai === 0 ? <span className="faint">0</span> : f.count(mirai)),
                },
                { key: "first", head: `${t.word.first} (UTC)`, cell: ({ firstSeen }) => <When at={firstSeen} alone /> },
                { key: "last", head: `${t.word.last} (UTC)`, cell: ({ lastSeen }) => <When at={lastSeen} alone /> },
              ]}
            />
          )}
        </Asked>
      </div>
    </>
  );
};

const PortChart = ({ answer, by }: { answer: OnePort; by: "packets" | "sources" }) => {
  const { t, f } = useWords();
  const times = answer.series.map(({ time }) => Date.parse(time));
  const step = times.length > 1 ? (times[1] ?? 0) - (times[0] ?? 0) : 3_600_000;
  const last = (times.at(-1) ?? 0) + step;
  return (
    <>
      <TimeChart
        times={times}
        step={step}
        lines={[{ key: by, label: t.word[by], values: answer.series.map((bucket) => bucket[by]) }]}
        label={`${t.word[by]}: ${portName(answer.facts.protocol, answer.facts.port)}`}
        height={280}
        partial={answer.series.map(({ packets, down }) => (packets === null ? [] : down))}
        filling={last > Date.parse(answer.period?.to ?? answer.meta.asked)}
      />
      <details className="table no-print">
        <summary>{t.action.table}</summary>
        <Table
          label={t.port.over}
          rows={answer.series.toReversed()}
          keyOf={({ time }) => time}
          columns={[
            { key: "time", head: t.word.time, rowHead: true, cell: ({ time }) => f.time(new Date(time)) },
            {
              key: "packets",
              head: t.word.packets,
              num: true,
              cell: ({ packets }) => (packets === null ? t.chart.outage : f.count(packets)),
            },
            {
              key: "sources",
              head: t.word.sources,
              num: true,
              cell: ({ sources }) => (sources === null ? t.chart.outage : f.count(sources)),
            },
          ]}
        />
      </details>
    </>
  );
};

const Origins = ({ answer }: { answer: OnePort }) => {
  const { t, f } = useWords();
  const all = answer.facts.packets;
  const share = {
    key: "share",
    head: t.word.share,
    num: true,
    cell: ({ packets }: { packets: number }) => f.share(packets / all),
  };
  const sources = {
    key: "sources",
    head: t.word.sources,
    num: true,
    cell: ({ sources }: { sources: number }) => f.count(sources),
  };
  return (
    <div className="grid">
      <Panel className="w4 tall" title={t.port.from}>
        <Table
          label={t.port.from}
          rows={answer.countries.slice(0, 10)}
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
              cell: ({ packets }) => <Bar share={packets / (answer.countries[0]?.packets || 1)} />,
            },
            share,
            sources,
          ]}
        />
      </Panel>
      <Panel className="w4 tall" title={t.port.networks}>
        <Table
          label={t.port.networks}
          rows={answer.networks.slice(0, 10)}
          keyOf={({ asn }) => String(asn)}
          columns={[
            {
              key: "network",
              head: t.word.network,
              rowHead: true,
              className: "name",
              cell: ({ asn, network }) => <NetworkLink asn={asn} name={network} />,
            },
            share,
            sources,
          ]}
        />
      </Panel>
      <div className="w4 stack">
        <Panel title={t.port.sensors}>
          <Table
            label={t.port.sensors}
            rows={answer.sensorRows}
            keyOf={({ sensor }) => sensor}
            columns={[
              {
                key: "sensor",
                head: t.word.sensor,
                rowHead: true,
                cell: ({ sensor }) => <SensorLink sensor={sensor} />,
              },
              share,
              sources,
            ]}
          />
        </Panel>
        {answer.signatures.length === 0 ? undefined : (
          <Panel title={t.port.signatures} note={t.port.signaturesNote}>
            <Table
              label={t.port.signatures}
              rows={answer.signatures.slice(0, 6)}
              keyOf={({ signature }) => signature}
              columns={[
                {
                  key: "signature",
                  head: t.word.signature,
                  rowHead: true,
                  cell: ({ signature }) => <Copy text={signature} />,
                },
                { key: "packets", head: t.word.packets, num: true, cell: ({ packets }) => f.short(packets) },
                sources,
              ]}
            />
          </Panel>
        )}
      </div>
    </div>
  );
};
