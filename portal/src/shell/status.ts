// SPDX-License-Identifier: Apache-2.0
import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import type { Status } from "../../../src/api/contract/answers.ts";
import { ask } from "../api.ts";
import { useSession } from "../desk/session.ts";

/** What the node says of itself: asked once it is known that who asks may know. */
export const useStatus = () => {
  const { session } = useSession();
  return useQuery({ ...ask<Status>("status", {}, 10_000), enabled: session === null || session?.state === "in" });
};

const remembered = (): boolean => {
  try {
    return sessionStorage.getItem("layang.simulated") === "1";
  } catch {
    return false; // Storage is switched off: the node's answer decides, a moment later.
  }
};
/** Whether the data are invented; until the node has answered, what it said the last time. */
export const useSimulated = (): boolean => {
  const simulated = useStatus().data?.simulated;
  useEffect(() => {
    if (simulated === undefined) return;
    try {
      sessionStorage.setItem("layang.simulated", simulated ? "1" : "0");
    } catch {
      // Storage is switched off: nothing to remember.
    }
  }, [simulated]);
  return simulated ?? remembered();
};
