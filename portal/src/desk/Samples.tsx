// SPDX-License-Identifier: Apache-2.0
import { useState } from "react";
import type { Case } from "../../../src/api/contract/desk/cases.ts";
import { Table } from "../design/Table.tsx";
import { useWords } from "../words/index.tsx";

/** Packets that an owner can look for in logs: UTC to the millisecond, and the reader's own clock. */
export const Samples = ({ rows, local = false }: { rows: Case["samples"]; local?: boolean }) => {
  const { t, f } = useWords();
  const [away] = useState(() => new Date().getTimezoneOffset() !== 0);
  return (
    <Table
      label={t.desk.alerts.samples}
      rows={rows}
      keyOf={({ time, sourcePort }, place) => `${time} ${sourcePort} ${place}`}
      columns={[
        {
          key: "time",
          head: "UTC",
          rowHead: true,
          cell: ({ time }) => <span className="mono">{time.slice(0, 23).replace("T", " ").replace("Z", "")}</span>,
        },
        ...(local && away
          ? [
              {
                key: "local",
                head: t.desk.help.local,
                cell: ({ time }: { time: string }) => <span className="muted">{f.local(new Date(time))}</span>,
              },
            ]
          : []),
        {
          key: "error",
          head: t.desk.word.clockError,
          num: true,
          cell: ({ errorSeconds }) =>
            errorSeconds === null ? "?" : f.skew(Math.max(0.001, errorSeconds)).replace(/^\+/, ""),
        },
        {
          key: "sourcePort",
          head: t.desk.word.sourcePort,
          num: true,
          cell: ({ sourcePort }) => <span className="mono">{sourcePort ?? "?"}</span>,
        },
        { key: "port", head: t.word.port, num: true, cell: ({ port }) => <span className="mono">{port ?? "?"}</span> },
      ]}
    />
  );
};
