// SPDX-License-Identifier: Apache-2.0
import { useVirtualizer, useWindowVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useLayoutEffect, useRef, useState, useSyncExternalStore } from "react";
import type { AlertRow } from "../../../../src/api/contract/desk/alerts.ts";
import { Ago, CaseLink, OwnerName, SeverityMark, StateChip } from "../../desk/parts.tsx";
import { usePrinting } from "../../design/printing.ts";
import { useWords } from "../../words/index.tsx";

const narrow = matchMedia("(max-width: 760px)");
const useNarrow = (): boolean =>
  useSyncExternalStore(
    (tell) => (narrow.addEventListener("change", tell), () => narrow.removeEventListener("change", tell)),
    () => narrow.matches,
  );

/** Rows as in a mail reader: one is under the cursor, any number selected. Only those in view are in the page, unless it is printed. */
export const AlertTable = ({
  rows,
  total,
  at,
  moved,
  picked,
  selectable,
  loading,
  waiting,
  onEnd,
  onAt,
  onPick,
  onOpen,
}: {
  rows: readonly AlertRow[];
  total: number;
  at: number;
  /** Counts the keys' moves: with each the list scrolls to the cursor. */
  moved: number;
  picked: ReadonlySet<string>;
  selectable: boolean;
  loading: boolean;
  /** The rows answer the question before. */
  waiting: boolean;
  /** Undefined: there is nothing to ask for by itself. */
  onEnd: (() => void) | undefined;
  onAt: (place: number) => void;
  onPick: (row: AlertRow) => void;
  onOpen: (row: AlertRow) => void;
}) => {
  const { t, f } = useWords();
  const words = t.desk.word;
  const box = useRef<HTMLDivElement>(null);
  const cards = useNarrow();
  // A table scrolls inside itself; on a telephone the whole page does, below what stands above the list.
  const [above, setAbove] = useState(0);
  const within = useVirtualizer({
    count: rows.length,
    enabled: !cards,
    getScrollElement: () => box.current,
    estimateSize: () => 31,
    overscan: 16,
  });
  const paged = useWindowVirtualizer({
    count: rows.length,
    enabled: cards,
    estimateSize: () => 70,
    overscan: 8,
    scrollMargin: above,
  });
  const list = cards ? paged : within;
  useLayoutEffect(() => {
    if (!cards) return undefined;
    const measure = (): void => setAbove(Math.round((box.current?.getBoundingClientRect().top ?? 0) + scrollY));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(document.body);
    return () => observer.disconnect();
  }, [cards]);
  const printing = usePrinting();
  const items = list.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (last >= rows.length - 40) onEnd?.();
  }, [last, rows.length, onEnd]);
  const follows = useRef(moved);
  useEffect(() => {
    if (follows.current === moved) return;
    follows.current = moved;
    list.scrollToIndex(at, { align: "auto" });
    // The row may only now come into the page: it gets the focus once it is there.
    requestAnimationFrame(() =>
      box.current?.querySelector<HTMLElement>(`tr[data-place="${at}"]`)?.focus({ preventScroll: true }),
    );
  }, [moved, at, list]);
  const margin = cards ? above : 0;
  const before = (items[0]?.start ?? margin) - margin;
  const after = list.getTotalSize() - ((items.at(-1)?.end ?? margin) - margin);
  return (
    <div
      className={`board-list ${waiting ? "waiting" : ""}`}
      aria-busy={waiting}
      ref={box}
      role="region"
      aria-label={t.desk.alerts.board}
      // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
      tabIndex={0}
    >
      <table aria-rowcount={total + 1}>
        <caption className="hidden">{t.desk.alerts.board}</caption>
        <thead>
          <tr>
            <th scope="col">
              <span className="hidden">{t.desk.alerts.keys.select}</span>
            </th>
            <th scope="col">
              <span className="hidden">{words.severity}</span>
            </th>
            <th scope="col">{words.subject}</th>
            <th scope="col">{words.kind}</th>
            <th scope="col">{words.owner}</th>
            <th scope="col">{t.word.state}</th>
            <th scope="col">{words.age}</th>
            <th scope="col" className="num">
              {t.word.packets}
            </th>
            <th scope="col" className="num">
              {words.dark}
            </th>
            <th scope="col" className="num">
              {words.confidence}
            </th>
            <th scope="col">{words.case}</th>
            <th scope="col">{t.word.ports}</th>
          </tr>
        </thead>
        <tbody>
          {before > 0 && !printing ? <tr aria-hidden style={{ height: before }} /> : undefined}
          {(printing ? [...rows.keys()] : items.map(({ index }) => index)).map((index) => {
            const row = rows[index];
            if (row === undefined) return undefined;
            const family = row.family === null ? "" : ` · ${row.family}`;
            return (
              // The board's keys do the same: j, k, x, Enter.
              // oxlint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/no-noninteractive-element-interactions
              <tr
                key={row.id}
                data-place={index}
                aria-rowindex={index + 2}
                tabIndex={index === at ? 0 : -1}
                className={`item ${index === at ? "at" : ""} ${picked.has(row.id) ? "picked" : ""} ${row.state === "new" || row.state === "relapsed" ? "unread" : ""}`}
                onClick={(event) => {
                  if ((event.target as HTMLElement).closest("a, input") !== null) return;
                  onAt(index);
                  onOpen(row);
                }}
              >
                <td>
                  {selectable ? (
                    <input
                      type="checkbox"
                      aria-label={t.desk.alerts.select(row.subject)}
                      checked={picked.has(row.id)}
                      onChange={() => {
                        onAt(index);
                        onPick(row);
                      }}
                    />
                  ) : undefined}
                </td>
                <td className="spare">
                  <SeverityMark severity={row.severity} word={false} />
                </td>
                <th scope="row" className="c-subject subject">
                  {row.subject}
                </th>
                <td className="c-kind wide">
                  {t.desk.kinds[row.kind]}
                  <span className="muted">{family}</span>
                </td>
                <td className="spare wide">
                  <OwnerName organisation={row.organisation} essential={row.essential} />
                </td>
                <td className="c-state">
                  <StateChip state={row.state} unconfirmed={row.unconfirmed} short />{" "}
                  {row.held.length > 0 && row.released === null ? (
                    <span className="chip warn" title={row.held.map((one) => t.desk.held[one]).join("; ")}>
                      {t.desk.alerts.heldBack}
                    </span>
                  ) : undefined}
                </td>
                <td className="c-last">
                  <Ago at={row.last} />
                </td>
                <td className="spare num">{f.short(row.packets)}</td>
                <td className="spare num">{f.short(row.darkAddresses)}</td>
                <td className="spare num">{f.share(row.confidence)}</td>
                <td className="spare">
                  <CaseLink number={row.case} />
                </td>
                <td className="spare mono wide">
                  {row.ports.slice(0, 4).join(" ")}
                  {row.ports.length > 4 ? " …" : ""}
                </td>
              </tr>
            );
          })}
          {after > 0 && !printing ? <tr aria-hidden style={{ height: after }} /> : undefined}
        </tbody>
      </table>
      {loading ? (
        <p className="faint small" role="status">
          {words.loadingMore}
        </p>
      ) : undefined}
    </div>
  );
};
