// SPDX-License-Identifier: Apache-2.0
import { type ReactNode, useEffect, useRef, useState } from "react";
import { useRouterState } from "@tanstack/react-router";
import { useWords } from "../words/index.tsx";
import { useSaidOnce } from "./said.ts";

export const Panel = ({
  title,
  note,
  actions,
  foot,
  className = "",
  waiting = false,
  children,
}: {
  title?: string | undefined;
  note?: ReactNode;
  actions?: ReactNode;
  foot?: ReactNode;
  className?: string;
  /** What is shown answers the question before. */
  waiting?: boolean;
  children: ReactNode;
}) => (
  <section className={`panel ${className} ${waiting ? "waiting" : ""}`} aria-label={title} aria-busy={waiting}>
    {title === undefined ? undefined : (
      <header>
        <h2>{title}</h2>
        {actions}
        {note === undefined ? undefined : <p className="note">{note}</p>}
      </header>
    )}
    {children}
    {foot === undefined ? undefined : <footer>{foot}</footer>}
  </section>
);

/** The head of a page: its name, its choices, and the sentence that answers first. */
export const Head = ({
  title,
  lede,
  question,
  sub,
  actions,
}: {
  title: ReactNode;
  lede: ReactNode;
  /** What the sentence answers: it is read out once for each. By itself what the address asks. */
  question?: string;
  sub?: ReactNode;
  actions?: ReactNode;
}) => {
  const asked = useRouterState({
    // What is opened beside the page asks nothing of the page.
    select: ({ location: { pathname, search } }) => JSON.stringify([pathname, { ...search, open: undefined }]),
  });
  const box = useRef<HTMLDivElement>(null);
  const live = useSaidOnce(box, question ?? asked, lede !== undefined);
  return (
    <div className="head">
      <div className="over">
        <h1>{title}</h1>
        <div className="row no-print">{actions}</div>
      </div>
      <div className="lede" aria-live={live} ref={box}>
        {lede ?? <Bones lines={1} wide />}
      </div>
      {sub === undefined ? undefined : <div className="sub">{sub}</div>}
    </div>
  );
};

/** A placeholder as tall as what will stand there. */
export const Bones = ({ lines = 6, wide = false, height }: { lines?: number; wide?: boolean; height?: number }) => {
  const { t } = useWords();
  if (height !== undefined) {
    return (
      <div className="bone" style={{ height }} role="status">
        <span className="hidden">{t.state.loading}</span>
      </div>
    );
  }
  return (
    <div className="bones" role="status">
      <span className="hidden">{t.state.loading}</span>
      {Array.from({ length: lines }, (_, line) => (
        <div
          key={line}
          className="bone"
          style={{ width: wide ? "min(34em, 90%)" : `${94 - ((line * 29 + (line % 3) * 17) % 47)}%` }}
        />
      ))}
    </div>
  );
};

export const Empty = ({ title, children }: { title: string; children?: ReactNode }) => (
  <div className="state">
    <h3>{title}</h3>
    {children === undefined ? undefined : <p>{children}</p>}
  </div>
);

/** Whether the text is in the clipboard; a browser may refuse it, and has none at an address that is not secure. */
export const copied = async (text: string): Promise<boolean> => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
};

/** Text that copies itself when clicked: addresses, prefixes, signatures. */
export const Copy = ({ text, children }: { text: string; children?: ReactNode }) => {
  const { t } = useWords();
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return undefined;
    const timer = setTimeout(() => setDone(false), 1200);
    return () => clearTimeout(timer);
  }, [done]);
  return (
    <>
      <button
        type="button"
        className={`copy ${done ? "copied" : ""}`}
        title={t.action.copy}
        onClick={(event) => {
          const button = event.currentTarget;
          void copied(text).then((done) => {
            setDone(done);
            // It may not be copied here: marked, so that the keys copy it.
            if (!done) getSelection()?.selectAllChildren(button);
          });
        }}
      >
        {children ?? text}
      </button>
      <span role="status" className="hidden">
        {done ? t.action.copied : ""}
      </span>
    </>
  );
};

/** UTC, with the reader's own time beside it where that differs. `alone` is for table cells whose head says UTC. */
export const When = ({ at, seconds = false, alone = false }: { at: string; seconds?: boolean; alone?: boolean }) => {
  const { f } = useWords();
  const date = new Date(at);
  const local = date.getTimezoneOffset() === 0 ? undefined : f.local(date);
  return (
    <time
      dateTime={at}
      title={alone ? `${f.exact(date)}${local === undefined ? "" : ` · ${local}`}` : local}
      className="nowrap"
    >
      {alone ? f.brief(date) : seconds ? f.exact(date) : f.time(date)}
      {local !== undefined && !alone ? <span className="faint small"> ({local})</span> : undefined}
    </time>
  );
};

/** Now against before: signed per cent, `new` when there was nothing before. */
export const Change = ({ now, before }: { now: number; before: number | null | undefined }) => {
  const { t, f } = useWords();
  if (before === null || before === undefined) return <span className="faint">–</span>;
  if (before === 0)
    return now === 0 ? <span className="faint">–</span> : <span className="delta new">{t.word.isNew}</span>;
  const change = now / before - 1;
  return (
    <span className={`delta ${Math.abs(change) >= 0.2 ? "delta-up" : "muted"}`}>
      {change >= 10 ? `×${f.rate(now / before)}` : f.change(change)}
    </span>
  );
};

export interface Fact {
  readonly label: string;
  readonly value: ReactNode;
  readonly unit?: string;
  readonly beside?: ReactNode;
}
export const Facts = ({ facts }: { facts: readonly Fact[] }) => (
  <dl className="facts">
    {facts.map(({ label, value, unit, beside }) => (
      <div key={label}>
        <dt>{label}</dt>
        <dd className="value">
          {value}
          {unit === undefined ? undefined : <span className="unit"> {unit}</span>}
        </dd>
        {beside === undefined ? undefined : <dd className="then">{beside}</dd>}
      </div>
    ))}
  </dl>
);

export const Segments = <V extends string>({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: V;
  options: readonly (readonly [V, string])[];
  onChange: (value: V) => void;
}) => (
  <div className="segments" role="group" aria-label={label}>
    {options.map(([option, text]) => (
      <button key={option} type="button" aria-pressed={option === value} onClick={() => onChange(option)}>
        {text}
      </button>
    ))}
  </div>
);

/** The width that the element is given, so that a drawing can have real pixels. */
export const useWidth = <E extends HTMLElement>(first = 640): readonly [React.RefObject<E | null>, number] => {
  const ref = useRef<E>(null);
  const [width, setWidth] = useState(first);
  useEffect(() => {
    const element = ref.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver((entries) => {
      const next = Math.floor(entries[0]?.contentRect.width ?? 0);
      if (next > 0) setWidth(next);
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [ref, width];
};

/** The wall clock, ticking every `every` milliseconds. */
export const useNow = (every = 1000): Date => {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
};
