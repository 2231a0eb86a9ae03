// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from "react";
import { useNow } from "../design/parts.tsx";
import { sinceLook } from "./sinceLook.ts";

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
