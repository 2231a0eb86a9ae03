// SPDX-License-Identifier: Apache-2.0
import { execFile } from "node:child_process";
import { accessSync, constants, existsSync, readFileSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { openLive } from "../capture/live.ts";
import { decode } from "../decode/decode.ts";
import { DarkSet } from "../flow/dark.ts";
import { decodeCounters, packetBatch } from "../model/packets.ts";
import { formatIp, isV4, parseIp } from "../net/ip.ts";
import type { IpWords } from "../net/ip.ts";
import { formatPrefix } from "../net/prefix.ts";
import type { Prefix } from "../net/prefix.ts";
import { AppError } from "../platform/errors.ts";
import { createClient } from "../ship/client.ts";
import type { Client } from "../ship/client.ts";
import { problemOf, readEnrolment } from "../ship/enrol.ts";
import { sensorKey } from "../ship/keys.ts";
import { nextAnswer } from "../ship/next.ts";
import { readCa } from "./sensor.ts";

export interface Finding {
  /** `fail` must be mended, `warn` should be looked at. */
  readonly state: "ok" | "warn" | "fail";
  readonly text: string;
}
const finding = (state: Finding["state"], text: string): Finding => ({ state, text });

/** What `ip -j` and /proc say of this machine; a part that cannot be read is undefined. */
export interface Machine {
  readonly links: readonly { readonly ifname: string; readonly flags: readonly string[] }[] | undefined;
  readonly addresses:
    | readonly { readonly ifname: string; readonly addr_info: readonly { readonly local?: string }[] }[]
    | undefined;
  readonly neighbours:
    | readonly { readonly dst: string; readonly lladdr?: string; readonly state: readonly string[] }[]
    | undefined;
  /** What the kernel would do with a packet for an address of each dark prefix, in their order. */
  readonly routes: readonly (
    | { readonly type?: string; readonly dev?: string; readonly gateway?: string }
    | undefined
  )[];
  readonly forwarding: { readonly v4: boolean; readonly v6: boolean };
  /** The other ends of TCP connections. */
  readonly connections: readonly IpWords[];
  /** Both ends of the remote shell that asks, and the node, where they are addresses. */
  readonly management: readonly { readonly what: string; readonly address: IpWords }[];
}

/** Judges what the machine says of itself; asks nothing. */
export const judge = (machine: Machine, name: string, prefixes: readonly Prefix[]): Finding[] => {
  const dark = new DarkSet(prefixes);
  const inside = (text: string | undefined): boolean => {
    const words = text === undefined ? undefined : parseIp(text);
    return words !== undefined && dark.contains(words);
  };
  const found: Finding[] = [];
  const { links, addresses, neighbours } = machine;
  if (links === undefined || addresses === undefined || neighbours === undefined) {
    found.push(
      finding("warn", "`ip` (Debian: iproute2) does not answer: addresses, routes and neighbours were not checked"),
    );
  }
  const link = links?.find(({ ifname }) => ifname === name);
  if (links !== undefined) {
    if (link === undefined) found.push(finding("fail", `there is no interface ${name}`));
    else if (!link.flags.includes("UP")) found.push(finding("fail", `${name} is down: ip link set ${name} up`));
    else found.push(finding("ok", `${name} is up`));
  }

  const own = (addresses ?? []).flatMap(({ ifname, addr_info }) =>
    addr_info.filter(({ local }) => inside(local)).map(({ local }) => `${local} (${ifname})`),
  );
  if (own.length > 0)
    found.push(finding("fail", `this machine has dark addresses and answers on them: ${own.join(", ")}`));
  else if (addresses !== undefined) found.push(finding("ok", "no address of this machine is dark"));

  const inUse = (neighbours ?? []).filter(
    ({ dst, lladdr, state }) => lladdr !== undefined && inside(dst) && !state.includes("FAILED"),
  );
  if (inUse.length > 0) {
    found.push(
      finding(
        "fail",
        `not dark, a neighbour answers for it: ${inUse
          .map(({ dst }) => dst)
          .slice(0, 5)
          .join(", ")}`,
      ),
    );
  } else if (neighbours !== undefined) found.push(finding("ok", "no neighbour answers for a dark address"));

  for (const [i, prefix] of prefixes.entries()) {
    const route = machine.routes[i];
    const text = formatPrefix(prefix);
    const forwards = isV4(prefix.words) ? machine.forwarding.v4 : machine.forwarding.v6;
    const type = route?.type ?? "unicast";
    if (type === "blackhole") found.push(finding("ok", `${text}: this machine drops the packets in silence`));
    else if (type === "local")
      found.push(finding("fail", `${text}: the kernel takes it for its own and answers; remove the local route`));
    else if (!forwards) found.push(finding("ok", `${text}: not forwarded, so nothing of this machine answers`));
    else {
      const does =
        route === undefined || type !== "unicast"
          ? "would answer with ICMP errors"
          : route.gateway === undefined
            ? `would look for the addresses on ${route.dev ?? "?"} and answer with ICMP errors`
            : `would send the packets on to ${route.gateway}`;
      found.push(
        finding(
          "fail",
          `${text}: this machine forwards and ${does}; ip ${isV4(prefix.words) ? "" : "-6 "}route add blackhole ${text}`,
        ),
      );
    }
  }

  const mixed = machine.management.filter(({ address }) => dark.contains(address));
  for (const { what, address } of mixed)
    found.push(finding("fail", `${what} (${formatIp(address)}) lies in a dark prefix`));
  const connected = machine.connections.filter((address) => dark.contains(address));
  if (connected.length > 0) {
    found.push(
      finding(
        "fail",
        `this machine talks to dark addresses: ${connected
          .slice(0, 5)
          .map((one) => formatIp(one))
          .join(", ")}`,
      ),
    );
  }
  if (mixed.length === 0 && connected.length === 0)
    found.push(finding("ok", "management traffic is outside the dark prefixes"));
  return found;
};

const run = promisify(execFile);
const ask = async <T>(args: readonly string[]): Promise<T | undefined> => {
  try {
    const { stdout } = await run("ip", ["-j", ...args], { timeout: 5_000, maxBuffer: 16 << 20 });
    return JSON.parse(stdout === "" ? "[]" : stdout) as T;
  } catch {
    return undefined; // not installed, or no such route: the judge says what is missing
  }
};
const flag = (path: string): boolean => {
  try {
    return readFileSync(path, "utf8").trim() === "1";
  } catch {
    return false; // no such protocol on this machine
  }
};

/** The other ends in /proc/net/tcp and tcp6: words of 32 bits in this machine's (little-endian) order, hexadecimal. */
export const remoteEnds = (text: string): IpWords[] =>
  text
    .split("\n")
    .slice(1)
    .flatMap((line): IpWords[] => {
      const hex = /^\s*\d+: [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})/.exec(line);
      if (hex === null || hex[2] === "0000") return [];
      const words = (hex[1] ?? "").match(/.{8}/g)?.map((word) => Buffer.from(word, "hex").readUInt32LE(0)) ?? [];
      const [a = 0, b = 0, c = 0, d = 0] = words;
      return [words.length === 1 ? [0, 0, 0xffff, a] : [a, b, c, d]];
    });
const procConnections = (): IpWords[] =>
  ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((path) =>
    existsSync(path) ? remoteEnds(readFileSync(path, "utf8")) : [],
  );

const management = (node: string | undefined): Machine["management"] => {
  const [client, , server] = (process.env["SSH_CONNECTION"] ?? "").split(" ");
  const named = [
    ["the remote shell's client", client],
    ["this machine's address for the remote shell", server],
    ["the node", node === undefined ? undefined : URL.parse(node)?.hostname.replace(/^\[|\]$/g, "")],
  ] as const;
  return named.flatMap(([what, text]) => {
    // A name is not looked up for this.
    const address = text === undefined ? undefined : parseIp(text);
    return address === undefined ? [] : [{ what, address }];
  });
};

/** The second address of a prefix (the first may be a network's own). */
const sample = ({ words, length }: Prefix): string =>
  formatIp(length === 128 ? words : [words[0], words[1], words[2], words[3] + 1]);

const readMachine = async (prefixes: readonly Prefix[], node: string | undefined): Promise<Machine> => {
  const [links, addresses, neighbours, ...routes] = await Promise.all([
    ask<NonNullable<Machine["links"]>>(["link"]),
    ask<NonNullable<Machine["addresses"]>>(["addr"]),
    ask<NonNullable<Machine["neighbours"]>>(["neigh"]),
    ...prefixes.map(async (prefix) => {
      // `route get` fails for a blackhole; the table's own entry tells it from a missing route.
      const got = await ask<{ type?: string; dev?: string; gateway?: string }[]>(["route", "get", sample(prefix)]);
      if (got?.[0] !== undefined) return got[0];
      const family = isV4(prefix.words) ? "-4" : "-6";
      return (await ask<{ type?: string }[]>([family, "route", "show", "match", sample(prefix)]))?.at(-1);
    }),
  ]);
  return {
    links,
    addresses,
    neighbours,
    routes,
    forwarding: { v4: flag("/proc/sys/net/ipv4/ip_forward"), v6: flag("/proc/sys/net/ipv6/conf/all/forwarding") },
    connections: procConnections(),
    management: management(node),
  };
};

/** What it means that nothing came for the dark prefixes in so many seconds. */
export const judgeSilence = (name: string, prefixes: readonly Prefix[], seconds: number): Finding => {
  const four = prefixes.filter(({ words, length }) => isV4(words) && length >= 96);
  // NICTER's mean: 0.08 packets a second for each unused IPv4 address (field of 280,000 addresses, 2025). Nobody can scan
  // an IPv6 prefix, so nothing is expected there.
  const expected = 0.08 * new DarkSet(four).size * seconds;
  const none = `in ${seconds} s no packet for the dark prefixes arrived`;
  if (expected > 20) {
    return finding("fail", `${none}, where some ${Math.round(expected)} are usual: is the prefix routed to ${name}?`);
  }
  return finding(
    "warn",
    four.length === 0
      ? `${none}; for IPv6 that is usual: send one from elsewhere to see that they arrive`
      : `${none}; with so few addresses that may be chance: ask for longer`,
  );
};

/** Listens as the sensor will, and counts what comes for the dark prefixes and what leaves them. */
const listen = async (name: string, prefixes: readonly Prefix[], seconds: number): Promise<Finding[]> => {
  const dark = new DarkSet(prefixes);
  const live = openLive({ interface: name, dark: prefixes, quiet: 200 });
  const packets = packetBatch(1_024);
  const counters = decodeCounters();
  const until = performance.now() + seconds * 1_000;
  let arrived = 0;
  const speakers = new Set<string>();
  try {
    for await (const raw of live) {
      for (let from = 0; from < raw.count;) {
        packets.count = 0;
        from = decode(raw, from, packets, counters);
        for (let i = 0; i < packets.count; i++) {
          if (dark.contains(packets.src, 4 * i)) speakers.add(formatIp(packets.src, 4 * i));
          else if (dark.contains(packets.dst, 4 * i)) arrived++;
        }
      }
      if (performance.now() > until) break;
    }
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return [finding("fail", error.message)];
  } finally {
    live.close();
  }
  return [
    arrived > 0
      ? finding("ok", `${arrived} packets for the dark prefixes arrived in ${seconds} s`)
      : judgeSilence(name, prefixes, seconds),
    speakers.size > 0
      ? finding("fail", `dark addresses speak: ${[...speakers].slice(0, 5).join(", ")}; they will be retired`)
      : finding("ok", "no dark address spoke"),
  ];
};

/** Bytes a day of spool takes at 25,000 packets/s (docs/sensor.md has the measurement). */
const A_DAY = 27 * 2 ** 30;

const checkState = (folder: string): Finding[] => {
  const there = existsSync(folder) ? folder : dirname(folder);
  try {
    accessSync(there, constants.W_OK);
    const { bavail, bsize } = statfsSync(there);
    const free = bavail * bsize;
    const text = `${(free / 2 ** 30).toFixed(1)} GiB free for the spool in ${there}`;
    return [
      free < A_DAY
        ? finding("warn", `${text}: less than a day at 25,000 packets/s`)
        : finding("ok", `${text}: more than a day at 25,000 packets/s`),
    ];
  } catch {
    return [finding("fail", `the state folder ${folder} cannot be written`)];
  }
};

/** Milliseconds: the node allows for what is measured, up to a minute; two clocks that are kept do not differ by this. */
const CLOCKS = 2_000;
/** Milliseconds that the node may take to answer. */
const PATIENCE = 10_000;

/** Whether the node that a sensor enrolled at answers, by its own time, and still takes this machine for that sensor. Nothing changes by it. */
export const checkNode = async ({
  state,
  node,
  ca,
}: Pick<Examination, "state" | "node" | "ca">): Promise<Finding[]> => {
  const enrolled = readEnrolment(state);
  if (enrolled === undefined) return [finding("warn", `not enrolled yet in ${state}: no node was asked`)];
  let client: Client | undefined;
  try {
    client = createClient({ node: node ?? enrolled.node, ca: readCa(ca), patience: PATIENCE });
    const before = Date.now();
    const time = await client.ask("GET", "/time", {});
    const after = Date.now();
    const { now } = time.body;
    if (time.status !== 200 || typeof now !== "number") throw problemOf(time, client.node);
    // The node's clock is taken to be read in the middle of the way there and back.
    const ahead = (before + after) / 2 - now / 1_000;
    const differs = `${(Math.abs(ahead) / 1_000).toFixed(1)} s`;
    const known = await nextAnswer(client, enrolled.sensor, sensorKey(state));
    return [
      finding(
        "ok",
        `${client.node} answers${client.node.startsWith("https:") ? ", and its certificate is taken" : ""}`,
      ),
      Math.abs(ahead) > CLOCKS + (after - before) / 2
        ? finding("warn", `this clock is ${differs} ${ahead > 0 ? "ahead of" : "behind"} the node's: run NTP on both`)
        : finding("ok", `this clock differs from the node's by ${differs}`),
      known.status === 200
        ? finding("ok", `the node knows this machine as sensor ${enrolled.sensor}`)
        : finding("fail", problemOf(known, client.node).message),
    ];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return [finding("fail", error.message)];
  } finally {
    client?.close();
  }
};

export interface Examination {
  readonly interface: string;
  readonly dark: readonly Prefix[];
  readonly state: string;
  readonly node?: string | undefined;
  /** Path of a PEM file: the authority that signed the node's certificate. */
  readonly ca?: string | undefined;
  /** How long to listen; default 10. */
  readonly seconds?: number;
}

/** Examines machine and network as they are; sends nothing but two questions to the node it enrolled at, and changes nothing. */
export const examine = async (asked: Examination): Promise<Finding[]> => {
  const found = judge(await readMachine(asked.dark, asked.node), asked.interface, asked.dark);
  const deaf = found.some(({ text }) => text.startsWith("there is no interface"));
  return [
    ...found,
    ...(deaf ? [] : await listen(asked.interface, asked.dark, asked.seconds ?? 10)),
    ...checkState(asked.state),
    ...(await checkNode(asked)),
  ];
};
