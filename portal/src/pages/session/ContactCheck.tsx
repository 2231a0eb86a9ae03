// SPDX-License-Identifier: Apache-2.0
import { useState } from "react";
import { deskSend } from "../../desk/client.ts";
import { useWords } from "../../words/index.tsx";
import { Ask } from "./fields.tsx";
import { useSecret } from "./secret.ts";

/** `/contact-check#SECRET`: one click says that somebody reads the mailbox. Opening the link alone says nothing. */
export const ContactCheck = () => {
  const { t } = useWords();
  const s = t.desk.session;
  const token = useSecret();
  const [done, setDone] = useState<{ organisation: string; mail: string | null }>();
  return (
    <div className="sign">
      <h1>{s.checkTitle}</h1>
      {done !== undefined ? (
        <p role="status">{s.checkText(done.organisation, done.mail ?? "")}</p>
      ) : token === "" ? (
        <p>{t.desk.refusals.LINK_INVALID}</p>
      ) : (
        <>
          <p>{s.checkAsk}</p>
          <Ask
            button={s.checkButton}
            onSend={async () => setDone(await deskSend("contact/confirm", "contact-check", { token }))}
          >
            {undefined}
          </Ask>
        </>
      )}
    </div>
  );
};
