// SPDX-License-Identifier: Apache-2.0
import { getRouteApi } from "@tanstack/react-router";
import type { Audit as AuditAnswer, AuditRow } from "../../../../src/api/contract/desk/audit.ts";
import { address } from "../../api.ts";
import { read } from "../../desk/Form.tsx";
import { Refused } from "../../desk/Loaded.tsx";
import { Rows } from "../../desk/Rows.tsx";
import { useSend } from "../../desk/client.ts";
import { auditKinds } from "../../desk/search.ts";
import { useRows } from "../../desk/useRows.ts";
import { Head, Panel, Segments, When } from "../../design/parts.tsx";
import { type Changes, patched } from "../../search.ts";
import { useWords } from "../../words/index.tsx";
import "../desk/board.css";

const route = getRouteApi("/audit");

/** Who read and did what; the chain can be verified and taken away. */
export const Audit = () => {
  const { t, f } = useWords();
  const words = t.office.audit;
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const query = { kind: search.kind, outcome: search.outcome, actor: search.actor, subject: search.subject };
  const list = useRows<AuditAnswer>("audit", { ...query, limit: 200 });
  const verified = useSend("audit/verify");
  const set = (next: Changes<typeof search>) => void navigate({ search: patched(search, next), replace: true });
  const facts = list.said?.facts as AuditAnswer["facts"] | undefined;
  const lede =
    facts === undefined || list.first === undefined
      ? undefined
      : [
          words.lede({ count: f.count(list.first.total), n: list.first.total, refused: f.count(facts.refusedDay) }),
          facts.head === null ? words.noHead : words.head(f.time(new Date(facts.head.at)), f.count(facts.head.row)),
        ].join(" ");
  const chain = verified.data;
  return (
    <>
      <Head
        title={words.title}
        lede={list.asked.isError && lede === undefined ? t.state.errorTitle : lede}
        actions={
          <>
            <button
              type="button"
              className="button"
              disabled={verified.isPending}
              onClick={() => verified.mutate({ path: "audit/verify", body: {} })}
            >
              {verified.isPending ? t.state.loading : words.verify}
            </button>
            <a className="button" href={address("desk/audit/export", query)} download>
              {words.export}
            </a>
          </>
        }
      />
      <Refused error={verified.error} />
      {chain === undefined ? undefined : (
        <p className={`notice-line ${chain.whole ? "" : "act"}`} role="status">
          {chain.whole
            ? words.whole(f.count(chain.rows))
            : `${chain.broken === null ? "" : words.broken(f.count(chain.broken))} ${chain.heads.some(({ agrees }) => !agrees) ? words.headsDisagree : ""}`}
        </p>
      )}
      <div className="board-tools no-print">
        <div className="filters">
          <Segments
            label={t.desk.word.kind}
            value={search.kind ?? "all"}
            options={[["all", words.kinds.all], ...auditKinds.map((one) => [one, words.kinds[one]] as const)]}
            onChange={(next) => set({ kind: next === "all" ? undefined : next })}
          />
          <Segments
            label={words.outcome}
            value={search.outcome ?? "all"}
            options={[
              ["all", t.desk.word.all],
              ["done", words.outcomes.done],
              ["refused", words.outcomes.refused],
            ]}
            onChange={(next) => set({ outcome: next === "all" ? undefined : next })}
          />
          <form
            role="search"
            onSubmit={(event) => {
              event.preventDefault();
              const form = new FormData(event.currentTarget);
              const text = read(form, "subject");
              set({ subject: text === "" ? undefined : text });
            }}
          >
            <input
              key={search.subject ?? ""}
              type="search"
              name="subject"
              aria-label={words.subject}
              placeholder={words.subject}
              defaultValue={search.subject ?? ""}
              maxLength={200}
            />
          </form>
        </div>
      </div>
      <Panel>
        <Rows<AuditRow>
          list={list}
          label={words.title}
          keyOf={({ id }) => String(id)}
          empty={words.emptyTitle}
          hint={words.emptyHint}
          columns={[
            { key: "at", head: `${t.word.time} (UTC)`, rowHead: true, cell: ({ at }) => <When at={at} alone /> },
            {
              key: "who",
              head: words.who,
              cell: ({ name, actor }) => (
                <button type="button" className="copy" title={actor} onClick={() => set({ actor: actor })}>
                  {name}
                </button>
              ),
            },
            { key: "action", head: words.action, cell: ({ action }) => action },
            { key: "subject", head: words.subject, className: "name", cell: ({ subject }) => subject ?? "–" },
            {
              key: "outcome",
              head: words.outcome,
              cell: ({ outcome }) => (
                <span className={`chip ${outcome === "refused" ? "warn" : ""}`}>{words.outcomes[outcome]}</span>
              ),
            },
            { key: "from", head: words.from, cell: ({ from }) => <span className="mono">{from ?? "–"}</span> },
            {
              key: "hash",
              head: words.hash,
              cell: ({ hash }) => <span className="mono faint small">{hash.slice(0, 12)}</span>,
            },
          ]}
        />
        {search.actor === undefined ? undefined : (
          <p>
            <button type="button" className="button quiet" onClick={() => set({ actor: undefined })}>
              {t.action.clear}
            </button>
          </p>
        )}
      </Panel>
    </>
  );
};
