// SPDX-License-Identifier: Apache-2.0
import { useState } from "react";

export const themes = ["system", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

/** The chosen theme; `system` follows the device. public/theme.js applies it before the first paint. */
export const useTheme = (): readonly [Theme, (theme: Theme) => void] => {
  const [theme, setTheme] = useState<Theme>(() => {
    const chosen = document.documentElement.dataset["theme"];
    return chosen === "light" || chosen === "dark" ? chosen : "system";
  });
  return [
    theme,
    (next) => {
      if (next === "system") delete document.documentElement.dataset["theme"];
      else document.documentElement.dataset["theme"] = next;
      try {
        if (next === "system") localStorage.removeItem("layang.theme");
        else localStorage.setItem("layang.theme", next);
      } catch {
        // Storage is switched off: the choice lasts until the page is closed.
      }
      setTheme(next);
    },
  ];
};
