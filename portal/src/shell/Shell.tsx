// SPDX-License-Identifier: Apache-2.0
import { useMutation } from "@tanstack/react-query";
import { Link, Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import { Fragment, Suspense, lazy, useEffect, useRef, useState } from "react";
import type { Status } from "../../../src/api/contract/answers.ts";
import type { FactorMade } from "../../../src/api/contract/desk/session.ts";
import { Bones, useNow } from "../design/parts.tsx";
import { useSaidOnce } from "../design/said.ts";
import type { ApiError } from "../api.ts";
import { Refused } from "../desk/Loaded.tsx";
import { deskSend } from "../desk/client.ts";
import { holderOf, useSession, useSummary, useTakeSession } from "../desk/session.ts";
import { set } from "../search.ts";
import { useWords } from "../words/index.tsx";
import { type Language, languages } from "../words/languages.ts";
import { realOf } from "./drill.ts";
import { useExercise, useExerciseBeside } from "./exercise.ts";
import { Icon } from "./icons.tsx";
import { KeysDialog } from "./Keys.tsx";
import { Menu, goKeys, pageOf } from "./Menu.tsx";
import { mayOpen } from "./doors.ts";
import { SearchDialog } from "./Search.tsx";
import { pastBehind } from "./past.ts";
import { pressed } from "./pressed.ts";
import { useSimulated, useStatus } from "./status.ts";
import { type Theme, themes, useTheme } from "./theme.ts";
import { titleAt } from "./title.ts";

const typing = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName)) &&
  !target.classList.contains("reader");

const Gate = lazy(async () => ({ default: (await import("../pages/session/Gate.tsx")).Gate }));

/** `closed`: who asks is told nothing of the data, and waits for nothing. */
const Clock = ({ status, failed, closed }: { status: Status | undefined; failed: boolean; closed: boolean }) => {
  const { t, f } = useWords();
  const now = useNow();
  const newest = status?.data.to == null ? undefined : new Date(status.data.to);
  const asked = failed || status !== undefined;
  const fresh = !failed && newest !== undefined && now.getTime() - newest.getTime() < 60_000;
  const local = now.getTimezoneOffset() === 0 ? undefined : f.localClock(now);
  const state = !asked ? "loading" : fresh ? "live" : newest === undefined ? "none" : "old";
  const box = useRef<HTMLSpanElement>(null);
  // How old the data are changes every second; that they became old is said once.
  const live = useSaidOnce(box, state, true);
  return (
    <div className="clock">
      {closed ? undefined : (
        <span className={`live ${fresh ? "on" : asked ? "off" : ""}`} role="status" aria-live={live} ref={box}>
          <span className="dot" />
          {state === "loading"
            ? t.state.loading
            : state === "live"
              ? t.shell.live
              : newest === undefined
                ? t.shell.offline
                : t.state.dataAge(f.ago(newest, now))}
        </span>
      )}
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
  const wall = /^\/(ring)?$/.test(location.pathname) && (location.search as { wall?: string }).wall === "1";
  const main = useRef<HTMLElement>(null);
  const going = useRef(0);
  const { session, failed } = useSession();
  const summary = useSummary();
  /** Kept here: the next answer says that the person is signed in, and would take the codes off the page. */
  const [made, setMade] = useState<FactorMade>();
  /** Nobody is signed in where that is needed. */
  const closed = session != null && session.state !== "in";
  const exercise = useExercise();
  const beside = useExerciseBeside();
  const past = pastBehind(summary, status.data);
  const take = useTakeSession();
  const leave = useMutation<void, ApiError>({
    mutationFn: async () => take(await deskSend("session/logout", "session/logout", {})),
  });
  const page = titleAt(t, location.pathname);
  useEffect(() => {
    document.title = [
      exercise === "" ? "" : t.desk.exercise.frame(exercise),
      simulated ? t.shell.simulated : "",
      page,
      "Layang",
    ]
      .filter((part) => part !== "")
      .join(" · ");
  }, [page, t, simulated, exercise]);
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
      const key = pressed(event);
      const path = Date.now() - going.current < 1500 ? goKeys[key] : undefined;
      const page = path === undefined ? undefined : pageOf(path);
      // Where nobody is signed in the way in stands on every page.
      const go = page !== undefined && (closed || mayOpen(session, page)) ? path : undefined;
      going.current = 0;
      if (go !== undefined) void navigate({ to: go });
      else if (key === "/" && !closed) setOpen("search");
      else if (key === "?") setOpen("keys");
      else if (key === "g") going.current = Date.now();
      else if (key === "Escape" && wall && !event.defaultPrevented)
        void navigate({ to: location.pathname, search: ({ wall: _wall, ...rest }) => rest });
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [navigate, wall, closed, session, location.pathname]);
  return (
    <>
      <a className="skip" href="#content" onClick={(event) => (event.preventDefault(), main.current?.focus())}>
        {t.nav.skip}
      </a>
      {simulated ? <div className="sim-frame" aria-hidden /> : undefined}
      {exercise === "" ? undefined : <div className="exercise-frame" aria-hidden />}
      <div className="frame">
        <aside className={`side ${menu ? "open" : ""}`} id="menu">
          <Link to="/" className="brand">
            <img src="/swallow.svg" alt="" />
            Layang
          </Link>
          <Menu session={session} summary={summary} onGo={() => setMenu(false)} />
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
            {session?.state === "in" && !session.demo && session.person !== null ? (
              <div className="who whole">
                <span title={t.desk.nav.signedIn(session.person.name)}>{session.person.name}</span>
                <button
                  type="button"
                  className="button quiet"
                  disabled={leave.isPending}
                  onClick={() => leave.mutate()}
                >
                  {t.desk.nav.signOut}
                </button>
                <Refused error={leave.error} />
              </div>
            ) : session?.demo ? (
              <div className="who whole">{t.desk.nav.demo}</div>
            ) : undefined}
            <button type="button" className="button quiet whole" onClick={() => setOpen("keys")}>
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
          {exercise === "" ? undefined : (
            <div className="exercise" role="note">
              <strong>{t.desk.exercise.frame(exercise)}</strong>
              <span>{t.desk.exercise.text}</span>
              <Link to={realOf(location.pathname)} search={set({ exercise: undefined })} className="end">
                {t.desk.exercise.leave}
              </Link>
            </div>
          )}
          {beside === "" || exercise !== "" ? undefined : (
            <div className="exercise beside" role="note">
              <span>{t.desk.exercise.beside(beside)}</span>
              <Link
                to={location.pathname}
                search={(before) => ({ ...before, ...set({ exercise: undefined }) })}
                className="end"
              >
                {t.desk.exercise.end}
              </Link>
            </div>
          )}
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
            {closed ? undefined : (
              <button type="button" className="find" onClick={() => setOpen("search")}>
                <Icon name="search" />
                <span className="long">{t.shell.search}</span>
                <span className="short">{t.shell.searchShort}</span>
                <kbd>/</kbd>
              </button>
            )}
            <Clock status={status.data} failed={status.isError} closed={closed} />
          </header>
          {past === undefined ? undefined : (
            <p className="catching-up" role="status">
              <strong>{t.desk.past.title}</strong>{" "}
              <span>{past === null ? t.desk.past.none : t.desk.past.upTo(f.time(new Date(past)))}</span>{" "}
              <span>{t.desk.past.text}</span>
            </p>
          )}
          <main id="content" ref={main} tabIndex={-1}>
            {session === undefined && failed === undefined ? (
              <Bones lines={8} />
            ) : session == null || (session.state === "in" && made === undefined) ? (
              // Another person's page begins anew.
              <Fragment key={session == null ? "" : holderOf(session)}>
                <Outlet />
              </Fragment>
            ) : (
              <Suspense fallback={<Bones lines={8} />}>
                <Gate session={session} made={made} onMade={setMade} />
              </Suspense>
            )}
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
