// SPDX-License-Identifier: Apache-2.0
import { Outlet } from "@tanstack/react-router";
import { useWords } from "../words/index.tsx";
import { type Language, languages } from "../words/languages.ts";

/** Pages for people without an account: no menu, nothing but the page and its language. */
export const Bare = () => {
  const { t, language, choose } = useWords();
  return (
    <div className="bare">
      <header className="bare-top no-print">
        <span className="brand">
          <img src="/swallow.svg" alt="" />
          Layang
        </span>
        <label>
          <span className="hidden">{t.nav.language}</span>
          <select value={language} onChange={(event) => choose(event.target.value as Language)}>
            {Object.entries(languages).map(([code, name]) => (
              <option key={code} value={code} lang={code}>
                {name}
              </option>
            ))}
          </select>
        </label>
      </header>
      <main id="content" tabIndex={-1}>
        <Outlet />
      </main>
      <footer className="foot">
        <p>{t.shell.independent}</p>
      </footer>
    </div>
  );
};
