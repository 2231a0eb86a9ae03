// SPDX-License-Identifier: Apache-2.0
import { CountryLink } from "../../design/names.tsx";
import { Table } from "../../design/Table.tsx";
import { useWords } from "../../words/index.tsx";

/** Sources by their own economy, with their share of all; without an economy: what is not told apart, as `rest` names it. */
export const Economies = ({
  label,
  rows,
  rest = "",
}: {
  label: string;
  rows: readonly { readonly country: string | null; readonly sources: number; readonly share: number }[];
  rest?: string;
}) => {
  const { t, f } = useWords();
  return (
    <Table
      label={label}
      rows={rows}
      keyOf={({ country }) => country ?? "--"}
      columns={[
        {
          key: "country",
          head: t.word.country,
          rowHead: true,
          cell: ({ country }) =>
            country === null ? <span className="faint">{rest}</span> : <CountryLink code={country} />,
        },
        { key: "sources", head: t.word.sources, num: true, cell: ({ sources }) => f.count(sources) },
        { key: "share", head: t.word.share, num: true, cell: ({ share }) => f.share(share) },
      ]}
    />
  );
};
