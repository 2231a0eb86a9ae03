// SPDX-License-Identifier: Apache-2.0
import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import type { OneSource } from "../../../src/api/contract/answers.ts";
import { answered, ask } from "../api.ts";
import { deskAsk } from "../desk/client.ts";
import { CaseLink, OwnerName, StateChip } from "../desk/parts.tsx";
import { isStaff, knowsDesk, useSession } from "../desk/session.ts";
import { TimeChart } from "../chart/TimeChart.tsx";
import { Asked, Failed } from "../design/Asked.tsx";
import { CountryLink, NetworkLink, PortLink } from "../design/names.tsx";
import { Bones, Copy, Facts, Head, Panel, When } from "../design/parts.tsx";
import { PeriodPicker } from "../design/PeriodPicker.tsx";
import { Table } from "../design/Table.tsx";
import { spanOf, whenOf } from "../search.ts";
import { useWords } from "../words/index.tsx";
import "./desk/case.css";

const route = getRouteApi("/sources/$ip");
const tone: Record<OneSource["facts"]["verdict"], string> = {
  unseen: "",
  research: "accent",
  "mirai-type": "act",
  backscatter: "warn",
  scanner: "warn",
  other: "",
};

export const Source = () => {
  const { t, f } = useWords();
  const { ip } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const path = `sources/${encodeURIComponent(ip)}`;
  const query = whenOf(search, "7d");
  const asked = useQuery(ask<OneSource>(path, query));
  const answer = asked.data;
  const facts = answer?.facts;
  // An owner's answer is made of notices, and of no packet.
  const isTold = answer?.meta.from === "none";
  const span =
    facts?.firstSeen == null || facts.lastSeen === null
      ? 0
      : (Date.parse(facts.lastSeen) - Date.parse(facts.firstSeen)) / 1000;
  return (
    <>
      <Head
        title={
          <>
            {t.source.title} <Copy text={ip} />
          </>
        }
        lede={
          facts === undefined ? (
            asked.isError ? (
              t.state.errorTitle
            ) : undefined
          ) : (
            <span className={`verdict ${tone[facts.verdict]}`}>
              {t.source.verdicts[facts.verdict]}
              {facts.listOwner === null ? "" : t.source.by(facts.listOwner)}
            </span>
          )
        }
        sub={
          facts === undefined || !facts.seen || answered(asked) === undefined ? undefined : (
            <>
              {t.period.inLast[spanOf(search, "7d")]}:{" "}
              {isTold
                ? t.source.told({ packets: f.count(facts.packets), ports: f.count(facts.ports), p: facts.ports })
                : t.source.lede({
                    packets: f.count(facts.packets),
                    n: facts.sensors,
                    sensors: f.count(facts.sensors),
                    ports: f.count(facts.ports),
                    p: facts.ports,
                    span: f.span(span),
                  })}{" "}
              {facts.spoofShare !== null && facts.spoofShare > 0.1 ? t.source.spoof(f.share(facts.spoofShare)) : ""}
            </>
          )
        }
        actions={
          <>
            {facts?.seen && facts.asn !== null ? (
              <Link to="/explore" search={{ ...search, asn: String(facts.asn), group: "port" }} className="button">
                AS{facts.asn}
              </Link>
            ) : undefined}
            <PeriodPicker search={search} otherwise="7d" onChange={(next) => void navigate({ search: next })} />
          </>
        }
      />
      {answer === undefined || facts === undefined ? (
        <Panel>
          {asked.isError ? <Failed error={asked.error} onRetry={() => void asked.refetch()} /> : <Bones lines={14} />}
        </Panel>
      ) : (
        <div className="stack">
          <div className="grid">
            <Panel className={facts.seen ? "w5 tall" : ""} title={t.source.what}>
              <p>{t.source.steps[facts.verdict]}</p>
              <p className="muted small">{t.source.rule[facts.verdict]}</p>
            </Panel>
            {facts.seen ? (
              <Panel className="w7 tall" title={t.source.registered}>
                <dl className="pairs">
                  <dt>{t.word.network}</dt>
                  <dd>
                    <NetworkLink asn={facts.asn} name={facts.network} />
                  </dd>
                  <dt>{t.word.country}</dt>
                  <dd>
                    <CountryLink code={facts.country} />
                  </dd>
                  <dt>{t.word.first}</dt>
                  <dd>{facts.firstSeen === null ? "–" : <When at={facts.firstSeen} seconds />}</dd>
                  <dt>{t.word.last}</dt>
                  <dd>{facts.lastSeen === null ? "–" : <When at={facts.lastSeen} seconds />}</dd>
                </dl>
              </Panel>
            ) : undefined}
          </div>
          <OnDesk ip={ip} />
          {facts.seen && isTold ? (
            <Asked<OneSource> title={t.source.ports} path={path} query={query}>
              {({ rows }) => (
                <Table
                  label={t.source.ports}
                  rows={rows}
                  keyOf={({ port }) => String(port)}
                  columns={[{ key: "port", head: t.word.port, rowHead: true, cell: (row) => <PortLink {...row} /> }]}
                />
              )}
            </Asked>
          ) : facts.seen ? (
            <Evidence answer={answer} path={path} query={query} />
          ) : undefined}
        </div>
      )}
    </>
  );
};

/** What the desk has about the address, for who may see alerts; who may not, or where there is none, sees nothing. */
const OnDesk = ({ ip }: { ip: string }) => {
  const { t } = useWords();
  const { session } = useSession();
  const { data } = useQuery({
    ...deskAsk("alerts", "alerts", { q: ip, order: "last", limit: 20 }),
    enabled: knowsDesk(session),
  });
  if (data === undefined || data.rows.length === 0) return undefined;
  return (
    <Panel title={t.desk.alerts.onDesk}>
      <ul className="small-list">
        {data.rows.map((row) => (
          <li key={row.id}>
            <Link to="/alerts" search={{ q: ip, state: "all", open: row.id }}>
              {t.desk.kinds[row.kind]}
              {row.family === null ? "" : ` (${row.family})`}
            </Link>
            <StateChip state={row.state} unconfirmed={row.unconfirmed} />
            <CaseLink number={row.case} />
            <span className="end">
              {row.organisation !== null && isStaff(session) ? (
                <Link to="/constituency/$organisation" params={{ organisation: row.organisation.id }}>
                  {row.organisation.name}
                </Link>
              ) : (
                <OwnerName organisation={row.organisation} link={false} />
              )}
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
};

const Evidence = ({ answer, path, query }: { answer: OneSource; path: string; query: ReturnType<typeof whenOf> }) => {
  const { t, f } = useWords();
  const { facts } = answer;
  const times = answer.hours.map(({ time }) => Date.parse(time));
  const marked = Object.entries(answer.marks).filter(([, packets]) => packets > 0);
  const packetsColumn = {
    key: "packets",
    head: t.word.packets,
    num: true,
    cell: ({ packets }: { packets: number }) => f.count(packets),
  };
  return (
    <>
      <Facts
        facts={[
          { label: t.word.packets, value: f.short(facts.packets), beside: f.bytes(facts.bytes) },
          {
            label: t.word.ports,
            value: f.count(facts.ports),
            beside: `${t.source.perDay}: ${f.count(facts.mostPortsInDay)}`,
          },
          { label: t.source.destinations, value: f.count(facts.destinations) },
          { label: t.word.sensors, value: f.count(facts.sensors) },
          { label: t.source.hours, value: f.count(facts.hoursActive) },
          {
            label: t.source.ttl,
            value:
              facts.ttlMin === null
                ? "–"
                : facts.ttlMin === facts.ttlMax
                  ? facts.ttlMin
                  : `${facts.ttlMin}–${facts.ttlMax}`,
          },
        ]}
      />
      {times.length < 2 ? undefined : (
        <Panel title={t.source.activity}>
          <TimeChart
            times={times}
            step={3_600_000}
            lines={[{ key: "packets", label: t.word.packets, values: answer.hours.map(({ packets }) => packets) }]}
            label={`${t.source.activity}: ${t.word.packets}`}
            height={170}
          />
          <details className="table no-print">
            <summary>{t.action.table}</summary>
            <Table
              label={t.source.activity}
              rows={answer.hours.toReversed()}
              keyOf={({ time }) => time}
              columns={[
                { key: "time", head: t.word.time, rowHead: true, cell: ({ time }) => f.time(new Date(time)) },
                packetsColumn,
              ]}
            />
          </details>
        </Panel>
      )}
      <div className="grid">
        <div className="w8 stack">
          <Asked<OneSource> title={t.source.ports} path={path} query={query}>
            {({ rows }) => (
              <Table
                label={t.source.ports}
                rows={rows}
                keyOf={(row) => `${row.protocol}/${row.port}/${row.class}`}
                columns={[
                  { key: "port", head: t.word.port, rowHead: true, cell: (row) => <PortLink {...row} /> },
                  { key: "class", head: t.word.class, cell: (row) => row.class },
                  packetsColumn,
                  { key: "mirai", head: t.word.mirai, num: true, cell: ({ mirai }) => f.count(mirai) },
                  {
                    key: "first",
                    head: `${t.word.first} (UTC)`,
                    cell: ({ firstSeen }) => <When at={firstSeen} alone />,
                  },
                  { key: "last", head: `${t.word.last} (UTC)`, cell: ({ lastSeen }) => <When at={lastSeen} alone /> },
                ]}
              />
            )}
          </Asked>
          <Panel title={t.source.sensors}>
            <Table
              label={t.source.sensors}
              rows={answer.sensorRows}
              keyOf={({ sensor }) => sensor}
              columns={[
                { key: "sensor", head: t.word.sensor, rowHead: true, cell: ({ sensor }) => sensor },
                packetsColumn,
                {
                  key: "destinations",
                  head: t.source.destinations,
                  num: true,
                  cell: ({ destinations }) => f.count(destinations),
                },
                { key: "last", head: `${t.word.last} (UTC)`, cell: ({ lastSeen }) => <When at={lastSeen} alone /> },
              ]}
            />
          </Panel>
          <Panel title={t.source.signatures} note={t.port.signaturesNote}>
            {answer.signatures.length === 0 ? (
              <p className="muted">{t.word.none}</p>
            ) : (
              <Table
                label={t.source.signatures}
                rows={answer.signatures}
                keyOf={({ signature }) => signature}
                columns={[
                  {
                    key: "signature",
                    head: t.word.signature,
                    rowHead: true,
                    cell: ({ signature }) => <Copy text={signature} />,
                  },
                  packetsColumn,
                ]}
              />
            )}
          </Panel>
        </div>
        <div className="w4 stack">
          <Panel title={t.source.marks}>
            {marked.length === 0 ? (
              <p className="muted">{t.word.none}</p>
            ) : (
              <Table
                label={t.source.marks}
                rows={marked.map(([name, packets]) => ({ name, packets }))}
                keyOf={({ name }) => name}
                columns={[{ key: "name", head: t.word.mark, rowHead: true, cell: ({ name }) => name }, packetsColumn]}
              />
            )}
          </Panel>
          <Panel title={t.source.classes}>
            <Table
              label={t.source.classes}
              rows={answer.classes}
              keyOf={(row) => row.class}
              columns={[{ key: "class", head: t.word.class, rowHead: true, cell: (row) => row.class }, packetsColumn]}
            />
          </Panel>
          <Panel title={t.source.spoofs}>
            {answer.spoof.length === 0 ? (
              <p className="muted">{t.source.noSpoofs}</p>
            ) : (
              <Table
                label={t.source.spoofs}
                rows={answer.spoof}
                keyOf={({ reason }) => reason}
                columns={[
                  {
                    key: "reason",
                    head: t.word.reason,
                    rowHead: true,
                    cell: ({ reason }) =>
                      t.source.spoofReasons[reason as keyof typeof t.source.spoofReasons] ??
                      reason.replaceAll("_", " "),
                  },
                  packetsColumn,
                ]}
              />
            )}
          </Panel>
        </div>
        {answer.evidence.length === 0 ? undefined : (
          <Panel title={t.source.evidence} note={t.source.evidenceNote}>
            <Table
              label={t.source.evidence}
              rows={answer.evidence}
              keyOf={(row, place) => `${row.time} ${place}`}
              columns={[
                { key: "time", head: t.word.time, rowHead: true, cell: ({ time }) => <When at={time} seconds /> },
                { key: "sensor", head: t.word.sensor, cell: ({ sensor }) => sensor },
                {
                  key: "source",
                  head: t.source.sourcePort,
                  num: true,
                  cell: ({ sourcePort }) => <span className="mono">{sourcePort ?? "–"}</span>,
                },
                { key: "port", head: t.word.port, cell: (row) => <PortLink {...row} /> },
                { key: "class", head: t.word.class, cell: (row) => row.class },
                {
                  key: "signature",
                  head: t.word.signature,
                  cell: ({ signature }) => (signature === null ? "–" : <Copy text={signature} />),
                },
              ]}
            />
          </Panel>
        )}
      </div>
    </>
  );
};
