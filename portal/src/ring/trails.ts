// SPDX-License-Identifier: Apache-2.0
import type { RingPackets } from "../../../src/api/contract/desk/ring.ts";
import { type Place, onRim, onRing } from "./place.ts";

export const kinds = ["syn", "udp", "replies", "icmp", "other"] as const;
export type Kind = (typeof kinds)[number];
export const kindColours: Record<Kind, string> = {
  syn: "--cat-0",
  udp: "--cat-1",
  replies: "--cat-2",
  icmp: "--cat-3",
  other: "--cat-6",
};
/** Colour of a class, as on the strip of arriving packets. */
export const kindOf = (name: string): Kind =>
  name === "tcp-syn"
    ? "syn"
    : name === "udp"
      ? "udp"
      : /^icmp-(echo-request|other)/.test(name)
        ? "icmp"
        : /^tcp-(syn-ack|rst|ack)|^icmp-/.test(name)
          ? "replies"
          : "other";
/** Three steps of brightness: a trail stands for under 10, under 100, or 100 packets and more. */
export const levels = [0.35, 0.62, 1] as const;
const levelOf = (weight: number): number => (weight < 10 ? 0 : weight < 100 ? 1 : 2);

const room = 1400;
/** Milliseconds from a source to its sensor. */
const flight = 1500;
/** A trail's length as a share of its way. */
const tail = 0.2;

/**
 * The packets that are on their way. A fixed number of places: when all are taken the oldest goes, so that an hour of 25,000
 * packets a second needs what the first second needed.
 */
export class Trails {
  private readonly start = new Float64Array(room);
  /** Source, ring, place on it and sensor, four numbers a trail: what its way is drawn from anew in a picture of another size. */
  private readonly ends = new Float32Array(room * 4);
  /** From, bend and to, six numbers a trail. */
  private readonly way = new Float32Array(room * 6);
  private readonly look = new Uint8Array(room);
  private next = 0;
  /** On their way now. */
  count = 0;

  clear(): void {
    this.start.fill(0);
  }

  /** Starts the rows of one event, spread over the quarter of a second that they stand for. */
  add(event: RingPackets, place: Place, classes: readonly Kind[], now: number): void {
    const step = event.rows.length === 0 ? 0 : 250 / event.rows.length;
    for (const [i, row] of event.rows.entries()) {
      const [from = 0, ring = -1, on = 0, sensor = 0, kind = 0, , weight = 1] = row;
      const at = this.next;
      this.next = (at + 1) % room;
      this.start[at] = now + i * step;
      this.ends.set([from, ring, on, sensor], at * 4);
      this.lead(at, place);
      this.look[at] = kinds.indexOf(classes[kind] ?? "other") * 3 + levelOf(weight);
    }
  }

  /** The picture has another size: what is on its way goes on in it. */
  move(place: Place): void {
    for (let at = 0; at < room; at++) if (this.start[at] !== 0) this.lead(at, place);
  }

  private lead(at: number, place: Place): void {
    const { ends } = this;
    const body = place.rings[ends[at * 4 + 1] ?? -1];
    const [x, y] = body === undefined ? onRim(place, ends[at * 4] ?? 0) : onRing(body, ends[at * 4 + 2] ?? 0);
    const [toX, toY] = place.sensors[ends[at * 4 + 3] ?? 0] ?? [place.cx, place.cy];
    const bend = body === undefined ? 0.22 : 0.12;
    this.way.set([x, y, (x + toX) / 2 + (toY - y) * bend, (y + toY) / 2 - (toX - x) * bend, toX, toY], at * 6);
  }

  /** Draws all trails, one path for each colour, brightness and half of the tail. */
  draw(context: CanvasRenderingContext2D, now: number, colours: Record<Kind, string>, still: boolean): void {
    const { start, way, look } = this;
    this.count = 0;
    context.lineCap = "round";
    for (let group = 0; group < kinds.length * 3; group++) {
      const level = levels[group % 3] ?? 1;
      const colour = colours[kinds[Math.floor(group / 3)] ?? "other"];
      for (let half = 0; half < 2; half++) {
        context.beginPath();
        let drawn = 0;
        for (let at = 0; at < room; at++) {
          if (look[at] !== group) continue;
          const age = (now - (start[at] ?? 0)) / flight;
          if (age < 0 || age > 1 + tail) continue;
          const head = still ? 1 : Math.min(1, Math.max(0, age - (half * tail) / 2));
          const end = still ? 0 : Math.min(1, Math.max(0, age - ((half + 1) * tail) / 2));
          if (head <= end) continue;
          const base = at * 6;
          const [x0 = 0, y0 = 0, x1 = 0, y1 = 0, x2 = 0, y2 = 0] = [
            way[base],
            way[base + 1],
            way[base + 2],
            way[base + 3],
            way[base + 4],
            way[base + 5],
          ];
          const a = (1 - end) * (1 - end);
          const b = 2 * (1 - end) * end;
          const c = end * end;
          context.moveTo(a * x0 + b * x1 + c * x2, a * y0 + b * y1 + c * y2);
          const d = (1 - head) * (1 - head);
          const e = 2 * (1 - head) * head;
          const f = head * head;
          context.lineTo(d * x0 + e * x1 + f * x2, d * y0 + e * y1 + f * y2);
          drawn++;
        }
        if (drawn === 0) continue;
        if (half === 0) this.count += drawn;
        context.globalAlpha = level * (still ? 0.4 : half === 0 ? 1 : 0.45);
        context.strokeStyle = colour;
        context.lineWidth = half === 0 ? 2 : 1.4;
        context.stroke();
      }
    }
    context.globalAlpha = 1;
  }
}
