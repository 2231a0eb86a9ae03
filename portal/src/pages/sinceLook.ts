// SPDX-License-Identifier: Apache-2.0

const hour = 3_600_000;
const five = 300_000;

/**
 * The period since the reader's last look, in whole five minutes: from when the page was left the last time, an hour at least before it was
 * `opened` and seven days at most before `now`. It goes on while the page stays open.
 */
export const sinceLook = (left: number, opened: number, now: number): { from: string; to: string } => {
  const round = (time: number): string => new Date(Math.floor(time / five) * five).toISOString().replace(".000", "");
  return { from: round(Math.max(now - 168 * hour, Math.min(left, opened - hour))), to: round(now + five) };
};
