// SPDX-License-Identifier: Apache-2.0
import { getRouteApi, useRouter } from "@tanstack/react-router";
import { useCallback, useEffect, useRef, useState } from "react";
import type { AlertRow, Alerts as AlertsAnswer } from "../../../../src/api/contract/desk/alerts.ts";
import type { Query } from "../../api.ts";
import { Refused } from "../../desk/Loaded.tsx";
import { isStaff, useSession } from "../../desk/session.ts";
import { showing } from "../../desk/showing.ts";
import { type AlertsSearch, alertStates } from "../../desk/search.ts";
import { useRows } from "../../desk/useRows.ts";
import { type Changes, patched } from "../../search.ts";
import { Failed } from "../../design/Asked.tsx";
import { Bones, Empty, Head, Segments } from "../../design/parts.tsx";
import { useExercise } from "../../shell/exercise.ts";
import { pressed } from "../../shell/pressed.ts";
import { useWords } from "../../words/index.tsx";
import { ActionDialog, type ActionName } from "./AlertActions.tsx";
import { BoardFilters, SavedViews } from "./AlertFilters.tsx";
import { AlertPeek } from "./AlertPeek.tsx";
import { AlertTable } from "./AlertTable.tsx";
import { useActing } from "./acting.ts";
import { type Cursor, atTop, placeIn } from "./cursor.ts";
import { allOrNone, noPicks, pickedUnder, targetsOf, toggled, without } from "./picks.ts";
import "./board.css";

const route = getRouteApi("/alerts");
const attention = "new,continuing,relapsed";
const pageSize = 200;

/** What is asked of the desk for what the address says. */
const queryOf = (search: AlertsSearch, exercise: string): Query => ({
  state: search.state === undefined ? attention : search.state === "all" ? undefined : search.state,
  kind: search.kind,
  severity: search.severity,
  only: search.only,
  organisation: search.organisation,
  q: search.q,
  order: search.order,
  exercise: exercise === "" ? undefined : exercise,
  limit: pageSize,
});

export const Alerts = () => {
  const { t, f } = useWords();
  const words = t.desk.alerts;
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const exercise = useExercise();
  const { session } = useSession();
  const staff = isStaff(session);
  const query = queryOf(search, exercise);
  const { asked, first, said, rows, more } = useRows<AlertsAnswer>("alerts", query, 10_000);
  const facts = first?.facts;
  const [cursor, setCursor] = useState<Cursor>(atTop);
  /** How often the keys moved it: only then does the list follow, not when rows come in above it. */
  const [moved, setMoved] = useState(0);
  const [picks, setPicks] = useState(noPicks);
  // Another order has the same rows.
  const under = JSON.stringify({ ...query, order: undefined });
  const picked = pickedUnder(picks, under);
  const pick = (ids: ReadonlySet<string>): void => setPicks({ under, ids });
  /** The alerts are those that were meant when the dialog was opened, whatever the list shows since. */
  const [acting, setActing] = useState<{ readonly name: ActionName; readonly alerts: readonly AlertRow[] }>();
  const place = placeIn(rows, cursor);
  const here = rows[place];
  const setAt = (next: number): void => setCursor({ place: next, id: rows[next]?.id });
  if (cursor.id !== undefined && here !== undefined && (cursor.id !== here.id || cursor.place !== place))
    setCursor({ place, id: here.id });
  const { chosen, gone, targets } = targetsOf(rows, picked, here);
  const peeking = search.open !== undefined;
  const set = useCallback(
    (next: Changes<AlertsSearch>, replace = true) =>
      void navigate({ search: (before) => patched(before, next), replace }),
    [navigate],
  );
  const { act, undo, did, forget, fresh, pending, failed } = useActing(asked, (shown) => {
    setPicks((before) => ({ ...before, ids: without(before.ids, shown) }));
    setActing((now) => (now?.alerts === shown ? undefined : now));
  });
  const { history } = useRouter();
  /** What was asked when the evidence was opened as a page of its own in the history. */
  const entered = useRef<string>(undefined);
  /** Whoever opens the evidence by keyboard reads on there. */
  const reading = useRef(false);
  // The evidence covers a telephone: Back closes it, and leaves the board only from there.
  const open = (row: AlertRow | undefined): void => {
    if (row !== undefined && !peeking) entered.current = JSON.stringify(query);
    set({ open: row?.id }, peeking);
  };
  /** The focus was in the evidence, or will be lost with it: it goes back to the row. */
  const close = (): void => {
    const row = rows.findIndex(({ id }) => id === search.open);
    // As Back does, unless that would take back a filter that was chosen since.
    if (entered.current === JSON.stringify(query)) history.back();
    else set({ open: undefined });
    entered.current = undefined;
    if (row >= 0) setAt(row);
    setMoved((before) => before + 1);
  };
  const begin = (name: ActionName): void => {
    if (!staff || targets.length === 0) return;
    fresh();
    setActing({ name, alerts: targets });
  };
  useBoardKeys({
    move: (by) => {
      const next = Math.max(0, Math.min(rows.length - 1, place + by));
      setAt(next);
      setMoved((before) => before + 1);
      if (peeking) open(rows[next]);
    },
    pick: () => here !== undefined && pick(toggled(picked, here.id)),
    pickAll: () => pick(allOrNone(rows, picked)),
    open: () => {
      if (here === undefined) return;
      reading.current = search.open !== here.id;
      if (reading.current) open(here);
      else document.querySelector<HTMLElement>(".peek h2")?.focus();
    },
    goCase: () =>
      here?.case != null && void navigate({ to: "/cases/$case", params: { case: String(here.case) }, search: {} }),
    act: begin,
    leave: () => {
      if (peeking) close();
      else setPicks(noPicks);
    },
  });
  const lede =
    facts === undefined || said === undefined
      ? undefined
      : (() => {
          const n = facts.states.new + facts.states.continuing + facts.states.relapsed;
          return [
            n === 0
              ? facts.states.quiet + facts.states.closed > 0
                ? words.elsewhere({ quiet: f.count(facts.states.quiet), closed: f.count(facts.states.closed) })
                : words.quietLede
              : words.lede({
                  count: f.count(n),
                  n,
                  owners: f.count(facts.owners),
                  o: facts.owners,
                  news: f.count(facts.day),
                }) + words.more(f.count(facts.dayBefore)),
            n > 0 && facts.unclaimed > 0 ? words.unowned({ count: f.count(facts.unclaimed), n: facts.unclaimed }) : "",
            facts.essential > 0 ? words.essential(facts.essential, f.count(facts.essential)) : "",
            facts.held > 0 && staff ? words.heldLede(facts.held, f.count(facts.held)) : "",
          ].join(" ");
        })();
  const { isError, isFetchNextPageError, isPlaceholderData } = asked;
  const { what, stale } = showing({ first, rows, isError, isFetchNextPageError, isPlaceholderData });
  const state = search.state ?? "attention";
  const tabs = [
    ["attention", words.attention, undefined],
    ...alertStates.map((one) => [one, t.desk.states[one], facts?.states[one]] as const),
    ["all", t.desk.word.all, undefined],
  ] as const;
  return (
    <>
      <Head
        title={words.title}
        lede={asked.isError && lede === undefined ? t.state.errorTitle : lede}
        // A visitor of the demo has no account to keep a filter in.
        actions={staff && session?.demo === false ? <SavedViews page="alerts" search={search} /> : undefined}
      />
      <div className="board-tools no-print">
        <Segments
          label={t.word.state}
          value={state}
          options={tabs.map(
            ([one, name, count]) => [one, count === undefined ? name : `${name} ${f.short(count)}`] as const,
          )}
          onChange={(next) => {
            setCursor(atTop);
            set({ state: next === "attention" ? undefined : next, open: undefined });
          }}
        />
        <BoardFilters search={search} onChange={(next) => (setCursor(atTop), set(next))} staff={staff} />
      </div>
      {did === undefined ? undefined : (
        <div className={`notice-line told ${did.refused.length > 0 ? "warn" : ""}`} role="status">
          <span>{words.did(did.done, f.count(did.done), words.act[did.action.action])}</span>
          {did.refused.length === 0 ? undefined : (
            <span>
              {words.refused(did.refused.length, f.count(did.refused.length))}{" "}
              {[...new Set(did.refused.map(({ code, detail }) => t.desk.refusals[code as "CHANGED"] ?? detail))].join(
                " ",
              )}
            </span>
          )}
          {did.action.action === "close" && did.done > 0 ? (
            <button type="button" className="button quiet" disabled={pending} onClick={undo}>
              {words.undo}
            </button>
          ) : undefined}
          <button type="button" className="button quiet end" onClick={forget}>
            {t.action.close}
          </button>
        </div>
      )}
      {failed === undefined || failed.of === acting?.alerts ? undefined : <Refused error={failed.error} />}
      <div className={`board ${peeking ? "peeking" : ""}`}>
        <div>
          {stale && first !== undefined ? (
            <p className="chip warn" role="status">
              {t.state.stale(f.exact(new Date(first.asked)))}
            </p>
          ) : undefined}
          {what === "failed" && asked.error !== null ? (
            <Failed error={asked.error} onRetry={() => void asked.refetch()} />
          ) : what === "bones" ? (
            <Bones lines={14} />
          ) : what === "empty" ? (
            <Empty title={words.emptyTitle}>{words.emptyHint}</Empty>
          ) : (
            <AlertTable
              rows={rows}
              total={first?.total ?? 0}
              at={place}
              moved={moved}
              picked={picked}
              selectable={staff}
              loading={asked.isFetchingNextPage}
              waiting={asked.isPlaceholderData}
              // A page that failed is asked for again by hand, or with the board: never by itself without end.
              onEnd={asked.isFetchNextPageError ? undefined : more}
              onAt={setAt}
              onPick={(row) => pick(toggled(picked, row.id))}
              onOpen={open}
            />
          )}
          {asked.isFetchNextPageError ? (
            <div className="row more-row no-print">
              <button type="button" className="button" disabled={asked.isFetchingNextPage} onClick={more}>
                {t.desk.word.more}
              </button>
              <Refused error={asked.error} />
            </div>
          ) : undefined}
          {picked.size > 0 && staff ? (
            <div className="bulk" role="toolbar" aria-label={words.selected(chosen.length, f.count(chosen.length))}>
              <strong>{words.selected(chosen.length, f.count(chosen.length))}</strong>
              <span role="status">{gone === 0 ? "" : words.gone(gone, f.count(gone))}</span>
              {(
                [
                  ["close", "e"],
                  ["suppress", "s"],
                  ["release", "r"],
                  ["merge", "m"],
                  ["assign", "a"],
                ] as const
              ).map(([name, key]) => (
                <button
                  key={name}
                  type="button"
                  className="button"
                  disabled={chosen.length === 0}
                  onClick={() => begin(name)}
                >
                  {words.act[name]} <kbd>{key}</kbd>
                </button>
              ))}
              <button type="button" className="button quiet" onClick={() => setPicks(noPicks)}>
                {t.desk.word.cancel}
              </button>
            </div>
          ) : (
            <p className="faint small board-hint no-print">
              {staff && rows.length > 0 ? (
                <button type="button" className="button quiet" onClick={() => pick(new Set(rows.map(({ id }) => id)))}>
                  {words.keys.range} <kbd>*</kbd>
                </button>
              ) : undefined}{" "}
              {staff ? words.keysHint : ""}
            </p>
          )}
        </div>
        {search.open === undefined ? undefined : (
          <AlertPeek
            key={search.open}
            id={search.open}
            named={search.exercise}
            staff={staff}
            onThere={(heading) => {
              if (reading.current) heading.focus();
              reading.current = false;
            }}
            onClose={close}
            // What is shown beside the board need not stand on it.
            onAct={(name, row) => {
              fresh();
              setActing({ name, alerts: [row] });
            }}
          />
        )}
      </div>
      {acting === undefined ? undefined : (
        <ActionDialog
          name={acting.name}
          alerts={acting.alerts}
          pending={pending}
          onClose={() => {
            setActing(undefined);
            fresh();
          }}
          onDo={(action) => act(action, acting.alerts)}
        >
          <Refused error={failed?.of === acting.alerts ? failed.error : null} />
        </ActionDialog>
      )}
    </>
  );
};

interface Moves {
  move: (by: number) => void;
  pick: () => void;
  pickAll: () => void;
  open: () => void;
  goCase: () => void;
  act: (name: ActionName) => void;
  leave: () => void;
}
const actKeys: Readonly<Record<string, ActionName>> = {
  e: "close",
  s: "suppress",
  r: "release",
  m: "merge",
  a: "assign",
};
/** The keys of a mail reader, for as long as the board is shown and nobody types. */
const useBoardKeys = (newest: Moves): void => {
  const kept = useRef(newest);
  useEffect(() => {
    kept.current = newest;
  });
  useEffect(() => {
    let went = 0;
    const press = (event: KeyboardEvent): void => {
      const on = event.target;
      const typing =
        on instanceof HTMLElement &&
        /^(INPUT|SELECT|TEXTAREA)$/.test(on.tagName) &&
        (on as HTMLInputElement).type !== "checkbox";
      // The evidence beside the board scrolls and is read with the same keys.
      const beside = on instanceof HTMLElement && on.closest(".peek, .scroll") !== null;
      if (event.ctrlKey || event.metaKey || event.altKey || typing || document.querySelector("dialog[open]")) return;
      const key = pressed(event);
      // The shell's `g` and its second key are not ours.
      if (Date.now() - went < 1500) return void (went = 0);
      if (key === "g") return void (went = Date.now());
      const moves = kept.current;
      const button = on instanceof HTMLElement && on.closest("button, a, summary") !== null;
      if (beside && (key.startsWith("Arrow") || key === "Enter")) return;
      if (key === "j" || key === "ArrowDown") moves.move(1);
      else if (key === "k" || key === "ArrowUp") moves.move(-1);
      else if (key === "x") moves.pick();
      else if (key === "*") moves.pickAll();
      else if ((key === "Enter" || key === "o") && !button) moves.open();
      else if (key === "c") moves.goCase();
      else if (key === "Escape") moves.leave();
      else if (actKeys[key] !== undefined) moves.act(actKeys[key] ?? "close");
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
};
