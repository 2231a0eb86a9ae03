// SPDX-License-Identifier: Apache-2.0
import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import type { Organisation as OrganisationAnswer } from "../../../../src/api/contract/desk/organisations.ts";
import { FormDialog, orNull, read } from "../../desk/Form.tsx";
import { Loaded } from "../../desk/Loaded.tsx";
import { deskAsk, useSend } from "../../desk/client.ts";
import { Pairs } from "../../desk/parts.tsx";
import { Head, Panel } from "../../design/parts.tsx";
import { useWords } from "../../words/index.tsx";
import { Field } from "../session/fields.tsx";
import { Contacts, History, Networks } from "./OrganisationParts.tsx";

const route = getRouteApi("/constituency/$organisation");

export const Organisation = () => {
  const { t, f } = useWords();
  const words = t.office.organisation;
  const { organisation: id } = route.useParams();
  const asked = useQuery(deskAsk("organisation", `organisations/${encodeURIComponent(id)}`, {}, 60_000));
  const one = asked.data?.organisation;
  const lede =
    one === undefined
      ? undefined
      : [
          words.lede({
            name: one.name,
            networks: f.count(one.networks),
            w: one.networks,
            addresses: f.short(one.addresses),
            alerts: f.count(one.openAlerts),
            n: one.openAlerts,
          }),
          one.contacts === 0 ? words.noContact : "",
        ].join(" ");
  return (
    <>
      <Head
        title={one?.name ?? id}
        lede={asked.isError && lede === undefined ? t.state.errorTitle : lede}
        actions={
          <>
            <Link to="/alerts" search={{ organisation: id, state: "all" }} className="button">
              {words.alerts}
            </Link>
            <Link to="/cases" search={{ organisation: id, state: "all" }} className="button">
              {words.cases}
            </Link>
            <Link to="/preferences/$organisation" params={{ organisation: id }} className="button">
              {words.preferences}
            </Link>
          </>
        }
      />
      <Loaded<OrganisationAnswer> asked={asked} lines={14}>
        {(answer) => (
          <div className="stack">
            <Networks answer={answer} />
            <Contacts answer={answer} />
            <div className="grid">
              <div className="w8">
                <History answer={answer} />
              </div>
              <div className="w4">
                <OrganisationFacts answer={answer} />
              </div>
            </div>
          </div>
        )}
      </Loaded>
    </>
  );
};

export const OrganisationFacts = ({ answer }: { answer: OrganisationAnswer }) => {
  const { t, f } = useWords();
  const words = t.office.organisation;
  const { organisation: one, note } = answer;
  const [editing, setEditing] = useState(false);
  const changed = useSend("organisation/change", () => setEditing(false));
  return (
    <Panel
      title={words.facts}
      actions={
        answer.may.includes("change") ? (
          <button type="button" className="button quiet no-print" onClick={() => setEditing(true)}>
            {words.edit}
          </button>
        ) : undefined
      }
    >
      <Pairs
        pairs={[
          [words.id, <code key="i">{one.id}</code>],
          [t.word.country, one.country === null ? "–" : f.country(one.country)],
          [t.office.constituency.sector, one.sector ?? "–"],
          [t.desk.word.essential, one.essential ? t.desk.word.yes : t.desk.word.no],
          note === null ? undefined : [words.note, note],
        ]}
      />
      {editing ? (
        <FormDialog
          title={one.name}
          button={t.desk.word.save}
          pending={changed.isPending}
          error={changed.error}
          onClose={() => setEditing(false)}
          onSend={(form) => changed.mutate({ path: `organisations/${one.id}`, body: organisationOf(form, one.names) })}
        >
          <OrganisationFields
            name={one.name}
            country={one.country}
            sector={one.sector}
            essential={one.essential}
            note={note}
          />
        </FormDialog>
      ) : undefined}
    </Panel>
  );
};

export const organisationOf = (form: FormData, names: Readonly<Record<string, string>> = {}) => ({
  name: read(form, "name"),
  names: { ...names },
  country: orNull(read(form, "country").toUpperCase()),
  sector: orNull(read(form, "sector")),
  essential: form.get("essential") !== null,
  note: orNull(read(form, "note")),
});
export const OrganisationFields = ({
  name = "",
  country = null,
  sector = null,
  essential = false,
  note = null,
}: {
  name?: string;
  country?: string | null;
  sector?: string | null;
  essential?: boolean;
  note?: string | null;
}) => {
  const { t } = useWords();
  const words = t.office.organisation;
  return (
    <>
      <Field label={words.name} name="name" required maxLength={200} defaultValue={name} />
      <Field label={words.country} name="country" pattern="[A-Za-z]{2}" maxLength={2} defaultValue={country ?? ""} />
      <Field label={t.office.constituency.sector} name="sector" maxLength={100} defaultValue={sector ?? ""} />
      <label>
        <input type="checkbox" name="essential" defaultChecked={essential} /> {words.essential}
      </label>
      <label className="field">
        <span>{words.note}</span>
        <textarea name="note" maxLength={2000} defaultValue={note ?? ""} />
      </label>
    </>
  );
};
