// SPDX-License-Identifier: Apache-2.0
import { useState } from "react";
import type { DeskBody } from "../../../../src/api/contract/desk/index.ts";
import type { Imported } from "../../../../src/api/contract/desk/organisations.ts";
import { Refused } from "../../desk/Loaded.tsx";
import { useSend } from "../../desk/client.ts";
import { fileText } from "../../desk/fileText.ts";
import { Head, Panel, Segments } from "../../design/parts.tsx";
import { Table } from "../../design/Table.tsx";
import { useWords } from "../../words/index.tsx";
import "../../desk/desk.css";

type ImportBody = DeskBody<"import">;
/** What a file may look like: the first line names its columns, in any order. */
const sample = `organisation,name,country,network,role,mail,language
kirei,Kirei University Hospital,JP,192.0.2.0/24,security,csirt@kirei.example,ja
kirei,,,AS64500,,,
siam,Siam Link,TH,198.51.100.0/24,abuse,abuse@siam.example,th
`;

/** The constituency from a file: first what would change, then the change. */
export const Import = () => {
  const { t, f } = useWords();
  const words = t.office.import;
  const [content, setContent] = useState("");
  const [form, setForm] = useState<"csv" | "yaml">("csv");
  /** Why the chosen file is not what stands below. */
  const [fault, setFault] = useState<"utf16" | "encoding" | "unreadable">();
  const take = async (file: File): Promise<void> => {
    setFault(undefined);
    try {
      const read = fileText(new Uint8Array(await file.arrayBuffer()));
      if ("fault" in read) return setFault(read.fault);
      setForm(/\.ya?ml$/i.test(file.name) ? "yaml" : "csv");
      setContent(read.text);
    } catch {
      setFault("unreadable");
    }
  };
  const [replace, setReplace] = useState(false);
  const [looked, setLooked] = useState<{ readonly of: ImportBody; readonly answer: Imported }>();
  const sent = useSend("import", (answer, { body }) => setLooked({ of: body, answer }));
  // What would change is said of this very text: nothing else is applied.
  const result =
    looked?.of.content === content && looked.of.form === form && looked.of.replace === replace
      ? looked.answer
      : undefined;
  const send = (apply: boolean) =>
    sent.mutate({ path: "constituency/import", body: { form, content, apply, replace } });
  return (
    <>
      <Head title={words.title} lede={words.lede} />
      <div className="stack">
        <Panel>
          <form
            className="form"
            onSubmit={(event) => {
              event.preventDefault();
              send(false);
            }}
          >
            <div className="inline-form">
              <label className="field">
                <span>{words.file}</span>
                <input
                  type="file"
                  accept=".csv,.yaml,.yml,text/csv,application/yaml"
                  onChange={(event) => {
                    const file = event.currentTarget.files?.[0];
                    // A file that was mended is chosen again under its name.
                    event.currentTarget.value = "";
                    if (file !== undefined) void take(file);
                  }}
                />
              </label>
              <Segments
                label={words.form}
                value={form}
                options={[
                  ["csv", "CSV"],
                  ["yaml", "YAML"],
                ]}
                onChange={setForm}
              />
            </div>
            {fault === undefined ? undefined : (
              <p className="refused" role="alert">
                {words.misread[fault]}
              </p>
            )}
            <details className="table">
              <summary>{words.columns}</summary>
              <p className="muted small">{words.columnsText}</p>
              {/* What scrolls must be reachable by keyboard. */}
              {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
              <pre className="sample" tabIndex={0}>
                {sample}
              </pre>
              <button type="button" className="button" onClick={() => (setContent(sample), setForm("csv"))}>
                {words.tryIt}
              </button>
            </details>
            <label className="field">
              <span>{words.paste}</span>
              <textarea
                className="mono"
                rows={10}
                value={content}
                onChange={(event) => setContent(event.target.value)}
                spellCheck={false}
              />
            </label>
            <label className="tick-line">
              <input type="checkbox" checked={replace} onChange={(event) => setReplace(event.target.checked)} />{" "}
              {words.replace}
            </label>
            <Refused error={sent.error} />
            <div className="buttons">
              <button type="submit" className="button" disabled={content.trim() === "" || sent.isPending}>
                {words.look}
              </button>
              <button
                type="button"
                className="button primary"
                disabled={result === undefined || result.applied || result.faults.length > 0 || sent.isPending}
                onClick={() => send(true)}
              >
                {words.apply}
              </button>
            </div>
          </form>
        </Panel>
        {result === undefined ? undefined : (
          <Panel title={result.applied ? words.applied : words.look}>
            {result.faults.length > 0 ? undefined : (
              <p role="status">
                {words.result({
                  added: f.count(result.added),
                  changed: f.count(result.changed),
                  ended: f.count(result.ended),
                  same: f.count(result.same),
                })}
              </p>
            )}
            {result.faults.map((fault) => (
              <p key={`${fault.line} ${fault.detail}`} className="notice-line act">
                {fault.line === null ? "" : `${words.line(f.count(fault.line))}: `}
                {fault.detail}
              </p>
            ))}
            {result.warnings.map((warning) => (
              <p key={`${warning.line} ${warning.detail}`} className="notice-line warn">
                {warning.line === null ? "" : `${words.line(f.count(warning.line))}: `}
                {warning.detail}
              </p>
            ))}
            <Table
              label={words.look}
              rows={result.rows}
              keyOf={({ subject, change, what }) => `${what} ${change} ${subject}`}
              columns={[
                { key: "change", head: "", cell: ({ change }) => t.office.organisation.historyChanges[change] },
                { key: "what", head: t.desk.word.kind, cell: ({ what }) => t.office.constituency.changeKinds[what] },
                {
                  key: "subject",
                  head: t.desk.cases.subject,
                  rowHead: true,
                  cell: ({ subject }) => <span className="mono">{subject}</span>,
                },
                { key: "before", head: words.before, className: "text", cell: ({ before }) => before ?? "–" },
                { key: "after", head: words.after, className: "text", cell: ({ after }) => after ?? "–" },
              ]}
            />
          </Panel>
        )}
      </div>
    </>
  );
};
