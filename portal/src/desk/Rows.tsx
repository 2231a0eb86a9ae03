// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from "react";
import { Failed } from "../design/Asked.tsx";
import { Bones, Empty } from "../design/parts.tsx";
import { type Column, Table } from "../design/Table.tsx";
import { useWords } from "../words/index.tsx";
import type { RowList } from "./useRows.ts";

/** A list of the desk in every state it can be in, with the next page one press away. */
export const Rows = <R,>({
  list: { asked, first, rows, more },
  label,
  columns,
  keyOf,
  empty,
  hint,
}: {
  list: RowList<R>;
  label: string;
  columns: readonly Column<R>[];
  keyOf: (row: R, place: number) => string;
  empty: string;
  hint?: ReactNode;
}) => {
  const { t, f } = useWords();
  if (first === undefined) {
    return asked.error !== null ? (
      <Failed error={asked.error} onRetry={() => void asked.refetch()} />
    ) : (
      <Bones lines={10} />
    );
  }
  if (rows.length === 0) return <Empty title={empty}>{hint}</Empty>;
  return (
    <>
      {asked.isError ? <p className="chip warn">{t.state.stale(f.exact(new Date(first.asked)))}</p> : undefined}
      <Table label={label} columns={columns} rows={rows} keyOf={keyOf} waiting={asked.isPlaceholderData} />
      {asked.hasNextPage ? (
        <p className="row more-row no-print">
          <button type="button" className="button" disabled={asked.isFetchingNextPage} onClick={more}>
            {t.desk.word.more}
          </button>
          <span className="faint small">
            {f.count(rows.length)} / {f.count(first.total)}
          </span>
        </p>
      ) : undefined}
    </>
  );
};
