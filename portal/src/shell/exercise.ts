// SPDX-License-Identifier: Apache-2.0
import { useRouter, useRouterState } from "@tanstack/react-router";
import { useLayoutEffect } from "react";
import { set } from "../search.ts";
import { showsExercise } from "./drill.ts";
import { useStatus } from "./status.ts";

const useNamed = (): string | undefined =>
  useRouterState({ select: (state) => (state.location.search as { exercise?: string }).exercise });

/** Which exercise the page shows: the one in its address, or the one the whole node plays; "" is real. */
export const useExercise = (): string => {
  const path = useRouterState({ select: (state) => state.location.pathname });
  const named = useNamed();
  const status = useStatus().data?.exercise;
  // The observatory's pages keep the name for the way back, and show what is real all the same.
  return (showsExercise(path) ? named : undefined) ?? status ?? "";
};

/** The exercise that goes on at the desk while the page shows what is real; "" is none. */
export const useExerciseBeside = (): string => {
  const path = useRouterState({ select: (state) => state.location.pathname });
  const named = useNamed();
  return showsExercise(path) ? "" : (named ?? "");
};

/**
 * The page at `path` shows one thing, which knows by itself what it belongs to: where its address says otherwise, the address
 * is put right, and with it frame, title and every link from here.
 */
export const useExerciseOf = (path: string, named: string | undefined, own: string | undefined): void => {
  const router = useRouter();
  useLayoutEffect(() => {
    if (own === undefined || own === (named ?? "") || router.latestLocation.pathname !== path) return;
    void router.navigate({
      to: ".",
      search: (before) => ({ ...before, ...set({ exercise: own === "" ? undefined : own }) }),
      replace: true,
    });
  }, [router, path, named, own]);
};
