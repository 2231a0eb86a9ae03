// SPDX-License-Identifier: Apache-2.0
import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import type { CaseRow, Cases } from "../../../../src/api/contract/desk/cases.ts";
import type { Organisation } from "../../../../src/api/contract/desk/organisations.ts";
import { Loaded } from "../../desk/Loaded.tsx";
import { Rows } from "../../desk/Rows.tsx";
import { deskAsk } from "../../desk/client.ts";
import { useSession } from "../../desk/session.ts";
import { useRows } from "../../desk/useRows.ts";
import { Empty, Head, Panel, Segments } from "../../design/parts.tsx";
import { useWords } from "../../words/index.tsx";
import { useCaseColumns } from "../desk/Cases.tsx";
import { ChangesPanel } from "./Changes.tsx";
import { Contacts, Networks } from "./OrganisationParts.tsx";

const route = getRouteApi("/mine");

/** An owner's own page: what waits, then networks and contacts. */
export const Mine = () => {
  const { t } = useWords();
  const { session } = useSession();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const own = session?.organisations ?? [];
  const id = search.organisation ?? own[0]?.id;
  return (
    <>
      {own.length > 1 && id !== undefined ? (
        <div className="board-tools no-print">
          <Segments
            label={t.office.mine.organisation}
            value={id}
            options={own.map((one) => [one.id, one.name] as const)}
            onChange={(next) => void navigate({ search: { organisation: next } })}
          />
        </div>
      ) : undefined}
      {id === undefined ? (
        <>
          <Head title={t.office.mine.title} lede={t.office.mine.none} />
          <Empty title={t.office.mine.nothingToDo} />
        </>
      ) : (
        <Own key={id} id={id} />
      )}
    </>
  );
};

const Own = ({ id }: { id: string }) => {
  const { t, f } = useWords();
  const words = t.office.mine;
  const columns = useCaseColumns().filter(({ key }) => key !== "owner" && key !== "assignee");
  const asked = useQuery(deskAsk("organisation", `organisations/${encodeURIComponent(id)}`, {}, 30_000));
  const list = useRows<Cases>("cases", { organisation: id, state: "open,waiting", limit: 100 });
  const one = asked.data?.organisation;
  const lede =
    one === undefined
      ? undefined
      : one.openAlerts === 0
        ? words.clean(one.name)
        : words.lede({
            name: one.name,
            count: f.count(one.openAlerts),
            n: one.openAlerts,
            unanswered: f.count(one.unanswered),
          });
  return (
    <>
      <Head
        title={words.title}
        lede={asked.isError && lede === undefined ? t.state.errorTitle : lede}
        sub={<span className="muted">{words.coverage}</span>}
        actions={
          <Link to="/preferences/$organisation" params={{ organisation: id }} className="button">
            {t.office.preferences.title}
          </Link>
        }
      />
      <div className="stack">
        <Panel title={words.toDo}>
          <Rows<CaseRow>
            list={list}
            label={words.toDo}
            columns={columns}
            keyOf={({ id: one_ }) => one_}
            empty={words.nothingToDo}
            hint={words.nothingHint}
          />
        </Panel>
        <Loaded<Organisation> asked={asked} lines={10}>
          {(answer) => (
            <>
              <Networks answer={answer} claim={!answer.may.includes("change")} />
              <Contacts answer={answer} />
            </>
          )}
        </Loaded>
        <ChangesPanel organisation={id} decide={false} />
      </div>
    </>
  );
};
