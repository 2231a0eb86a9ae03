// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from "react";
import { useNow } from "../design/parts.tsx";

const hour = 3_600_000;
const five = 300_000;

/**
 * The period since the reader's last look, in whole five minutes: from when the page was left the last time, an hour at least before it was
 * `opened` and seven days at most before `now`. It goes on while the page stays open.
 */
export const sinceLook = (left: number, opened: number, now: number): { from: string; to: string } => {
  const round = (time: number): string => new Date(Math.floor(time / five) * five).toISOString().replace(".000", "");
  return { from: round(Math.max(now - 168 * hour, Math.min(left, opened - hour))), to: round(now + five) };
};

const lastLeft = (): number => {
  try {
    return Number(localStorage.getItem("layang.lastLook") ?? "");
  } catch {
    return 0; // Storage is switched off: every look is the first.
  }
};
/** Null at the first look. */
export const useLastLook = (): { from: string; to: string } | null => {
  const [{ left, opened }] = useState(() => ({ left: lastLeft(), opened: Date.now() }));
  const now = useNow(60_000);
  useEffect(() => {
    const leave = (): void => {
      try {
        localStorage.setItem("layang.lastLook", String(Date.now()));
      } catch {
        // Storage is switched off: the next look is the first again.
      }
    };
    addEventListener("pagehide", leave);
    return () => {
      removeEventListener("pagehide", leave);
      leave();
    };
  }, []);
  return left > 0 ? sinceLook(left, opened, now.getTime()) : null;
};
