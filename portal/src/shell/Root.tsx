// SPDX-License-Identifier: Apache-2.0
import { useRouterState } from "@tanstack/react-router";
import { Bare } from "./Bare.tsx";
import { Shell } from "./Shell.tsx";

const bare = /^\/(help|first|invitation|contact-check)(\/|$)/;
export const Root = () => {
  const path = useRouterState({ select: (state) => state.location.pathname });
  return bare.test(path) ? <Bare /> : <Shell />;
};
