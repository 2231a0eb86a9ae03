// SPDX-License-Identifier: Apache-2.0
import { openConfig } from "../app/config.ts";
import { enrolSensor, nodeOf, runSensor } from "../app/sensor.ts";
import { parsePrefix } from "../net/prefix.ts";
import type { Prefix } from "../net/prefix.ts";
import { startAfresh } from "../platform/afresh.ts";
import { abortSignal } from "../platform/lifecycle.ts";
import { createLog } from "../platform/log.ts";
import { text, texts, usageError } from "./command.ts";
import type { Command, Option, Parsed } from "./command.ts";
import { count } from "./table.ts";

const shared: Readonly<Record<string, Option>> = {
  config: { type: "string", short: "c", value: "FILE", doc: "configuration (YAML); options here come before it" },
  state: { type: "string", value: "DIR", doc: "folder of key, spool and retired addresses (default: sensor-state)" },
};
const darkness: Readonly<Record<string, Option>> = {
  interface: { type: "string", short: "i", value: "NAME", doc: "where the dark prefixes' packets arrive" },
  dark: { type: "string", multiple: true, value: "CIDR", doc: "a dark prefix; may be given more than once" },
};

const ca: Option = {
  type: "string",
  value: "FILE",
  doc: "PEM file of the authority that signed the node's certificate",
};

/** What options and configuration say together; options win. */
const settingsOf = (parsed: Parsed) => {
  const { config, path } = openConfig(text(parsed, "config"));
  const named = texts(parsed, "dark");
  const dark = (named.length > 0 ? named : config.sensor.dark).map((one): Prefix => {
    const prefix = parsePrefix(one);
    if (prefix === undefined) throw usageError(`--dark takes a network such as 192.0.2.0/24, not "${one}"`);
    return prefix;
  });
  const state = text(parsed, "state");
  const ca = config.sensor.ca === undefined ? undefined : path(config.sensor.ca);
  return {
    config,
    dark,
    state: state ?? path(config.sensor.state),
    node: text(parsed, "node") ?? config.sensor.node,
    ca: text(parsed, "ca") ?? ca,
    interface: text(parsed, "interface") ?? config.sensor.interface,
  };
};

export const sensor: Command = {
  summary: "watch unused addresses and send what they see to a node",
  usage: "--interface NAME --dark CIDR [--dark CIDR]... [--config FILE]",
  text: "Needs tcpdump and the right to capture. Every batch is on disk before it is sent; a node that is away costs disk only.",
  options: {
    ...shared,
    ...darkness,
    read: { type: "string", value: "FILE", doc: "read a capture (or - for standard input) instead of an interface" },
    pace: { type: "string", value: "X", doc: "with --read: seconds of the capture for each second of the clock" },
    node: { type: "string", value: "URL", doc: "the node's sensor door (default: where it enrolled)" },
    token: { type: "string", value: "TOKEN", doc: "enrol first, with this one-time token" },
    ca,
    health: { type: "string", value: "PORT", doc: "answer /healthz and /metrics on this port of loopback" },
  },
  examples: [
    "layang sensor enrol --node https://node.example:8421 --token TOKEN",
    "layang sensor --interface eth1 --dark 192.0.2.0/24",
    "layang sensor --read last-hour.pcap --dark 192.0.2.0/24",
  ],
  run: async (parsed) => {
    startAfresh();
    if (parsed.paths.length > 0) throw usageError(`sensor takes no path; did you mean --read ${parsed.paths[0]}?`);
    const { config, ...rest } = settingsOf(parsed);
    const pace = text(parsed, "pace");
    if (pace !== undefined && !(Number(pace) > 0 && Number.isFinite(Number(pace))))
      throw usageError(`--pace takes a number above 0, not "${pace}"`);
    const health = text(parsed, "health");
    if (health !== undefined && !(/^\d{1,5}$/.test(health) && Number(health) > 0 && Number(health) < 65536)) {
      throw usageError(`--health takes a port, not "${health}"`);
    }
    const read = text(parsed, "read");
    const sums = await runSensor(
      {
        ...rest,
        interface: read === undefined ? rest.interface : undefined,
        read,
        pace: pace === undefined ? undefined : Number(pace),
        token: text(parsed, "token"),
        spoolLimit: config.sensor.spoolLimitMiB * 2 ** 20,
        health: health === undefined ? config.sensor.health : Number(health),
        log: createLog(config.log.level),
      },
      abortSignal(),
    );
    process.stdout.write(
      `${count(sums.read)} packets read: ${count(sums.counted)} counted, ${count(sums.notDark)} not to a dark prefix, ${count(sums.undecoded)} undecoded, ${count(sums.retired)} to retired addresses; ${count(sums.dropped)} dropped before; ${count(sums.batches)} batches${sums.lostBatches === 0 ? "" : `, ${count(sums.lostBatches)} lost for want of room`}.\n`,
    );
    if (sums.quarantined > 0) {
      process.stdout.write(
        `The node keeps ${count(sums.quarantined)} of the batches aside and counts none of them: their time is more than 25 hours ago, or ahead of its clock. Captures of the past are for layang replay.\n`,
      );
    }
    return 0;
  },
};

export const enrol: Command = {
  summary: "make this sensor's key and introduce it to its node",
  usage: "--node URL --token TOKEN [--ca FILE] [--state DIR]",
  text: "The token comes from `layang node sensors add NAME` at the node and works once. The key never leaves the state folder.",
  options: {
    ...shared,
    node: { type: "string", value: "URL", doc: "the node's sensor door" },
    token: { type: "string", value: "TOKEN", doc: "the one-time token" },
    ca,
  },
  examples: ["layang sensor enrol --node https://node.example:8421 --token TOKEN"],
  run: async (parsed) => {
    if (parsed.paths.length > 0) throw usageError("sensor enrol takes no path");
    const { node, ca, state } = settingsOf(parsed);
    const token = text(parsed, "token");
    if (node === undefined || token === undefined) throw usageError("sensor enrol needs --node and --token");
    const enrolled = await enrolSensor({ state, node, token, ca });
    process.stdout.write(`This is sensor ${enrolled.sensor} of ${node} now. Next: layang sensor doctor\n`);
    return 0;
  },
};

export const doctor: Command = {
  summary: "check that the dark prefix is dark, that its packets arrive, and that the node answers",
  usage: "--interface NAME --dark CIDR [--dark CIDR]... [--ca FILE] [--config FILE]",
  text: "Reads routes, neighbours and addresses of this machine. Sends nothing but, when enrolled, two questions to the node. Exit code 1 when something must be mended.",
  options: { ...shared, ...darkness, ca },
  examples: ["layang sensor doctor --interface eth1 --dark 192.0.2.0/24"],
  run: async (parsed) => {
    const settings = settingsOf(parsed);
    if (settings.interface === undefined || settings.dark.length === 0) {
      throw usageError("sensor doctor needs --interface and --dark (or a configuration with both)");
    }
    const { examine } = await import("../app/sensor-doctor.ts");
    const findings = await examine({
      interface: settings.interface,
      dark: settings.dark,
      state: settings.state,
      node: settings.node ?? nodeOf(settings.state),
      ca: settings.ca,
    });
    const sign = { ok: "✓", warn: "!", fail: "✗" } as const;
    for (const { state, text: said } of findings) process.stdout.write(`${sign[state]} ${said}\n`);
    return findings.some(({ state }) => state === "fail") ? 1 : 0;
  },
};
