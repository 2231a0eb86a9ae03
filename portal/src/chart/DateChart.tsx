// SPDX-License-Identifier: Apache-2.0
import { Table } from "../design/Table.tsx";
import { useWords } from "../words/index.tsx";
import { TimeChart } from "./TimeChart.tsx";

const day = 86_400_000;
interface Dated {
  /** A day in UTC, `2026-07-01`. */
  readonly date: string;
  readonly group: string;
  readonly value: number | null;
}

/** Values a day and group as lines, with their table. Days without a row are days on which nobody looked. */
export const DateChart = ({
  rows,
  nameOf,
  label,
  unit,
  height = 240,
  table = true,
}: {
  rows: readonly Dated[];
  nameOf: (group: string) => string;
  label: string;
  unit?: string;
  height?: number;
  table?: boolean;
}) => {
  const { t, f } = useWords();
  const dates = rows.map(({ date }) => Date.parse(date));
  const first = Math.min(...dates);
  const times = Array.from({ length: Math.round((Math.max(...dates) - first) / day) + 1 }, (_, i) => first + i * day);
  const groups = [...new Set(rows.map(({ group }) => group))];
  const cells = new Map(rows.map(({ date, group, value }) => [`${Date.parse(date)} ${group}`, value]));
  const lines = groups.map((group) => ({
    key: group,
    label: nameOf(group),
    values: times.map((time) => cells.get(`${time} ${group}`) ?? null),
  }));
  if (times.length < 2) {
    return (
      <Table
        label={label}
        rows={lines}
        keyOf={({ key }) => key}
        columns={[
          { key: "group", head: "", rowHead: true, cell: (line) => line.label },
          {
            key: "value",
            head: unit ?? "",
            num: true,
            cell: ({ values }) => (values[0] == null ? t.chart.outage : f.short(values[0])),
          },
        ]}
      />
    );
  }
  return (
    <>
      <TimeChart
        times={times}
        step={day}
        lines={lines}
        label={label}
        height={height}
        {...(unit === undefined ? {} : { unit })}
      />
      {table ? (
        <details className="table no-print">
          <summary>{t.action.table}</summary>
          <Table
            label={label}
            rows={times.map((time, i) => ({ time, i })).toReversed()}
            keyOf={({ time }) => String(time)}
            columns={[
              { key: "day", head: t.word.day, rowHead: true, cell: ({ time }) => f.day(new Date(time)) },
              ...lines.map((line) => ({
                key: line.key,
                head: line.label,
                num: true,
                cell: ({ i }: { i: number }) => (line.values[i] == null ? t.chart.outage : f.short(line.values[i])),
              })),
            ]}
          />
        </details>
      ) : undefined}
    </>
  );
};
