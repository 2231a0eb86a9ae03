// SPDX-License-Identifier: Apache-2.0
import type { ReplaySummary } from "./replay-summary.ts";
export const replayOrigins = async (
  _summary: ReplaySummary,
): Promise<
  | {
      countries: { name: string; sources: number; packets: number }[];
      networks: { name: string; sources: number; packets: number }[];
    }
  | undefined
> => undefined;
