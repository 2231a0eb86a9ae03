// SPDX-License-Identifier: Apache-2.0
import { Link, useNavigate } from "@tanstack/react-router";
import { deskSend } from "../../desk/client.ts";
import { useSession, useTakeSession } from "../../desk/session.ts";
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
  const { session, failed } = useSession();
  // No form that goes again: who it is for is known in a moment.
  if (session === undefined && failed === undefined)
    return (
      <div className="sign">
        <h1>{s.first}</h1>
      </div>
    );
  // Whoever makes the first one here goes on by the second factor.
  if (session != null && session.state !== "first" && session.state !== "enrol")
    return (
      <div className="sign">
        <h1>{s.first}</h1>
        <p>{s.firstUsed}</p>
        {session.state === "in" ? undefined : (
          <p>
            <Link className="button primary" to="/">
              {s.signIn}
            </Link>
          </p>
        )}
      </div>
    );
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
