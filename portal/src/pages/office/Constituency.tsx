// SPDX-License-Identifier: Apache-2.0
import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import type {
  OrganisationRow,
  Organisations,
  OverlapRow,
  Overlaps,
} from "../../../../src/api/contract/desk/organisations.ts";
import { FormDialog, read } from "../../desk/Form.tsx";
import { Loaded } from "../../desk/Loaded.tsx";
import { Rows } from "../../desk/Rows.tsx";
import { deskAsk, useSend } from "../../desk/client.ts";
import { OwnerName } from "../../desk/parts.tsx";
import { organisationOnlys } from "../../desk/search.ts";
import { useRows } from "../../desk/useRows.ts";
import { Empty, Head, Panel, Segments } from "../../design/parts.tsx";
import { Table } from "../../design/Table.tsx";
import { type Changes, patched } from "../../search.ts";
import { useExercise } from "../../shell/exercise.ts";
import { Icon } from "../../shell/icons.tsx";
import { useWords } from "../../words/index.tsx";
import "../desk/board.css";
import { Field } from "../session/fields.tsx";
import { ChangesPanel } from "./Changes.tsx";
import { OrganisationFields, organisationOf } from "./Organisation.tsx";
import { Whose } from "./Whose.tsx";

const route = getRouteApi("/constituency");

export const Constituency = () => {
  const { t, f } = useWords();
  const words = t.office.constituency;
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const exercise = useExercise();
  const [adding, setAdding] = useState(false);
  const list = useRows<Organisations>("organisations", {
    q: search.q,
    only: search.only,
    exercise: exercise === "" ? undefined : exercise,
    limit: 200,
  });
  const made = useSend("organisations/new", ({ organisation }) => {
    setAdding(false);
    void navigate({ to: "/constituency/$organisation", params: { organisation: organisation.id }, search: {} });
  });
  const set = (next: Changes<typeof search>) => void navigate({ search: patched(search, next), replace: true });
  const facts = list.first?.facts as Organisations["facts"] | undefined;
  const lede =
    facts === undefined || list.said === undefined
      ? undefined
      : [
          words.lede({
            count: f.count(facts.organisations),
            n: facts.organisations,
            networks: f.count(facts.networks),
            addresses: f.short(facts.addresses),
          }),
          facts.withoutContact + facts.deadContacts === 0
            ? words.allReach
            : words.withoutContact(facts.withoutContact, f.count(facts.withoutContact)) +
              words.deadContacts(facts.deadContacts, f.count(facts.deadContacts)),
        ].join(" ");
  const view = search.view ?? "list";
  return (
    <>
      <Head
        title={t.desk.nav.constituency}
        lede={list.asked.isError && lede === undefined ? t.state.errorTitle : lede}
        actions={
          <>
            <Link to="/import" className="button">
              {words.import}
            </Link>
            <a className="button" href="/api/v1/desk/constituency/export?form=csv" download>
              {words.export} CSV
            </a>
            <a className="button" href="/api/v1/desk/constituency/export?form=yaml" download>
              YAML
            </a>
            <button type="button" className="button primary" onClick={() => setAdding(true)}>
              {words.add}
            </button>
          </>
        }
      />
      <div className="board-tools no-print">
        <Segments
          label={words.title}
          value={view}
          options={[
            ["list", facts === undefined ? words.title : `${words.title} ${f.count(facts.organisations)}`],
            ["changes", facts === undefined ? words.changes : `${words.changes} ${f.count(facts.changes)}`],
            ["overlaps", facts === undefined ? words.overlaps : `${words.overlaps} ${f.count(facts.overlaps)}`],
            ["whose", words.whose],
          ]}
          onChange={(next) => set({ view: next === "list" ? undefined : next })}
        />
        {view === "list" ? (
          <form
            className="filters"
            role="search"
            onSubmit={(event) => {
              event.preventDefault();
              const q = read(new FormData(event.currentTarget), "q");
              set({ q: q === "" ? undefined : q });
            }}
          >
            <input
              key={search.q ?? ""}
              type="search"
              name="q"
              aria-label={t.desk.word.organisation}
              placeholder={t.desk.word.organisation}
              defaultValue={search.q ?? ""}
              maxLength={100}
            />
            <div className="choices" role="group" aria-label={t.desk.alerts.filter}>
              {organisationOnlys.map((one) => (
                <button
                  key={one}
                  type="button"
                  aria-pressed={search.only === one}
                  onClick={() => set({ only: search.only === one ? undefined : one })}
                >
                  {words.only[one]}
                </button>
              ))}
            </div>
          </form>
        ) : undefined}
      </div>
      {view === "changes" ? (
        <ChangesPanel />
      ) : view === "overlaps" ? (
        <OverlapsPanel />
      ) : view === "whose" ? (
        <Whose address={search.address} at={search.at} onAsk={set} />
      ) : (
        <Panel>
          <Rows<OrganisationRow>
            list={list}
            label={words.title}
            keyOf={({ id }) => id}
            empty={words.emptyTitle}
            hint={words.emptyHint}
            columns={[
              {
                key: "name",
                head: t.desk.word.organisation,
                rowHead: true,
                className: "name",
                cell: ({ id, name, essential }) => (
                  <span className="owner">
                    <Link to="/constituency/$organisation" params={{ organisation: id }}>
                      {name}
                    </Link>
                    {essential ? (
                      <span className="essential" title={t.desk.word.essential}>
                        <Icon name="star" />
                        <span className="hidden">{t.desk.word.essential}</span>
                      </span>
                    ) : undefined}
                  </span>
                ),
              },
              {
                key: "country",
                head: t.word.country,
                cell: ({ country }) => (country === null ? "–" : f.country(country)),
              },
              { key: "sector", head: words.sector, cell: ({ sector }) => sector ?? "–" },
              { key: "networks", head: words.networks, num: true, cell: ({ networks }) => f.count(networks) },
              { key: "addresses", head: words.addresses, num: true, cell: ({ addresses }) => f.short(addresses) },
              {
                key: "contacts",
                head: words.contacts,
                num: true,
                cell: ({ contacts, deadContacts }) =>
                  contacts === 0 ? (
                    <span className="chip act">{t.desk.word.none}</span>
                  ) : deadContacts > 0 ? (
                    <span className="chip warn">{t.office.organisation.states.dead}</span>
                  ) : (
                    f.count(contacts)
                  ),
              },
              {
                key: "verified",
                head: words.verified,
                cell: ({ verified }) =>
                  verified === null ? (
                    <span className="faint">{t.office.organisation.never}</span>
                  ) : (
                    f.day(new Date(verified))
                  ),
              },
              { key: "alerts", head: words.openAlerts, num: true, cell: ({ openAlerts }) => f.count(openAlerts) },
              {
                key: "unanswered",
                head: t.desk.alerts.only.unanswered,
                num: true,
                cell: ({ unanswered }) => f.count(unanswered),
              },
            ]}
          />
        </Panel>
      )}
      {adding ? (
        <FormDialog
          title={words.add}
          button={words.add}
          pending={made.isPending}
          error={made.error}
          onClose={() => setAdding(false)}
          onSend={(form) =>
            made.mutate({ path: "organisations", body: { id: read(form, "id"), ...organisationOf(form) } })
          }
        >
          <Field
            label={t.office.organisation.id}
            hint={t.office.organisation.idHint}
            name="id"
            required
            pattern="[a-z0-9][a-z0-9\-]{0,62}"
          />
          <OrganisationFields />
        </FormDialog>
      ) : undefined}
    </>
  );
};

const OverlapsPanel = () => {
  const { t } = useWords();
  const words = t.office.constituency;
  const asked = useQuery(deskAsk("overlaps", "constituency/overlaps", { limit: 500 }));
  return (
    <Panel title={words.overlaps} note={words.overlapsNote}>
      <Loaded<Overlaps> asked={asked}>
        {({ rows }) =>
          rows.length === 0 ? (
            <Empty title={words.noOverlaps} />
          ) : (
            <Table<OverlapRow>
              label={words.overlaps}
              rows={rows}
              keyOf={({ prefix, kind }) => `${kind} ${prefix}`}
              columns={[
                {
                  key: "prefix",
                  head: t.office.organisation.network,
                  rowHead: true,
                  cell: ({ prefix }) => <span className="mono">{prefix}</span>,
                },
                {
                  key: "kind",
                  head: t.desk.word.kind,
                  cell: ({ kind }) => (
                    <span className={`chip ${kind === "conflict" ? "act" : ""}`}>{words.overlapKinds[kind]}</span>
                  ),
                },
                {
                  key: "holders",
                  head: words.holders,
                  className: "text",
                  cell: ({ holders }) =>
                    holders.map(({ organisation, prefix, network }) => (
                      <span key={network + prefix} className="row">
                        <OwnerName organisation={organisation} /> <span className="mono muted">{prefix}</span>
                      </span>
                    )),
                },
              ]}
            />
          )
        }
      </Loaded>
    </Panel>
  );
};
