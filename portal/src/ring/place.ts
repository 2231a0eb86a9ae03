// SPDX-License-Identifier: Apache-2.0
import type { Ring } from "../../../src/api/contract/desk/ring.ts";

/** Where everything stands, in pixels, for a picture of one size. */
export interface Place {
  readonly width: number;
  readonly height: number;
  readonly cx: number;
  readonly cy: number;
  /** Radius of the disc whose rim is the address space. */
  readonly disc: number;
  readonly rings: readonly RingPlace[];
  readonly sensors: readonly (readonly [number, number])[];
}
export interface RingPlace {
  readonly x: number;
  readonly y: number;
  readonly rx: number;
  readonly ry: number;
}
/** Rings are seen from above at a slant. */
const slant = 0.42;
const turn = 2 * Math.PI;

/** A point on the rim: 0.0.0.0 at the top, addresses clockwise. */
export const onRim = (place: Place, from: number): readonly [number, number] => [
  place.cx + Math.sin(from * turn) * place.disc,
  place.cy - Math.cos(from * turn) * place.disc,
];
export const onRing = ({ x, y, rx, ry }: RingPlace, on: number): readonly [number, number] => [
  x + Math.sin(on * turn) * rx,
  y - Math.cos(on * turn) * ry,
];

/**
 * Rings stand on one or two ellipses round the disc, the largest first at the left and right where there is room; their size
 * goes by the logarithm of their addresses.
 */
export const placeAll = (width: number, height: number, rings: readonly Ring[], sensors: number): Place => {
  const tall = height > width * 1.05;
  const cx = width / 2;
  // Room at the top for the sentence that names an anomaly.
  const top = height > 480 ? 56 : 0;
  const cy = (height + top) / 2;
  const small = Math.min(width, height - top);
  const disc = small * (tall ? 0.2 : 0.21);
  const inner = rings.length <= 22 ? rings.length : Math.ceil(rings.length * 0.4);
  const most = Math.log2(Math.max(256, ...rings.map(({ addresses }) => addresses)));
  const placed = rings.map((ring, i): RingPlace => {
    const first = i < inner;
    const count = first ? inner : rings.length - inner;
    const at = first ? i : i - inner;
    const two = rings.length > 22;
    const reach = two ? (first ? 0.7 : 0.95) : 0.86;
    // Half a step apart, so that no ring hides behind the disc's top or another orbit's ring.
    const angle = turn * ((at + (first ? 0.5 : 0)) / Math.max(1, count)) + Math.PI / 2;
    const room = Math.min((turn * small * 0.42 * reach) / Math.max(6, count) / 2.1, small * 0.085);
    const share = Math.max(0.42, Math.log2(Math.max(2, ring.addresses)) / most);
    const rx = Math.max(9, room * share);
    const marginX = rx + 8;
    const marginY = rx * slant + 24;
    return {
      x: cx + Math.cos(angle) * (width / 2 - marginX) * reach,
      y: cy + Math.sin(angle) * ((height - top) / 2 - marginY) * reach,
      rx,
      ry: rx * slant,
    };
  });
  return {
    width,
    height,
    cx,
    cy,
    disc,
    rings: placed,
    sensors: Array.from({ length: sensors }, (_, i) => {
      const angle = turn * (i / Math.max(1, sensors));
      const radius = sensors < 2 ? 0 : disc * (sensors <= 8 ? 0.38 : 0.3 + 0.22 * (i % 2));
      return [cx + Math.sin(angle) * radius, cy - Math.cos(angle) * radius] as const;
    }),
  };
};
/** The ring at a point of the picture, if any. */
export const ringAt = (place: Place, x: number, y: number): number =>
  place.rings.findIndex((ring) => ((x - ring.x) / (ring.rx + 8)) ** 2 + ((y - ring.y) / (ring.ry + 10)) ** 2 <= 1);
/** Widths that a name is tried in, widest first, pixels. */
export const namesOf = (size: number, rx: number): number[] =>
  [32, 24, 18].map((letters) => letters * size * 0.62).concat(Math.max(7 * size, rx * 2.6), 5.5 * size, 4 * size);
