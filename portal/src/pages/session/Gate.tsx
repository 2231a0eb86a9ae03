// SPDX-License-Identifier: Apache-2.0
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import type { FactorMade, Session } from "../../../../src/api/contract/desk/session.ts";
import type { ApiError } from "../../api.ts";
import { Refused } from "../../desk/Loaded.tsx";
import { deskSend } from "../../desk/client.ts";
import { useTakeSession } from "../../desk/session.ts";
import { useWords } from "../../words/index.tsx";
import { Ask, Enrol, Field, RecoveryCodes, failureOf, given } from "./fields.tsx";
import { passkeysWork, signWithPasskey } from "./passkeys.ts";

const PasskeyButton = ({ text }: { text: string }) => {
  const { t } = useWords();
  const take = useTakeSession();
  const used = useMutation<void, ApiError>({
    mutationFn: async () => {
      try {
        take(await signWithPasskey());
      } catch (error) {
        throw failureOf(error, t.desk.session.passkeyFailed);
      }
    },
  });
  return passkeysWork() ? (
    <>
      <button type="button" className="button" disabled={used.isPending} onClick={() => used.mutate()}>
        {text}
      </button>
      <Refused error={used.error} />
    </>
  ) : undefined;
};

const Login = ({ session }: { session: Session }) => {
  const { t } = useWords();
  const s = t.desk.session;
  const take = useTakeSession();
  return (
    <div className="sign">
      <h1>{s.welcome}</h1>
      <Ask
        button={s.signIn}
        onSend={async (form) =>
          take(
            await deskSend("session/login", "session/login", {
              mail: given(form, "mail"),
              password: String(form.get("password")),
            }),
          )
        }
      >
        <Field label={s.mail} name="mail" type="email" required autoComplete="username webauthn" maxLength={254} />
        <Field
          label={s.password}
          name="password"
          type="password"
          required
          autoComplete="current-password"
          maxLength={256}
        />
      </Ask>
      <p className="or">{s.or}</p>
      <div className="stack">
        <PasskeyButton text={s.withPasskey} />
        {session.providers.map(({ id, name }) => (
          <a
            key={id}
            className="button"
            href={`/api/v1/desk/session/providers/${encodeURIComponent(id)}/start?to=${encodeURIComponent(location.pathname + location.search)}`}
          >
            {s.with(name)}
          </a>
        ))}
        <p className="small muted">{s.noAccount}</p>
      </div>
    </div>
  );
};

const Factor = ({ session }: { session: Session }) => {
  const { t } = useWords();
  const s = t.desk.session;
  const take = useTakeSession();
  const [recovery, setRecovery] = useState(false);
  const totp = session.wanted.includes("totp") && !recovery;
  return (
    <div className="sign">
      <h1>{s.factor}</h1>
      <p>{s.factorText}</p>
      {session.wanted.includes("passkey") && !recovery ? (
        <div className="choice">
          <PasskeyButton text={s.usePasskey} />
        </div>
      ) : undefined}
      {totp ? (
        <Ask
          button={s.confirm}
          onSend={async (form) => take(await deskSend("session/totp", "session/totp", { code: given(form, "code") }))}
        >
          <Field
            label={s.code}
            name="code"
            required
            inputMode="numeric"
            autoComplete="one-time-code"
            pattern="[0-9]{6}"
            maxLength={6}
            className="code-field"
          />
        </Ask>
      ) : undefined}
      {recovery ? (
        <Ask
          button={s.confirm}
          onSend={async (form) =>
            take(await deskSend("session/recovery", "session/recovery", { code: given(form, "code") }))
          }
        >
          <Field label={s.recovery} name="code" required minLength={8} maxLength={64} autoComplete="off" />
        </Ask>
      ) : session.wanted.includes("recovery") ? (
        <p>
          <button type="button" className="button quiet" onClick={() => setRecovery(true)}>
            {s.useRecovery}
          </button>
        </p>
      ) : undefined}
      <Back />
    </div>
  );
};

/** Half way in, by the wrong account or without the second factor at hand: back to the beginning. */
const Back = () => {
  const { t } = useWords();
  const take = useTakeSession();
  const left = useMutation<void, ApiError>({
    mutationFn: async () => take(await deskSend("session/logout", "session/logout", {})),
  });
  return (
    <>
      <p>
        <button type="button" className="button quiet" disabled={left.isPending} onClick={() => left.mutate()}>
          {t.desk.nav.signOut}
        </button>
      </p>
      <Refused error={left.error} />
    </>
  );
};

const EnrolPage = ({ onMade }: { onMade: (made: FactorMade) => void }) => {
  const { t } = useWords();
  const take = useTakeSession();
  return (
    <div className="sign">
      <h1>{t.desk.session.enrol}</h1>
      <p>{t.desk.session.enrolText}</p>
      <Enrol
        onMade={(now) => {
          if (now.recoveryCodes.length === 0) take(now.session);
          else onMade(now);
        }}
      />
      <Back />
    </div>
  );
};

/**
 * Stands where the page would, until who asks is known. The address stays: after signing in the page that was wanted shows. `made`: the first
 * second factor, whose recovery codes are shown once, and until they are kept: the session knows nothing of that.
 */
export const Gate = ({
  session,
  made,
  onMade,
}: {
  session: Session;
  made: FactorMade | undefined;
  onMade: (made: FactorMade | undefined) => void;
}) => {
  const { t } = useWords();
  const take = useTakeSession();
  if (made !== undefined) {
    return (
      <RecoveryCodes
        codes={made.recoveryCodes}
        onKept={() => {
          take(made.session);
          onMade(undefined);
        }}
      />
    );
  }
  switch (session.state) {
    case "first":
      return (
        <div className="sign">
          <h1>{t.desk.session.first}</h1>
          <p>{t.desk.session.firstText}</p>
          <p>{t.desk.session.firstMissing}</p>
        </div>
      );
    case "factor":
      return <Factor session={session} />;
    case "enrol":
      return <EnrolPage onMade={onMade} />;
    default:
      return <Login session={session} />;
  }
};
