// SPDX-License-Identifier: Apache-2.0
import type { FlowBatch } from "../model/flows.ts";
import type { ReplayWork } from "./replay.ts";
export const openReplayStore = async (
  _data: string,
  _work: ReplayWork,
): Promise<{
  append(batch: FlowBatch, number: number): Promise<void>;
  finish(): Promise<void>;
  close(): Promise<void>;
}> => {
  throw new Error("x");
};
