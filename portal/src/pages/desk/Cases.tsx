// SPDX-License-Identifier: Apache-2.0
import { Link, getRouteApi } from "@tanstack/react-router";
import type { CaseRow, Cases as CasesAnswer } from "../../../../src/api/contract/desk/cases.ts";
import { Rows } from "../../desk/Rows.tsx";
import { Ago, CaseLink, CaseStateChip, OwnerName, SeverityMark, SilenceChip } from "../../desk/parts.tsx";
import { caseOnlys, caseOrders, caseStates } from "../../desk/search.ts";
import { isStaff, useSession } from "../../desk/session.ts";
import { useRows } from "../../desk/useRows.ts";
import { Head, Panel, Segments } from "../../design/parts.tsx";
import type { Column } from "../../design/Table.tsx";
import { type Changes, patched } from "../../search.ts";
import { useExercise } from "../../shell/exercise.ts";
import { useWords } from "../../words/index.tsx";
import "./board.css";

const route = getRouteApi("/cases");

export const useCaseColumns = (): Column<CaseRow>[] => {
  const { t, f } = useWords();
  const words = t.desk.cases;
  return [
    { key: "number", head: t.desk.word.case, rowHead: true, cell: ({ number }) => <CaseLink number={number} /> },
    { key: "severity", head: t.desk.word.severity, cell: ({ severity }) => <SeverityMark severity={severity} /> },
    {
      key: "subject",
      head: words.subject,
      className: "name",
      cell: ({ subjects, kind, family, alerts }) => (
        <>
          <span className="mono">{subjects[0]}</span>
          {alerts > 1 ? words.and(f.count(alerts - 1)) : ""}{" "}
          <span className="muted">
            {t.desk.kinds[kind]}
            {family === null ? "" : ` · ${family}`}
          </span>
        </>
      ),
    },
    {
      key: "owner",
      head: t.desk.word.owner,
      className: "name",
      cell: ({ organisation, essential }) => <OwnerName organisation={organisation} essential={essential} />,
    },
    { key: "state", head: t.word.state, cell: ({ state }) => <CaseStateChip state={state} /> },
    {
      key: "answer",
      head: words.answer,
      cell: ({ answer, notified }) =>
        answer === null ? (
          <span className="faint">{notified === null ? t.desk.alerts.notNotified : "–"}</span>
        ) : (
          t.desk.answers[answer]
        ),
    },
    { key: "silence", head: words.silence, cell: ({ silence }) => <SilenceChip verdict={silence} /> },
    {
      key: "assignee",
      head: t.desk.word.assignee,
      cell: ({ assignee }) => assignee ?? <span className="faint">{t.desk.word.unassigned}</span>,
    },
    { key: "touched", head: words.touched, cell: ({ touched }) => <Ago at={touched} /> },
  ];
};

export const Cases = () => {
  const { t, f } = useWords();
  const words = t.desk.cases;
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const exercise = useExercise();
  const staff = isStaff(useSession().session);
  const columns = useCaseColumns();
  const state = search.state ?? "open,waiting";
  const list = useRows<CasesAnswer>("cases", {
    state: state === "all" ? undefined : state,
    only: search.only,
    organisation: search.organisation,
    q: search.q,
    order: search.order,
    exercise: exercise === "" ? undefined : exercise,
    limit: 100,
  });
  const set = (next: Changes<typeof search>) => void navigate({ search: patched(search, next), replace: true });
  const facts = list.first?.facts as CasesAnswer["facts"] | undefined;
  const only = new Set((search.only ?? "").split(",").filter((one) => one !== ""));
  const lede =
    facts === undefined || list.said === undefined
      ? undefined
      : [
          words.lede({ open: f.count(facts.open), n: facts.open, waiting: f.count(facts.waiting), w: facts.waiting }),
          facts.unanswered > 0 && facts.oldestUnanswered !== null
            ? words.unanswered(facts.unanswered, f.count(facts.unanswered), f.time(new Date(facts.oldestUnanswered)))
            : "",
          facts.quietThisWeek > 0 ? words.quietWeek(facts.quietThisWeek, f.count(facts.quietThisWeek)) : "",
        ].join(" ");
  return (
    <>
      <Head title={words.title} lede={list.asked.isError && lede === undefined ? t.state.errorTitle : lede} />
      <div className="board-tools no-print">
        <Segments
          label={t.word.state}
          value={state}
          options={[
            ["open,waiting", t.desk.alerts.attention],
            ...caseStates.map(
              (one) =>
                [
                  one,
                  facts === undefined ? t.desk.caseStates[one] : `${t.desk.caseStates[one]} ${f.short(facts[one])}`,
                ] as const,
            ),
            ["all", t.desk.word.all],
          ]}
          onChange={(next) => set({ state: next === "open,waiting" ? undefined : next })}
        />
        <form
          className="filters"
          role="search"
          onSubmit={(event) => {
            event.preventDefault();
            const q = new FormData(event.currentTarget).get("q");
            set({ q: typeof q === "string" && q.trim() !== "" ? q.trim() : undefined });
          }}
        >
          <input
            key={search.q ?? ""}
            type="search"
            name="q"
            aria-label={t.desk.alerts.find}
            placeholder={t.desk.alerts.find}
            defaultValue={search.q ?? ""}
            maxLength={100}
          />
          <select
            aria-label={t.desk.alerts.order}
            value={search.order ?? "touched"}
            onChange={(event) => {
              const order = caseOrders.find((one) => one === event.target.value);
              set({ order: order === "touched" ? undefined : order });
            }}
          >
            {caseOrders.map((order) => (
              <option key={order} value={order}>{`${t.desk.alerts.order}: ${words.orders[order]}`}</option>
            ))}
          </select>
          <div className="choices" role="group" aria-label={t.desk.alerts.filter}>
            {caseOnlys
              .filter((one) => staff || one === "unanswered" || one === "relapsed")
              .map((one) => (
                <button
                  key={one}
                  type="button"
                  aria-pressed={only.has(one)}
                  onClick={() => {
                    if (!only.delete(one)) only.add(one);
                    set({ only: only.size === 0 ? undefined : [...only].join(",") });
                  }}
                >
                  {words.only[one]}
                </button>
              ))}
          </div>
          {search.organisation === undefined ? undefined : (
            <Link to="/cases" search={patched(search, { organisation: undefined })} className="button quiet">
              {t.action.clear}
            </Link>
          )}
        </form>
      </div>
      <Panel>
        <Rows
          list={list}
          label={words.title}
          columns={columns}
          keyOf={({ id }) => id}
          empty={words.emptyTitle}
          hint={words.emptyHint}
        />
      </Panel>
    </>
  );
};
