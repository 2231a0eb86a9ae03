// SPDX-License-Identifier: Apache-2.0

import { type Script, letters, scriptsIn } from "./letters.ts";

export const loadScript: Readonly<Record<Script, () => Promise<unknown>>> = {
  thai: () => import("../design/fonts-th.css"),
  japanese: () => Promise.all([import("@fontsource/noto-sans-jp/400.css"), import("@fontsource/noto-sans-jp/600.css")]),
};

/** Looks at what comes on the page and fetches each font once it is needed; stops when it has all. The choices of a language name themselves and count as none. */
export const watchScripts = (root: Node): void => {
  const left = new Set<Script>(Object.keys(letters) as Script[]);
  const look = (node: Node): void => {
    if (node.parentElement?.closest("option") !== null && node.parentElement !== null) return;
    if (node instanceof HTMLElement && node.querySelector("option") !== null) {
      for (const child of node.childNodes) look(child);
      return;
    }
    if (node instanceof HTMLOptionElement) return;
    for (const script of scriptsIn(node.textContent ?? "", left)) {
      left.delete(script);
      // Not fetched: the browser's own fonts serve, and the next page tries again.
      loadScript[script]().catch(() => left.add(script));
    }
  };
  const observer = new MutationObserver((records) => {
    for (const { type, target, addedNodes } of records) {
      if (type === "characterData") look(target);
      else for (const node of addedNodes) look(node);
    }
    if (left.size === 0) observer.disconnect();
  });
  observer.observe(root, { childList: true, characterData: true, subtree: true });
};
