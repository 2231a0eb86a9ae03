// SPDX-License-Identifier: Apache-2.0
import type { RingPackets } from "../../../src/api/contract/desk/ring.ts";

/** Ten seconds of quarters. */
const kept = 40;
export interface Sums {
  /** Packets a second, as the node said last. */
  readonly rate: number;
  readonly packets: number;
  readonly shown: number;
  /** Packets a second by ring, and by class: from the sampled trails. */
  readonly rings: ReadonlyMap<number, number>;
  readonly classes: ReadonlyMap<number, number>;
}
interface Quarter {
  readonly packets: number;
  readonly shown: number;
  readonly rings: ReadonlyMap<number, number>;
  readonly classes: ReadonlyMap<number, number>;
}
/** Figures beside the picture: sums over the last ten seconds, in a fixed number of quarters. */
export class Tally {
  private readonly quarters: Quarter[] = [];
  private rate = 0;

  add(event: RingPackets): void {
    const rings = new Map<number, number>();
    const classes = new Map<number, number>();
    for (const [, ring = -1, , , kind = 0, , weight = 1] of event.rows) {
      rings.set(ring, (rings.get(ring) ?? 0) + weight);
      classes.set(kind, (classes.get(kind) ?? 0) + weight);
    }
    this.rate = event.rate;
    this.quarters.push({ packets: event.packets, shown: event.rows.length, rings, classes });
    if (this.quarters.length > kept) this.quarters.shift();
  }

  sums(): Sums {
    const seconds = Math.max(1, this.quarters.length) / 4;
    const sum = (of: "rings" | "classes"): Map<number, number> => {
      const total = new Map<number, number>();
      for (const quarter of this.quarters)
        for (const [key, value] of quarter[of]) total.set(key, (total.get(key) ?? 0) + value / seconds);
      return total;
    };
    return {
      rate: this.rate,
      packets: this.quarters.reduce((total, { packets }) => total + packets, 0),
      shown: this.quarters.reduce((total, { shown }) => total + shown, 0),
      rings: sum("rings"),
      classes: sum("classes"),
    };
  }
}

/** Where arriving packets are handed to the picture, which takes them at its own pace. */
export class Inlet {
  private taker: ((event: RingPackets) => void) | undefined;
  push(event: RingPackets): void {
    this.taker?.(event);
  }
  take(taker: (event: RingPackets) => void): () => void {
    this.taker = taker;
    return () => {
      this.taker = undefined;
    };
  }
}
