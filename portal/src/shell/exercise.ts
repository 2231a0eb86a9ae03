// SPDX-License-Identifier: Apache-2.0
import { useRouterState } from "@tanstack/react-router";
import { useStatus } from "./status.ts";

/** Which exercise the page shows: the one in its address, or the one the whole node plays; "" is real. */
export const useExercise = (): string => {
  const named = useRouterState({ select: (state) => (state.location.search as { exercise?: string }).exercise });
  const status = useStatus().data?.exercise;
  return named ?? status ?? "";
};
