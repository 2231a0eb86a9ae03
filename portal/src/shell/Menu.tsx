// SPDX-License-Identifier: Apache-2.0
import { Link } from "@tanstack/react-router";
import type { Session } from "../../../src/api/contract/desk/session.ts";
import type { Summary } from "../../../src/api/contract/desk/statistics.ts";
import { hasAny, isStaff } from "../desk/session.ts";
import { useWords } from "../words/index.tsx";
import type { Messages } from "../words/messages.ts";
import { Icon } from "./icons.tsx";

const observatory = [
  ["/", "now"],
  ["/ports", "ports"],
  ["/networks", "networks"],
  ["/sensors", "sensors"],
  ["/explore", "explore"],
  ["/reports", "reports"],
] as const;
const desk = [
  ["/ring", "ring"],
  ["/alerts", "alerts"],
  ["/cases", "cases"],
  ["/mine", "mine"],
  ["/inbox", "inbox"],
  ["/warnings", "warnings"],
  ["/campaigns", "campaigns"],
  ["/statistics", "statistics"],
] as const;
const node = [
  ["/constituency", "constituency"],
  ["/unclaimed", "unclaimed"],
  ["/notices", "notices"],
  ["/detectors", "detectors"],
  ["/people", "people"],
  ["/audit", "audit"],
  ["/account", "account"],
] as const;
type Page = (typeof observatory | typeof desk | typeof node)[number][1];
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
const isObservatory = (page: Page): page is (typeof observatory)[number][1] =>
  observatory.some(([, name]) => name === page);
export const titleOf = (t: Messages, page: Page): string => (isObservatory(page) ? t.nav[page] : t.desk.nav[page]);

/** What who asks may open. The doors decide; the menu only leaves out what would answer no. */
const shown = (session: Session | null | undefined, page: Page): boolean => {
  if (session == null || session.state !== "in") return false;
  const staff = isStaff(session);
  switch (page) {
    case "ring":
    case "warnings":
    case "campaigns":
    case "statistics":
    case "detectors":
      return session.roles.some((role) => role !== "sensor-host");
    case "alerts":
    case "cases":
      return staff || hasAny(session, "member");
    case "mine":
    case "inbox":
      return hasAny(session, "member");
    case "constituency":
    case "unclaimed":
    case "notices":
      return staff;
    case "people":
    case "audit":
      return hasAny(session, "administrator");
    case "account":
      return session.person !== null && !session.demo;
    default:
      return false;
  }
};
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
      return [summary.outbox.dead, "act"];
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
    ["observatory", observatory.filter(() => session == null || session.state === "in")],
    ["desk", desk.filter(([, page]) => shown(session, page))],
    ["node", node.filter(([, page]) => shown(session, page))],
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
