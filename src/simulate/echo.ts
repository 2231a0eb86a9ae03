// SPDX-License-Identifier: Apache-2.0
import type { Attack } from "./attacks.ts";
import type { Frames } from "./frames.ts";
import { hopsFrom } from "./paths.ts";
import { mix, unit } from "./random.ts";
import type { Rng } from "./random.ts";
import { noOptions, pingLong, replies } from "./tools.ts";
import { TYPE } from "./truth.ts";

const DF = 0x4000;

/** Writes one packet with which the victim of an attack, or a router before it, answers a request that was forged in the name of `dst`; `way` is how far the sensor is beyond what is common to all. */
export const echo = (
  frames: Frames,
  rng: Rng,
  time: number,
  { hash, victim, port, kind }: Attack,
  dst: number,
  way: number,
  actor: number,
): void => {
  const sport = 1024 + rng.below(64512);
  const ttl = (hash & 1 ? 64 : 128) - hopsFrom(victim) - way;
  const u = rng.unit();
  const id = rng.next() & 0xffff;
  if (kind === "ping") {
    frames.icmp(time, victim, dst, ttl, id, 0, 0, rng.next(), pingLong, actor, TYPE.pong);
    return;
  }
  if (kind === "udp") {
    // Some answers come from a router before the victim: only the quoted packet names it.
    const router = u < 0.2;
    const src = router ? (victim & 0xffffff00) + 1 : victim;
    const [type, code] = router ? (u < 0.06 ? [11, 0] : [3, u < 0.13 ? 1 : 13]) : [3, 3];
    const length = 64 + (hash & 255);
    const left = 1 + ((hash >>> 9) & 31);
    const what = type === 11 ? TYPE.exceeded : TYPE.unreachable;
    const [innerTtl, innerId, check] = [type === 11 ? 1 : left, rng.next() & 0xffff, rng.next() & 0xffff];
    frames.icmpError(
      time,
      src,
      dst,
      ttl,
      id,
      type,
      code,
      victim,
      innerTtl,
      innerId,
      sport,
      port,
      length,
      check,
      actor,
      what,
    );
    return;
  }
  const seq = rng.next();
  const ack = rng.next();
  const style = (hash >>> 16) & 3;
  // A port that is shut answers resets alone; one that is open, SYN-ACKs until it gives up.
  const shut = unit(mix(hash, 31)) < 0.2;
  if (shut || u < 0.12) {
    frames.tcp(
      time,
      victim,
      dst,
      ttl,
      id,
      DF,
      port,
      sport,
      shut ? 0 : seq,
      ack,
      0x14,
      0,
      noOptions,
      0,
      actor,
      TYPE.rst,
    );
    return;
  }
  const options = replies.options[style]!;
  const stamp = (hash + Math.floor(time / 4000)) >>> 0;
  frames.tcp(
    time,
    victim,
    dst,
    ttl,
    0,
    DF,
    port,
    sport,
    seq,
    ack,
    0x12,
    replies.windows[style]!,
    options,
    stamp,
    actor,
    TYPE.synAck,
  );
};
