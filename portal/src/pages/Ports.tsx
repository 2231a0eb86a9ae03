// SPDX-License-Identifier: Apache-2.0
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { MiraiPorts, PortsBySensor, PortsTop, Research, Series } from "../../../src/api/contract/answers.ts";
import { answered, ask } from "../api.ts";
import { SeriesChart } from "../chart/SeriesChart.tsx";
import { Asked } from "../design/Asked.tsx";
import { Bar, PortLink } from "../design/names.tsx";
import { Change, Head, Segments } from "../design/parts.tsx";
import { PeriodPicker } from "../design/PeriodPicker.tsx";
import { Table } from "../design/Table.tsx";
import { portWords } from "../ports.ts";
import { bys, spanOf, whenOf } from "../search.ts";
import { useWords } from "../words/index.tsx";
import { SideBySide } from "./SideBySide.tsx";

const route = getRouteApi("/ports");

export const Ports = () => {
  const { t, f } = useWords();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const when = whenOf(search, "24h");
  const by = search.by ?? "packets";
  const query = { ...when, by, limit: 50 };
  const top = useQuery(ask<PortsTop>("ports/top", query));
  const facts = answered(top)?.facts;
  const lede =
    facts === undefined
      ? undefined
      : facts.topProtocol === null
        ? t.state.emptyTitle
        : `${(by === "packets" ? t.ports.lede : t.ports.ledeSources)({
            port: portWords(facts.topProtocol, facts.topPort),
            share: f.share(facts.topShare ?? 0),
            inLast: t.period.inLast[spanOf(search, "24h")],
            count: f.count(facts.ports),
          })}${facts.topChange === null ? "" : ` ${t.ports.changed(f.change(facts.topChange))}`}`;
  return (
    <>
      <Head
        title={t.ports.title}
        lede={top.isError && lede === undefined ? t.state.errorTitle : lede}
        actions={
          <>
            <Segments
              label={t.ports.by}
              value={by}
              options={bys.map((one) => [one, one === "packets" ? t.ports.byPackets : t.ports.bySources] as const)}
              onChange={(next) => void navigate({ search: (before) => ({ ...before, by: next }) })}
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
        <div className="w6 stack">
          <Asked<PortsTop> title={t.ports.table} path="ports/top" query={query} lines={24}>
            {(answer) => (
              <Table
                label={t.ports.table}
                rows={answer.rows}
                keyOf={({ protocol, port }) => `${protocol}/${port}`}
                columns={[
                  { key: "rank", head: "#", num: true, cell: ({ rank }) => <span className="faint">{rank}</span> },
                  { key: "port", head: t.word.port, rowHead: true, cell: (row) => <PortLink {...row} /> },
                  {
                    key: "bar",
                    head: "",
                    className: "bar-cell",
                    cell: ({ share }) => <Bar share={share / (answer.rows[0]?.share || 1)} />,
                  },
                  { key: "share", head: t.word.share, num: true, cell: ({ share }) => f.share(share) },
                  { key: "packets", head: t.word.packets, num: true, cell: ({ packets }) => f.count(packets) },
                  { key: "sources", head: t.word.sources, num: true, cell: ({ sources }) => f.count(sources) },
                  {
                    key: "change",
                    head: t.word.change,
                    num: true,
                    cell: (row) =>
                      by === "packets" ? (
                        <Change now={row.packets} before={row.previousPackets} />
                      ) : (
                        <Change now={row.sources} before={row.previousSources} />
                      ),
                  },
                ]}
              />
            )}
          </Asked>
        </div>
        <div className="w6 stack">
          <Asked<Series>
            title={t.ports.over}
            path="series"
            query={{ ...when, measure: by, group: "port", limit: 6, class: "tcp-syn,udp" }}
            height={300}
            isEmpty={(answer) => answer.facts.total === 0}
          >
            {(answer) => <SeriesChart answer={answer} group="port" height={300} />}
          </Asked>
          <Asked<MiraiPorts>
            title={t.ports.mirai}
            note={t.ports.miraiNote}
            path="mirai/ports"
            query={{ ...when, limit: 12 }}
            lines={8}
          >
            {(answer) => <MiraiTable answer={answer} />}
          </Asked>
          <Asked<Research>
            title={t.ports.research}
            note={t.ports.researchNote}
            whole
            path="scanners/research"
            query={when}
            lines={4}
            isEmpty={(answer) => answer.facts.packets === 0}
          >
            {(answer) => <ResearchFacts answer={answer} />}
          </Asked>
        </div>
        <Asked<PortsBySensor>
          title={t.ports.side}
          note={t.ports.sideNote}
          path="ports/by-sensor"
          query={{ ...when, limit: 10 }}
          lines={11}
        >
          {(answer) => <SideBySide label={t.ports.side} rows={answer.rows} />}
        </Asked>
      </div>
    </>
  );
};

export const MiraiTable = ({ answer }: { answer: Pick<MiraiPorts, "rows"> }) => {
  const { t, f } = useWords();
  return (
    <Table
      label={t.ports.mirai}
      rows={answer.rows}
      keyOf={({ protocol, port }) => `${protocol}/${port}`}
      columns={[
        { key: "port", head: t.word.port, rowHead: true, cell: (row) => <PortLink {...row} /> },
        { key: "bar", head: "", className: "bar-cell", cell: ({ share }) => <Bar share={share} /> },
        { key: "share", head: t.word.share, num: true, cell: ({ share }) => f.share(share) },
        { key: "mirai", head: t.word.mirai, num: true, cell: ({ miraiPackets }) => f.count(miraiPackets) },
        { key: "packets", head: t.word.packets, num: true, cell: ({ packets }) => f.count(packets) },
      ]}
    />
  );
};

const ResearchFacts = ({ answer }: { answer: Research }) => {
  const { t, f } = useWords();
  const part = (packets: number): string => f.share(answer.facts.packets === 0 ? 0 : packets / answer.facts.packets);
  return (
    <div className="stack">
      <p>
        <strong>{answer.facts.share === null ? "–" : t.ports.researchLede(f.share(answer.facts.share))}</strong>
        <span className="muted">
          {" "}
          · {t.ports.listed} {part(answer.facts.listed)} · {t.ports.heuristic} {part(answer.facts.heuristic)}
        </span>
      </p>
      {answer.owners.length === 0 ? undefined : (
        <Table
          label={t.ports.research}
          rows={answer.owners.slice(0, 8)}
          keyOf={({ owner }) => owner}
          columns={[
            { key: "owner", head: t.ports.owner, rowHead: true, className: "name", cell: ({ owner }) => owner },
            { key: "sources", head: t.word.sources, num: true, cell: ({ sources }) => f.count(sources) },
            { key: "packets", head: t.word.packets, num: true, cell: ({ packets }) => f.count(packets) },
          ]}
        />
      )}
    </div>
  );
};
