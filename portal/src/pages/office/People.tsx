// SPDX-License-Identifier: Apache-2.0
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import type { Invited, People as PeopleAnswer, PersonRow } from "../../../../src/api/contract/desk/people.ts";
import { FormDialog, read } from "../../desk/Form.tsx";
import { Refused } from "../../desk/Loaded.tsx";
import { Rows } from "../../desk/Rows.tsx";
import { deskAsk, useSend } from "../../desk/client.ts";
import { Ago } from "../../desk/parts.tsx";
import { useRows } from "../../desk/useRows.ts";
import { Copy, Head, Panel, Segments } from "../../design/parts.tsx";
import { useWords } from "../../words/index.tsx";
import "../desk/board.css";
import { Field } from "../session/fields.tsx";
import { TokensPanel } from "./Tokens.tsx";
import "./letter.css";

const route = getRouteApi("/people");
const offered = [
  "administrator",
  "analyst",
  "member",
  "sensor-host",
  "researcher",
  "observer",
] as const satisfies readonly PersonRow["roles"][number][];
const tones = { active: "good", invited: "accent", disabled: "faint-chip" } as const;

export const People = () => {
  const { t, f } = useWords();
  const words = t.office.people;
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const list = useRows<PeopleAnswer>("people", { limit: 100 });
  const [editing, setEditing] = useState<PersonRow | "new">();
  const [link, setLink] = useState<Invited>();
  const invited = useSend("people/invite", (now) => (setLink(now), setEditing(undefined)));
  const changed = useSend("person/change", () => setEditing(undefined));
  /** What one click too many would do to a colleague is asked for once more. */
  const [sure, setSure] = useState<{ readonly what: "disable" | "reset"; readonly person: PersonRow }>();
  const acted = useSend("person/act", () => setSure(undefined));
  const reset = useSend("person/reset", (now) => (setLink(now), setSure(undefined)));
  const facts = list.said?.facts as PeopleAnswer["facts"] | undefined;
  const lede =
    facts === undefined
      ? undefined
      : [
          words.lede({
            active: f.count(facts.active),
            n: facts.active,
            admins: f.count(facts.administrators),
            a: facts.administrators,
            analysts: f.count(facts.analysts),
            l: facts.analysts,
            members: f.count(facts.members),
            m: facts.members,
          }),
          facts.withoutFactor > 0 ? words.withoutFactor(facts.withoutFactor, f.count(facts.withoutFactor)) : "",
        ].join(" ");
  const view = search.view ?? "people";
  return (
    <>
      <Head
        title={words.title}
        lede={list.asked.isError && lede === undefined ? t.state.errorTitle : lede}
        actions={
          <>
            <Segments
              label={words.title}
              value={view}
              options={[
                ["people", t.desk.nav.people],
                ["tokens", words.tokens],
              ]}
              onChange={(next) => void navigate({ search: next === "tokens" ? { view: next } : {} })}
            />
            <button type="button" className="button primary" onClick={() => setEditing("new")}>
              {words.invite}
            </button>
          </>
        }
      />
      {link === undefined ? undefined : (
        <div className="notice-line" role="status">
          <div>
            <strong>{words.link}</strong> <span className="muted">{link.person.mail}</span>
            <p className="secret">
              <Copy text={link.link} />
            </p>
            <p className="small muted">
              {words.linkNote(f.time(new Date(link.expires)))} {link.mailed ? words.mailed : ""}
            </p>
          </div>
          <button type="button" className="button quiet end" onClick={() => setLink(undefined)}>
            {t.action.close}
          </button>
        </div>
      )}
      <Refused error={sure === undefined ? acted.error : null} />
      {view === "tokens" ? (
        <TokensPanel />
      ) : (
        <Panel>
          <Rows<PersonRow>
            list={list}
            label={words.title}
            keyOf={({ id }) => id}
            empty={words.emptyTitle}
            columns={[
              {
                key: "name",
                head: t.desk.word.name,
                rowHead: true,
                cell: ({ name, mail }) => (
                  <>
                    {name} <span className="muted small">{mail}</span>
                  </>
                ),
              },
              {
                key: "roles",
                head: words.roles,
                cell: ({ roles }) => roles.map((role) => t.desk.roles[role]).join(", "),
              },
              {
                key: "organisations",
                head: words.organisations,
                className: "name",
                cell: ({ organisations, sensors }) =>
                  [...organisations.map(({ name }) => name), ...sensors].join(", ") || "–",
              },
              {
                key: "factors",
                head: words.factors,
                cell: ({ passkeys, totp, provider, state }) =>
                  provider !== null ? (
                    words.provider(provider)
                  ) : passkeys + Number(totp) === 0 ? (
                    <span className={state === "active" ? "chip warn" : "faint"}>{t.desk.word.none}</span>
                  ) : (
                    [passkeys > 0 ? words.passkeys(passkeys, f.count(passkeys)) : "", totp ? words.app : ""]
                      .filter((one) => one !== "")
                      .join(", ")
                  ),
              },
              {
                key: "state",
                head: t.word.state,
                cell: ({ state }) => <span className={`chip ${tones[state]}`}>{words.states[state]}</span>,
              },
              {
                key: "seen",
                head: words.seen,
                cell: ({ seen }) => (seen === null ? <span className="faint">{words.never}</span> : <Ago at={seen} />),
              },
              {
                key: "do",
                head: "",
                cell: (person) => (
                  <span className="row nowrap">
                    {person.may.includes("change") ? (
                      <button type="button" className="button quiet" onClick={() => setEditing(person)}>
                        {words.change}
                      </button>
                    ) : undefined}
                    {person.may.includes("enable") ? (
                      <button
                        type="button"
                        className="button quiet"
                        disabled={acted.isPending}
                        onClick={() => acted.mutate({ path: `people/${person.id}/state`, body: { action: "enable" } })}
                      >
                        {words.enable}
                      </button>
                    ) : undefined}
                    {(["disable", "reset"] as const).map((what) =>
                      person.may.includes(what) ? (
                        <button
                          key={what}
                          type="button"
                          className="button quiet"
                          onClick={() => setSure({ what, person })}
                        >
                          {words[what]}
                        </button>
                      ) : undefined,
                    )}
                  </span>
                ),
              },
            ]}
          />
        </Panel>
      )}
      {sure === undefined ? undefined : (
        <FormDialog
          title={`${words[sure.what]}: ${sure.person.name}`}
          note={words.sure[sure.what]}
          button={words[sure.what]}
          pending={acted.isPending || reset.isPending}
          error={sure.what === "reset" ? reset.error : acted.error}
          onClose={() => setSure(undefined)}
          onSend={() => {
            const path = `people/${sure.person.id}`;
            if (sure.what === "reset") reset.mutate({ path: `${path}/reset`, body: {} });
            else acted.mutate({ path: `${path}/state`, body: { action: "disable" } });
          }}
        />
      )}
      {editing === undefined ? undefined : (
        <Access
          person={editing === "new" ? undefined : editing}
          pending={invited.isPending || changed.isPending}
          error={editing === "new" ? invited.error : changed.error}
          onClose={() => setEditing(undefined)}
          onSend={(form, language) => {
            const roles = offered.filter((role) => form.getAll("role").includes(role));
            const organisations = form.getAll("organisation").map(String);
            if (editing === "new")
              invited.mutate({
                path: "people",
                body: { mail: read(form, "mail"), name: read(form, "name"), language, roles, organisations },
              });
            else changed.mutate({ path: `people/${editing.id}`, body: { roles, organisations } });
          }}
        />
      )}
    </>
  );
};

const Access = ({
  person,
  pending,
  error,
  onSend,
  onClose,
}: {
  person: PersonRow | undefined;
  pending: boolean;
  error: Parameters<typeof FormDialog>[0]["error"];
  onSend: (form: FormData, language: string) => void;
  onClose: () => void;
}) => {
  const { t, language } = useWords();
  const words = t.office.people;
  const organisations = useQuery(deskAsk("organisations", "organisations", { limit: 500 }));
  // A person's own stand first, also where the list has not come or is longer: what is not offered would be taken away.
  const own = person?.organisations ?? [];
  // The list may come, and come again, while somebody chooses.
  const [chosen, setChosen] = useState<readonly string[]>(() => own.map(({ id }) => id));
  const offers = [...own, ...(organisations.data?.rows ?? []).filter(({ id }) => !own.some((one) => one.id === id))];
  return (
    <FormDialog
      title={person === undefined ? words.invite : person.name}
      button={person === undefined ? words.invite : t.desk.word.save}
      pending={pending}
      error={error}
      onClose={onClose}
      onSend={(form) => onSend(form, language)}
    >
      {person === undefined ? (
        <>
          <Field label={t.desk.word.mail} name="mail" type="email" required maxLength={254} />
          <Field label={t.desk.word.name} name="name" maxLength={200} />
        </>
      ) : undefined}
      <fieldset className="which">
        <legend>{words.roles}</legend>
        {offered.map((role) => (
          <label key={role}>
            <input type="checkbox" name="role" value={role} defaultChecked={person?.roles.includes(role) ?? false} />{" "}
            {t.desk.roles[role]}
          </label>
        ))}
      </fieldset>
      <label className="field">
        <span>{words.organisations}</span>
        <select
          name="organisation"
          multiple
          size={6}
          value={chosen}
          onChange={(event) => setChosen([...event.target.selectedOptions].map(({ value }) => value))}
        >
          {offers.map((one) => (
            <option key={one.id} value={one.id}>
              {one.name}
            </option>
          ))}
        </select>
      </label>
    </FormDialog>
  );
};
