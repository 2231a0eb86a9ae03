// SPDX-License-Identifier: Apache-2.0
import type { RingPackets } from "../../../src/api/contract/desk/ring.ts";

/** Figures are sums over so many milliseconds; the node says nothing of a quarter of a second in which nothing came. */
const span = 10_000;
export interface Sums {
  /** Packets a second, as the node said last; zero when nothing came for so long that it says nothing. */
  readonly rate: number;
  /** Something came since the page was opened. */
  readonly heard: boolean;
  readonly packets: number;
  readonly shown: number;
  /** Packets a second by ring, and by class: from the sampled trails. */
  readonly rings: ReadonlyMap<number, number>;
  readonly classes: ReadonlyMap<number, number>;
}
interface Quarter {
  /** When it came, milliseconds. */
  readonly at: number;
  readonly packets: number;
  readonly shown: number;
  readonly rings: ReadonlyMap<number, number>;
  readonly classes: ReadonlyMap<number, number>;
}
/** Figures beside the picture: sums over the last ten seconds, whatever came in them. */
export class Tally {
  private readonly quarters: Quarter[] = [];
  private rate = 0;
  /** When the first came: before it nobody listened. */
  private began: number | undefined;

  add(event: RingPackets, now: number): void {
    const rings = new Map<number, number>();
    const classes = new Map<number, number>();
    for (const [, ring = -1, , , kind = 0, , weight = 1] of event.rows) {
      rings.set(ring, (rings.get(ring) ?? 0) + weight);
      classes.set(kind, (classes.get(kind) ?? 0) + weight);
    }
    this.rate = event.rate;
    this.began ??= now;
    this.quarters.push({ at: now, packets: event.packets, shown: event.rows.length, rings, classes });
    this.forget(now);
  }

  private forget(now: number): void {
    while (this.quarters[0] !== undefined && this.quarters[0].at <= now - span) this.quarters.shift();
  }

  sums(now: number): Sums {
    this.forget(now);
    // What came first stands for the quarter before it.
    const seconds = Math.min(span, Math.max(1000, now - (this.began ?? now) + 250)) / 1000;
    const sum = (of: "rings" | "classes"): Map<number, number> => {
      const total = new Map<number, number>();
      for (const quarter of this.quarters)
        for (const [key, value] of quarter[of]) total.set(key, (total.get(key) ?? 0) + value / seconds);
      return total;
    };
    return {
      rate: this.quarters.length === 0 ? 0 : this.rate,
      heard: this.began !== undefined,
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
