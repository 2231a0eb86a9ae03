// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from "react";
import { Failed } from "../design/Asked.tsx";
import { Bones, Empty } from "../design/parts.tsx";
import { type Column, Table } from "../design/Table.tsx";
import { useWords } from "../words/index.tsx";
import { Refused } from "./Loaded.tsx";
import { showing } from "./showing.ts";
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
  const { isError, isFetchNextPageError, isPlaceholderData } = asked;
  const { what, stale } = showing({ first, rows, isError, isFetchNextPageError, isPlaceholderData });
  if (what === "failed" && asked.error !== null)
    return <Failed error={asked.error} onRetry={() => void asked.refetch()} />;
  if (first === undefined || what === "bones") return <Bones lines={10} />;
  const age = stale ? (
    <p className="chip warn" role="status">
      {t.state.stale(f.exact(new Date(first.asked)))}
    </p>
  ) : undefined;
  if (what === "empty")
    return (
      <>
        {age}
        <Empty title={empty}>{hint}</Empty>
      </>
    );
  return (
    <>
      {age}
      <Table label={label} columns={columns} rows={rows} keyOf={keyOf} waiting={isPlaceholderData} />
      <Refused error={isFetchNextPageError ? asked.error : null} />
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
