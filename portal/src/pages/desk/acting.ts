// SPDX-License-Identifier: Apache-2.0
import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import type { AlertActed, AlertAction, AlertRow, Alerts } from "../../../../src/api/contract/desk/alerts.ts";
import { ApiError } from "../../api.ts";
import { deskAsk, useSend } from "../../desk/client.ts";
import type { useRows } from "../../desk/useRows.ts";
import { useWords } from "../../words/index.tsx";
import { type Did, undoable } from "./undoable.ts";

/** How often packets may come between what was read and what is done. */
const TURNS = 3;

/** What a person decides by; packets, times and ranks are not in it. */
const decided = ({
  state,
  kind,
  held,
  released,
  suppressedUntil,
  organisation,
  assignee,
  case: number,
}: AlertRow): string =>
  JSON.stringify([
    state === "new" || state === "continuing" ? "open" : state,
    kind,
    held,
    released,
    suppressedUntil,
    organisation?.id,
    assignee,
    number,
  ]);

const lostOf = (alerts: AlertAction["alerts"], { code, message }: ApiError): AlertActed["refused"] =>
  alerts.map(({ id }) => ({ id, code, detail: message }));

/**
 * Acts on alerts of a board. Packets alone change nothing of what is decided: an alert that is otherwise as it was shown is named by its newest version, and
 * again where packets came between. What somebody else decided meanwhile is refused, and said. One action is done after the other: while one
 * is on its way no other begins.
 *
 * `done` is told once, at the first answer, of the very alerts that the action was begun with: what was opened or picked since is not its.
 */
export const useActing = (
  asked: ReturnType<typeof useRows<Alerts>>["asked"],
  done: (shown: readonly AlertRow[]) => void,
) => {
  const { t } = useWords();
  const client = useQueryClient();
  const [did, setDid] = useState<Did>();
  const [busy, setBusy] = useState(false);
  const running = useRef(false);
  /** Whom the first answer is told to; later turns of the same action tell nobody. */
  const telling = useRef<() => void>(undefined);
  const [failed, setFailed] = useState<{ readonly of: readonly AlertRow[]; readonly error: ApiError }>();
  const sent = useSend("alerts/act", () => {
    telling.current?.();
    telling.current = undefined;
  });
  const alone = async (work: () => Promise<void>): Promise<void> => {
    if (running.current) return;
    running.current = true;
    setBusy(true);
    try {
      await work();
    } finally {
      running.current = false;
      telling.current = undefined;
      setBusy(false);
    }
  };
  const send = (body: AlertAction): Promise<AlertActed | ApiError> =>
    sent.mutateAsync({ path: "alerts/actions", body }).catch((error: ApiError) => error);

  /** `shown`: the alerts as the person saw them who decided. */
  const act = async (action: AlertAction, shown: readonly AlertRow[]): Promise<void> => {
    // What was done before says nothing of this.
    setDid(undefined);
    setFailed(undefined);
    telling.current = () => done(shown);
    const seen = new Map(shown.map((row) => [row.id, row]));
    let left = action.alerts;
    let count = 0;
    for (let turn = 1; left.length > 0; turn++) {
      // Of a long list not everything is asked again.
      const long = (asked.data?.pages.length ?? 0) > 3;
      const again = long ? asked.data : (await asked.refetch()).data;
      const newest = new Map(again?.pages.flatMap((page) => page.rows).map((row) => [row.id, row]));
      const same = (id: string): AlertRow | undefined => {
        const [before, now] = [seen.get(id), newest.get(id)];
        return before !== undefined && now !== undefined && decided(before) === decided(now) ? now : undefined;
      };
      const alerts = left.map(({ id, version }) => ({ id, version: same(id)?.version ?? version }));
      const answer = await send({ ...action, alerts });
      if (answer instanceof ApiError) {
        // The first turn's dialog shows it. It is closed when there is a second: what is left then is told with what was done, and why.
        if (turn === 1) setFailed({ of: shown, error: answer });
        else setDid((before) => before && { ...before, refused: [...before.refused, ...lostOf(left, answer)] });
        return;
      }
      count += answer.done;
      // A second merge would make a second case.
      const may = turn < TURNS && !long && action.action !== "merge";
      const overtaken = new Set(
        answer.refused
          .filter(({ id, code }) => may && code === "CHANGED" && same(id) !== undefined)
          .map(({ id }) => id),
      );
      left = left.filter(({ id }) => overtaken.has(id));
      setDid({ action, done: count, refused: answer.refused.filter(({ id }) => !overtaken.has(id)) });
    }
  };

  const undo = async (): Promise<void> => {
    if (did?.action.action !== "close") return;
    // What was closed has a newer version now, and stands on the board no longer.
    const alerts = await Promise.all(
      undoable(did).map(({ id, version }) =>
        client.fetchQuery({ ...deskAsk("alert", `alerts/${encodeURIComponent(id)}`), staleTime: 0 }).then(
          ({ alert }) => ({ id, version: alert.version }),
          () => ({ id, version: version + 1 }),
        ),
      ),
    );
    const action: AlertAction = { action: "reopen", alerts, reason: t.desk.alerts.undo };
    const answer = await send(action);
    setDid({ action, ...(answer instanceof ApiError ? { done: 0, refused: lostOf(alerts, answer) } : answer) });
  };

  return {
    act: (action: AlertAction, shown: readonly AlertRow[]) => void alone(() => act(action, shown)),
    undo: () => void alone(undo),
    did,
    forget: () => setDid(undefined),
    /** Before a new decision: why the last was refused says nothing of it. */
    fresh: () => setFailed(undefined),
    pending: busy,
    failed,
  };
};
