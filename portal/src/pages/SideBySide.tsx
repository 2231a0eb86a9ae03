// SPDX-License-Identifier: Apache-2.0
import { PortLink } from "../design/names.tsx";
import { Table } from "../design/Table.tsx";
import { useWords } from "../words/index.tsx";

interface Ranked {
  readonly sensor: string;
  readonly rank: number;
  readonly protocol: string;
  readonly port: number | null;
  readonly packets: number;
}

/** The busiest ports of every sensor in columns; a port that only one sensor has is marked. */
export const SideBySide = ({
  label,
  rows,
  whole = false,
}: {
  label: string;
  rows: readonly Ranked[];
  whole?: boolean;
}) => {
  const { f } = useWords();
  const sensors = [...new Set(rows.map(({ sensor }) => sensor))].sort();
  const seen = new Map<string, number>();
  for (const { protocol, port } of rows) seen.set(`${protocol}/${port}`, (seen.get(`${protocol}/${port}`) ?? 0) + 1);
  const ranks = [...new Set(rows.map(({ rank }) => rank))].sort((a, b) => a - b);
  const cells = new Map(rows.map((row) => [`${row.sensor} ${row.rank}`, row]));
  return (
    <Table
      label={label}
      rows={ranks}
      whole={whole}
      keyOf={String}
      columns={[
        { key: "rank", head: "#", rowHead: true, num: true, cell: (rank) => <span className="faint">{rank}</span> },
        ...sensors.map((sensor) => ({
          key: sensor,
          head: sensor,
          cell: (rank: number) => {
            const row = cells.get(`${sensor} ${rank}`);
            if (row === undefined) return "";
            const alone = sensors.length > 1 && seen.get(`${row.protocol}/${row.port}`) === 1;
            return (
              <span className={`row nowrap pair ${alone ? "alone" : ""}`}>
                <PortLink protocol={row.protocol} port={row.port} service={false} />
                <span className="faint small">{f.short(row.packets)}</span>
              </span>
            );
          },
        })),
      ]}
    />
  );
};
