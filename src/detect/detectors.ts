// SPDX-License-Identifier: Apache-2.0
import { amplification } from "./amplification.ts";
import { campaign } from "./campaign.ts";
import type { Detector } from "./detector.ts";
import { dosVictim } from "./dos.ts";
import { earlyWarning } from "./early-warning.ts";
import { event } from "./event.ts";
import { heavyScanner } from "./heavy.ts";
import { infectedHost } from "./infected.ts";

/** Every detector of the program, in the order they are asked. */
export const detectors: readonly Detector[] = [
  infectedHost as Detector,
  dosVictim as Detector,
  event as Detector,
  heavyScanner as Detector,
  amplification as Detector,
  earlyWarning as Detector,
  campaign as Detector,
];
