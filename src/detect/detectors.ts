// SPDX-License-Identifier: Apache-2.0
import type { Detector } from "./detector.ts";
import { infectedHost } from "./infected.ts";

/** Every detector of the program, in the order they are asked. */
export const detectors: readonly Detector[] = [infectedHost as Detector];
