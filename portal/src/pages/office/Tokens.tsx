// SPDX-License-Identifier: Apache-2.0
import { useState } from "react";
import type { TokenMade, TokenRow, Tokens } from "../../../../src/api/contract/desk/people.ts";
import { FormDialog, read } from "../../desk/Form.tsx";
import { Refused } from "../../desk/Loaded.tsx";
import { Rows } from "../../desk/Rows.tsx";
import { useSend } from "../../desk/client.ts";
import { Ago } from "../../desk/parts.tsx";
import { useRows } from "../../desk/useRows.ts";
import { Copy, Panel, useNow } from "../../design/parts.tsx";
import { useWords } from "../../words/index.tsx";
import { Field } from "../session/fields.tsx";

const scopes = [
  "observatory:read",
  "alerts:read",
  "alerts:write",
  "cases:read",
  "cases:write",
  "constituency:read",
  "constituency:write",
  "lookup:read",
  "statistics:read",
] as const satisfies readonly TokenRow["scopes"][number][];

export const TokensPanel = () => {
  const { t, f } = useWords();
  const words = t.office.people;
  const now = useNow(60_000);
  const list = useRows<Tokens>("tokens", { limit: 100 });
  const [adding, setAdding] = useState(false);
  const [made, setMade] = useState<TokenMade>();
  const added = useSend("tokens/new", (token) => (setMade(token), setAdding(false)));
  const revoked = useSend("token/revoke");
  return (
    <Panel
      title={words.tokens}
      note={words.tokensNote}
      actions={
        <button type="button" className="button" onClick={() => setAdding(true)}>
          {words.addToken}
        </button>
      }
    >
      {made === undefined ? undefined : (
        <div className="notice-line" role="status">
          <div>
            <strong>
              {words.secret} {made.token.name}
            </strong>
            <p className="secret">
              <Copy text={made.secret} />
            </p>
            <p className="small muted">{words.secretNote}</p>
          </div>
          <button type="button" className="button quiet end" onClick={() => setMade(undefined)}>
            {t.action.close}
          </button>
        </div>
      )}
      <Refused error={revoked.error} />
      <Rows<TokenRow>
        list={list}
        label={words.tokens}
        keyOf={({ id }) => id}
        empty={words.noTokens}
        columns={[
          { key: "name", head: t.desk.word.name, rowHead: true, cell: ({ name }) => name },
          { key: "owner", head: words.owner, cell: ({ owner }) => owner },
          {
            key: "scopes",
            head: words.scopes,
            className: "text",
            cell: (row) => <span className="mono small">{row.scopes.join(" ")}</span>,
          },
          {
            key: "expires",
            head: words.expires,
            cell: ({ expires, revoked: ended }) =>
              ended !== null ? (
                <span className="chip faint-chip">{words.revoked}</span>
              ) : Date.parse(expires) < now.getTime() ? (
                <span className="chip faint-chip">{words.expired}</span>
              ) : (
                f.day(new Date(expires))
              ),
          },
          {
            key: "used",
            head: words.used,
            cell: ({ used }) => (used === null ? <span className="faint">{words.never}</span> : <Ago at={used} />),
          },
          {
            key: "do",
            head: "",
            cell: ({ id, revoked: ended }) =>
              ended === null ? (
                <button
                  type="button"
                  className="button quiet"
                  disabled={revoked.isPending}
                  onClick={() => revoked.mutate({ path: `tokens/${id}/revoke`, body: {} })}
                >
                  {words.revoke}
                </button>
              ) : undefined,
          },
        ]}
      />
      {adding ? (
        <FormDialog
          title={words.addToken}
          note={words.tokensNote}
          button={words.addToken}
          pending={added.isPending}
          error={added.error}
          onClose={() => setAdding(false)}
          onSend={(form) =>
            added.mutate({
              path: "tokens",
              body: {
                name: read(form, "name"),
                scopes: scopes.filter((scope) => form.getAll("scope").includes(scope)),
                days: Math.min(366, Math.max(1, Math.round(Number(read(form, "days"))) || 90)),
              },
            })
          }
        >
          <Field label={t.desk.word.name} name="name" required maxLength={100} />
          <fieldset className="which">
            <legend>{words.scopes}</legend>
            {scopes.map((scope) => (
              <label key={scope} className="mono small">
                <input type="checkbox" name="scope" value={scope} /> {scope}
              </label>
            ))}
          </fieldset>
          <Field label={words.days} name="days" type="number" min={1} max={366} defaultValue={90} required />
        </FormDialog>
      ) : undefined}
    </Panel>
  );
};
