// SPDX-License-Identifier: Apache-2.0
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import type { View } from "../../../../src/api/contract/desk/search.ts";
import { deskAsk, useSend } from "../../desk/client.ts";
import { Refused } from "../../desk/Loaded.tsx";
import { type AlertsSearch, alertKinds, alertOrders, onlys, severities } from "../../desk/search.ts";
import { type Changes, parseSearch, stringifySearch } from "../../search.ts";
import { Dialog } from "../../shell/Dialog.tsx";
import { useWords } from "../../words/index.tsx";

/** Everything that narrows the board; each is in the address. */
export const BoardFilters = ({
  search,
  staff,
  onChange,
}: {
  search: AlertsSearch;
  staff: boolean;
  onChange: (next: Changes<AlertsSearch>) => void;
}) => {
  const { t } = useWords();
  const words = t.desk.alerts;
  const only = new Set((search.only ?? "").split(",").filter((one) => one !== ""));
  const offered = onlys.filter((one) => staff || one === "unanswered" || one === "suppressed");
  const narrowed = [search.kind, search.severity, search.only, search.organisation, search.q].some(
    (one) => one !== undefined,
  );
  return (
    <form
      className="filters"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        const q = new FormData(event.currentTarget).get("q");
        onChange({ q: typeof q === "string" && q.trim() !== "" ? q.trim() : undefined });
      }}
    >
      <input
        key={search.q ?? ""}
        type="search"
        name="q"
        aria-label={words.find}
        placeholder={words.find}
        defaultValue={search.q ?? ""}
        maxLength={100}
        spellCheck={false}
      />
      <select
        aria-label={t.desk.word.kind}
        value={search.kind ?? ""}
        onChange={(event) => onChange({ kind: event.target.value === "" ? undefined : event.target.value })}
      >
        <option value="">{`${t.desk.word.kind}: ${t.desk.word.all}`}</option>
        {alertKinds.map((kind) => (
          <option key={kind} value={kind}>
            {t.desk.kinds[kind]}
          </option>
        ))}
      </select>
      <select
        aria-label={t.desk.word.severity}
        value={search.severity ?? ""}
        onChange={(event) => onChange({ severity: event.target.value === "" ? undefined : event.target.value })}
      >
        <option value="">{`${t.desk.word.severity}: ${t.desk.word.all}`}</option>
        {severities.map((severity) => (
          <option key={severity} value={severity}>
            {t.desk.severities[severity]}
          </option>
        ))}
      </select>
      <select
        aria-label={words.order}
        value={search.order ?? "rank"}
        onChange={(event) => {
          const order = alertOrders.find((one) => one === event.target.value);
          onChange({ order: order === "rank" ? undefined : order });
        }}
      >
        {alertOrders.map((order) => (
          <option key={order} value={order}>
            {`${words.order}: ${words.orders[order]}`}
          </option>
        ))}
      </select>
      <div className="choices" role="group" aria-label={words.filter}>
        {offered.map((one) => (
          <button
            key={one}
            type="button"
            aria-pressed={only.has(one)}
            onClick={() => {
              const added = !only.delete(one);
              if (added) only.add(one);
              onChange({
                only: only.size === 0 ? undefined : [...only].join(","),
                // What is confirmed is quiet: another state has none of it.
                ...(added && one === "confirmed" ? { state: "quiet" } : {}),
              });
            }}
          >
            {words.only[one]}
          </button>
        ))}
      </div>
      {narrowed ? (
        <button
          type="button"
          className="button quiet"
          onClick={() =>
            onChange({ kind: undefined, severity: undefined, only: undefined, organisation: undefined, q: undefined })
          }
        >
          {t.action.clear}
        </button>
      ) : undefined}
    </form>
  );
};

const blank = (search: AlertsSearch): string =>
  stringifySearch({ ...search, open: undefined, exercise: undefined }).replace(/^\?/, "");

/** Filters that the person keeps, each an address with a name. */
export const SavedViews = ({ page, search }: { page: View["page"]; search: AlertsSearch }) => {
  const { t } = useWords();
  const words = t.desk.alerts;
  const navigate = useNavigate();
  const asked = useQuery(deskAsk("views", "views"));
  const [saving, setSaving] = useState(false);
  const kept = useSend("views/new", () => setSaving(false));
  const removed = useSend("view/remove");
  const rows = (asked.data?.rows ?? []).filter((view) => view.page === page);
  const now = blank(search);
  const current = rows.find((view) => view.search === now);
  return (
    <>
      {rows.length === 0 ? undefined : (
        <select
          className="date"
          aria-label={words.views}
          value={current?.id ?? ""}
          onChange={(event) => {
            const view = rows.find(({ id }) => id === event.target.value);
            if (view !== undefined) void navigate({ to: "/alerts", search: parseSearch(view.search) });
          }}
        >
          <option value="">{words.views}</option>
          {rows.map((view) => (
            <option key={view.id} value={view.id}>
              {view.name}
            </option>
          ))}
        </select>
      )}
      {current === undefined ? (
        now === "" ? undefined : (
          <button type="button" className="button" onClick={() => (kept.reset(), setSaving(true))}>
            {words.saveView}
          </button>
        )
      ) : (
        <button
          type="button"
          className="button quiet"
          disabled={removed.isPending}
          onClick={() => removed.mutate({ path: `views/${current.id}/remove`, body: {} })}
        >
          {t.desk.word.remove}
        </button>
      )}
      <Refused error={removed.error} />
      {saving ? (
        <Dialog label={words.saveView} onClose={() => setSaving(false)}>
          <form
            className="dialog-body form"
            onSubmit={(event) => {
              event.preventDefault();
              const name = new FormData(event.currentTarget).get("name");
              if (typeof name === "string")
                kept.mutate({ path: "views", body: { page, name: name.trim(), search: now } });
            }}
          >
            <h2>{words.saveView}</h2>
            <p className="mono small muted">{now.replaceAll("&", " · ")}</p>
            <label className="field">
              <span>{words.viewName}</span>
              <input name="name" required maxLength={80} />
            </label>
            <Refused error={kept.error} />
            <div className="buttons">
              <button type="submit" className="button primary" disabled={kept.isPending}>
                {t.desk.word.save}
              </button>
            </div>
          </form>
        </Dialog>
      ) : undefined}
    </>
  );
};
