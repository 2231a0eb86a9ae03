// SPDX-License-Identifier: Apache-2.0
/**
 * A second decoder, written for reading and not for speed: it sees a copy of the packet alone, throws where a byte is
 * missing, and gives an object. The fuzzer and the property tests hold the real one against it.
 */
import type { UndecodedKind } from "../../src/model/packets.ts";

export interface Decoded {
  bytes: number;
  protocol: number;
  ttl: number;
  ipId: number;
  src: string;
  dst: string;
  fragment: boolean;
  later: boolean;
  ports?: [number, number];
  tcp?: { flags: number; seq: number; window: number; offset: number };
  signature?: string;
  udpLength?: number;
  icmp?: [number, number];
  inner?: { protocol: number; src: string; dst: string; ports?: [number, number] };
}

class Refused extends Error {
  readonly kind: UndecodedKind;
  constructor(kind: UndecodedKind) {
    super(kind);
    this.kind = kind;
  }
}
const refuse = (kind: UndecodedKind): never => {
  throw new Refused(kind);
};

/** Bytes with a meaning when they are missing: first what is missing by IP's own account, then by the capture's. */
class Window {
  readonly data: Buffer;
  readonly short: UndecodedKind;
  constructor(data: Buffer, short: UndecodedKind = "truncated") {
    this.data = data;
    this.short = short;
  }
  need(count: number): this {
    return count > this.data.length ? refuse(this.short) : this;
  }
  from(at: number): Window {
    this.need(at);
    return new Window(this.data.subarray(at), this.short);
  }
  u8(at: number): number {
    return this.need(at + 1).data.readUInt8(at);
  }
  u16(at: number): number {
    return this.need(at + 2).data.readUInt16BE(at);
  }
  u32(at: number): number {
    return this.need(at + 4).data.readUInt32BE(at);
  }
  hex(at: number, length: number): string {
    return this.need(at + length).data.toString("hex", at, at + length);
  }
}

const V4 = "00000000000000000000ffff";
const VLAN = new Set([0x8100, 0x88a8, 0x9100, 0x9200]);

const fromType = (type: number, body: Window, tags = 0): [Window, number] => {
  if (type === 0x0800) return [body, 4];
  if (type === 0x86dd) return [body, 6];
  if (VLAN.has(type)) {
    body.need(4);
    return tags === 16 ? refuse("not_ip") : fromType(body.u16(2), body.from(4), tags + 1);
  }
  if (type === 0x8847 || type === 0x8848) {
    for (let i = 0, rest = body; i < 16; i++) {
      const bottom = rest.need(4).u8(2) % 2 === 1;
      rest = rest.from(4);
      if (!bottom) continue;
      const version = rest.u8(0) >> 4;
      return version === 4 || version === 6 ? [rest, version] : refuse("not_ip");
    }
    return refuse("not_ip");
  }
  if (type === 0x8864) {
    const ppp = body.need(8).u16(6);
    if (ppp === 0x21) return [body.from(8), 4];
    return ppp === 0x57 ? [body.from(8), 6] : refuse("not_ip");
  }
  return refuse("not_ip");
};

const fromLink = (linkType: number, frame: Window): [Window, number] => {
  if (linkType === 1) return fromType(frame.need(14).u16(12), frame.from(14));
  if (linkType === 113) return fromType(frame.need(16).u16(14), frame.from(16));
  if (linkType === 276) return fromType(frame.need(20).u16(0), frame.from(20));
  if ([101, 12, 14].includes(linkType)) return [frame, 0];
  if (linkType === 228) return [frame, 4];
  if (linkType === 229) return [frame, 6];
  if (linkType !== 0 && linkType !== 108) return refuse("link_type");
  const family = frame.u16(0) === 0 ? frame.u32(0) : frame.need(4).data.readUInt32LE(0);
  if (family === 2) return [frame.from(4), 4];
  return [10, 24, 28, 30].includes(family) ? [frame.from(4), 6] : refuse("not_ip");
};

interface Chain {
  protocol: number;
  rest: Window;
  fragment: boolean;
  later: boolean;
}
const walk = (first: number, payload: Window): Chain => {
  const chain: Chain = { protocol: first, rest: payload, fragment: false, later: false };
  for (let i = 0; i <= 8; i++) {
    const { protocol, rest } = chain;
    let length: number;
    if (protocol === 0 || protocol === 43 || protocol === 60) length = 8 + 8 * rest.need(8).u8(1);
    else if (protocol === 51) length = 8 + 4 * rest.need(8).u8(1);
    else if (protocol === 44) {
      length = 8;
      const [offset, more] = [rest.need(8).u16(2) >> 3, rest.u16(2) % 2];
      chain.fragment ||= offset > 0 || more === 1;
      chain.later = offset > 0;
    } else return chain;
    chain.rest = rest.from(length);
    chain.protocol = rest.u8(0);
    if (chain.later) return chain;
  }
  return refuse("ipv6_extension");
};

const NAMES: Record<number, [string, number]> = { 2: ["mss", 4], 3: ["ws", 3], 4: ["sok", 2], 8: ["ts", 10] };

/** Like `formatSignature`'s text. */
export const signatureText = (window: number, options: Buffer): string => {
  const names: string[] = [];
  let [mss, scale] = ["-", "-"];
  let at = 0;
  while (at < options.length) {
    if (names.length === 8) {
      names[7] = "other";
      break;
    }
    const kind = options[at]!;
    if (kind === 0) {
      names.push("eol");
      break;
    }
    if (kind === 1) {
      names.push("nop");
      at++;
      continue;
    }
    const length = options[at + 1] ?? 0;
    if (length < 2 || at + length > options.length) {
      names.push("other");
      break;
    }
    const [name, size] = NAMES[kind] ?? ["other", length];
    names.push(size === length ? name : "other");
    if (kind === 2 && length === 4) mss = String(options.readUInt16BE(at + 2));
    if (kind === 3 && length === 3) scale = String(Math.min(254, options[at + 2]!));
    at += length;
  }
  // The eighth slot may have told an MSS before a ninth option made it "other": the text shows an MSS only when it is named.
  return `${window}:${names.length === 0 ? "-" : names.join(",")}:${names.includes("mss") ? mss : "-"}:${scale}`;
};

const quote = (version: number, data: Buffer): Decoded["inner"] => {
  if (data.length === 0 || data[0]! >> 4 !== version) return undefined;
  const ports = (protocol: number, rest: Buffer): { ports?: [number, number] } =>
    (protocol === 6 || protocol === 17) && rest.length >= 4
      ? { ports: [rest.readUInt16BE(0), rest.readUInt16BE(2)] }
      : {};
  if (version === 4) {
    const header = 4 * (data[0]! & 15);
    if (header < 20 || data.length < 20) return undefined;
    const [protocol, later] = [data[9]!, (data.readUInt16BE(6) & 0x1fff) > 0];
    const hosts = { src: V4 + data.toString("hex", 12, 16), dst: V4 + data.toString("hex", 16, 20) };
    return { protocol, ...hosts, ...(later ? {} : ports(protocol, data.subarray(header))) };
  }
  if (data.length < 40) return undefined;
  const hosts = { src: data.toString("hex", 8, 24), dst: data.toString("hex", 24, 40) };
  if (hosts.src.startsWith(V4) || hosts.dst.startsWith(V4)) return undefined;
  try {
    const chain = walk(data[6]!, new Window(data.subarray(40)));
    return { protocol: chain.protocol, ...hosts, ...(chain.later ? {} : ports(chain.protocol, chain.rest.data)) };
  } catch {
    return { protocol: data[6]!, ...hosts }; // the chain is cut or broken
  }
};

const upper = (result: Decoded, chain: Chain, seen: number): Decoded => {
  result.fragment = chain.fragment;
  result.later = chain.later;
  result.protocol = chain.protocol;
  if (chain.later) return result;
  const owned = chain.rest.data.length;
  /** The payload's bytes that were captured, with `least` needed: by IP's account `kind`, by the capture's truncated. */
  const header = (least: number, kind: UndecodedKind): Window => {
    if (owned < least) return refuse(kind);
    return new Window(chain.rest.data.subarray(0, Math.max(0, seen))).need(least);
  };
  if (chain.protocol === 6) {
    const tcp = header(20, "tcp_header_length");
    const words = tcp.u8(12) >> 4;
    if (words < 5 || 4 * words > owned) return refuse("tcp_header_length");
    result.ports = [tcp.u16(0), tcp.u16(2)];
    result.tcp = { flags: tcp.u8(13), seq: tcp.u32(4), window: tcp.u16(14), offset: words };
    if ((tcp.u8(13) & 0x12) === 2 && tcp.data.length >= 4 * words) {
      result.signature = signatureText(tcp.u16(14), tcp.data.subarray(20, 4 * words));
    }
  } else if (chain.protocol === 17) {
    const udp = header(8, "udp_length");
    const length = udp.u16(4);
    if (length < 8 || (length > owned && !chain.fragment)) return refuse("udp_length");
    result.ports = [udp.u16(0), udp.u16(2)];
    result.udpLength = length - 8;
  } else if (chain.protocol === 1 || chain.protocol === 58) {
    const icmp = header(8, "icmp_length");
    const type = icmp.u8(0);
    result.icmp = [type, icmp.u8(1)];
    const errors = chain.protocol === 1 ? [3, 4, 5, 11, 12] : [1, 2, 3, 4];
    const inner = errors.includes(type) ? quote(chain.protocol === 1 ? 4 : 6, icmp.data.subarray(8)) : undefined;
    if (inner !== undefined) result.inner = inner;
  }
  return result;
};

/** Bytes IP owns: those captured, and zeros for those that were not. */
const padTo = (data: Buffer, size: number): Buffer =>
  data.length >= size ? data.subarray(0, size) : Buffer.concat([data, Buffer.alloc(size - data.length)]);

const network = (ip: Window, announced: number): Decoded => {
  const version = ip.u8(0) >> 4;
  if (announced !== 0 && version !== announced) return refuse("ip_version");
  if (version === 4) {
    ip.need(20);
    const header = 4 * (ip.u8(0) & 15);
    const bytes = ip.u16(2);
    if (header < 20) return refuse("ip_header_length");
    if (bytes < header) return refuse("ip_total_length");
    const [more, offset] = [(ip.u16(6) & 0x2000) > 0, ip.u16(6) & 0x1fff];
    const result: Decoded = {
      bytes,
      protocol: ip.u8(9),
      ttl: ip.u8(8),
      ipId: ip.u16(4),
      src: V4 + ip.hex(12, 4),
      dst: V4 + ip.hex(16, 4),
      fragment: false,
      later: false,
    };
    if (offset === 0) ip.need(header);
    const rest = new Window(padTo(ip.data, bytes).subarray(header));
    return upper(
      result,
      { protocol: ip.u8(9), rest, fragment: more || offset > 0, later: offset > 0 },
      ip.data.length - header,
    );
  }
  if (version !== 6) return refuse("ip_version");
  ip.need(40);
  if (ip.hex(8, 16).startsWith(V4) || ip.hex(24, 16).startsWith(V4)) return refuse("ip_version");
  const bytes = 40 + ip.u16(4);
  const seen = ip.data.subarray(40, bytes);
  const chain = walk(ip.u8(6), new Window(seen, ip.data.length < bytes ? "truncated" : "ipv6_extension"));
  const walked = seen.length - chain.rest.data.length;
  const rest = new Window(padTo(chain.rest.data, bytes - 40 - walked));
  const result: Decoded = {
    bytes,
    protocol: 0,
    ttl: ip.u8(7),
    ipId: 0,
    src: ip.hex(8, 16),
    dst: ip.hex(24, 16),
    fragment: false,
    later: false,
  };
  return upper(result, { ...chain, rest }, chain.rest.data.length);
};

/** What the packet is, or why it is not decoded. */
export const reference = (linkType: number, packet: Uint8Array): Decoded | UndecodedKind => {
  try {
    const [ip, version] = fromLink(linkType, new Window(Buffer.from(packet)));
    return network(ip, version);
  } catch (error) {
    if (error instanceof Refused) return error.kind;
    throw error;
  }
};
