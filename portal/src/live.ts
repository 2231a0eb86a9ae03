// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from "react";
import type { LiveEvent } from "../../src/api/contract/answers.ts";
import { listen } from "./stream.ts";

export interface Arrival {
  /** Counts up from one. */
  readonly count: number;
  readonly at: number;
  readonly event: LiveEvent;
}
const kept = 600;

/**
 * Batches as they arrive, for as long as the component is shown and the page is in view. `arrivals` is one growing ring (newest
 * last) that a drawing may read at its own pace; `last` changes with every batch.
 */
export const useLive = (): { arrivals: readonly Arrival[]; last: Arrival | undefined; open: boolean } => {
  const [arrivals] = useState<Arrival[]>(() => []);
  const [last, setLast] = useState<Arrival>();
  const [open, setOpen] = useState(false);
  useEffect(() => {
    let count = 0;
    return listen(
      "/api/v1/live",
      {
        batch: (data) => {
          count += 1;
          const arrival = { count, at: Date.now(), event: JSON.parse(data) as LiveEvent };
          arrivals.push(arrival);
          if (arrivals.length > kept) arrivals.splice(0, arrivals.length - kept);
          setLast(arrival);
        },
      },
      setOpen,
    );
  }, [arrivals]);
  return { arrivals: arrivals, last, open };
};
