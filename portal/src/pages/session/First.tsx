// SPDX-License-Identifier: Apache-2.0
import { useNavigate } from "@tanstack/react-router";
import { deskSend } from "../../desk/client.ts";
import { useTakeSession } from "../../desk/session.ts";
import { useWords } from "../../words/index.tsx";
import { Ask, Field, given } from "./fields.tsx";
import { useSecret } from "./secret.ts";

/** `/first#SECRET`: the link that a new node prints once. */
export const First = () => {
  const { t, language } = useWords();
  const s = t.desk.session;
  const token = useSecret();
  const take = useTakeSession();
  const navigate = useNavigate();
  return (
    <div className="sign">
      <h1>{s.first}</h1>
      <p>{token === "" ? s.firstMissing : s.firstText}</p>
      {token === "" ? undefined : (
        <Ask
          button={s.make}
          onSend={async (form) => {
            take(
              await deskSend("session/first", "session/first", {
                token,
                name: given(form, "name"),
                mail: given(form, "mail"),
                password: String(form.get("password")),
                language,
              }),
            );
            await navigate({ to: "/" });
          }}
        >
          <Field label={s.yourName} name="name" required maxLength={200} autoComplete="name" />
          <Field label={s.mail} name="mail" type="email" required maxLength={254} autoComplete="username" />
          <Field
            label={s.password}
            hint={s.passwordHint}
            name="password"
            type="password"
            required
            minLength={12}
            maxLength={256}
            autoComplete="new-password"
          />
        </Ask>
      )}
    </div>
  );
};
