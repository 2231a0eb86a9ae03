// SPDX-License-Identifier: Apache-2.0
import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, isValidElement, useRef } from "react";
import { usePrinting } from "./printing.ts";

export interface Column<R> {
  readonly key: string;
  readonly head: ReactNode;
  readonly cell: (row: R, place: number) => ReactNode;
  /** Right-aligned figures. */
  readonly num?: boolean;
  readonly className?: string;
  /** The cell that names the row. */
  readonly rowHead?: boolean;
}
interface TableProps<R> {
  readonly label: string;
  readonly columns: readonly Column<R>[];
  readonly rows: readonly R[];
  readonly keyOf: (row: R, place: number) => string;
  /** All rows in the page, also the unseen, as on paper. */
  readonly whole?: boolean;
  /** The rows answer the question before. */
  readonly waiting?: boolean;
}
const rowHeight = 29;
const many = 120;
/** Beyond so many rows the table scrolls inside itself, so that what follows is not out of reach. */
const long = 32;

/** A head in words, for where a row is a card and each cell names itself. */
const labelOf = (head: ReactNode): string | undefined => {
  const said = isValidElement<{ children?: ReactNode }>(head) ? head.props.children : head;
  return typeof said === "string" && said !== "" ? said : undefined;
};

const Row = <R,>({ row, place, columns }: { row: R; place: number; columns: readonly Column<R>[] }) => (
  <tr aria-rowindex={place + 2}>
    {columns.map(({ key, head, cell, num, className, rowHead }) =>
      rowHead ? (
        <th key={key} scope="row" className={`${num ? "num" : ""} ${className ?? ""}`}>
          {cell(row, place)}
        </th>
      ) : (
        <td key={key} className={`${num ? "num" : ""} ${className ?? ""}`} data-label={labelOf(head)}>
          {cell(row, place)}
        </td>
      ),
    )}
  </tr>
);

/** A dense table that scrolls inside itself. Beyond 120 rows only those in view are in the page, unless it is printed. */
export const Table = <R,>({ label, columns, rows, keyOf, whole: all = false, waiting = false }: TableProps<R>) => {
  const box = useRef<HTMLDivElement>(null);
  const printing = usePrinting();
  const whole = all || printing;
  const virtual = !whole && rows.length > many;
  const list = useVirtualizer({
    count: virtual ? rows.length : 0,
    getScrollElement: () => box.current,
    estimateSize: () => rowHeight,
    overscan: 20,
  });
  const items = list.getVirtualItems();
  const before = items[0]?.start ?? 0;
  const after = virtual ? list.getTotalSize() - (items.at(-1)?.end ?? 0) : 0;
  return (
    <div
      className={`scroll ${!whole && rows.length > long ? "tall" : ""} ${virtual ? "virtual" : ""} ${!virtual && columns.length > 3 ? "cards" : ""} ${waiting ? "waiting" : ""}`}
      aria-busy={waiting}
      ref={box}
      // A region that scrolls must be reachable by keyboard.
      // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
      tabIndex={0}
      role="region"
      aria-label={label}
    >
      <table aria-rowcount={rows.length + 1}>
        <caption className="hidden">{label}</caption>
        <thead>
          <tr>
            {columns.map(({ key, head, num }) => (
              <th key={key} scope="col" className={num ? "num" : ""}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {virtual ? (
            <>
              {before > 0 ? <tr aria-hidden style={{ height: before }} /> : undefined}
              {items.map(({ index }) => {
                const row = rows[index];
                return row === undefined ? undefined : (
                  <Row key={keyOf(row, index)} row={row} place={index} columns={columns} />
                );
              })}
              {after > 0 ? <tr aria-hidden style={{ height: after }} /> : undefined}
            </>
          ) : (
            rows.map((row, place) => <Row key={keyOf(row, place)} row={row} place={place} columns={columns} />)
          )}
        </tbody>
      </table>
    </div>
  );
};
