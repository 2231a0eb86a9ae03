// SPDX-License-Identifier: Apache-2.0
import { Link, Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import type { Status } from "../../../src/api/contract/answers.ts";
import { useNow } from "../design/parts.tsx";
import { useWords } from "../words/index.tsx";
import { type Language, languages } from "../words/languages.ts";
import { Icon, type IconName } from "./icons.tsx";
import { KeysDialog } from "./Keys.tsx";
import { SearchDialog } from "./Search.tsx";
import { useSimulated, useStatus } from "./status.ts";
import { type Theme, themes, useTheme } from "./theme.ts";

const pages = [
  ["/", "now"],
  ["/ports", "ports"],
  ["/networks", "networks"],
  ["/sensors", "sensors"],
  ["/explore", "explore"],
  ["/reports", "reports"],
] as const satisfies readonly (readonly [string, IconName])[];
/** Second key after `g`. */
const goKeys: Readonly<Record<string, (typeof pages)[number][0]>> = {
  n: "/",
  p: "/ports",
  w: "/networks",
  s: "/sensors",
  e: "/explore",
  r: "/reports",
};

const typing = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName)) &&
  !target.classList.contains("reader");

const Clock = ({ status, failed }: { status: Status | undefined; failed: boolean }) => {
  const { t, f } = useWords();
  const now = useNow();
  const newest = status?.data.to == null ? undefined : new Date(status.data.to);
  const asked = failed || status !== undefined;
  const fresh = !failed && newest !== undefined && now.getTime() - newest.getTime() < 60_000;
  const local = now.getTimezoneOffset() === 0 ? undefined : f.localClock(now);
  return (
    <div className="clock">
      <span className={`live ${fresh ? "on" : asked ? "off" : ""}`} role="status">
        <span className="dot" />
        {!asked
          ? t.state.loading
          : fresh
            ? t.shell.live
            : newest === undefined
              ? t.shell.offline
              : t.state.dataAge(f.ago(newest, now))}
      </span>
      <time dateTime={now.toISOString().slice(0, 16)} title={local}>
        {f.clock(now)} UTC{local === undefined ? "" : ` · ${local}`}
      </time>
    </div>
  );
};

export const Shell = () => {
  const { t, f, language, choose } = useWords();
  const [theme, setTheme] = useTheme();
  const status = useStatus();
  const simulated = useSimulated();
  const navigate = useNavigate();
  const [open, setOpen] = useState<"search" | "keys">();
  const [menu, setMenu] = useState(false);
  const location = useRouterState({ select: (state) => state.location });
  const wall = location.pathname === "/" && (location.search as { wall?: string }).wall === "1";
  const main = useRef<HTMLElement>(null);
  const going = useRef(0);
  const page = pages.find(([path]) => path !== "/" && location.pathname.startsWith(path))?.[1] ?? "now";
  useEffect(() => {
    document.title = `${simulated ? `${t.shell.simulated} · ` : ""}${t.nav[page]} · Layang`;
  }, [page, t, simulated]);
  useEffect(() => {
    document.documentElement.classList.toggle("wall", wall);
  }, [wall]);
  // A new page is read from its top: the focus moves to the content, as after a full load.
  const shownPath = useRef(location.pathname);
  useEffect(() => {
    if (shownPath.current !== location.pathname) main.current?.focus({ preventScroll: true });
    shownPath.current = location.pathname;
  }, [location.pathname]);
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (
        event.ctrlKey ||
        event.metaKey ||
        event.altKey ||
        typing(event.target) ||
        document.querySelector("dialog[open]")
      )
        return;
      const go = Date.now() - going.current < 1500 ? goKeys[event.key] : undefined;
      going.current = 0;
      if (go !== undefined) void navigate({ to: go });
      else if (event.key === "/") setOpen("search");
      else if (event.key === "?") setOpen("keys");
      else if (event.key === "g") going.current = Date.now();
      else if (event.key === "Escape" && wall) void navigate({ to: "/", search: {} });
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [navigate, wall]);
  return (
    <>
      <a className="skip" href="#content" onClick={(event) => (event.preventDefault(), main.current?.focus())}>
        {t.nav.skip}
      </a>
      {simulated ? <div className="sim-frame" aria-hidden /> : undefined}
      <div className="frame">
        <aside className={`side ${menu ? "open" : ""}`} id="menu">
          <Link to="/" className="brand">
            <img src="/swallow.svg" alt="" />
            Layang
          </Link>
          <nav className="nav" aria-label={t.nav.main}>
            {pages.map(([path, name]) => (
              <Link
                key={path}
                to={path}
                activeOptions={{ exact: path === "/", includeSearch: false }}
                search={{}}
                onClick={() => setMenu(false)}
              >
                <Icon name={name} />
                {t.nav[name]}
              </Link>
            ))}
          </nav>
          <div className="below">
            <label className="field">
              <span>{t.nav.language}</span>
              <select value={language} onChange={(event) => choose(event.target.value as Language)}>
                {Object.entries(languages).map(([code, name]) => (
                  <option key={code} value={code} lang={code}>
                    {name}
                  </option>
                ))}
              </select>
            </label>
            <label className="field">
              <span>{t.nav.theme}</span>
              <select value={theme} onChange={(event) => setTheme(event.target.value as Theme)}>
                {themes.map((name) => (
                  <option key={name} value={name}>
                    {t.nav.themes[name]}
                  </option>
                ))}
              </select>
            </label>
            <button type="button" className="button quiet" onClick={() => setOpen("keys")}>
              <kbd>?</kbd> {t.nav.keys}
            </button>
          </div>
        </aside>
        <div className="page">
          {simulated ? (
            <div className="simulated" role="note">
              <strong>{t.shell.simulated}</strong>
              <span>{t.shell.simulatedText}</span>
            </div>
          ) : undefined}
          {status.data?.exercise ? (
            <div className="simulated" role="note">
              <strong>{t.shell.exercise(status.data.exercise)}</strong>
            </div>
          ) : undefined}
          <header className="top">
            <button
              type="button"
              className="button icon-button menu-button"
              aria-expanded={menu}
              aria-controls="menu"
              aria-label={t.nav.menu}
              onClick={() => setMenu(!menu)}
            >
              <Icon name={menu ? "close" : "menu"} />
            </button>
            <button type="button" className="find" onClick={() => setOpen("search")}>
              <Icon name="search" />
              <span>{t.shell.search}</span>
              <kbd>/</kbd>
            </button>
            <Clock status={status.data} failed={status.isError} />
          </header>
          <main id="content" ref={main} tabIndex={-1}>
            <Outlet />
          </main>
          <footer className="foot stack">
            <p>{t.shell.independent}</p>
            <p>{t.shell.mapNote}</p>
            {status.data === undefined || status.data.attribution.length === 0 ? undefined : (
              <p>
                {t.shell.attribution}:{" "}
                {status.data.attribution.map(({ name, text, url }, place) => (
                  <span key={name}>
                    {place > 0 ? " · " : ""}
                    {url === null ? (
                      name
                    ) : (
                      <a href={url} rel="noreferrer noopener">
                        {name}
                      </a>
                    )}
                    {text === "" || text === name ? "" : `: ${text}`}
                  </span>
                ))}
              </p>
            )}
            <p className="no-print">
              {status.data === undefined ? "" : `${status.data.name} · ${t.shell.version(status.data.version)} · `}
              <a href="/api/v1/openapi.json">{t.shell.api}</a>
              {status.data === undefined ? "" : ` · ${f.count(status.data.data.flows)} ${t.word.flows}`}
            </p>
          </footer>
        </div>
      </div>
      {open === "search" ? <SearchDialog onClose={() => setOpen(undefined)} /> : undefined}
      {open === "keys" ? <KeysDialog onClose={() => setOpen(undefined)} /> : undefined}
    </>
  );
};
