// SPDX-License-Identifier: Apache-2.0
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { FactorMade, Factors, Session } from "../../../../src/api/contract/desk/session.ts";
import { Loaded, Refused } from "../../desk/Loaded.tsx";
import { deskAsk, deskSend, useSend } from "../../desk/client.ts";
import { useSession } from "../../desk/session.ts";
import { Ago } from "../../desk/parts.tsx";
import { Head, Panel } from "../../design/parts.tsx";
import { Table } from "../../design/Table.tsx";
import { useWords } from "../../words/index.tsx";
import { Ask, Enrol, Field, RecoveryCodes, given } from "./fields.tsx";

/** What people change about themselves: name, password, second factors, and where they are signed in. */
export const Account = () => {
  const { t, f } = useWords();
  const words = t.office.account;
  const { session } = useSession();
  const [made, setMade] = useState<FactorMade>();
  const client = useQueryClient();
  if (session?.demo === true) return <Head title={words.title} lede={words.demo} />;
  if (session?.person == null) return <Head title={words.title} lede={t.desk.session.signedOut} />;
  if (made !== undefined && made.recoveryCodes.length > 0) {
    return <RecoveryCodes codes={made.recoveryCodes} onKept={() => setMade(undefined)} />;
  }
  return (
    <>
      <Head
        title={words.title}
        lede={words.lede({ name: session.person.name, roles: f.list(session.roles.map((role) => t.desk.roles[role])) })}
      />
      <div className="grid">
        <div className="w6 stack">
          <Profile person={session.person} />
          {session.factors.password ? <PasswordPanel /> : undefined}
          <Panel title={words.add}>
            <div className="sign within">
              <Enrol
                onMade={(now) => {
                  setMade(now);
                  void client.invalidateQueries({ queryKey: ["desk"] });
                }}
              />
            </div>
          </Panel>
        </div>
        <div className="w6 stack">
          <FactorsPanel />
        </div>
      </div>
    </>
  );
};

const Profile = ({ person }: { person: NonNullable<Session["person"]> }) => {
  const { t, language } = useWords();
  const client = useQueryClient();
  return (
    <Panel title={t.office.account.profile}>
      <Ask
        className="form"
        button={t.desk.word.save}
        onSend={async (form) => {
          const now = await deskSend("session/profile", "session/profile", { name: given(form, "name"), language });
          client.setQueryData(["desk", "session", {}], now);
        }}
      >
        <Field label={t.desk.session.yourName} name="name" required maxLength={200} defaultValue={person.name} />
      </Ask>
    </Panel>
  );
};

const PasswordPanel = () => {
  const { t } = useWords();
  const words = t.office.account;
  const [done, setDone] = useState(false);
  const [turn, setTurn] = useState(0);
  return (
    <Panel title={words.password}>
      {done ? <p role="status">{words.changed}</p> : undefined}
      <Ask
        // What was typed does not stay on the page once it is the password.
        key={turn}
        className="form"
        button={words.changePassword}
        onSend={async (form) => {
          setDone(false);
          await deskSend("session/password", "session/password", {
            current: String(form.get("current")),
            next: String(form.get("next")),
          });
          setDone(true);
          setTurn((before) => before + 1);
        }}
      >
        <Field
          label={words.current}
          name="current"
          type="password"
          required
          maxLength={256}
          autoComplete="current-password"
        />
        <Field
          label={t.desk.session.newPassword}
          hint={t.desk.session.passwordHint}
          name="next"
          type="password"
          required
          minLength={12}
          maxLength={256}
          autoComplete="new-password"
        />
      </Ask>
    </Panel>
  );
};

const FactorsPanel = () => {
  const { t, f } = useWords();
  const words = t.office.account;
  const asked = useQuery(deskAsk("session/factors", "session/factors"));
  const removed = useSend("session/factors/remove");
  const remove = (body: { kind: "passkey" | "totp" | "session"; id?: string }) =>
    removed.mutate({ path: "session/factors/remove", body });
  return (
    <Loaded<Factors & { asked?: string }> asked={asked}>
      {(answer) => (
        <>
          <Panel title={words.factors}>
            <Refused error={removed.error} />
            <Table
              label={words.passkeys}
              rows={answer.passkeys}
              keyOf={({ id }) => id}
              columns={[
                { key: "name", head: words.passkeys, rowHead: true, cell: ({ name }) => name },
                { key: "made", head: words.made, cell: ({ made }) => <Ago at={made} /> },
                { key: "used", head: words.used, cell: ({ used }) => <Ago at={used} /> },
                {
                  key: "do",
                  head: "",
                  cell: ({ id }) => (
                    <button
                      type="button"
                      className="button quiet"
                      disabled={removed.isPending}
                      onClick={() => remove({ kind: "passkey", id })}
                    >
                      {t.desk.word.remove}
                    </button>
                  ),
                },
              ]}
            />
            {answer.passkeys.length === 0 ? <p className="muted">{words.noPasskeys}</p> : undefined}
            <p className="row">
              {answer.totp ? words.totpOn : <span className="muted">{words.totpOff}</span>}
              {answer.totp ? (
                <button
                  type="button"
                  className="button quiet"
                  disabled={removed.isPending}
                  onClick={() => remove({ kind: "totp" })}
                >
                  {t.desk.word.remove}
                </button>
              ) : undefined}
            </p>
            <p className="muted">{words.codesLeft(answer.recoveryCodes, f.count(answer.recoveryCodes))}</p>
          </Panel>
          <Panel title={words.sessions}>
            <Table
              label={words.sessions}
              rows={answer.sessions}
              keyOf={({ id }) => id}
              columns={[
                {
                  key: "agent",
                  head: "",
                  rowHead: true,
                  className: "text",
                  cell: ({ agent, current }) => (current ? `${agent} (${words.thisOne})` : agent),
                },
                { key: "began", head: words.began, cell: ({ began }) => <Ago at={began} /> },
                { key: "seen", head: t.office.people.seen, cell: ({ seen }) => <Ago at={seen} /> },
                {
                  key: "do",
                  head: "",
                  cell: ({ id, current }) =>
                    current ? undefined : (
                      <button
                        type="button"
                        className="button quiet"
                        disabled={removed.isPending}
                        onClick={() => remove({ kind: "session", id })}
                      >
                        {words.endSession}
                      </button>
                    ),
                },
              ]}
            />
          </Panel>
        </>
      )}
    </Loaded>
  );
};
