// SPDX-License-Identifier: Apache-2.0
import { useQuery } from "@tanstack/react-query";
import type { ChangeRow, Changes } from "../../../../src/api/contract/desk/organisations.ts";
import { Loaded, Refused } from "../../desk/Loaded.tsx";
import { deskAsk, useSend } from "../../desk/client.ts";
import { Ago, OwnerName } from "../../desk/parts.tsx";
import { Empty, Panel } from "../../design/parts.tsx";
import { useWords } from "../../words/index.tsx";
import "../desk/case.css";

/** What members ask for, and claims of networks with their proof. */
export const ChangesPanel = ({ organisation, decide = true }: { organisation?: string; decide?: boolean }) => {
  const { t, f } = useWords();
  const words = t.office.constituency;
  const asked = useQuery(
    deskAsk(
      "changes",
      "changes",
      {
        state: "open",
        limit: 200,
        ...(organisation === undefined ? {} : { organisation }),
      },
      30_000,
    ),
  );
  const decided = useSend("change/decide");
  const proved = useSend("change/prove");
  const act = (change: ChangeRow, decision: "approve" | "refuse" | "withdraw") =>
    decided.mutate({ path: `changes/${change.id}`, body: { decision } });
  return (
    <Panel title={words.changes}>
      <Refused error={decided.error ?? proved.error} />
      <Loaded<Changes> asked={asked}>
        {({ rows }) =>
          rows.length === 0 ? (
            <Empty title={words.noChanges} />
          ) : (
            <ul className="small-list">
              {rows.map((change) => (
                <li key={change.id}>
                  <OwnerName organisation={change.organisation} />
                  <span>{words.changeKinds[change.kind]}</span>
                  <span className="mono">{change.subject}</span>
                  <span className="muted">
                    {change.before === null ? "" : <del>{change.before}</del>} {change.after ?? ""}
                  </span>
                  <span className="faint small">
                    {change.by}, <Ago at={change.at} />
                  </span>
                  <span className={`chip ${change.state === "asked" ? "accent" : "warn"}`}>
                    {words.changeStates[change.state]}
                  </span>
                  <span className="end row no-print">
                    {change.state === "proof" ? (
                      <button
                        type="button"
                        className="button"
                        disabled={proved.isPending}
                        onClick={() => proved.mutate({ path: `changes/${change.id}/prove`, body: {} })}
                      >
                        {words.prove}
                      </button>
                    ) : undefined}
                    {decide ? (
                      <>
                        <button
                          type="button"
                          className="button"
                          disabled={decided.isPending}
                          onClick={() => act(change, "approve")}
                        >
                          {words.approve}
                        </button>
                        <button
                          type="button"
                          className="button quiet"
                          disabled={decided.isPending}
                          onClick={() => act(change, "refuse")}
                        >
                          {words.refuse}
                        </button>
                      </>
                    ) : (
                      <button
                        type="button"
                        className="button quiet"
                        disabled={decided.isPending}
                        onClick={() => act(change, "withdraw")}
                      >
                        {t.desk.word.cancel}
                      </button>
                    )}
                  </span>
                  {change.proof === null ? undefined : (
                    <span className="small muted">
                      {words.proof} ({words.methods[change.proof.method]}):{" "}
                      {change.proof.shown === null ? (
                        <code>{change.proof.instruction}</code>
                      ) : (
                        words.proofShown(words.methods[change.proof.method], f.time(new Date(change.proof.shown)))
                      )}
                    </span>
                  )}
                  {change.waitsUntil === null ? undefined : (
                    <span className="small muted">{words.waits(f.time(new Date(change.waitsUntil)))}</span>
                  )}
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </Panel>
  );
};
