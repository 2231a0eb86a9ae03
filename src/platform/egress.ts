// SPDX-License-Identifier: Apache-2.0
import { lookup } from "node:dns/promises";
import { request as httpRequest } from "node:http";
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";
import { BlockList, isIP } from "node:net";
import type { LookupFunction } from "node:net";
import { AppError } from "./errors.ts";

/**
 * Networks that nothing outside lives in (RFC 6890 and its successors), and those through which IPv4 is reached in IPv6: a name
 * that leads there is a mistake or an attack on what stands beside the node.
 */
const inside: readonly (readonly [string, number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.31.196.0", 24],
  ["192.52.193.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["192.175.48.0", 24],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
];
/** Of IPv6 only what is given out as global unicast is outside, and of that not these. */
const inside6: readonly (readonly [string, number])[] = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["2620:4f:8000::", 48],
  ["3fff::", 20],
];

const blockList = (networks: readonly (readonly [string, number])[]): BlockList => {
  const list = new BlockList();
  for (const [address, bits] of networks) list.addSubnet(address, bits, address.includes(":") ? "ipv6" : "ipv4");
  return list;
};
const private4 = blockList(inside);
const private6 = blockList(inside6);
const global6 = blockList([["2000::", 3]]);

/** The IPv4 address in a v4-mapped one, else the address itself. */
const unmapped = (address: string): string => {
  // An address of one interface has no other form.
  if (isIP(address) !== 6 || address.includes("%")) return address;
  const host = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(host) ?? [];
  if (high === undefined || low === undefined) return host;
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return `${a >>> 8}.${a & 255}.${b >>> 8}.${b & 255}`;
};

/** Whether an address lies outside: where a stranger's server may stand. */
export const isOutside = (address: string): boolean => {
  const plain = unmapped(address.split("%")[0] ?? "");
  if (isIP(plain) === 4) return !private4.check(plain, "ipv4");
  return isIP(plain) === 6 && !address.includes("%") && global6.check(plain, "ipv6") && !private6.check(plain, "ipv6");
};

export interface EgressOptions {
  /** Networks inside that may be called all the same, also without TLS: `192.168.7.0/24`. */
  readonly allow?: readonly string[];
  /** Milliseconds for one call, redirects among them. */
  readonly timeout?: number;
  /** Bytes of an answer. */
  readonly most?: number;
  /** Addresses of a name; the system's by default. */
  readonly resolve?: (name: string) => Promise<readonly string[]>;
  /** PEM of authorities beside the known ones. */
  readonly ca?: string;
}
export interface EgressInit {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal?: AbortSignal;
  /** `error`: an answer that points elsewhere is refused; by default three within the same host are followed. */
  readonly redirect?: "follow" | "error";
  readonly most?: number;
  readonly timeout?: number;
}
export interface Egress {
  /**
   * Calls a server outside. The whole answer is read, within its bounds. @throws AppError EGRESS_REFUSED for what is not called
   * (`details.redirect` names a redirect to another host), EGRESS_FAILED for what did not answer (`details.begun`: whether the line stood, so that
   * some of the request may have arrived).
   */
  fetch(url: string, init?: EgressInit): Promise<Response>;
}

const redirects = 3;
const refused = (why: string, details: Readonly<Record<string, unknown>> = {}): AppError =>
  new AppError("EGRESS_REFUSED", why, details);
const failed = (why: string, begun: boolean): AppError => new AppError("EGRESS_FAILED", why, { begun });
/** Headers that belong to the connection, not to the caller. */
const notOurs = new Set(["host", "connection", "transfer-encoding", "content-length", "upgrade", "accept-encoding"]);

const allowList = (networks: readonly string[]): ((address: string) => boolean) => {
  const list = new BlockList();
  for (const text of networks) {
    const [address = "", bits] = text.split("/");
    const family = isIP(address);
    const most = family === 4 ? 32 : 128;
    const length = bits === undefined ? most : Number(bits);
    if (family === 0 || !Number.isInteger(length) || length < 0 || length > most) {
      throw new AppError("CONFIG_INVALID", `\`egress.allow\`: "${text}" is no network, for example 192.168.7.0/24`);
    }
    list.addSubnet(address, length, family === 4 ? "ipv4" : "ipv6");
  }
  return (address) => {
    const plain = unmapped(address);
    return isIP(plain) !== 0 && list.check(plain, isIP(plain) === 4 ? "ipv4" : "ipv6");
  };
};

/** What a promise gives, or a rejection when time is over: a name server that is silent is not waited for. */
const within = async <T>(signal: AbortSignal, work: Promise<T>): Promise<T> => {
  let over = (): void => undefined;
  try {
    return await Promise.race([
      work,
      new Promise<never>((_, reject) => {
        over = () => reject(signal.reason as Error);
        if (signal.aborted) over();
        else signal.addEventListener("abort", over, { once: true });
      }),
    ]);
  } finally {
    signal.removeEventListener("abort", over);
  }
};

/** The one way out of the program: whatever it calls by itself goes through here. */
export const createEgress = (options: EgressOptions = {}): Egress => {
  const isAllowed = allowList(options.allow ?? []);
  const resolve =
    options.resolve ??
    (async (name: string) => (await lookup(name, { all: true, verbatim: true })).map(({ address }) => address));

  /** The address to connect to. Every address of a name must be outside: one bad among them is an attack in waiting. */
  const addressOf = async (url: URL, signal: AbortSignal): Promise<string> => {
    if (url.protocol !== "https:" && url.protocol !== "http:")
      throw refused(`${url.protocol} is not called, only https`);
    if (url.username !== "" || url.password !== "") throw refused("an address with a password in it is not called");
    const host = url.hostname.startsWith("[") ? url.hostname.slice(1, -1) : url.hostname;
    let addresses: readonly string[];
    try {
      addresses = isIP(host) === 0 ? await within(signal, resolve(host)) : [host];
    } catch {
      throw failed(signal.aborted ? `${host} did not answer in time` : `${host} has no address`, false);
    }
    const [first] = addresses;
    if (first === undefined) throw failed(`${host} has no address`, false);
    const own = addresses.every(isAllowed);
    if (!own && !addresses.every((address) => isIP(address) !== 0 && (isOutside(address) || isAllowed(address)))) {
      throw refused(`${host} leads into a private, local or reserved network`);
    }
    if (url.protocol === "http:" && !own) throw refused(`${host} is called over https only`);
    return first;
  };

  const once = (url: URL, address: string, init: EgressInit, most: number, signal: AbortSignal): Promise<Response> =>
    new Promise((fulfil, reject) => {
      // The name is not asked again: who answers otherwise the second time changes nothing.
      const pinned: LookupFunction = (_name, given, answer) => {
        const family = isIP(address);
        if (given.all === true) answer(null, [{ address, family }]);
        else answer(null, address, family);
      };
      const headers: OutgoingHttpHeaders = { accept: "*/*", "user-agent": "Layang" };
      for (const [name, value] of Object.entries(init.headers ?? {})) {
        if (!notOurs.has(name.toLowerCase())) headers[name.toLowerCase()] = value;
      }
      const body = init.body === undefined ? undefined : Buffer.from(init.body);
      if (body !== undefined) headers["content-length"] = body.length;
      const host = url.hostname;
      let begun = false;
      const send = url.protocol === "https:" ? httpsRequest : httpRequest;
      const asked = send(
        url,
        {
          method: init.method ?? "GET",
          headers,
          lookup: pinned,
          agent: false,
          signal,
          maxHeaderSize: 32 * 1024,
          ...(options.ca === undefined ? {} : { ca: options.ca }),
        },
        (response: IncomingMessage) => {
          const parts: Buffer[] = [];
          let size = 0;
          response.on("data", (part: Buffer) => {
            size += part.length;
            if (size > most) {
              asked.destroy();
              reject(failed(`${host} answers with more than ${most} bytes`, begun));
            } else parts.push(part);
          });
          response.on("error", (error) => reject(failed(`${host}: ${error.message}`, begun)));
          response.on("end", () => {
            const answered = new Headers();
            for (let i = 0; i + 1 < response.rawHeaders.length; i += 2) {
              answered.append(response.rawHeaders[i] ?? "", response.rawHeaders[i + 1] ?? "");
            }
            const status = response.statusCode ?? 0;
            if (status < 200 || status > 599) return reject(failed(`${host} answers ${status}`, begun));
            const empty = [204, 205, 304].includes(status) || init.method === "HEAD";
            fulfil(new Response(empty ? null : Buffer.concat(parts), { status, headers: answered }));
          });
        },
      );
      // Until then nothing of it leaves: over TLS, until the other side has proved who it is.
      asked.on("socket", (socket) =>
        socket.once(url.protocol === "https:" ? "secureConnect" : "connect", () => (begun = true)),
      );
      asked.on("error", (error) =>
        reject(failed(signal.aborted ? `${host} did not answer in time` : `${host}: ${error.message}`, begun)),
      );
      asked.end(body);
    });

  return {
    fetch: async (text, init = {}) => {
      let url: URL;
      try {
        url = new URL(text);
      } catch {
        throw refused("this is no address");
      }
      const limit = AbortSignal.timeout(init.timeout ?? options.timeout ?? 15_000);
      const signal = init.signal === undefined ? limit : AbortSignal.any([limit, init.signal]);
      const most = init.most ?? options.most ?? 4 << 20;
      for (let hop = 0; ; hop++) {
        const response = await once(url, await addressOf(url, signal), init, most, signal);
        const location = response.headers.get("location");
        if (response.status < 300 || response.status > 399 || response.status === 304 || location === null)
          return response;
        let next: URL;
        try {
          next = new URL(location, url);
        } catch {
          throw refused(`${url.hostname} points to something that is no address`);
        }
        if (init.redirect === "error" || hop >= redirects) throw refused(`${url.hostname} points elsewhere`);
        const safer = next.protocol === url.protocol || next.protocol === "https:";
        const samePort = next.port === (next.protocol === url.protocol ? url.port : "");
        if (next.hostname !== url.hostname || !safer || !samePort) {
          throw refused(`${url.hostname} points to another host`, { redirect: next.href });
        }
        // What was sent is not sent on.
        if (init.body !== undefined) throw refused(`${url.hostname} points elsewhere`);
        url = next;
      }
    },
  };
};
