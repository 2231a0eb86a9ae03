// SPDX-License-Identifier: Apache-2.0
import { portName } from "../ports.ts";
import type { Messages } from "../words/messages.ts";
import { pageOf, titleOf } from "./Menu.tsx";

/** What a browser's tab says of a page: of one thing its name, of what is not there that it is not. */
export const titleAt = (t: Messages, path: string): string => {
  const [, room = "", first = "", second = ""] = path.split("/").map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part; // No name of ours: shown as it stands.
    }
  });
  if (room === "sources" && first !== "") return first;
  if (room === "ports" && /^\d+$/.test(second)) return portName(first, Number(second));
  if (room === "cases" && /^\d+$/.test(first)) return t.desk.word.caseName(first);
  const page = pageOf(path);
  return page === undefined ? t.state.notFoundTitle : titleOf(t, page);
};
