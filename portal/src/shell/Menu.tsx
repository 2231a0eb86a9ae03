// SPDX-License-Identifier: Apache-2.0
import { Link } from "@tanstack/react-router";
import type { Session } from "../../../src/api/contract/desk/session.ts";
import type { Summary } from "../../../src/api/contract/desk/statistics.ts";
import { hasAny } from "../desk/session.ts";
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

type Role = Session["roles"][number];
const staff = ["administrator", "analyst"] as const satisfies readonly Role[];
/** Whose roles open a page, as its doors have it. */
const doors: Readonly<Record<Exclude<(typeof desk | typeof node)[number][1], "account">, readonly Role[]>> = {
  ring: staff,
  alerts: [...staff, "member"],
  cases: [...staff, "member"],
  mine: ["member"],
  inbox: ["member"],
  warnings: [...staff, "member", "researcher"],
  campaigns: [...staff, "member", "researcher"],
  statistics: [...staff, "member", "researcher", "observer"],
  constituency: staff,
  unclaimed: staff,
  notices: staff,
  detectors: [...staff, "researcher"],
  people: ["administrator"],
  audit: ["administrator"],
};
/** What who asks may open. The doors decide; menu and keys only leave out what would answer no. */
export const mayOpen = (session: Session | null | undefined, page: Page): boolean => {
  if (isObservatory(page)) return session == null || session.state === "in";
  if (session == null || session.state !== "in") return false;
  return page === "account" ? session.person !== null && !session.demo : hasAny(session, ...doors[page]);
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
