// SPDX-License-Identifier: Apache-2.0
import type { Status } from "../../../src/api/contract/answers.ts";
import type { Summary } from "../../../src/api/contract/desk/statistics.ts";

/** Detectors follow within minutes; so far behind the packets they are only where there is a past to judge. Milliseconds. */
const LATE = 30 * 60_000;

/** Up to when the past was judged, or null where nothing was yet; undefined where detectors keep up and there is nothing to say. */
export const pastBehind = (
  summary: Pick<Summary, "judged"> | undefined,
  status: { readonly data: Pick<Status["data"], "from" | "to"> } | undefined,
): string | null | undefined => {
  if (summary === undefined || status === undefined || status.data.to === null) return undefined;
  const newest = Date.parse(status.data.to);
  const reached = summary.judged === null ? Date.parse(status.data.from ?? status.data.to) : Date.parse(summary.judged);
  return newest - reached > LATE ? summary.judged : undefined;
};
