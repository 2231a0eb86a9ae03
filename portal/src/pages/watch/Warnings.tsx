// SPDX-License-Identifier: Apache-2.0
import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import type { OutbreakRow, SurgeRow, Surges } from "../../../../src/api/contract/desk/warning.ts";
import { Loaded } from "../../desk/Loaded.tsx";
import { Rows } from "../../desk/Rows.tsx";
import { deskAsk } from "../../desk/client.ts";
import { Ago, Spark } from "../../desk/parts.tsx";
import { warningKinds, warningStates } from "../../desk/search.ts";
import { useRows } from "../../desk/useRows.ts";
import { Empty, Head, Panel, Segments } from "../../design/parts.tsx";
import { Table } from "../../design/Table.tsx";
import { portName, serviceOf } from "../../ports.ts";
import { patched } from "../../search.ts";
import { useExercise } from "../../shell/exercise.ts";
import { useWords } from "../../words/index.tsx";
import { merged } from "./merged.ts";

/** Its steps are ten minutes; so far behind it is only after a pause, or where there is a past to judge. Milliseconds. */
const LATE = 30 * 60_000;
const route = getRouteApi("/warnings");
const tones = { rising: "act", steady: "warn", over: "faint-chip" } as const;
export const WarningState = ({ state }: { state: SurgeRow["state"] }) => {
  const { t } = useWords();
  return <span className={`chip ${tones[state]}`}>{t.watch.warnings.states[state]}</span>;
};
export const WarningPort = ({ id, protocol, port }: Pick<SurgeRow, "id" | "protocol" | "port">) => (
  <Link to="/warnings/$warning" params={{ warning: id }} className="nowrap">
    <span className="mono">{portName(protocol, port)}</span> {serviceOf(protocol, port)}
  </Link>
);

export const Warnings = () => {
  const { t, f } = useWords();
  const words = t.watch.warnings;
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const exercise = useExercise();
  const scope = exercise === "" ? {} : { exercise };
  const list = useRows<Surges>("warnings", { ...scope, kind: search.kind, state: search.state, limit: 50 });
  const outbreaks = useQuery(deskAsk("outbreaks", "outbreaks", scope, 60_000));
  const facts = list.said?.facts as Surges["facts"] | undefined;
  const asked = list.said?.asked;
  const behind =
    facts !== undefined &&
    (facts.judged === null || (asked !== undefined && Date.parse(asked) - Date.parse(facts.judged) > LATE));
  const lede =
    facts === undefined
      ? undefined
      : [
          // Quiet is said of what was judged: a detector that is behind has not looked yet.
          facts.judged === null ? words.unjudged : behind ? words.behind(f.time(new Date(facts.judged))) : "",
          facts.rising === 0
            ? behind
              ? ""
              : words.quiet
            : words.lede({ rising: f.count(facts.rising), n: facts.rising }),
          facts.verified === 0
            ? words.noRecord
            : words.record({ inside: f.count(facts.inside), verified: f.count(facts.verified) }),
          facts.sensors === 0
            ? ""
            : words.rate({
                month: f.count(facts.month),
                n: facts.month,
                sensors: f.count(facts.sensors),
                m: facts.sensors,
              }),
        ]
          .filter(Boolean)
          .join(" ");
  return (
    <>
      <Head
        title={words.title}
        lede={list.asked.isError && lede === undefined ? t.state.errorTitle : lede}
        sub={
          facts === undefined || facts.judged === null || behind
            ? undefined
            : words.asOf(f.time(new Date(facts.judged)))
        }
        actions={
          <>
            <Segments
              label={t.word.state}
              value={search.state ?? "all"}
              options={[["all", t.desk.word.all], ...warningStates.map((one) => [one, words.states[one]] as const)]}
              onChange={(next) =>
                void navigate({ search: patched(search, { state: next === "all" ? undefined : next }), replace: true })
              }
            />
            <Segments
              label={t.desk.word.kind}
              value={search.kind ?? "all"}
              options={[["all", t.desk.word.all], ...warningKinds.map((one) => [one, words.kinds[one]] as const)]}
              onChange={(next) =>
                void navigate({ search: patched(search, { kind: next === "all" ? undefined : next }), replace: true })
              }
            />
          </>
        }
      />
      <div className="stack">
        <Panel title={words.title}>
          <Rows<SurgeRow>
            list={search.kind === undefined ? { ...list, rows: merged(list.rows) } : list}
            label={words.title}
            keyOf={({ id }) => id}
            empty={words.emptyTitle}
            hint={words.emptyHint}
            columns={[
              { key: "port", head: t.word.port, rowHead: true, cell: (row) => <WarningPort {...row} /> },
              { key: "kind", head: t.desk.word.kind, cell: ({ kind }) => words.kinds[kind] },
              { key: "state", head: t.word.state, cell: ({ state }) => <WarningState state={state} /> },
              { key: "since", head: words.since, cell: ({ first }) => <Ago at={first} /> },
              { key: "spark", head: words.spark, cell: ({ spark }) => <Spark values={spark} /> },
              {
                key: "sources",
                head: words.sources,
                num: true,
                cell: ({ sources }) => (sources === null ? "–" : f.short(sources)),
              },
              {
                key: "usual",
                head: words.usual,
                num: true,
                cell: ({ sources, usualSources }) =>
                  sources === null ? (
                    "–"
                  ) : usualSources === null ? (
                    <span className="delta new">{t.word.isNew}</span>
                  ) : (
                    f.rate(usualSources)
                  ),
              },
              {
                key: "corroborated",
                head: t.word.sensors,
                cell: ({ corroborated, sensors }) => (
                  <>
                    {sensors === null ? undefined : `${f.count(sensors)} `}
                    <span className={`chip ${corroborated ? "good" : "warn"}`}>
                      {corroborated ? words.corroborated : words.alone}
                    </span>
                  </>
                ),
              },
              {
                key: "chance",
                head: words.chance,
                num: true,
                cell: ({ falsePerMonth }) => (falsePerMonth === null ? "–" : f.rate(falsePerMonth)),
              },
              { key: "told", head: words.told, cell: ({ last }) => <Ago at={last} /> },
            ]}
          />
        </Panel>
        <Panel title={words.outbreaks} note={words.outbreaksNote}>
          <Loaded asked={outbreaks}>
            {({ rows }) => (rows.length === 0 ? <Empty title={words.noOutbreaks} /> : <OutbreakTable rows={rows} />)}
          </Loaded>
        </Panel>
      </div>
    </>
  );
};

const OutbreakTable = ({ rows }: { rows: readonly OutbreakRow[] }) => {
  const { t, f } = useWords();
  const words = t.watch.warnings;
  return (
    <Table
      label={words.outbreaks}
      rows={rows}
      keyOf={({ id }) => id}
      columns={[
        { key: "port", head: t.word.port, rowHead: true, cell: (row) => <WarningPort {...row} /> },
        { key: "family", head: t.desk.word.family, cell: ({ family }) => family ?? "–" },
        { key: "state", head: t.word.state, cell: ({ state }) => <WarningState state={state} /> },
        { key: "since", head: words.since, cell: ({ first }) => <Ago at={first} /> },
        {
          key: "population",
          head: words.population,
          num: true,
          cell: ({ population }) =>
            population === null
              ? "–"
              : `${f.short(population.middle)} (${f.short(population.low)}–${f.short(population.high)})`,
        },
        {
          key: "growth",
          head: `${words.growth} ${words.perHour}`,
          num: true,
          cell: ({ growthPerHour }) => (growthPerHour === null ? "–" : f.change(growthPerHour)),
        },
        {
          key: "doubling",
          head: words.doubling,
          num: true,
          cell: ({ doublingHours }) => (doublingHours === null ? "–" : f.span(doublingHours * 3600)),
        },
        {
          key: "forecasts",
          head: words.forecasts,
          num: true,
          cell: ({ forecasts, inside }) =>
            forecasts === 0 ? words.noneDue : `${f.count(inside)} / ${f.count(forecasts)} ${words.held}`,
        },
      ]}
    />
  );
};
