// SPDX-License-Identifier: Apache-2.0

/** Where a key is pressed: on the page, on what Space and Enter press, in what is typed into, or in a dialog over the page. */
export type Focus = "page" | "button" | "field" | "dialog";
export interface Shown {
  readonly stopped: boolean;
  readonly open: boolean;
  readonly anomaly: boolean;
}

/** What a key does to the picture; undefined: it is not the picture's. */
export const ringKey = (key: string, focus: Focus, { stopped, open, anomaly }: Shown) => {
  if (focus === "dialog" || focus === "field") return undefined;
  if (key === "Escape") return stopped || open ? "resume" : undefined;
  // A button that has the focus is pressed by these.
  if (focus === "button") return undefined;
  if (key === " ") return "toggle";
  return key === "Enter" && anomaly ? "evidence" : undefined;
};
