// SPDX-License-Identifier: Apache-2.0
import { useState } from "react";
import { Link } from "@tanstack/react-router";
import type { Unclaimed as UnclaimedAnswer, UnclaimedRow } from "../../../../src/api/contract/desk/unclaimed.ts";
import { FormDialog, read } from "../../desk/Form.tsx";
import { Rows } from "../../desk/Rows.tsx";
import { useSend } from "../../desk/client.ts";
import { Ago } from "../../desk/parts.tsx";
import { useRows } from "../../desk/useRows.ts";
import { CountryLink, NetworkLink } from "../../design/names.tsx";
import { Head, Panel } from "../../design/parts.tsx";
import { useExercise } from "../../shell/exercise.ts";
import { useWords } from "../../words/index.tsx";
import { Field } from "../session/fields.tsx";

/** What belongs to nobody: two clicks make an organisation of a network. */
export const Unclaimed = () => {
  const { t, f } = useWords();
  const words = t.office.unclaimed;
  const exercise = useExercise();
  const list = useRows<UnclaimedAnswer>("unclaimed", { limit: 200, exercise: exercise === "" ? undefined : exercise });
  const [taking, setTaking] = useState<UnclaimedRow>();
  const taken = useSend("unclaimed/take", () => setTaking(undefined));
  const facts = list.said?.facts as UnclaimedAnswer["facts"] | undefined;
  const lede =
    facts === undefined
      ? undefined
      : facts.networks === 0
        ? words.none
        : words.lede({
            alerts: f.count(facts.alerts),
            a: facts.alerts,
            networks: f.count(facts.networks),
            n: facts.networks,
          }) + (facts.topCountry === null ? "." : words.top(f.country(facts.topCountry), f.count(facts.topAlerts)));
  const called = (row: UnclaimedRow): string => row.network ?? `AS${row.asn}`;
  return (
    <>
      <Head title={t.desk.nav.unclaimed} lede={list.asked.isError && lede === undefined ? t.state.errorTitle : lede} />
      {taken.data === undefined ? undefined : (
        <p className="notice-line" role="status">
          <Link to="/constituency/$organisation" params={{ organisation: taken.data.organisation.id }}>
            {words.taken(taken.data.organisation.name)}
          </Link>
        </p>
      )}
      <Panel>
        <Rows<UnclaimedRow>
          list={list}
          label={t.desk.nav.unclaimed}
          keyOf={({ asn }) => String(asn)}
          empty={words.none}
          hint={words.noneHint}
          columns={[
            {
              key: "network",
              head: t.word.network,
              rowHead: true,
              cell: ({ asn, network }) => <NetworkLink asn={asn} name={network} />,
            },
            { key: "country", head: t.word.country, cell: ({ country }) => <CountryLink code={country} /> },
            { key: "alerts", head: t.desk.nav.alerts, num: true, cell: ({ alerts }) => f.count(alerts) },
            { key: "sources", head: t.word.sources, num: true, cell: ({ sources }) => f.count(sources) },
            { key: "families", head: words.families, cell: ({ families }) => families.join(", ") || "–" },
            { key: "last", head: t.desk.word.age, cell: ({ last }) => <Ago at={last} /> },
            {
              key: "take",
              head: "",
              cell: (row) =>
                row.organisation === null ? (
                  <button type="button" className="button" onClick={() => (taken.reset(), setTaking(row))}>
                    {words.take}
                  </button>
                ) : (
                  <Link
                    to="/constituency/$organisation"
                    params={{ organisation: row.organisation.id }}
                    className="button"
                    title={words.thereHint(row.organisation.name, `AS${row.asn}`)}
                  >
                    {words.there}
                  </Link>
                ),
            },
          ]}
        />
      </Panel>
      {taking === undefined ? undefined : (
        <FormDialog
          title={words.take}
          note={words.sure(called(taking))}
          button={words.take}
          pending={taken.isPending}
          error={taken.error}
          onClose={() => setTaking(undefined)}
          onSend={(form) => {
            const mail = read(form, "mail");
            taken.mutate({
              path: `unclaimed/${taking.asn}/organisation`,
              body: { name: read(form, "name"), ...(mail === "" ? {} : { mail }) },
            });
          }}
        >
          <Field
            label={t.office.organisation.name}
            name="name"
            required
            maxLength={200}
            defaultValue={called(taking)}
          />
          <Field label={words.contact} name="mail" type="email" maxLength={254} />
        </FormDialog>
      )}
    </>
  );
};
