// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * What tells a running process from any other: its number and when it began, as the kernel counts. Undefined when none runs
 * under the number. Where there is no /proc, the number alone.
 */
export const processMark = (pid: number): string | undefined => {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return undefined; // EPERM: it runs, as somebody else's
  }
  try {
    // The name may hold anything, also parentheses and spaces.
    const [, fields = ""] = /^.*\) (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
    return `${pid} ${fields.split(" ")[19] ?? ""}`;
  } catch {
    return `${pid} -`;
  }
};

/** The text of `portal.address` and `door.address`: where this process listens, and that it is this one. */
export const runningText = (address: string): string => `${address}\n${processMark(process.pid) ?? ""}\n`;

/** The address in such a text; undefined when the process that wrote it has ended: somebody else may listen there now. */
export const runningAddress = (text: string): string | undefined => {
  const [address = "", mark = ""] = text.split("\n");
  const pid = Number(mark.split(" ")[0]);
  return Number.isSafeInteger(pid) && pid > 0 && processMark(pid) === mark ? address : undefined;
};

/** The one-time link of the first administrator lies here while it is good for something and no terminal shows it. */
export const firstLinkName = "first-administrator.link";
export const firstLinkFile = (data: string): string => join(data, firstLinkName);
