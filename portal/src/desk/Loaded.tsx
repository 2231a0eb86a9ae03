// SPDX-License-Identifier: Apache-2.0
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { ApiError } from "../api.ts";
import { Failed } from "../design/Asked.tsx";
import { Bones } from "../design/parts.tsx";
import { useWords } from "../words/index.tsx";

/** What a question brought, in every state it can be in; an old answer stays, with its age, when asking again failed. */
export const Loaded = <A extends { readonly asked?: string }>({
  asked,
  lines = 6,
  height,
  children,
}: {
  asked: UseQueryResult<A, ApiError>;
  lines?: number;
  height?: number;
  children: (answer: A) => ReactNode;
}) => {
  const { t, f } = useWords();
  if (asked.data === undefined) {
    return asked.isError ? (
      <Failed error={asked.error} onRetry={() => void asked.refetch()} />
    ) : (
      <Bones {...(height === undefined ? { lines } : { height })} />
    );
  }
  return (
    <>
      {asked.isError ? (
        <p className="chip warn" role="status">
          {t.state.stale(f.exact(new Date(asked.data.asked ?? asked.dataUpdatedAt)))}
        </p>
      ) : undefined}
      {children(asked.data)}
    </>
  );
};

/** Why a change was refused, beside the button that asked for it. */
export const Refused = ({ error }: { error: ApiError | null }) => {
  const { t } = useWords();
  return error === null ? undefined : (
    <p className="refused" role="alert">
      {t.desk.refusals[error.code as keyof typeof t.desk.refusals] ??
        (error.status === 0 ? t.state.unreachable : error.message)}{" "}
      <code>{error.code}</code>
    </p>
  );
};
