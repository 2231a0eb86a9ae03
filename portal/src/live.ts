// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from "react";
import type { LiveEvent } from "../../src/api/contract/answers.ts";

export interface Arrival {
  /** Counts up from one. */
  readonly count: number;
  readonly at: number;
  readonly event: LiveEvent;
}
const kept = 600;

/**
 * Batches as they arrive, for as long as the component is shown and the page is in view. `arrivals` is one growing ring (newest
 * last) that a drawing may read at its own pace; `last` changes with every batch. The browser reconnects by itself and says
 * where it was (`Last-Event-ID`).
 */
export const useLive = (): { arrivals: readonly Arrival[]; last: Arrival | undefined; open: boolean } => {
  const [arrivals] = useState<Arrival[]>(() => []);
  const [last, setLast] = useState<Arrival>();
  const [open, setOpen] = useState(false);
  useEffect(() => {
    let source: EventSource | undefined;
    let count = 0;
    let retry: ReturnType<typeof setTimeout> | undefined;
    const connect = (): void => {
      source = new EventSource("/api/v1/live");
      source.addEventListener("open", () => setOpen(true));
      source.addEventListener("error", () => {
        setOpen(false);
        // A refusal closes for good; a node that restarts will answer again.
        if (source?.readyState === EventSource.CLOSED) retry = setTimeout(connect, 5000);
      });
      source.addEventListener("batch", (message) => {
        count += 1;
        const arrival = { count, at: Date.now(), event: JSON.parse(String(message.data)) as LiveEvent };
        arrivals.push(arrival);
        if (arrivals.length > kept) arrivals.splice(0, arrivals.length - kept);
        setLast(arrival);
      });
    };
    connect();
    return () => {
      clearTimeout(retry);
      source?.close();
    };
  }, [arrivals]);
  return { arrivals: arrivals, last, open };
};
