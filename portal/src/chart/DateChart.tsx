// SPDX-License-Identifier: Apache-2.0
import { useQuery } from "@tanstack/react-query";
import type { Series } from "../../../src/api/contract/answers.ts";
import { ask } from "../api.ts";
import { useNow } from "../design/parts.tsx";
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

/** Sensors that were down on each of these days while others were up, by the rule of every other chart. */
const usePartial = (times: readonly number[]): readonly (readonly string[])[] => {
  const [first] = times;
  const last = times.at(-1);
  const iso = (time: number): string => new Date(time).toISOString().replace(".000Z", "Z");
  const { data } = useQuery({
    ...ask<Series>(
      "series",
      first === undefined || last === undefined ? {} : { step: "1d", from: iso(first), to: iso(last + day) },
    ),
    // Who may not ask that sees the values alone.
    enabled: times.length > 1,
    retry: false,
  });
  const down = new Map(data?.buckets.map((one) => [Date.parse(one.time), one.up === 0 ? [] : one.down]));
  return times.map((time) => down.get(time) ?? []);
};

/**
 * Values a day and group as lines, with their table, from the first day with a value; the day under way is drawn as such. Days without a row are days on which nobody looked; days on which some sensors
 * were down have a light hatch with their names.
 */
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
  const now = useNow(60_000);
  const dates = rows.map(({ date }) => Date.parse(date));
  // Before the first day on which anybody looked there is nothing to draw, not even a gap.
  const known = rows.flatMap(({ date, value }) => (value === null ? [] : Date.parse(date)));
  const first = Math.min(...(known.length === 0 ? dates : known));
  const times = Array.from({ length: Math.round((Math.max(...dates) - first) / day) + 1 }, (_, i) => first + i * day);
  const partial = usePartial(rows.length === 0 ? [] : times);
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
        partial={partial}
        filling={(times.at(-1) ?? 0) + day > now.getTime()}
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
