// SPDX-License-Identifier: Apache-2.0
import { mix, mix3, unit } from "./random.ts";

/** Hops more or less, by how many of 1,000 hosts (or networks) lie so. */
const drawn = (word: number, steps: readonly (readonly [hops: number, of1000: number])[]): number => {
  let left = unit(word) * 1000;
  for (const [hops, share] of steps) {
    left -= share;
    if (left < 0) return hops;
  }
  return 0;
};
const twentieth: readonly (readonly [number, number])[] = [
  [1, 45],
  [-1, 45],
  [2, 25],
  [-2, 25],
  [4, 15],
  [-4, 15],
];
const twentyFourth: readonly (readonly [number, number])[] = [
  [1, 20],
  [-1, 15],
  [2, 5],
];
const host: readonly (readonly [number, number])[] = [
  [1, 60],
  [-1, 25],
  [2, 10],
  [5, 4],
  [-3, 3],
];

/**
 * Hops from an address to where its packets leave its part of the world; `pathTo` adds those to a sensor. Addresses that are near each other lie at like distances: by
 * the TTLs of honeypot logs and of reflectors that answered one address, hosts of one /24 are within a hop of each other in 95 to 98 of 100 pairs, of one
 * /20 in 88 to 97, of one /16 in 79 to 88, and any two in 19 to 22 (docs/simulator.md). So it is here.
 */
export const hopsFrom = (address: number): number =>
  8 +
  (mix(address >>> 16, 0x6e6574) & 15) +
  drawn(mix(address >>> 12, 0x3230), twentieth) +
  drawn(mix(address >>> 8, 0x3234), twentyFourth) +
  drawn(mix(address, 0x686f), host);

/** Further hops of packets from the network of an address to a sensor (its hash). */
export const pathTo = (address: number, sensor: number): number => mix3(address >>> 16, sensor, 0x776179) & 3;
