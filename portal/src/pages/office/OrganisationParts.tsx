// SPDX-License-Identifier: Apache-2.0
import { useState } from "react";
import type { ContactRow, NetworkRow, Organisation } from "../../../../src/api/contract/desk/organisations.ts";
import { Choice, FormDialog, orNull, read } from "../../desk/Form.tsx";
import { Refused } from "../../desk/Loaded.tsx";
import { useSend } from "../../desk/client.ts";
import { Copy, Empty, Panel, When } from "../../design/parts.tsx";
import { Table } from "../../design/Table.tsx";
import { useWords } from "../../words/index.tsx";
import { languages } from "../../words/languages.ts";
import { Field } from "../session/fields.tsx";

const nameOf = ({ prefix, asn, domain }: NetworkRow): string => prefix ?? (asn === null ? (domain ?? "") : `AS${asn}`);
/** What somebody typed as a network: a prefix, an AS number or a domain. */
export const networkOf = (text: string): { prefix?: string; asn?: number; domain?: string } => {
  const asn = /^(?:AS)?(\d{1,10})$/i.exec(text);
  if (asn !== null) return { asn: Number(asn[1]) };
  return /[/:]|^\d+(\.\d+){3}$/.test(text) ? { prefix: text } : { domain: text.toLowerCase() };
};

/** What came of a change: done, asked for, or waiting. */
const useOutcome = () => {
  const { t } = useWords();
  const [outcome, setOutcome] = useState<"done" | "requested" | "waiting">();
  return {
    take: (changed: { outcome: "done" | "requested" | "waiting" }) => setOutcome(changed.outcome),
    line:
      outcome === undefined ? undefined : (
        <p className={`notice-line ${outcome === "done" ? "" : "warn"}`} role="status">
          {t.office.organisation.outcomes[outcome]}
        </p>
      ),
  };
};

export const Networks = ({ answer, claim = false }: { answer: Organisation; claim?: boolean }) => {
  const { t, f } = useWords();
  const words = t.office.organisation;
  const { id } = answer.organisation;
  const [adding, setAdding] = useState(false);
  const [dark, setDark] = useState<NetworkRow>();
  const outcome = useOutcome();
  const added = useSend("network/new", (changed) => (outcome.take(changed), setAdding(false)));
  const claimed = useSend("claims/new", () => (outcome.take({ outcome: "requested" }), setAdding(false)));
  const changed = useSend("network/change", (now) => (outcome.take(now), setDark(undefined)));
  const may = answer.may.includes("change") || answer.may.includes("request");
  return (
    <Panel
      title={t.office.constituency.networks}
      actions={
        may ? (
          <button type="button" className="button no-print" onClick={() => setAdding(true)}>
            {claim ? words.claimNetwork : words.addNetwork}
          </button>
        ) : undefined
      }
    >
      {outcome.line}
      {answer.networks.length === 0 ? (
        <Empty title={t.desk.word.none} />
      ) : (
        <Table
          label={t.office.constituency.networks}
          rows={answer.networks}
          keyOf={({ id: one }) => one}
          columns={[
            { key: "name", head: words.network, rowHead: true, cell: (row) => <Copy text={nameOf(row)} /> },
            { key: "translation", head: words.translation, cell: ({ translation }) => words.translations[translation] },
            { key: "from", head: `${words.from} (UTC)`, cell: ({ from }) => <When at={from} alone /> },
            {
              key: "until",
              head: `${words.until} (UTC)`,
              cell: ({ until }) =>
                until === null ? <span className="faint">{words.still}</span> : <When at={until} alone />,
            },
            {
              key: "origin",
              head: words.origin,
              cell: ({ origin }) => words.origins[origin as keyof typeof words.origins] ?? origin,
            },
            {
              key: "dark",
              head: words.dark,
              cell: (row) => (
                <>
                  <span className="mono">{row.dark.join(" ")}</span>{" "}
                  {may ? (
                    <button type="button" className="button quiet no-print" onClick={() => setDark(row)}>
                      {words.change}
                    </button>
                  ) : undefined}
                </>
              ),
            },
            {
              key: "alerts",
              head: t.office.constituency.openAlerts,
              num: true,
              cell: ({ openAlerts }) => f.count(openAlerts),
            },
          ]}
        />
      )}
      {adding ? (
        <FormDialog
          title={claim ? words.claimNetwork : words.addNetwork}
          {...(claim ? { note: words.claimNote } : {})}
          button={claim ? words.claimNetwork : words.addNetwork}
          pending={added.isPending || claimed.isPending}
          error={claim ? claimed.error : added.error}
          onClose={() => setAdding(false)}
          onSend={(form) => {
            const network = networkOf(read(form, "network"));
            const method = (["dns", "mail", "rdap"] as const).find((one) => one === read(form, "method")) ?? "dns";
            if (claim) claimed.mutate({ path: "claims", body: { organisation: id, ...network, method } });
            else
              added.mutate({
                path: `organisations/${id}/networks`,
                body: { ...network, translation: read(form, "translation") === "cgnat" ? "cgnat" : "none" },
              });
          }}
        >
          <Field label={words.prefixOrAsn} name="network" required maxLength={253} placeholder="192.0.2.0/24" />
          {claim ? (
            <Choice
              label={t.office.constituency.proof}
              name="method"
              options={(["dns", "mail", "rdap"] as const).map(
                (one) => [one, t.office.constituency.methods[one]] as const,
              )}
            />
          ) : (
            <Choice
              label={words.translation}
              name="translation"
              options={(["none", "cgnat"] as const).map((one) => [one, words.translations[one]] as const)}
            />
          )}
        </FormDialog>
      ) : undefined}
      {dark === undefined ? undefined : (
        <FormDialog
          title={`${words.dark}: ${nameOf(dark)}`}
          button={t.desk.word.save}
          pending={changed.isPending}
          error={changed.error}
          onClose={() => setDark(undefined)}
          onSend={(form) =>
            changed.mutate({
              path: `organisations/${id}/networks/${dark.id}`,
              body: {
                dark: read(form, "dark")
                  .split(/[\s,]+/)
                  .filter((one) => one !== "")
                  .slice(0, 64),
              },
            })
          }
        >
          <label className="field">
            <span>{words.prefixOrAsn}</span>
            <textarea name="dark" defaultValue={dark.dark.join("\n")} maxLength={4000} />
          </label>
        </FormDialog>
      )}
    </Panel>
  );
};

const tones = { active: "good", pending: "warn", dead: "act", ended: "faint-chip" } as const;
export const Contacts = ({ answer }: { answer: Organisation }) => {
  const { t, f } = useWords();
  const words = t.office.organisation;
  const { id } = answer.organisation;
  const [editing, setEditing] = useState<ContactRow | "new">();
  const outcome = useOutcome();
  const added = useSend("contact/new", (changed) => (outcome.take(changed), setEditing(undefined)));
  const changed = useSend("contact/change", (now) => (outcome.take(now), setEditing(undefined)));
  const checked = useSend("contact/check");
  const ended = useSend("contact/end", outcome.take);
  const may = answer.may.includes("change") || answer.may.includes("request");
  const of = editing === "new" ? undefined : editing;
  return (
    <Panel
      title={t.office.constituency.contacts}
      actions={
        may ? (
          <button type="button" className="button no-print" onClick={() => setEditing("new")}>
            {words.addContact}
          </button>
        ) : undefined
      }
    >
      {outcome.line}
      <Refused error={checked.error ?? ended.error} />
      {checked.isSuccess ? (
        <p className="notice-line" role="status">
          {words.checkSent}
        </p>
      ) : undefined}
      {answer.contacts.length === 0 ? (
        <Empty title={words.noContact} />
      ) : (
        <Table
          label={t.office.constituency.contacts}
          rows={answer.contacts}
          keyOf={({ id: one }) => one}
          columns={[
            { key: "role", head: words.role, rowHead: true, cell: ({ role }) => words.roles[role] },
            {
              key: "mail",
              head: t.desk.word.mail,
              cell: ({ mail, name, webhook }) => (
                <>
                  {mail === null ? undefined : <Copy text={mail} />}{" "}
                  {name === null ? "" : <span className="muted">{name}</span>}{" "}
                  {webhook === null ? undefined : <span className="mono small">{webhook}</span>}
                </>
              ),
            },
            { key: "phone", head: words.phone, cell: ({ phone }) => phone ?? "–" },
            {
              key: "language",
              head: t.desk.word.language,
              cell: ({ language }) => f.language(language),
            },
            {
              key: "openpgp",
              head: words.openpgp,
              className: "name",
              cell: ({ openpgp }) =>
                openpgp === null ? (
                  "–"
                ) : (
                  <span className="mono small" title={openpgp}>
                    {openpgp}
                  </span>
                ),
            },
            {
              key: "state",
              head: t.word.state,
              cell: ({ state, waitsUntil, bounces }) => (
                <>
                  <span className={`chip ${tones[state]}`}>{words.states[state]}</span>{" "}
                  <span className="small muted">
                    {waitsUntil === null ? "" : words.pendingUntil(f.time(new Date(waitsUntil)))}
                    {bounces > 0 ? ` ${words.bounces(bounces, f.count(bounces))}` : ""}
                  </span>
                </>
              ),
            },
            {
              key: "verified",
              head: words.verified,
              cell: ({ verified }) =>
                verified === null ? <span className="faint">{words.never}</span> : f.day(new Date(verified)),
            },
            ...(may || answer.may.includes("check")
              ? [
                  {
                    key: "do",
                    head: "",
                    cell: (row: ContactRow) => (
                      <span className="row nowrap no-print">
                        {may ? (
                          <button type="button" className="button quiet" onClick={() => setEditing(row)}>
                            {words.change}
                          </button>
                        ) : undefined}
                        {answer.may.includes("check") && row.mail !== null ? (
                          <button
                            type="button"
                            className="button quiet"
                            disabled={checked.isPending}
                            onClick={() =>
                              checked.mutate({ path: `organisations/${id}/contacts/${row.id}/check`, body: {} })
                            }
                          >
                            {words.check}
                          </button>
                        ) : undefined}
                        {may && row.state !== "ended" ? (
                          <button
                            type="button"
                            className="button quiet"
                            disabled={ended.isPending}
                            onClick={() =>
                              ended.mutate({ path: `organisations/${id}/contacts/${row.id}/end`, body: {} })
                            }
                          >
                            {words.end}
                          </button>
                        ) : undefined}
                      </span>
                    ),
                  },
                ]
              : []),
          ]}
        />
      )}
      {editing === undefined ? undefined : (
        <FormDialog
          title={of === undefined ? words.addContact : words.changeContact}
          {...(of === undefined ? {} : { note: words.wait48 })}
          button={t.desk.word.save}
          pending={added.isPending || changed.isPending}
          error={of === undefined ? added.error : changed.error}
          onClose={() => setEditing(undefined)}
          onSend={(form) => {
            const key = read(form, "openpgpKey");
            const body = {
              role:
                (["abuse", "security", "noc", "management"] as const).find((one) => one === read(form, "role")) ??
                "abuse",
              name: orNull(read(form, "name")),
              mail: orNull(read(form, "mail")),
              phone: orNull(read(form, "phone")),
              language: read(form, "language"),
              webhook: orNull(read(form, "webhook")),
              ...(key === "" ? {} : { openpgpKey: key }),
            };
            if (of === undefined) added.mutate({ path: `organisations/${id}/contacts`, body });
            else changed.mutate({ path: `organisations/${id}/contacts/${of.id}`, body });
          }}
        >
          <Choice
            label={words.role}
            name="role"
            value={of?.role ?? "abuse"}
            options={(["abuse", "security", "noc", "management"] as const).map(
              (one) => [one, words.roles[one]] as const,
            )}
          />
          <Field label={t.desk.word.name} name="name" maxLength={200} defaultValue={of?.name ?? ""} />
          <Field label={t.desk.word.mail} name="mail" type="email" maxLength={254} defaultValue={of?.mail ?? ""} />
          <Field label={words.phone} name="phone" type="tel" maxLength={50} defaultValue={of?.phone ?? ""} />
          <Choice
            label={t.desk.word.language}
            name="language"
            value={of?.language ?? "en"}
            options={Object.entries(languages)}
          />
          <Field
            label={words.webhook}
            name="webhook"
            type="url"
            pattern="https://.*"
            maxLength={500}
            defaultValue={of?.webhook ?? ""}
          />
          <label className="field">
            <span>{words.key}</span>
            <textarea name="openpgpKey" maxLength={20_000} className="mono" />
          </label>
        </FormDialog>
      )}
    </Panel>
  );
};

export const History = ({ answer }: { answer: Organisation }) => {
  const { t } = useWords();
  const words = t.office.organisation;
  return (
    <Panel title={words.history}>
      {answer.history.length === 0 ? (
        <Empty title={words.noHistory} />
      ) : (
        <Table
          label={words.history}
          rows={answer.history.toReversed()}
          keyOf={({ at, subject, change }) => `${at} ${subject} ${change}`}
          columns={[
            { key: "at", head: `${t.word.time} (UTC)`, rowHead: true, cell: ({ at }) => <When at={at} alone /> },
            { key: "by", head: t.desk.word.by, cell: ({ by }) => by },
            { key: "change", head: "", cell: ({ change }) => words.historyChanges[change] },
            {
              key: "subject",
              head: t.desk.cases.subject,
              cell: ({ subject }) => <span className="mono">{subject}</span>,
            },
            {
              key: "what",
              head: "",
              className: "text",
              cell: ({ before, after }) => (
                <>
                  {before === null ? "" : <del className="faint">{before}</del>} {after ?? ""}
                </>
              ),
            },
          ]}
        />
      )}
    </Panel>
  );
};
