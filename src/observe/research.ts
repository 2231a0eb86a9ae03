// SPDX-License-Identifier: Apache-2.0
import type { AnswerOf } from "../api/contract/index.ts";
import { day, dayOf } from "./asked.ts";
import { upStatement } from "./coverage.ts";
import type { QuestionOf } from "./question.ts";
import { num, shareOrNull, text } from "./question.ts";
import { sourceDays } from "./source-days.ts";
import { tally } from "./tally.ts";
import type { Tally } from "./tally.ts";
import { listed, listedNetwork } from "./research-list.ts";

/** More than this many ports on one calendar day (UTC) is research scanning, says JPCERT/CC's heuristic. */
export const manyPorts = 10;

export const research: QuestionOf<"scanners/research"> = {
  about: "How much of the traffic research scanners send: by the known list, and by more than 10 ports a day",
  last: "7d",
  compares: false,
  names: true,
  compile: (asked) => {
    const filters = asked.query.sensor === undefined ? {} : { sensor: asked.query.sensor };
    const list = listed(asked.around.research, "src");
    const days = sourceDays(asked, filters);
    const storms = tally(asked, [asked], filters, { by: [], grain: "1d" });
    const date = (tallied: Tally): string => `toString(toDate(toDateTime(${tallied.bucket}, 'UTC')))`;
    return {
      days: {
        sql: `SELECT toString(on_date) AS date, sumIf(n, on_list) AS listed_packets, sumIf(n, many) AS heuristic, sumIf(n, on_list OR many) AS either
FROM (SELECT date AS on_date, n, ports > ${manyPorts} AS many, ${list.sql} AS on_list FROM ${days.sql}) GROUP BY on_date ORDER BY on_date`,
        parameters: { ...days.parameters, ...list.parameters },
      },
      all: {
        sql: `SELECT ${date(storms)} AS date, ${storms.packets()} AS n FROM ${storms.sql} GROUP BY date`,
        parameters: storms.parameters,
      },
      owners:
        list.sql === "0"
          ? { sql: "SELECT '' AS src, 0 AS n WHERE 0", parameters: {} }
          : {
              sql: `SELECT src, sum(n) AS packets FROM ${days.sql} WHERE ${list.sql} GROUP BY src ORDER BY packets DESC LIMIT 20000`,
              parameters: { ...days.parameters, ...list.parameters },
            },
      up: upStatement(asked, 86_400, asked.query.sensor),
    };
  },
  fold: (asked, results) => {
    const found = new Map((results["days"] ?? []).map((row) => [text(row, "date"), row]));
    const all = new Map((results["all"] ?? []).map((row) => [text(row, "date"), row]));
    const up = new Set((results["up"] ?? []).map((row) => dayOf(num(row, "t") * 1000)));
    const rows: AnswerOf<"scanners/research">["rows"] = [];
    for (let t = Math.floor(asked.from / day) * day; t < asked.to; t += day) {
      const date = dayOf(t);
      const row = found.get(date);
      const packets = row === undefined && !up.has(date) ? null : num(all.get(date), "n");
      // Who sent them nobody knows any more.
      const told = t >= asked.around.kept.rows;
      rows.push({
        date,
        packets: t >= asked.since ? packets : null,
        listed: told ? num(row, "listed_packets") : null,
        heuristic: told ? num(row, "heuristic") : null,
        either: told ? num(row, "either") : null,
        share: told ? shareOrNull(num(row, "either"), num(all.get(date), "n")) : null,
      });
    }
    const sum = (pick: "packets" | "listed" | "heuristic" | "either"): number =>
      rows.reduce((all, row) => all + (row.either === null ? 0 : (row[pick] ?? 0)), 0);
    const owners = new Map<string, { sources: number; packets: number }>();
    for (const row of results["owners"] ?? []) {
      const owner = asked.around.research?.addresses.get(text(row, "src")) ?? listedNetwork;
      const before = owners.get(owner) ?? { sources: 0, packets: 0 };
      owners.set(owner, { sources: before.sources + 1, packets: before.packets + num(row, "packets") });
    }
    const [packets, either] = [sum("packets"), sum("either")];
    return {
      facts: {
        packets,
        listed: sum("listed"),
        heuristic: sum("heuristic"),
        either,
        share: shareOrNull(either, packets),
        sources: results["owners"]?.length ?? 0,
        listSize: asked.around.research?.size ?? 0,
      },
      owners: [...owners]
        .map(([owner, { sources, packets: sent }]) => ({ owner, sources, packets: sent }))
        .toSorted((a, b) => b.packets - a.packets || (a.owner < b.owner ? -1 : 1))
        .slice(0, 20),
      rows,
    };
  },
};
