// SPDX-License-Identifier: Apache-2.0
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Coverage, Meta, Period, Previous } from "../../../src/api/contract/shapes.ts";
import { type ApiError, type Query, address, ask } from "../api.ts";
import { useWords } from "../words/index.tsx";
import { Bones, Empty, Panel } from "./parts.tsx";

/** What every answer of the API has. */
export interface Answer {
  readonly question: string;
  readonly period: Period | null;
  readonly previous: Previous | null;
  readonly coverage: Coverage | null;
  readonly meta: Meta;
  readonly rows: readonly unknown[];
}

/** What happened, what to do, and the code. */
export const Failed = ({ error, onRetry }: { error: ApiError; onRetry?: () => void }) => {
  const { t } = useWords();
  const advice =
    error.status === 0
      ? t.state.unreachable
      : error.code === "ACCESS_DENIED"
        ? t.desk.noPermission
        : error.code === "NOT_FOUND"
          ? t.desk.gone
          : error.status === 401 || error.status === 403
            ? t.state.unauthorised
            : error.status === 408 || error.status === 504 || /TIMEOUT|SLOW|LIMIT/.test(error.code)
              ? t.state.slow
              : error.status < 500
                ? t.state.wrong
                : t.state.failed;
  return (
    <div className="state error" role="alert">
      <h3>{t.state.errorTitle}</h3>
      <p>{advice}</p>
      <p className="small">
        {t.state.code}: <code>{error.code}</code>
        {error.status > 0 ? ` · ${error.message}` : ""}
        {error.suggestion === undefined ? "" : ` ${t.state.didYouMean(error.suggestion)}`}
      </p>
      {onRetry === undefined ? undefined : (
        <button type="button" className="button" onClick={onRetry}>
          {t.action.retry}
        </button>
      )}
    </div>
  );
};

const forms = ["csv", "json", "parquet"] as const;
/** `whole`: what is shown is not the answer's main table, which CSV and Parquet carry alone: JSON has all of it. */
export const Downloads = ({ path, query, whole = false }: { path: string; query: Query; whole?: boolean }) => {
  const { t } = useWords();
  return (
    <span className="download no-print">
      {t.action.download}
      {(whole ? (["json"] as const) : forms).map((format) => (
        <a key={format} href={address(path, { ...query, format })} download>
          {format === "parquet" ? "Parquet" : format.toUpperCase()}
        </a>
      ))}
    </span>
  );
};

export const CoverageText = ({ coverage }: { coverage: Coverage | null }) => {
  const { t, f } = useWords();
  if (coverage === null || coverage.up === null) return undefined;
  const { enrolled: n, joined, since, up } = coverage;
  const whole = up > 0.9995;
  const said = (): string => {
    if (up === 0) return t.coverage.none;
    if (!whole) return t.coverage.part(f.share(Math.min(up, 0.999)), f.count(n));
    if (since !== null) return t.coverage.fullSince(n, f.count(n), f.time(new Date(since)));
    return joined > 0 ? t.coverage.fullJoined(f.count(n), f.count(joined)) : t.coverage.full(n, f.count(n));
  };
  return (
    <span
      className={whole ? "" : "hinted"}
      title={
        coverage.outages.length === 0
          ? undefined
          : t.coverage.outages(
              f.list(coverage.outages.map(({ sensor, minutes }) => t.coverage.down(sensor, f.span(minutes * 60)))),
            )
      }
    >
      {said()}
    </span>
  );
};

/** Period, coverage and downloads of an answer: where the numbers come from. */
const Provenance = ({
  answer,
  path,
  query,
  whole,
  failed,
}: {
  answer: Answer;
  path: string;
  query: Query;
  whole: boolean;
  failed: boolean;
}) => {
  const { t, f } = useWords();
  return (
    <>
      {failed ? <span className="chip warn">{t.state.stale(f.exact(new Date(answer.meta.asked)))}</span> : undefined}
      {answer.meta.simulated ? <span className="sim">{t.shell.simulated}</span> : undefined}
      {answer.period === null ? undefined : (
        <span>{f.range(new Date(answer.period.from), new Date(answer.period.to))}</span>
      )}
      <CoverageText coverage={answer.coverage} />
      {answer.meta.keptFrom !== undefined ? (
        <span className="faint">{t.coverage.kept(f.day(new Date(answer.meta.keptFrom)))}</span>
      ) : answer.previous?.comparable === false ? (
        <span className="faint">{t.coverage.noCompare}</span>
      ) : undefined}
      {answer.coverage?.degraded ? (
        <span className="chip warn" title={t.coverage.degraded}>
          {t.chart.degraded}
        </span>
      ) : undefined}
      <span className="end">
        <Downloads path={path} query={query} whole={whole} />
      </span>
    </>
  );
};

const nothing: Query = {};
const rowless = (answer: Answer): boolean => answer.rows.length === 0;

/** A panel that shows the answer to one question, in every state it can be in. */
export const Asked = <A extends Answer>({
  title,
  note,
  actions,
  path,
  query = nothing,
  every,
  height,
  lines = 6,
  className,
  whole = false,
  isEmpty = rowless,
  empty,
  children,
}: {
  title: string;
  note?: ReactNode;
  actions?: ReactNode;
  path: string;
  query?: Query;
  /** Asked again every so many milliseconds. */
  every?: number;
  /** Height of the placeholder in pixels; else `lines` of text. */
  height?: number;
  lines?: number;
  className?: string;
  /** What is shown is not the answer's main table. */
  whole?: boolean;
  isEmpty?: (answer: A) => boolean;
  empty?: ReactNode;
  children: (answer: A) => ReactNode;
}) => {
  const { t } = useWords();
  const asked = useQuery(ask<A>(path, query, every));
  const answer = asked.data;
  return (
    <Panel
      title={title}
      note={note}
      actions={actions}
      className={className ?? ""}
      waiting={asked.isPlaceholderData}
      foot={
        answer === undefined ? undefined : (
          <Provenance answer={answer} path={path} query={query} whole={whole} failed={asked.isError} />
        )
      }
    >
      {answer === undefined ? (
        asked.isError ? (
          <Failed error={asked.error} onRetry={() => void asked.refetch()} />
        ) : (
          <Bones {...(height === undefined ? { lines } : { height })} />
        )
      ) : isEmpty(answer) ? (
        (empty ?? (
          <Empty title={t.state.emptyTitle}>
            {answer.meta.released === true ? t.state.releasedHint : t.state.emptyHint}
          </Empty>
        ))
      ) : (
        children(answer)
      )}
    </Panel>
  );
};
