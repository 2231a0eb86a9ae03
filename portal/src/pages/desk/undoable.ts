// SPDX-License-Identifier: Apache-2.0
import type { AlertActed, AlertAction } from "../../../../src/api/contract/desk/alerts.ts";

/** What was done, and what was not. */
export interface Did {
  readonly action: AlertAction;
  readonly done: number;
  readonly refused: AlertActed["refused"];
}
/** What taking it back speaks of: what was refused is as somebody else left it, and stays so. */
export const undoable = ({ action, refused }: Did): AlertAction["alerts"] =>
  action.alerts.filter(({ id }) => !refused.some((one) => one.id === id));
