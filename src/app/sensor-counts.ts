// SPDX-License-Identifier: Apache-2.0
import type { FlowCounters } from "../flow/table.ts";
import { undecodedKinds } from "../model/packets.ts";
import type { DecodeCounters, UndecodedKind } from "../model/packets.ts";
import type { SensorReport } from "../model/report.ts";

/** The counters of a batch's report: what happened since the batch before. */
export type Counts = Pick<
  SensorReport,
  "read" | "counted" | "notDark" | "undecoded" | "retired" | "droppedByKernel" | "droppedByInterface"
>;

/**
 * Turns counters that only grow into what each batch has to tell. `counted` is what stands in the batch's own rows, and
 * `read` the sum, so that a packet is reported together with its row or not at all, also when the process is killed.
 */
export const createCounts = (): {
  take(
    counted: number,
    decoded: DecodeCounters,
    flows: FlowCounters,
    drops: { kernel: number; interface: number },
  ): Counts;
  /** Whether something happened since that makes no row, so that only another batch can tell it. */
  untold(decoded: DecodeCounters, flows: FlowCounters, drops: { kernel: number; interface: number }): boolean;
  /** What was told in all. */
  readonly sums: {
    read: number;
    counted: number;
    notDark: number;
    undecoded: number;
    retired: number;
    dropped: number;
  };
} => {
  const undecoded = Object.fromEntries(undecodedKinds.map((kind) => [kind, 0])) as Record<UndecodedKind, number>;
  const before = { notDark: 0, retired: 0, kernel: 0, interface: 0 };
  const sums = { read: 0, counted: 0, notDark: 0, undecoded: 0, retired: 0, dropped: 0 };
  return {
    sums,
    untold: (decoded, flows, drops) =>
      flows.notDark + flows.fromDark > before.notDark ||
      flows.retired > before.retired ||
      drops.kernel > before.kernel ||
      drops.interface > before.interface ||
      undecodedKinds.some((kind) => decoded[kind] > undecoded[kind]),
    take: (counted, decoded, flows, drops) => {
      const outside = flows.notDark + flows.fromDark;
      const counts = {
        counted,
        notDark: outside - before.notDark,
        retired: flows.retired - before.retired,
        // The child may be asked late: a counter never runs backwards.
        droppedByKernel: Math.max(0, drops.kernel - before.kernel),
        droppedByInterface: Math.max(0, drops.interface - before.interface),
      };
      before.notDark = outside;
      before.retired = flows.retired;
      before.kernel = Math.max(before.kernel, drops.kernel);
      before.interface = Math.max(before.interface, drops.interface);
      const kinds: Partial<Record<UndecodedKind, number>> = {};
      let lost = 0;
      for (const kind of undecodedKinds) {
        const now = decoded[kind] - undecoded[kind];
        undecoded[kind] = decoded[kind];
        if (now === 0) continue;
        kinds[kind] = now;
        lost += now;
      }
      const read = counted + counts.notDark + counts.retired + lost;
      sums.read += read;
      sums.counted += counted;
      sums.notDark += counts.notDark;
      sums.retired += counts.retired;
      sums.undecoded += lost;
      sums.dropped += counts.droppedByKernel + counts.droppedByInterface;
      return { ...counts, read, undecoded: kinds };
    },
  };
};
