// SPDX-License-Identifier: Apache-2.0
import type { Inbox as InboxAnswer, InboxRow } from "../../../../src/api/contract/desk/notices.ts";
import { Refused } from "../../desk/Loaded.tsx";
import { Rows } from "../../desk/Rows.tsx";
import { useSend } from "../../desk/client.ts";
import { Ago, CaseLink, SeverityMark } from "../../desk/parts.tsx";
import { useRows } from "../../desk/useRows.ts";
import { Head, Panel } from "../../design/parts.tsx";
import { useExercise } from "../../shell/exercise.ts";
import { useWords } from "../../words/index.tsx";

/** Notices of an owner's own, in the portal. */
export const Inbox = () => {
  const { t, f } = useWords();
  const words = t.office.inbox;
  const exercise = useExercise();
  const list = useRows<InboxAnswer>("inbox", { limit: 100, exercise: exercise === "" ? undefined : exercise });
  const marked = useSend("inbox/read");
  const unread = (list.said?.facts as InboxAnswer["facts"] | undefined)?.unread;
  const lede = unread === undefined ? undefined : unread === 0 ? words.none : words.lede(unread, f.count(unread));
  const ids = (list.rows as readonly InboxRow[]).filter(({ read }) => read === null).map(({ id }) => id);
  return (
    <>
      <Head
        title={words.title}
        lede={list.asked.isError && lede === undefined ? t.state.errorTitle : lede}
        actions={
          ids.length === 0 ? undefined : (
            <button
              type="button"
              className="button"
              disabled={marked.isPending}
              onClick={() => marked.mutate({ path: "inbox/read", body: { ids: ids.slice(0, 200), read: true } })}
            >
              {words.readAll}
            </button>
          )
        }
      />
      <Refused error={marked.error} />
      <Panel>
        <Rows<InboxRow>
          list={list}
          label={words.title}
          keyOf={({ id }) => id}
          empty={words.emptyTitle}
          hint={words.emptyHint}
          columns={[
            {
              key: "severity",
              head: t.desk.word.severity,
              cell: ({ severity }) => <SeverityMark severity={severity} />,
            },
            {
              key: "subject",
              head: t.office.notices.subject,
              rowHead: true,
              className: "name",
              cell: ({ subject, read }) => (read === null ? <strong>{subject}</strong> : subject),
            },
            { key: "case", head: t.desk.word.case, cell: ({ case: number }) => <CaseLink number={number} /> },
            { key: "at", head: t.word.time, cell: ({ at }) => <Ago at={at} /> },
            {
              key: "read",
              head: "",
              cell: ({ id, read }) => (
                <button
                  type="button"
                  className="button quiet"
                  onClick={() => marked.mutate({ path: "inbox/read", body: { ids: [id], read: read === null } })}
                >
                  {read === null ? words.read : words.unread}
                </button>
              ),
            },
          ]}
        />
      </Panel>
    </>
  );
};
