// SPDX-License-Identifier: Apache-2.0
import type { Sample } from "../model/detection.ts";

/**
 * The samples that are kept of those that were seen: the `atMost` for which `lot` is smallest. With a lot that nobody outside can
 * foresee (a keyed hash), who sends probes cannot choose which of them come back in a notice; and the draw is the same however the
 * samples arrive. A packet that is named twice keeps the clock error it was named with first: a sensor's clock drifts on, what was told of
 * a packet does not.
 */
export const draw = (seen: readonly Sample[], atMost: number, lot: (sample: Sample) => string): readonly Sample[] => {
  const distinct = new Map<string, Sample>();
  for (const sample of seen) {
    const packet = `${sample.time} ${sample.sourcePort} ${sample.port ?? ""}`;
    if (!distinct.has(packet)) distinct.set(packet, sample);
  }
  const all = [...distinct.values()];
  // Where none is left out there is nothing to draw, and a lot has its price.
  const kept = all.length <= atMost ? all : drawn(all, atMost, lot);
  return kept.toSorted((a, b) => a.time - b.time || a.sourcePort - b.sourcePort);
};

const drawn = (all: readonly Sample[], atMost: number, lot: (sample: Sample) => string): readonly Sample[] =>
  all
    .map((sample) => ({ sample, lot: lot(sample) }))
    .toSorted((a, b) => (a.lot < b.lot ? -1 : a.lot > b.lot ? 1 : 0))
    .slice(0, atMost)
    .map(({ sample }) => sample);
