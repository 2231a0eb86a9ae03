// SPDX-License-Identifier: Apache-2.0
import { Link } from "@tanstack/react-router";
import type { Session } from "../../../src/api/contract/desk/session.ts";
import type { Summary } from "../../../src/api/contract/desk/statistics.ts";
import { useWords } from "../words/index.tsx";
import type { Messages } from "../words/messages.ts";
import { Icon } from "./icons.tsx";
import { type Page, desk, isObservatory, mayOpen, node, observatory } from "./doors.ts";

const paths: readonly (readonly [string, Page])[] = [
  ...observatory.slice(1),
  ...desk,
  ...node,
  ["/import", "constituency"],
  ["/preferences", "constituency"],
];

/** Second key after `g`. */
export const goKeys: Readonly<Record<string, string>> = {
  n: "/",
  p: "/ports",
  w: "/networks",
  s: "/sensors",
  e: "/explore",
  r: "/reports",
  v: "/ring",
  a: "/alerts",
  c: "/cases",
  m: "/mine",
  i: "/warnings",
  b: "/campaigns",
  t: "/statistics",
  d: "/detectors",
  o: "/constituency",
  u: "/unclaimed",
  l: "/notices",
};

/** The page of an address; undefined: there is none. */
export const pageOf = (path: string): Page | undefined =>
  path === "/" ? "now" : paths.find(([one]) => path === one || path.startsWith(`${one}/`))?.[1];
export const titleOf = (t: Messages, page: Page): string => (isObservatory(page) ? t.nav[page] : t.desk.nav[page]);

const countOf = (page: Page, summary: Summary | undefined): readonly [number, "act" | "warn" | ""] | undefined => {
  if (summary === undefined) return undefined;
  switch (page) {
    case "alerts":
      return [summary.alerts.open, summary.alerts.essential > 0 ? "act" : ""];
    case "cases":
      return [summary.cases.unanswered, ""];
    case "warnings":
      return [summary.warnings.rising, "warn"];
    case "notices":
      return [summary.outbox.dead + summary.outbox.late, "act"];
    case "constituency":
      return [summary.changes, ""];
    case "inbox":
      return [summary.inbox, ""];
    default:
      return undefined;
  }
};

export const Menu = ({
  session,
  summary,
  onGo,
}: {
  session: Session | null | undefined;
  summary: Summary | undefined;
  onGo: () => void;
}) => {
  const { t, f } = useWords();
  const groups = [
    ["observatory", observatory.filter(([, page]) => mayOpen(session, page))],
    ["desk", desk.filter(([, page]) => mayOpen(session, page))],
    ["node", node.filter(([, page]) => mayOpen(session, page))],
  ] as const;
  const several = groups.filter(([, pages]) => pages.length > 0).length > 1;
  return (
    <nav className="nav" aria-label={t.nav.main}>
      {groups.map(([group, pages]) =>
        pages.length === 0 ? undefined : (
          <div key={group} className="nav-group">
            {several ? <h2>{t.desk.nav[group]}</h2> : undefined}
            {pages.map(([path, page]) => {
              const count = countOf(page, summary);
              return (
                <Link
                  key={path}
                  to={path}
                  activeOptions={{ exact: path === "/", includeSearch: false }}
                  search={{}}
                  onClick={onGo}
                >
                  <Icon name={page} />
                  {titleOf(t, page)}
                  {count === undefined || count[0] === 0 ? undefined : (
                    <span className={`count ${count[1]}`}>{f.short(count[0])}</span>
                  )}
                </Link>
              );
            })}
          </div>
        ),
      )}
    </nav>
  );
};
