// SPDX-License-Identifier: Apache-2.0

/** Rooms that show an exercise when their address names one; all others show what is real. */
const rooms = new Set([
  "ring",
  "alerts",
  "cases",
  "warnings",
  "campaigns",
  "constituency",
  "unclaimed",
  "notices",
  "inbox",
]);
const roomOf = (path: string): string => path.split("/")[1] ?? "";

export const showsExercise = (path: string): boolean => rooms.has(roomOf(path));

/** Where the way out of an exercise leads: to the same page, but from one case or organisation, which is not there in what is real, to their list. */
export const realOf = (path: string): string => (showsExercise(path) ? `/${roomOf(path)}` : path);
