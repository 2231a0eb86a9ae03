// SPDX-License-Identifier: Apache-2.0
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { AlertRow, Silence } from "../../../src/api/contract/desk/alerts.ts";
import type { CaseRow } from "../../../src/api/contract/desk/cases.ts";
import type { Measured, OrganisationName } from "../../../src/api/contract/desk/shapes.ts";
import { type Query, address } from "../api.ts";
import { useNow } from "../design/parts.tsx";
import { Icon } from "../shell/icons.tsx";
import { useWords } from "../words/index.tsx";
import { fromFirst } from "./days.ts";
import { exactShare } from "../share.ts";
import "../chart/chart.css";
import "./desk.css";

type Severity = AlertRow["severity"];
const filled = { low: 1, medium: 2, high: 3, critical: 4 } as const;
/** Severity as steps beside its word; red only for what somebody must act on. */
export const SeverityMark = ({ severity, word = true }: { severity: Severity; word?: boolean }) => {
  const { t } = useWords();
  const name = t.desk.severities[severity];
  return (
    <span className={`severity ${severity}`} title={word ? undefined : name}>
      <span className="steps" aria-hidden>
        {[1, 2, 3, 4].map((step) => (
          <i key={step} className={step <= filled[severity] ? "on" : ""} />
        ))}
      </span>
      <span className={word ? "" : "hidden"}>{name}</span>
    </span>
  );
};

const stateTones = { new: "accent", continuing: "", relapsed: "act", quiet: "good", closed: "faint-chip" } as const;
/** `short`: one word, where a row has one line; the rest in its title. */
export const StateChip = ({
  state,
  unconfirmed = false,
  short = false,
}: Pick<AlertRow, "state"> & { unconfirmed?: boolean; short?: boolean }) => {
  const { t } = useWords();
  const given = state === "closed" && unconfirmed;
  return (
    <span
      className={`chip ${stateTones[state]} ${given && !short ? "long" : ""}`}
      title={given ? t.desk.unconfirmed : undefined}
    >
      {given && !short ? t.desk.unconfirmed : t.desk.states[state]}
    </span>
  );
};
const caseTones = { open: "accent", waiting: "warn", closed: "faint-chip" } as const;
export const CaseStateChip = ({ state }: { state: CaseRow["state"] }) => {
  const { t } = useWords();
  return <span className={`chip ${caseTones[state]}`}>{t.desk.caseStates[state]}</span>;
};
const silenceTones = { active: "", waiting: "", quiet: "good", unknown: "warn", moved: "warn" } as const;
export const SilenceChip = ({ verdict }: { verdict: Silence["verdict"] }) => {
  const { t } = useWords();
  return <span className={`chip ${silenceTones[verdict]}`}>{t.desk.silences[verdict]}</span>;
};
/** The marking in FIRST's own colours is for print; here it is a word in a frame, so that colour keeps its one meaning. */
export const Tlp = ({ marking }: { marking: string }) => <span className="tlp">{marking}</span>;

export const OwnerName = ({
  organisation,
  essential = false,
  link = true,
}: {
  organisation: OrganisationName | null;
  essential?: boolean;
  link?: boolean;
}) => {
  const { t } = useWords();
  if (organisation === null) return <span className="faint">{t.desk.word.nobody}</span>;
  return (
    <span className="owner">
      {link ? (
        <Link to="/alerts" search={{ organisation: organisation.id, state: "all" }}>
          {organisation.name}
        </Link>
      ) : (
        organisation.name
      )}
      {essential ? (
        <span className="essential" title={t.desk.word.essential}>
          <Icon name="star" />
          <span className="hidden">{t.desk.word.essential}</span>
        </span>
      ) : undefined}
    </span>
  );
};
export const CaseLink = ({ number }: { number: number | null }) => {
  const { t } = useWords();
  return number === null ? (
    <span className="faint">–</span>
  ) : (
    <Link to="/cases/$case" params={{ case: String(number) }} className="nowrap">
      {t.desk.word.caseName(String(number))}
    </Link>
  );
};

/** How long ago, the exact time on hover. */
export const Ago = ({ at }: { at: string | null }) => {
  const { f } = useWords();
  const now = useNow(30_000);
  if (at === null) return <span className="faint">–</span>;
  const date = new Date(at);
  return (
    <time dateTime={at} title={f.exact(date)} className="nowrap">
      {f.ago(date, now)}
    </time>
  );
};

/** A measured share with its interval and number: a figure alone would claim too much. */
export const MeasuredShare = ({ measured }: { measured: Measured }) => {
  const { t, f } = useWords();
  const exact = (value: number): string => exactShare(f.locale, value);
  if (measured.value === null) return <span className="faint">–</span>;
  return (
    <span className="measured nowrap">
      {exact(measured.value)}
      <IntervalBar measured={measured} />
      <small className="faint">
        {measured.low === null || measured.high === null
          ? ""
          : `${t.desk.word.between(exact(measured.low), exact(measured.high))}, `}
        {t.desk.word.n(f.short(measured.n))}
      </small>
    </span>
  );
};
/** The interval as a whisker on a line from 0 to 1, the value as a point. */
export const IntervalBar = ({ measured }: { measured: Measured }) =>
  measured.value === null ? undefined : (
    <svg className="interval" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden>
      <path className="track" d="M0 5H100" />
      {measured.low === null || measured.high === null ? undefined : (
        <path className="whisker" d={`M${measured.low * 100} 5H${measured.high * 100}`} />
      )}
      <path className="point" d={`M${Math.min(99, Math.max(1, measured.value * 100))} 0V10`} />
    </svg>
  );

/** What a panel of the desk shows, as a program takes it. */
export const DeskDownload = ({ path, query, name }: { path: string; query?: Query; name: string }) => {
  const { t } = useWords();
  return (
    <span className="download end no-print">
      {t.action.download}
      <a href={address(`desk/${path}`, query)} download={`${name}.json`}>
        JSON
      </a>
    </span>
  );
};

/** Small values over time in a table's cell. */
export const Spark = ({
  values,
  width = 96,
  height = 20,
}: {
  values: readonly (number | null)[];
  width?: number;
  height?: number;
}) => {
  const most = Math.max(1, ...values.map((value) => value ?? 0));
  let pen = false;
  let path = "";
  for (const [i, value] of values.entries()) {
    if (value === null) pen = false;
    else {
      path += `${pen ? "L" : "M"}${((i / Math.max(1, values.length - 1)) * width).toFixed(1)} ${(height - 1 - (value / most) * (height - 2)).toFixed(1)}`;
      pen = true;
    }
  }
  return (
    <svg className="spark" width={width} height={height} aria-hidden>
      <path d={path} />
    </svg>
  );
};

/** A column a day, from the first day that is known, a week at least: what is young is not lost in the empty month before it. */
export const Days = ({
  values,
  width = 96,
  height = 20,
}: {
  values: readonly (number | null)[];
  width?: number;
  height?: number;
}) => {
  const shown = fromFirst(values, 7);
  const most = Math.max(1, ...shown.map((value) => value ?? 0));
  const wide = width / Math.max(1, shown.length);
  return (
    <svg className="spark days" width={width} height={height} aria-hidden>
      {shown.map((value, i) =>
        value === null ? undefined : (
          <rect
            // The place is the day.
            // oxlint-disable-next-line react/no-array-index-key
            key={i}
            x={i * wide + 0.5}
            width={Math.max(1, wide - 1)}
            y={height - Math.max(1, (value / most) * height)}
            height={Math.max(1, (value / most) * height)}
          />
        ),
      )}
      <path d={`M0 ${height - 0.5}H${width}`} />
    </svg>
  );
};

/** Name and value pairs in two columns. */
export const Pairs = ({ pairs }: { pairs: readonly (readonly [string, ReactNode] | undefined)[] }) => (
  <dl className="pairs">
    {pairs.map((pair) =>
      pair === undefined ? undefined : (
        <div key={pair[0]} className="pair-row">
          <dt>{pair[0]}</dt>
          <dd>{pair[1]}</dd>
        </div>
      ),
    )}
  </dl>
);
