// SPDX-License-Identifier: Apache-2.0
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import type { InvitationSeen } from "../../../../src/api/contract/desk/session.ts";
import type { ApiError } from "../../api.ts";
import { Loaded } from "../../desk/Loaded.tsx";
import { deskSend } from "../../desk/client.ts";
import { useTakeSession } from "../../desk/session.ts";
import { useStatus } from "../../shell/status.ts";
import { useWords } from "../../words/index.tsx";
import { Ask, Field, given } from "./fields.tsx";
import { useSecret } from "./secret.ts";

/** `/invitation#SECRET`: a new account, or a new password and second factor for one that exists. */
export const Invitation = () => {
  const { t, f, language } = useWords();
  const s = t.desk.session;
  const token = useSecret();
  const take = useTakeSession();
  const navigate = useNavigate();
  const node = useStatus().data?.name ?? "Layang";
  const asked = useQuery<InvitationSeen & { asked?: string }, ApiError>({
    queryKey: ["invitation", token],
    queryFn: () => deskSend("session/invitation", "session/invitation", { token }),
    enabled: token !== "",
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (token === "") {
    return (
      <div className="sign">
        <h1>{s.invited(node)}</h1>
        <p>{t.desk.refusals.LINK_INVALID}</p>
      </div>
    );
  }
  return (
    <div className="sign">
      <Loaded asked={asked}>
        {(seen) => (
          <>
            <h1>{seen.purpose === "reset" ? s.resetTitle : s.invited(node)}</h1>
            <p>
              {seen.purpose === "reset"
                ? s.resetText
                : s.invitedText(seen.invitedBy, f.list(seen.roles.map((role) => t.desk.roles[role])))}{" "}
              {f.list(seen.organisations.map(({ name }) => name))}
            </p>
            <Ask
              button={seen.purpose === "reset" ? s.confirm : s.join}
              onSend={async (form) => {
                take(
                  await deskSend("session/accept", "session/accept", {
                    token,
                    name: given(form, "name"),
                    password: String(form.get("password")),
                    language,
                  }),
                );
                await navigate({ to: "/" });
              }}
            >
              <Field label={s.mail} name="mail" type="email" readOnly value={seen.mail} autoComplete="username" />
              <Field
                label={s.yourName}
                name="name"
                required
                maxLength={200}
                defaultValue={seen.name ?? ""}
                autoComplete="name"
              />
              <Field
                label={s.newPassword}
                hint={s.passwordHint}
                name="password"
                type="password"
                required
                minLength={12}
                maxLength={256}
                autoComplete="new-password"
              />
            </Ask>
          </>
        )}
      </Loaded>
    </div>
  );
};
