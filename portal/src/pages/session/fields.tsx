// SPDX-License-Identifier: Apache-2.0
import { useMutation } from "@tanstack/react-query";
import { type InputHTMLAttributes, type ReactNode, useState } from "react";
import type { FactorMade } from "../../../../src/api/contract/desk/session.ts";
import { ApiError } from "../../api.ts";
import { Refused } from "../../desk/Loaded.tsx";
import { deskSend } from "../../desk/client.ts";
import { useWords } from "../../words/index.tsx";
import { Qr } from "./Qr.tsx";
import { makePasskey, passkeysWork } from "./passkeys.ts";
import "./session.css";

export const Field = ({
  label,
  hint,
  className = "",
  ...input
}: { label: string; hint?: ReactNode } & InputHTMLAttributes<HTMLInputElement>) => (
  <label className={`field ${className}`}>
    <span>{label}</span>
    <input {...input} />
    {hint === undefined ? undefined : <small className="muted">{hint}</small>}
  </label>
);

/** What a browser throws when a passkey is cancelled is no fault: it says so in the page's words. */
export const failureOf = (error: unknown, words: string): ApiError =>
  error instanceof ApiError ? error : new ApiError("PASSKEY", 400, words);

/** A sentence, its fields, one button. */
export const Ask = ({
  button,
  className,
  onSend,
  children,
}: {
  button: string;
  className?: string;
  onSend: (form: FormData) => Promise<void>;
  children: ReactNode;
}) => {
  const { t } = useWords();
  const sent = useMutation<void, ApiError, FormData>({ mutationFn: onSend });
  return (
    <form
      className={className}
      onSubmit={(event) => {
        event.preventDefault();
        sent.mutate(new FormData(event.currentTarget));
      }}
    >
      {children}
      <Refused error={sent.error} />
      <button type="submit" className="button primary" disabled={sent.isPending}>
        {sent.isPending ? t.state.loading : button}
      </button>
    </form>
  );
};
export const given = (form: FormData, name: string): string => {
  const value = form.get(name);
  return typeof value === "string" ? value.trim() : "";
};

/** The codes that are shown once. */
export const RecoveryCodes = ({ codes, onKept }: { codes: readonly string[]; onKept: () => void }) => {
  const { t } = useWords();
  return (
    <div className="sign">
      <h1>{t.desk.session.codes}</h1>
      <p>{t.desk.session.codesText}</p>
      <ul className="codes">
        {codes.map((code) => (
          <li key={code}>{code}</li>
        ))}
      </ul>
      <form onSubmit={(event) => (event.preventDefault(), onKept())}>
        <button type="button" className="button no-print" onClick={() => print()}>
          {t.action.print}
        </button>
        <button type="submit" className="button primary no-print">
          {t.desk.session.codesKept}
        </button>
      </form>
    </div>
  );
};

/** Sets up a passkey or an app: after the first password, and again on the account's page. */
export const Enrol = ({ onMade }: { onMade: (made: FactorMade) => void }) => {
  const { t } = useWords();
  const s = t.desk.session;
  const [key, setKey] = useState<{ secret: string; uri: string }>();
  const begin = useMutation<void, ApiError>({
    mutationFn: async () => setKey(await deskSend("session/totp/begin", "session/totp/begin", {})),
  });
  return (
    <>
      <div className="choice">
        <h2>{s.passkey}</h2>
        <p className="muted">{s.passkeyText}</p>
        {passkeysWork() ? (
          <Ask
            button={s.addPasskey}
            onSend={async (form) => {
              try {
                onMade(await makePasskey(given(form, "name")));
              } catch (error) {
                throw failureOf(error, s.passkeyFailed);
              }
            }}
          >
            <Field
              label={s.passkeyName}
              name="name"
              required
              maxLength={100}
              defaultValue={navigator.platform || "1"}
            />
          </Ask>
        ) : (
          <p>{s.noPasskeys}</p>
        )}
      </div>
      <div className="choice">
        <h2>{s.totp}</h2>
        <p className="muted">{s.totpText}</p>
        {key === undefined ? (
          <>
            <Refused error={begin.error} />
            <button type="button" className="button" disabled={begin.isPending} onClick={() => begin.mutate()}>
              {s.addTotp}
            </button>
          </>
        ) : (
          <>
            <p>{s.totpScan}</p>
            <Qr text={key.uri} label={s.totpCode} />
            <p>{s.totpKey}</p>
            <p className="key">{key.secret.replaceAll(/(.{4})/g, "$1 ").trim()}</p>
            <p>
              <a href={key.uri}>{s.totpOpen}</a>
            </p>
            <Ask
              button={s.confirm}
              onSend={async (form) => {
                onMade(await deskSend("session/totp/confirm", "session/totp/confirm", { code: given(form, "code") }));
                // A secret that is in use has no place on the page.
                setKey(undefined);
              }}
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
          </>
        )}
      </div>
    </>
  );
};
