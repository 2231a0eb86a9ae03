// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "../platform/log.ts";
import type { ReceivedBatch } from "../ship/receiver.ts";

export interface NodeAlarm {
  /** RFC 3339 UTC, of the newest packets that show it. */
  readonly time: string;
  readonly sensor: string;
  readonly kind: "duplicate";
  readonly text: string;
}
export interface Alarms {
  /** Looks at a batch that was just stored. */
  look(received: ReceivedBatch): void;
  /** What is wrong now, newest first. */
  standing(): readonly NodeAlarm[];
}

export const openAlarms = (_log: Logger): Alarms => ({ look: () => undefined, standing: () => [] });
