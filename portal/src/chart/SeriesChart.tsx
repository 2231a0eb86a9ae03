// SPDX-License-Identifier: Apache-2.0
import type { Series } from "../../../src/api/contract/answers.ts";
import { type Column, Table } from "../design/Table.tsx";
import { useWords } from "../words/index.tsx";
import { type Line, TimeChart } from "./TimeChart.tsx";
import { useGroupLabel } from "./labels.ts";

const lengths = { "5m": 300_000, "1h": 3_600_000, "1d": 86_400_000 } as const;

interface Wide {
  readonly time: string;
  readonly values: readonly (number | null)[];
}
/** A series as lines over all buckets of its period, in the order of its groups. */
export const linesOf = (
  answer: Series,
  label: (group: string, label: string) => string,
): { lines: Line[]; wide: Wide[] } => {
  const place = new Map(answer.buckets.map(({ time }, i) => [Date.parse(time), i]));
  const values = new Map(
    answer.groups.map(({ group }) => [group, answer.buckets.map(({ up }): number | null => (up === 0 ? null : 0))]),
  );
  if (answer.groups.length === 0)
    values.set(
      "",
      answer.buckets.map(({ up }) => (up === 0 ? null : 0)),
    );
  for (const { time, group, value } of answer.rows) {
    const i = place.get(Date.parse(time));
    const line = values.get(group);
    if (i !== undefined && line !== undefined) line[i] = value;
  }
  const names = new Map(answer.groups.map((one) => [one.group, one.label]));
  // The rest comes last: with six groups before it, it takes the seventh colour, a grey.
  const ordered = [...values].sort(([a], [b]) => Number(a === "other") - Number(b === "other"));
  const lines = ordered.map(([group, points]) => ({
    key: group,
    label: label(group, names.get(group) ?? group),
    values: points,
  }));
  return {
    lines,
    wide: answer.buckets.map(({ time }, i) => ({ time, values: lines.map((line) => line.values[i] ?? null) })),
  };
};

/** The answer to `series` as a chart with its table. */
export const SeriesChart = ({
  answer,
  group = "none",
  height = 240,
  table = "folded",
}: {
  answer: Series;
  group?: string;
  height?: number;
  table?: "folded" | "none";
}) => {
  const { t, f } = useWords();
  const label = useGroupLabel(group);
  const measure = t.explore.measures[answer.facts.measure];
  const { lines, wide } = linesOf(answer, (name, given) => (name === "" ? measure : label(name, given)));
  const keptFrom = Date.parse(answer.meta.keptFrom ?? "1970-01-01");
  const columns: Column<Wide>[] = [
    { key: "time", head: t.word.time, rowHead: true, cell: ({ time }) => f.time(new Date(time)) },
    ...lines.map((line, i): Column<Wide> => ({
      key: line.key || "value",
      head: line.label,
      num: true,
      cell: ({ time, values }) =>
        values[i] == null ? (
          <span className="faint">{Date.parse(time) < keptFrom ? t.chart.gone : t.chart.outage}</span>
        ) : (
          f.count(values[i] ?? 0)
        ),
    })),
  ];
  const step = answer.facts.step;
  return (
    <>
      <TimeChart
        times={answer.buckets.map(({ time }) => Date.parse(time))}
        step={lengths[step]}
        lines={lines}
        label={`${measure} ${t.chart.perBucket(t.chart.steps[step])}`}
        unit={`${measure} ${t.chart.perBucket(t.chart.steps[step])}`}
        height={height}
        partial={answer.buckets.map(({ up, down }) => (up === 0 ? [] : down))}
        degraded={answer.buckets.map(({ degraded }) => degraded)}
        keptFrom={keptFrom}
        filling={answer.buckets.at(-1)?.incomplete ?? false}
      />
      {table === "none" ? undefined : (
        <details className="table no-print">
          <summary>{t.action.table}</summary>
          <Table label={measure} columns={columns} rows={wide.toReversed()} keyOf={({ time }) => time} />
        </details>
      )}
    </>
  );
};
