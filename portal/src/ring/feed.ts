// SPDX-License-Identifier: Apache-2.0
import { useEffect, useRef, useState } from "react";
import type { Anomaly, RingPackets } from "../../../src/api/contract/desk/ring.ts";
import { listen } from "../stream.ts";

export interface Heard {
  packets: (event: RingPackets) => void;
  anomaly: (event: Anomaly) => void;
  rings: () => void;
}
/** Listens for as long as the page is open, also unseen. */
export const useRingFeed = (exercise: string, heard: Heard): boolean => {
  const [open, setOpen] = useState(false);
  const newest = useRef(heard);
  useEffect(() => {
    newest.current = heard;
  });
  useEffect(() => {
    const query = exercise === "" ? "" : `?exercise=${encodeURIComponent(exercise)}`;
    return listen(
      `/api/v1/desk/ring/live${query}`,
      {
        packets: (data) => newest.current.packets(JSON.parse(data) as RingPackets),
        anomaly: (data) => newest.current.anomaly(JSON.parse(data) as Anomaly),
        rings: () => newest.current.rings(),
      },
      setOpen,
      // What came while nobody looked is told to whoever comes back.
      { unseen: true },
    );
  }, [exercise]);
  return open;
};
