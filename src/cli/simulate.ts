// SPDX-License-Identifier: Apache-2.0
import { resolve } from "node:path";
import { openScenario, shippedScenarios } from "../app/scenario.ts";
import { flag, text, texts, usageError, whole } from "./command.ts";
import type { Command } from "./command.ts";
import { count, percent, table } from "./table.ts";

/** Seconds of a pcap file take 32 bits; milliseconds. */
const END = 2 ** 32 * 1000;
const time = (value: string): number => {
  const parsed = Date.parse(value);
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/.test(value) || Number.isNaN(parsed)) {
    throw usageError(`--from takes a time like 2026-01-05T00:00:00Z, not "${value}"`);
  }
  if (parsed < 0 || parsed >= END) throw usageError("--from lies between 1970 and 2106, the times that pcap can tell");
  return parsed * 1000;
};
const seconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86400 };
const duration = (value: string): number => {
  const match = /^(\d+(?:\.\d+)?)([smhd])$/.exec(value);
  if (match === null) throw usageError(`--duration takes a time like 90s, 30m, 6h or 2d, not "${value}"`);
  return Number(match[1]) * seconds[match[2] ?? "s"]! * 1e6;
};

export const simulate: Command = {
  summary: "write simulated background radiation, and the truth about it",
  usage: "--out FILE [--truth FILE] [--seed N] [--packets N] [--duration TIME] [--scenario NAME|FILE]",
  text: `Hosts that do not exist scan the whole address space; the capture holds what reaches a sensor's dark addresses. The same
options give the same bytes. Shipped scenarios: ${shippedScenarios().join(", ")}; a file states what differs from calm.`,
  options: {
    out: { type: "string", short: "o", value: "FILE", doc: 'the capture (pcap), or "-" for standard output' },
    truth: { type: "string", value: "FILE", doc: "who did what (JSON)" },
    seed: { type: "string", value: "N", doc: "a whole number (default 1)" },
    packets: {
      type: "string",
      short: "n",
      value: "N",
      doc: "stop after N packets (default 1,000,000 without --duration)",
    },
    duration: { type: "string", value: "TIME", doc: "stop after 90s, 30m, 6h, 2d of simulated time" },
    from: { type: "string", value: "TIME", doc: "first moment (default 2026-01-05T00:00:00Z)" },
    scenario: { type: "string", value: "NAME|FILE", doc: "default calm" },
    sensor: { type: "string", multiple: true, value: "NAME", doc: "only this sensor of the scenario" },
    raw: { type: "boolean", doc: "raw IP packets instead of Ethernet frames" },
  },
  examples: [
    "layang simulate --seed 7 --packets 100000 --out radiation.pcap --truth truth.json",
    "layang simulate --scenario outbreak --duration 2h --out outbreak.pcap",
    "layang simulate --scenario region --sensor sim-tokyo --duration 10m --out - | layang replay -",
  ],
  run: async (parsed) => {
    if (parsed.paths.length > 0) throw usageError(`simulate takes no paths; did you mean --out ${parsed.paths[0]}?`);
    const out = text(parsed, "out");
    if (out === undefined) throw usageError('simulate needs --out FILE ("-" is standard output)');
    const scenario = openScenario(text(parsed, "scenario") ?? "calm");
    const wanted = texts(parsed, "sensor");
    const names = scenario.sensors.map(({ name }) => name);
    const unknown = wanted.find((name) => !names.includes(name));
    if (unknown !== undefined)
      throw usageError(`scenario ${scenario.name} has the sensors ${names.join(", ")}, not "${unknown}"`);
    const truth = text(parsed, "truth");
    if (truth !== undefined && (truth === out || resolve(truth) === resolve(out)))
      throw usageError("--out and --truth are one file; the truth would be written over the capture");
    const lasting = text(parsed, "duration");
    const from = time(text(parsed, "from") ?? "2026-01-05T00:00:00Z");
    const { simulate: write } = await import("../app/simulate.ts");
    const made = await write({
      seed: whole(parsed, "seed", 0, Number.MAX_SAFE_INTEGER) ?? 1,
      scenario,
      from,
      packets: whole(parsed, "packets", 1, 1e12) ?? (lasting === undefined ? 1e6 : Infinity),
      until: Math.min(END * 1000, from + (lasting === undefined ? 400 * 86400e6 : duration(lasting))),
      sensors: scenario.sensors.filter(({ name }) => wanted.length === 0 || wanted.includes(name)),
      link: flag(parsed, "raw") ? "raw" : "ethernet",
      out,
      truth,
    });
    const rows = Object.entries(made.kinds).sort(([, a], [, b]) => b.packets - a.packets);
    process.stderr.write(
      `${count(made.packets)} packets in ${made.seconds.toFixed(1)} s (${count(Math.round(made.packets / made.seconds))} a second)\n` +
        table(
          ["who", "actors:", "packets:", "share:"],
          rows.map(([kind, { actors, packets }]) => [
            kind,
            count(actors),
            count(packets),
            percent(packets, made.packets),
          ]),
        ) +
        "These packets are invented, their sources' addresses are not: a real network has each. The capture's header says SIMULATED to `layang replay`; other programs do not see it.\n",
    );
    return 0;
  },
};
