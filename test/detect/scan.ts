// SPDX-License-Identifier: Apache-2.0
import { chance } from "../../src/store/flows/batches.conformance.ts";
import { ip, syn } from "../flow/packets.ts";
import type { Packet } from "../flow/packets.ts";
import { HOUR, START } from "./world.ts";

export const bot = "36.70.1.2";

const nets = ["192.0.2.", "198.51.100.", "203.0.113."];

interface Habit {
  readonly src?: string;
  readonly packets?: number;
  readonly from?: number;
  /** Microseconds between packets, in the mean. */
  readonly gap?: number;
  readonly ports?: readonly number[];
  readonly change?: Partial<Packet>;
  readonly mirai?: boolean;
  readonly nets?: readonly string[];
  readonly hosts?: number;
  readonly seed?: number;
}
/** SYNs of a host that draws dark addresses at random. */
export const scan = (habit: Habit = {}): Packet[] => {
  const {
    src = bot,
    packets = 12,
    from = START,
    gap = HOUR,
    ports = [23],
    change = {},
    mirai = false,
    hosts = 250,
  } = habit;
  const random = chance(habit.seed ?? 7);
  const places = habit.nets ?? nets;
  let time = from;
  return Array.from({ length: packets }, (_, i) => {
    const dst = ip(`${places[Math.floor(random() * places.length)]}${1 + Math.floor(random() * hosts)}`);
    time += Math.floor(gap * (0.5 + random()));
    return syn({
      time,
      src: ip(src),
      dst,
      dstPort: ports[i % ports.length]!,
      srcPort: 1_024 + Math.floor(random() * 60_000),
      ttl: 50,
      ...(mirai ? { tcpSeq: dst[3] } : {}),
      ...change,
    });
  });
};
