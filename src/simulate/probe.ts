// SPDX-License-Identifier: Apache-2.0
import type { Frames, Payload } from "./frames.ts";
import { UDP } from "./ports.ts";
import { mix } from "./random.ts";
import type { Rng } from "./random.ts";
import { emptyPayload, pingLong, pingShort, udpProbes } from "./tools.ts";
import type { Tool } from "./tools.ts";
import { MADE_BY, TYPE } from "./truth.ts";

/** Writes the packet that a host with this tool sends to `dst`; `hash` is what stays the same about the host. */
export const probe = (
  frames: Frames,
  rng: Rng,
  time: number,
  src: number,
  dst: number,
  aim: number,
  tool: Tool,
  hash: number,
  hops: number,
  actor: number,
  sourcePort?: number,
): void => {
  const ttl = tool.ttl - hops;
  const protocol = aim >>> 16;
  const random = rng.next();
  const range = tool.portHigh - tool.portLow + 1;
  const sport = sourcePort ?? tool.portLow + (tool.onePort ? mix(hash, 21) % range : (random >>> 8) % range);
  let id = random & 0xffff;
  if (tool.ipId === "zmap") id = 54321;
  else if (tool.ipId === "zero") id = 0;
  // What a counter of the sender shows to so small a part of its traffic: it runs on with time.
  else if (tool.ipId === "counter") id = (hash + Math.floor(time / 700)) & 0xffff;
  if (protocol === 1) {
    const mark = tool.ipId === "zmap" ? MADE_BY.zmap : 0;
    frames.icmp(time, src, dst, ttl, id, 8, 0, rng.next(), mark ? pingShort : pingLong, actor, TYPE.ping | mark);
    return;
  }
  let port = aim & 0xffff;
  if (port === 0) port = 1 + rng.below(65535);
  if (protocol === UDP) {
    const mark = tool.ipId === "zmap" ? MADE_BY.zmap : 0;
    const data: Payload = udpProbes.get(port) ?? emptyPayload;
    if (tool.ipId === "masscan") id = random & 0xffff;
    frames.udp(time, src, dst, ttl, id, tool.fragment, sport, port, data, actor, TYPE.udp | mark);
    return;
  }
  let seq = rng.next();
  let what: number = TYPE.syn;
  if (tool.seqIsDst) {
    seq = dst;
    what |= MADE_BY.mirai;
  } else if (tool.ipId === "masscan") {
    id = (dst ^ port ^ seq) & 0xffff;
    what |= MADE_BY.masscan;
  } else if (tool.ipId === "zmap") what |= MADE_BY.zmap;
  const window = tool.window === 0 ? mix(hash, 22) & 0xffff : tool.window;
  const stamp = tool.options.stamp < 0 ? 0 : (hash + Math.floor(time / 4000)) >>> 0;
  frames.tcp(time, src, dst, ttl, id, tool.fragment, sport, port, seq, 0, 2, window, tool.options, stamp, actor, what);
};
