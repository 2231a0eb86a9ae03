// SPDX-License-Identifier: Apache-2.0
import { useState } from "react";
import type { Case } from "../../../../src/api/contract/desk/cases.ts";
import { ApiError } from "../../api.ts";
import { Refused } from "../../desk/Loaded.tsx";
import { useSend } from "../../desk/client.ts";
import { newestError } from "../../desk/newest.ts";
import { CaseLink, CaseStateChip, Tlp } from "../../desk/parts.tsx";
import { Panel, useNow } from "../../design/parts.tsx";
import { useWords } from "../../words/index.tsx";

const read = (form: HTMLFormElement, name: string): string => {
  const value = new FormData(form).get(name);
  return typeof value === "string" ? value.trim() : "";
};

export const Tasks = ({ answer: { case: one, tasks, may } }: { answer: Case }) => {
  const { t, f } = useWords();
  const words = t.desk.cases;
  const now = useNow(60_000);
  const added = useSend("case/task");
  const done = useSend("case/task/done");
  if (tasks.length === 0 && !may.includes("task")) return undefined;
  return (
    <Panel title={words.tasks}>
      <ul className="small-list">
        {tasks.map((task) => (
          <li key={task.id}>
            <label>
              <input
                type="checkbox"
                checked={task.done !== null}
                disabled={!may.includes("task") || done.isPending}
                onChange={(event) =>
                  done.mutate({ path: `cases/${one.number}/tasks/${task.id}`, body: { done: event.target.checked } })
                }
              />{" "}
              <span className={task.done === null ? "" : "done"}>{task.title}</span>
            </label>
            <span className="end small muted">
              {task.assignee ?? ""} {task.due === null ? "" : f.dayShort(new Date(task.due))}{" "}
              {task.done === null && task.due !== null && Date.parse(task.due) < now.getTime() ? (
                <span className="chip act">{words.overdue}</span>
              ) : undefined}
            </span>
          </li>
        ))}
      </ul>
      {may.includes("task") ? (
        <form
          className="inline-form no-print"
          onSubmit={(event) => {
            event.preventDefault();
            const form = event.currentTarget;
            const due = read(form, "due");
            added.mutate(
              {
                path: `cases/${one.number}/tasks`,
                body: { title: read(form, "title"), ...(due === "" ? {} : { due: `${due}T23:59:59.999Z` }) },
              },
              { onSuccess: () => form.reset() },
            );
          }}
        >
          <label className="field">
            <span>{words.task}</span>
            <input name="title" required maxLength={200} />
          </label>
          <label className="field">
            <span>{words.due}</span>
            <input name="due" type="date" />
          </label>
          <button type="submit" className="button" disabled={added.isPending}>
            {words.addTask}
          </button>
        </form>
      ) : undefined}
      <Refused error={newestError(added, done)} />
    </Panel>
  );
};

const relations = ["related", "duplicate", "parent", "child", "campaign"] as const;
export const Links = ({ answer: { case: one, links, may } }: { answer: Case }) => {
  const { t } = useWords();
  const words = t.desk.cases;
  const added = useSend("case/link");
  if (links.length === 0 && !may.includes("link")) return undefined;
  return (
    <Panel title={words.linked}>
      <ul className="small-list">
        {links.map((link) => (
          <li key={`${link.case} ${link.relation}`}>
            <span className="muted">
              {words.relations[link.relation as (typeof relations)[number]] ?? link.relation}
            </span>
            <CaseLink number={link.case} />
            <span className="small muted">{link.title}</span>
            <span className="end">
              <CaseStateChip state={link.state} />
            </span>
          </li>
        ))}
      </ul>
      {may.includes("link") ? (
        <form
          className="inline-form no-print"
          onSubmit={(event) => {
            event.preventDefault();
            const form = event.currentTarget;
            const relation = relations.find((name) => name === read(form, "relation")) ?? "related";
            added.mutate(
              {
                path: `cases/${one.number}/links`,
                body: { case: Number(read(form, "case").replace(/\D/g, "")), relation },
              },
              { onSuccess: () => form.reset() },
            );
          }}
        >
          <label className="field">
            <span>{words.relation}</span>
            <select name="relation">
              {relations.map((name) => (
                <option key={name} value={name}>
                  {words.relations[name]}
                </option>
              ))}
            </select>
          </label>
          <label className="field">
            <span>{words.linkNumber}</span>
            <input name="case" required pattern="(LAYANG-)?[1-9][0-9]*" inputMode="numeric" />
          </label>
          <button type="submit" className="button" disabled={added.isPending}>
            {words.addLink}
          </button>
        </form>
      ) : undefined}
      <Refused error={added.error} />
    </Panel>
  );
};

const most = 1_000_000;
const base64Of = async (file: File): Promise<string> => {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 32_768) text += String.fromCharCode(...bytes.subarray(at, at + 32_768));
  return btoa(text);
};
export const Attachments = ({ answer: { case: one, attachments, may } }: { answer: Case }) => {
  const { t, f } = useWords();
  const words = t.desk.cases;
  const [fault, setFault] = useState<ApiError | null>(null);
  const [reading, setReading] = useState(false);
  const added = useSend("case/attach");
  const attach = async (file: File): Promise<void> => {
    // Why another file was refused says nothing of this one.
    added.reset();
    setFault(
      file.size === 0
        ? new ApiError("EMPTY", 422, words.emptyFile)
        : file.size > most
          ? new ApiError("TOO_LARGE", 413, words.tooLarge)
          : null,
    );
    if (file.size === 0 || file.size > most) return;
    setReading(true);
    try {
      added.mutate({
        path: `cases/${one.number}/attachments`,
        body: {
          name: file.name.replaceAll(/[/\\]/g, "_").slice(0, 200),
          type: file.type === "" ? "application/octet-stream" : file.type,
          content: await base64Of(file),
          marking: "TLP:AMBER",
        },
      });
    } catch {
      // It was moved or changed since it was chosen, or the disk does not give it.
      setFault(new ApiError("UNREADABLE", 422, words.unreadable));
    } finally {
      setReading(false);
    }
  };
  if (attachments.length === 0 && !may.includes("attach")) return undefined;
  return (
    <Panel title={words.attachments}>
      <ul className="small-list">
        {attachments.map((file) => (
          <li key={file.id}>
            <a
              href={`/api/v1/desk/cases/${one.number}/attachments/${encodeURIComponent(file.id)}`}
              download={file.name}
            >
              {file.name}
            </a>
            <span className="small muted">
              {f.bytes(file.bytes)} · {file.by}
            </span>
            <span className="end">
              <Tlp marking={file.marking} />
            </span>
          </li>
        ))}
      </ul>
      {may.includes("attach") ? (
        <label className="field no-print">
          <span>{words.attach}</span>
          <input
            type="file"
            disabled={reading || added.isPending}
            onChange={(event) => {
              const file = event.currentTarget.files?.[0];
              // The same file may be chosen again.
              event.currentTarget.value = "";
              if (file !== undefined) void attach(file);
            }}
          />
        </label>
      ) : undefined}
      <Refused error={fault ?? added.error} />
    </Panel>
  );
};
