// SPDX-License-Identifier: Apache-2.0
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";
import { type Format, formatFor } from "../format.ts";
import { en } from "./en.ts";
import { type Language, languages } from "./languages.ts";
import type { Messages } from "./messages.ts";
import { loadScript } from "./scripts.ts";

/** Catalogue and script of a language; both are fetched when the language is chosen. */
const load: Record<Language, () => Promise<Messages>> = {
  en: () => Promise.resolve(en),
  ja: async () => (await Promise.all([import("./ja.ts"), loadScript.japanese()]))[0].ja,
  id: async () => (await import("./id.ts")).id,
  th: async () => (await Promise.all([import("./th.ts"), loadScript.thai()]))[0].th,
};

interface Words {
  readonly language: Language;
  readonly t: Messages;
  readonly f: Format;
  choose(language: Language): void;
}
const WordsContext = createContext<Words | undefined>(undefined);

const isLanguage = (name: string | null | undefined): name is Language =>
  name != null && Object.hasOwn(languages, name);
const stored = (): string | null => {
  try {
    return localStorage.getItem("layang.language");
  } catch {
    return null; // Storage is switched off: the browser's language holds.
  }
};
/** The address's language, else the chosen one, else the browser's first that there is, else English. */
const firstLanguage = (): Language => {
  const wished = [
    new URLSearchParams(location.search).get("lang"),
    stored(),
    ...navigator.languages.map((one) => one.slice(0, 2)),
  ];
  return wished.find(isLanguage) ?? "en";
};

export const WordsProvider = ({ children }: { children: ReactNode }) => {
  const [language, setLanguage] = useState<Language>(firstLanguage);
  const [ready, setReady] = useState<{ language: Language; t: Messages }>();
  useEffect(() => {
    let current = true;
    void load[language]()
      .catch(() => en) // The catalogue could not be fetched: English is better than nothing.
      .then((t) => {
        if (!current) return;
        document.documentElement.lang = language;
        setReady({ language, t });
      });
    return () => {
      current = false;
    };
  }, [language]);
  const words = useMemo(
    (): Words | undefined =>
      ready && {
        language: ready.language,
        t: ready.t,
        f: formatFor(ready.language),
        choose: (next) => {
          try {
            localStorage.setItem("layang.language", next);
          } catch {
            // Storage is switched off: the choice lasts until the page is closed.
          }
          setLanguage(next);
        },
      },
    [ready],
  );
  return words && <WordsContext value={words}>{children}</WordsContext>;
};

export const useWords = (): Words => {
  const words = useContext(WordsContext);
  if (words === undefined) throw new Error("useWords outside WordsProvider");
  return words;
};
