// SPDX-License-Identifier: Apache-2.0
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import type { Series, SourcesTop } from "../../../src/api/contract/answers.ts";
import { answered, ask } from "../api.ts";
import { SeriesChart } from "../chart/SeriesChart.tsx";
import { useGroupLabel } from "../chart/labels.ts";
import { Asked } from "../design/Asked.tsx";
import { CountryLink, NetworkLink, SourceLink } from "../design/names.tsx";
import { Head, Segments, When, copied } from "../design/parts.tsx";
import { PeriodPicker } from "../design/PeriodPicker.tsx";
import { Table } from "../design/Table.tsx";
import {
  type FilterName,
  type FilterSearch,
  filterNames,
  groups,
  measures,
  spanOf,
  stepNames,
  tidyFilter,
  whenOf,
} from "../search.ts";
import { Icon } from "../shell/icons.tsx";
import { useWords } from "../words/index.tsx";
import "./explore.css";

const route = getRouteApi("/explore");
const protocols = ["tcp", "udp", "icmp", "icmp6", "gre"] as const;
const classNames = [
  "tcp-syn",
  "tcp-syn-ack",
  "tcp-rst",
  "tcp-ack",
  "tcp-other",
  "udp",
  "icmp-echo-request",
  "icmp-echo-reply",
  "icmp-unreachable",
  "icmp-time-exceeded",
  "icmp-other",
  "unknown",
] as const;
const markNames = ["mirai", "zmap", "masscan", "stateless"] as const;

export const Explore = () => {
  const { t, f } = useWords();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const filters: FilterSearch = Object.fromEntries(
    filterNames.flatMap((name) => (search[name] === undefined ? [] : [[name, search[name]]])),
  );
  const when = whenOf(search, "24h");
  const measure = search.measure ?? "packets";
  const group = search.group ?? "none";
  const query = { ...when, ...filters, measure, group, step: search.step, limit: 6 };
  const asked = useQuery(ask<Series>("series", query));
  const facts = answered(asked)?.facts;
  const label = useGroupLabel(group);
  const lede =
    facts === undefined || facts.total === null
      ? undefined
      : [
          t.explore.lede({
            total: f.short(facts.total),
            measure: t.explore.measures[measure],
            inLast: t.period.inLast[spanOf(search, "24h")],
          }) +
            (facts.change === null || Math.abs(facts.change) < 0.03
              ? t.now.noCompare
              : (facts.change > 0 ? t.now.up : t.now.down)(f.share(Math.abs(facts.change)))),
          facts.peak !== null && facts.peak > 0 && facts.peakTime !== null
            ? t.explore.peak(f.short(facts.peak), f.time(new Date(facts.peakTime)))
            : "",
        ].join(" ");
  return (
    <>
      <Head
        title={t.explore.title}
        lede={asked.isError && lede === undefined ? t.state.errorTitle : lede}
        actions={
          <>
            <CopyLink />
            <PeriodPicker
              search={search}
              otherwise="24h"
              choices={["1h", "24h", "7d", "30d", "90d", "365d"]}
              onChange={(next) =>
                void navigate({ search: ({ last: _last, from: _from, to: _to, ...rest }) => ({ ...rest, ...next }) })
              }
            />
          </>
        }
      />
      <div className="stack">
        <FilterBar
          filters={filters}
          onApply={(next) =>
            void navigate({
              search: (before) => ({
                ...Object.fromEntries(
                  Object.entries(before).filter(([name]) => !filterNames.includes(name as FilterName)),
                ),
                ...next,
              }),
            })
          }
        />
        <Asked<Series>
          title={t.explore.chart}
          path="series"
          query={query}
          height={340}
          isEmpty={(answer) => answer.facts.total === 0}
          actions={
            <div className="row no-print">
              <Segments
                label={t.explore.measure}
                value={measure}
                options={measures.map((one) => [one, t.explore.measures[one]] as const)}
                onChange={(next) => void navigate({ search: (before) => ({ ...before, measure: next }) })}
              />
              <label className="row small">
                {t.explore.group}
                <select
                  className="date"
                  value={group}
                  onChange={(event) =>
                    void navigate({ search: (before) => ({ ...before, group: event.target.value as typeof group }) })
                  }
                >
                  {groups.map((one) => (
                    <option key={one} value={one}>
                      {t.explore.groups[one]}
                    </option>
                  ))}
                </select>
              </label>
              <label className="row small">
                {t.explore.step}
                <select
                  className="date"
                  value={search.step ?? ""}
                  onChange={(event) => {
                    const step = stepNames.find((one) => one === event.target.value);
                    void navigate({
                      search: ({ step: _step, ...before }) => (step === undefined ? before : { ...before, step }),
                    });
                  }}
                >
                  <option value="">{t.explore.auto}</option>
                  {stepNames.map((one) => (
                    <option key={one} value={one}>
                      {t.chart.steps[one]}
                    </option>
                  ))}
                </select>
              </label>
            </div>
          }
        >
          {(answer) => (
            <>
              <SeriesChart answer={answer} group={group} height={340} />
              {group === "none" ? undefined : <Totals answer={answer} label={label} />}
            </>
          )}
        </Asked>
        <Asked<SourcesTop>
          className=""
          title={t.explore.sources}
          path="sources/top"
          query={{ ...when, ...filters, limit: 100 }}
          lines={12}
        >
          {(answer) => (
            <Table
              label={t.explore.sources}
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
                { key: "ports", head: t.word.ports, num: true, cell: ({ ports }) => f.count(ports) },
                { key: "sensors", head: t.word.sensors, num: true, cell: ({ sensors }) => f.count(sensors) },
                {
                  key: "marks",
                  head: t.word.tools,
                  cell: (row) => (
                    <span className="row nowrap">
                      {markNames
                        .filter((name) => row[name] > 0)
                        .map((name) => (
                          <span key={name} className={`chip ${name === "mirai" ? "act" : ""}`}>
                            {name}
                          </span>
                        ))}
                    </span>
                  ),
                },
                { key: "last", head: `${t.word.last} (UTC)`, cell: ({ lastSeen }) => <When at={lastSeen} alone /> },
              ]}
            />
          )}
        </Asked>
      </div>
    </>
  );
};

/** The groups' totals in a line, with their share of all groups shown where amounts add up (sources do not). */
const Totals = ({ answer, label }: { answer: Series; label: (group: string, given: string) => string }) => {
  const { t, f } = useWords();
  const all = answer.groups.reduce((sum, { total }) => sum + total, 0);
  return (
    <dl className="totals" aria-label={t.explore.groupsTable}>
      {answer.groups.map((row) => (
        <div key={row.group}>
          <dt>{label(row.group, row.label)}</dt>
          <dd>
            {f.count(row.total)}
            {answer.facts.measure === "sources" || all === 0 ? undefined : (
              <span className="faint"> {f.share(row.total / all)}</span>
            )}
          </dd>
        </div>
      ))}
    </dl>
  );
};

const CopyLink = () => {
  const { t } = useWords();
  const [done, setDone] = useState(false);
  return (
    <button
      type="button"
      className="button"
      onClick={() => void copied(location.href).then(setDone)}
      onBlur={() => setDone(false)}
    >
      <Icon name="link" />
      <span role="status">{done ? t.action.copied : t.action.copyLink}</span>
    </button>
  );
};

/** The filters as a form: nothing is asked before it is sent; what does not fit its field is marked, not sent. */
const FilterBar = ({ filters, onApply }: { filters: FilterSearch; onApply: (filters: FilterSearch) => void }) => {
  const { t } = useWords();
  const [draft, setDraft] = useState<Record<string, string>>({ ...filters });
  const bad = (name: FilterName): boolean =>
    (draft[name] ?? "").trim() !== "" && tidyFilter(name, draft[name] ?? "") === undefined;
  // The address is what holds; what does not fit its field yet stays to be mended, and the focus where it was.
  const address = JSON.stringify(filters);
  const [of, setOf] = useState(address);
  if (of !== address) {
    setOf(address);
    setDraft({ ...filters, ...Object.fromEntries(filterNames.filter(bad).map((name) => [name, draft[name] ?? ""])) });
  }
  const send = (values: Record<string, string>): void =>
    onApply(
      Object.fromEntries(
        filterNames.flatMap((name) => {
          const value = tidyFilter(name, values[name] ?? "");
          return value === undefined ? [] : [[name, value]];
        }),
      ),
    );
  const field = (name: FilterName, label: string, hint: string) => (
    <label className="field" key={name}>
      <span>{label}</span>
      <input
        className="mono"
        value={draft[name] ?? ""}
        placeholder={hint}
        aria-invalid={bad(name)}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setDraft({ ...draft, [name]: event.target.value })}
      />
    </label>
  );
  const pick = (name: FilterName, label: string, values: readonly string[]) => (
    <label className="field" key={name}>
      <span>{label}</span>
      <select
        value={draft[name] ?? ""}
        onChange={(event) => {
          const next = { ...draft, [name]: event.target.value };
          setDraft(next);
          send(next);
        }}
      >
        <option value="">{t.explore.any}</option>
        {(draft[name] === undefined || draft[name] === "" || values.includes(draft[name])
          ? values
          : [...values, draft[name]]
        ).map((value) => (
          <option key={value} value={value}>
            {value}
          </option>
        ))}
      </select>
    </label>
  );
  return (
    <form
      className="panel filters no-print"
      aria-label={t.explore.filters}
      onSubmit={(event) => {
        event.preventDefault();
        if (!filterNames.some(bad)) send(draft);
      }}
    >
      {field("port", t.word.port, t.explore.portHint)}
      {pick("protocol", t.word.protocol, protocols)}
      {pick("class", t.word.class, classNames)}
      {field("country", t.word.country, t.explore.countryHint)}
      {field("asn", "ASN", t.explore.asnHint)}
      {field("sensor", t.word.sensor, t.explore.sensorHint)}
      {pick("mark", t.word.mark, markNames)}
      {field("signature", t.word.signature, t.explore.signatureHint)}
      <div className="row filters-end">
        <button type="submit" className="button primary" disabled={filterNames.some(bad)}>
          {t.action.apply}
        </button>
        {Object.keys(filters).length === 0 ? undefined : (
          <button type="button" className="button quiet" onClick={() => (setDraft({}), onApply({}))}>
            {t.action.clear}
          </button>
        )}
      </div>
    </form>
  );
};
