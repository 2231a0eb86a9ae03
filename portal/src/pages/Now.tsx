// SPDX-License-Identifier: Apache-2.0
import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import type { News, PortsTop, Sensors, Series } from "../../../src/api/contract/answers.ts";
import { answered, ask } from "../api.ts";
import { SeriesChart } from "../chart/SeriesChart.tsx";
import { Asked, Failed } from "../design/Asked.tsx";
import { Bar, PortLink } from "../design/names.tsx";
import { Bones, Change, Empty, Head, Panel, Segments } from "../design/parts.tsx";
import { PeriodPicker } from "../design/PeriodPicker.tsx";
import { Table } from "../design/Table.tsx";
import { useLive } from "../live.ts";
import { portWords } from "../ports.ts";
import { patched, set, spanOf, whenOf } from "../search.ts";
import { Icon } from "../shell/icons.tsx";
import { useStatus } from "../shell/status.ts";
import { useWords } from "../words/index.tsx";
import { LiveList, LiveStrip } from "./LiveStrip.tsx";
import { useLastLook } from "./lastLook.ts";

const route = getRouteApi("/");
const refresh = 10_000;

/** Too little of the week before is known to call anything new in a sentence. */
const weekIsThin = (answer: News): boolean => (answer.facts.weekCovered ?? 0) < 0.5;

export const Now = () => {
  const { t, f } = useWords();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { arrivals, open, last } = useLive();
  const status = useStatus().data;
  const since = useLastLook();
  const when = whenOf(search, "1h");
  // A day by default: a minute since the last look makes news of noise.
  const choice = search.news ?? "24h";
  const newsQuery = choice === "look" && since !== null ? { ...since, limit: 12 } : { last: "24h", limit: 12 };
  const topQuery = { ...when, limit: 12 };
  const top = useQuery(ask<PortsTop>("ports/top", topQuery, refresh));
  const sensors = useQuery(ask<Sensors>("sensors", { days: 1 }, refresh));
  const news = useQuery(ask<News>("news", newsQuery, 30_000));
  const silent = new Set(sensors.data?.rows.filter(({ state }) => state === "down").map(({ sensor }) => sensor));
  // A lane for every sensor that is known, and for one that just spoke for the first time.
  const known = sensors.data?.rows.map(({ sensor }) => sensor) ?? [];
  const all = [...new Set([...known, ...(last === undefined ? [] : arrivals.map(({ event }) => event.sensor))])].sort();
  const lanes = all.slice(0, 12);
  const wall = search.wall === "1";
  const facts = answered(top)?.facts;
  const change =
    facts === undefined || facts.previousCounted === null || facts.previousCounted === 0
      ? null
      : facts.counted / facts.previousCounted - 1;
  const lede =
    facts === undefined || status === undefined
      ? undefined
      : [
          facts.counted === 0
            ? t.now.quietLede
            : t.now.lede({
                enrolled: f.count(status.sensors.enrolled),
                n: status.sensors.enrolled,
                packets: f.short(facts.counted),
                sources: f.short(facts.countedSources),
                inLast: t.period.inLast[spanOf(search, "1h")],
              }) +
              (change === null
                ? t.now.noCompare
                : Math.abs(change) < 0.03
                  ? t.now.same
                  : (change > 0 ? t.now.up : t.now.down)(f.change(Math.abs(change)).replace("+", ""))),
          sensors.data !== undefined && sensors.data.facts.down > 0
            ? t.now.silent(sensors.data.facts.down, f.list(sensors.data.facts.downNames))
            : "",
          news.data === undefined || weekIsThin(news.data)
            ? ""
            : t.now.newsCount(news.data.rows.length, f.count(news.data.rows.length)),
        ]
          .filter((part) => part !== "")
          .join(" ");
  const failed = top.isError && sensors.isError;
  const bad = silent.size;
  return (
    <>
      {wall && sensors.data !== undefined ? (
        <p className={`wall-state ${bad > 0 ? "ink-act" : "ink-good"}`}>
          <span className="dot" />
          {bad > 0 ? t.now.wrong(bad, f.count(bad)) : t.now.ok}
        </p>
      ) : undefined}
      <Head
        title={t.now.title}
        lede={failed && lede === undefined ? t.state.errorTitle : lede}
        actions={
          <>
            <PeriodPicker
              search={search}
              otherwise="1h"
              choices={["15m", "1h", "6h", "24h"]}
              onChange={(next) =>
                void navigate({ search: { ...next, ...set({ news: search.news, wall: search.wall }) } })
              }
            />
            <Link
              to="/"
              search={patched(search, { wall: wall ? undefined : "1" })}
              className="button"
              title={wall ? t.action.leaveWall : t.action.wall}
            >
              <Icon name="wall" />
              <span className="hidden">{wall ? t.action.leaveWall : t.action.wall}</span>
            </Link>
          </>
        }
      />
      <div className="grid">
        <div className="w8 stack">
          <Panel className="order-1" title={t.now.stripTitle} note={t.now.stripNote} actions={<LiveChip open={open} />}>
            {lanes.length > 0 ? (
              <LiveStrip arrivals={arrivals} sensors={lanes} more={all.length - lanes.length} down={silent} />
            ) : sensors.data === undefined ? (
              sensors.isError ? (
                <Failed error={sensors.error} onRetry={() => void sensors.refetch()} />
              ) : (
                <Bones height={170} />
              )
            ) : (
              <Empty title={t.now.stripEmpty}>{t.state.noDataHint}</Empty>
            )}
            <details className="table">
              <summary>{t.now.stripList}</summary>
              <LiveList arrivals={arrivals} />
            </details>
          </Panel>
          <Asked<PortsTop> title={t.now.top} path="ports/top" query={topQuery} every={refresh} lines={12}>
            {(answer) => (
              <>
                <Table
                  label={t.now.top}
                  rows={answer.rows}
                  keyOf={({ protocol, port }) => `${protocol}/${port}`}
                  columns={[
                    { key: "port", head: t.word.port, rowHead: true, cell: (row) => <PortLink {...row} /> },
                    {
                      key: "bar",
                      head: "",
                      className: "bar-cell",
                      cell: ({ share }) => <Bar share={share / (answer.rows[0]?.share || 1)} />,
                    },
                    { key: "packets", head: t.word.packets, num: true, cell: ({ packets }) => f.count(packets) },
                    { key: "sources", head: t.word.sources, num: true, cell: ({ sources }) => f.count(sources) },
                    { key: "share", head: t.word.share, num: true, cell: ({ share }) => f.share(share) },
                    {
                      key: "change",
                      head: t.word.change,
                      num: true,
                      cell: (row) => <Change now={row.packets} before={row.previousPackets} />,
                    },
                  ]}
                />
                {answer.facts.counted === answer.facts.packets ? undefined : (
                  <p className="after faint small">{t.now.allNote(f.short(answer.facts.packets))}</p>
                )}
              </>
            )}
          </Asked>
        </div>
        <div className="w4 stack">
          <Asked<News>
            className="order-2"
            title={t.now.newsTitle}
            path="news"
            query={newsQuery}
            every={30_000}
            lines={5}
            actions={
              since === null ? undefined : (
                <Segments
                  label={t.now.newsTitle}
                  value={choice}
                  options={[
                    ["look", t.now.sinceLook],
                    ["24h", t.now.day],
                  ]}
                  onChange={(next) => void navigate({ search: { ...search, news: next } })}
                />
              )
            }
            empty={<Empty title={t.now.newsEmpty}>{t.now.newsEmptyHint}</Empty>}
          >
            {(answer) => <NewsList answer={answer} />}
          </Asked>
          <Asked<Sensors>
            title={t.now.sensorsTitle}
            path="sensors"
            query={{ days: 1 }}
            every={refresh}
            lines={5}
            empty={<Empty title={t.sensors.none}>{t.sensors.noneHint}</Empty>}
          >
            {(answer) => <Beats answer={answer} />}
          </Asked>
        </div>
        <Asked<Series>
          title={t.now.packetsTitle}
          path="series"
          query={{ last: "24h", measure: "packets", step: "5m" }}
          every={60_000}
          height={200}
          isEmpty={(answer) => answer.facts.total === 0}
        >
          {(answer) => <SeriesChart answer={answer} height={200} />}
        </Asked>
      </div>
    </>
  );
};

const LiveChip = ({ open }: { open: boolean }) => {
  const { t } = useWords();
  return (
    <span className={`chip ${open ? "good" : "warn"}`} role="status">
      <span className="dot" />
      {open ? t.shell.live : t.shell.offline}
    </span>
  );
};

/** So many stand on the page; the rest unfolds. */
const newsShown = 8;

const NewsItem = ({ row }: { row: News["rows"][number] }) => {
  const { t, f } = useWords();
  const sources = f.count(row.sources);
  const port = portWords(row.protocol ?? "", row.port);
  const country = f.country(row.country ?? "--");
  const times = f.rate(row.times ?? 0);
  const text = {
    "new-port": () => t.now.newPort(port, sources),
    "fast-port": () => t.now.fastPort(port, times, sources),
    "new-country": () => t.now.newCountry(country, sources),
    "fast-country": () => t.now.fastCountry(country, times, sources),
  }[row.kind]();
  return (
    <li>
      <span className="what">
        {row.port !== null && row.protocol !== null ? (
          <Link
            to="/ports/$protocol/$port"
            params={{ protocol: row.protocol, port: String(row.port) }}
            search={{ last: "7d" }}
          >
            {text}
          </Link>
        ) : (
          <Link
            to="/explore"
            search={{ ...(row.country === null ? {} : { country: row.country }), last: "7d", group: "port" }}
          >
            {text}
          </Link>
        )}
      </span>
      <span className="faint small nowrap">{t.now.atSensors(row.sensors, f.count(row.sensors))}</span>
    </li>
  );
};

const NewsList = ({ answer }: { answer: News }) => {
  const { t, f } = useWords();
  const items = answer.rows.map((row) => (
    <NewsItem key={`${row.kind} ${row.protocol}/${row.port} ${row.country}`} row={row} />
  ));
  return (
    <>
      {weekIsThin(answer) ? (
        <p className="small ink-warn">{t.now.weekThin(f.share(answer.facts.weekCovered ?? 0))}</p>
      ) : undefined}
      <ul className="news">{items.slice(0, newsShown)}</ul>
      {items.length > newsShown ? (
        <details className="table">
          <summary>{t.now.moreNews(f.count(items.length - newsShown))}</summary>
          <ul className="news">{items.slice(newsShown)}</ul>
        </details>
      ) : undefined}
      <p className="faint small">{t.now.newsRule}</p>
    </>
  );
};

const Beats = ({ answer }: { answer: Sensors }) => {
  const { t, f } = useWords();
  return (
    <ul className="beat">
      {answer.rows.map((row) => (
        <li key={row.sensor}>
          <span
            className={`dot ${row.state === "up" ? "ink-good" : row.state === "late" ? "ink-warn" : row.state === "down" ? "ink-act" : "faint"}`}
          />
          <span className="name">
            {row.sensor} <span className="faint">{row.country === null ? "" : f.country(row.country)}</span>
          </span>
          <span className={row.state === "down" ? "act" : "muted"}>
            {row.state === "up"
              ? `${f.rate(row.rate ?? 0)} ${t.word.hitsPerSecond}`
              : `${t.sensors.states[row.state]}${row.lagSeconds === null ? "" : ` · ${f.span(row.lagSeconds)}`}`}
          </span>
        </li>
      ))}
    </ul>
  );
};
