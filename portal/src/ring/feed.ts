// SPDX-License-Identifier: Apache-2.0
import { useEffect, useRef, useState } from "react";
import type { Anomaly, RingPackets } from "../../../src/api/contract/desk/ring.ts";

export interface Heard {
  packets: (event: RingPackets) => void;
  anomaly: (event: Anomaly) => void;
  rings: () => void;
}
/** Listens for as long as the page is shown. A stream that was refused is tried again every five seconds. */
export const useRingFeed = (exercise: string, heard: Heard): boolean => {
  const [open, setOpen] = useState(false);
  const newest = useRef(heard);
  useEffect(() => {
    newest.current = heard;
  });
  useEffect(() => {
    let source: EventSource | undefined;
    let retry: ReturnType<typeof setTimeout> | undefined;
    const connect = (): void => {
      const query = exercise === "" ? "" : `?exercise=${encodeURIComponent(exercise)}`;
      source = new EventSource(`/api/v1/desk/ring/live${query}`);
      source.addEventListener("open", () => setOpen(true));
      source.addEventListener("error", () => {
        setOpen(false);
        if (source?.readyState === EventSource.CLOSED) retry = setTimeout(connect, 5000);
      });
      source.addEventListener("packets", (message) =>
        newest.current.packets(JSON.parse(String(message.data)) as RingPackets),
      );
      source.addEventListener("anomaly", (message) =>
        newest.current.anomaly(JSON.parse(String(message.data)) as Anomaly),
      );
      source.addEventListener("rings", () => newest.current.rings());
    };
    connect();
    return () => {
      clearTimeout(retry);
      source?.close();
    };
  }, [exercise]);
  return open;
};
