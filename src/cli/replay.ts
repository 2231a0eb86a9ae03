// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { detectReplay, detectionJson, noOwners, ownFirst, ownerOfDetection, ownersFrom } from "../app/replay-detect.ts";
import type { ReplayOwners } from "../app/replay-detect.ts";
import { replayKey } from "../app/replay-key.ts";
import { openReplayStore } from "../app/replay-store.ts";
import { darkAddresses, replayCaptures, replayFiles } from "../app/replay.ts";
import type { Replay, ReplayTo } from "../app/replay.ts";
import { replayOrigins } from "../app/replay-origins.ts";
import { cacheFolder } from "../platform/cache.ts";
import type { Detection } from "../model/detection.ts";
import { sensorName } from "../model/sensor-name.ts";
import { marks, protocolName } from "../model/traffic.ts";
import { formatIp } from "../net/ip.ts";
import { parsePrefix } from "../net/prefix.ts";
import { flag, text, texts, usageError } from "./command.ts";
import type { Command } from "./command.ts";
import { count, instant, percent, table } from "./table.ts";

const INTERVAL = 10_000_000;
const CAPACITY = 1 << 18;

const asJson = (
  { captures, summary, counters, degraded, seconds }: Replay,
  detections: readonly Detection[] | null,
  owners: ReplayOwners,
): string => {
  const read = captures.reduce((sum, { summary: { packets } }) => sum + packets, 0);
  return `${JSON.stringify({
    captures: captures.map((capture) => ({
      file: capture.summary.file,
      packets: capture.summary.packets,
      bytes: capture.ipBytes,
      first: capture.summary.first === null ? null : instant(capture.summary.first),
      last: capture.summary.last === null ? null : instant(capture.summary.last),
      undecoded: capture.undecoded,
      truncated: capture.summary.truncated,
      ...(capture.summary.simulated === true ? { simulated: true } : {}),
      ...(capture.summary.reason === undefined ? {} : { reason: capture.summary.reason }),
    })),
    packets: read,
    bytes: captures.reduce((sum, { ipBytes }) => sum + ipBytes, 0),
    undecoded: captures.reduce((sum, { undecoded }) => sum + undecoded, 0),
    not_dark: counters.notDark + counters.fromDark,
    flows: summary.flows,
    sources: summary.sources + summary.stormSources,
    degraded,
    classes: summary.classPackets(),
    marks: summary.marks,
    ports: summary
      .topPorts(20)
      .map(({ protocol, port, packets, sources }) => ({ protocol: protocolName(protocol), port, packets, sources })),
    ...(detections === null ? {} : { detections: detections.map((one) => detectionJson(one, instant, owners)) }),
    timing: { seconds: Number(seconds.toFixed(3)), packets_per_second: Math.round(read / seconds) },
  })}\n`;
};

const detectionTable = (detections: readonly Detection[], owners: ReplayOwners): string =>
  table(
    [
      "kind",
      "source",
      ...(owners.count === 0 ? [] : ["owner"]),
      "port",
      "first",
      "last",
      "packets:",
      "dark:",
      "confidence:",
      "family",
      "held",
    ],
    detections.map((one) => [
      one.kind,
      one.source ?? "-",
      ...(owners.count === 0 ? [] : [ownerOfDetection(owners, one) ?? "-"]),
      one.port === null ? (one.protocol ?? "-") : `${one.port}/${one.protocol ?? "?"}`,
      instant(one.first),
      instant(one.last),
      count(one.packets),
      count(one.darkAddresses),
      one.confidence.toFixed(2),
      one.family ?? "-",
      one.held.join(" "),
    ]),
  );

/** Where the sources are registered and announced, by the data of the real Internet. */
const originTables = (summary: Replay["summary"], out: (text: string) => void): void => {
  const origins = replayOrigins(summary);
  out("\nEconomies the sources are registered in\n");
  out(
    table(
      ["economy", "sources:", "packets:"],
      origins.countries.map((row) => [row.name, count(row.sources), count(row.packets)]),
    ),
  );
  out("\nNetworks\n");
  out(
    table(
      ["network", "sources:", "packets:"],
      origins.networks.map((row) => [row.name, count(row.sources), count(row.packets)]),
    ),
  );
};

const asTables = (
  replay: Replay,
  dark: readonly string[],
  detections: readonly Detection[] | null,
  owners: ReplayOwners,
  out: (text: string) => void,
): void => {
  const { captures, summary, counters, degraded, seconds } = replay;
  const read = captures.reduce((sum, { summary: { packets } }) => sum + packets, 0);
  const simulated = captures.some(({ summary: one }) => one.simulated === true);
  out(
    `${simulated ? "SIMULATED  " : ""}${count(read)} packets of ${captures.length === 1 ? "one capture" : `${count(captures.length)} captures`} became ${count(summary.flows)} ${summary.flows === 1 ? "flow" : "flows"} of ${summary.sources === 1 ? "one source" : `${count(summary.sources)} sources`}.\n`,
  );
  if (dark.length === 0) {
    out(
      "No --dark was given: every destination is taken for dark, and nothing here will ever count as an infection.\n",
    );
  }
  if (dark.length > 0 && read > 0 && counters.counted === 0) {
    out(`Nothing went to ${dark.join(", ")}: is that where the capture's sensor is dark?\n`);
  }
  if (degraded) out("A storm of sources was folded into aggregates: counts of sources are estimates.\n");
  out("\nCaptures\n");
  out(
    table(
      ["file", "packets:", "bytes:", "first", "last", "undecoded:", ""],
      captures.map(({ summary: one, ipBytes, undecoded }) => [
        one.file,
        count(one.packets),
        count(ipBytes),
        one.first === null ? "-" : instant(one.first),
        one.last === null ? "-" : instant(one.last),
        count(undecoded),
        one.truncated ? `truncated: ${one.reason ?? "cut"}` : "",
      ]),
    ),
  );
  const kinds = captures.reduce<Record<string, number>>(
    (sums, { counters: { decoded: _, gre, ipip, fragments, ...undecoded } }) => {
      for (const [kind, n] of Object.entries({ ...undecoded, gre, ipip, fragments }))
        sums[kind] = (sums[kind] ?? 0) + n;
      return sums;
    },
    {},
  );
  const said = Object.entries({
    ...kinds,
    "not to a dark prefix": counters.notDark,
    "from a dark prefix": counters.fromDark,
  }).filter(([, n]) => n > 0);
  if (said.length > 0)
    out(`  of these: ${said.map(([kind, n]) => `${count(n)} ${kind.replaceAll("_", " ")}`).join(", ")}\n`);

  const kept = summary.packets;
  out("\nTraffic types\n");
  out(
    table(
      ["type", "packets:", "share:"],
      Object.entries(summary.classPackets())
        .sort(([, a], [, b]) => b - a)
        .map(([name, n]) => [name, count(n), percent(n, kept)]),
    ),
  );
  out("\nTool marks\n");
  out(
    table(
      ["mark", "packets:", "share:"],
      marks.map((mark) => [mark, count(summary.marks[mark]), percent(summary.marks[mark], kept)]),
    ),
  );
  out("\nPorts asked for (TCP SYN and UDP), most packets first\n");
  out(
    table(
      ["port", "packets:", "share:", "sources:"],
      summary
        .topPorts(20)
        .map(({ protocol, port, packets, sources }) => [
          `${port}/${protocolName(protocol)}`,
          count(packets),
          percent(packets, kept),
          count(sources),
        ]),
    ),
  );
  if (simulated) {
    out("\nEconomies and networks are not named: the sources are invented, and their addresses belong to others.\n");
  } else originTables(summary, out);
  out("\nBusiest sources\n");
  out(
    table(
      ["source", "packets:", "share:"],
      summary.topSources(10).map(({ src, packets }) => [formatIp(src), count(packets), percent(packets, kept)]),
    ),
  );
  if (detections !== null) {
    out(`\n${detections.length === 0 ? "No detections" : "Detections"}\n`);
    if (detections.length > 0) {
      if (owners.count > 0) {
        const own = detections.filter((one) => ownerOfDetection(owners, one) !== null).length;
        out(
          `  ${count(own)} of ${count(detections.length)} are about the constituency${own === 0 ? "" : ", first in the list"}.\n`,
        );
      }
      out(detectionTable(detections, owners));
    }
  }
  out(`\n${seconds.toFixed(2)} s, ${count(read / seconds)} packets a second.\n`);
};

export const replay: Command = {
  summary: "turn captures into answers, here or in a store",
  usage: "PATH... [--dark CIDR]... [--sensor NAME] [--data DIR] [--detect [--constituency FILE]] [--json]",
  text: "PATH is a capture (pcap or pcapng, plain, gzip or zstd), a folder of captures, or - for standard input.",
  options: {
    dark: {
      type: "string",
      multiple: true,
      value: "CIDR",
      doc: "a dark prefix; only packets from outside to dark prefixes count",
    },
    sensor: {
      type: "string",
      value: "NAME",
      doc: "name of the sensor that the flows are stored under (default: replay)",
    },
    data: { type: "string", value: "DIR", doc: "also store the flows in this node's data folder" },
    detect: { type: "boolean", doc: "also ask every detector, and tell what they find" },
    constituency: {
      type: "string",
      value: "FILE",
      doc: "with --detect: whose networks they are, CSV with the columns organisation and prefix",
    },
    json: { type: "boolean", doc: "one JSON object on standard output" },
  },
  examples: [
    "layang replay capture.pcap",
    "layang replay captures/ --dark 192.0.2.0/24 --dark 2001:db8:1::/48",
    "zcat old.pcap.gz | layang replay - --json",
    "layang replay capture.pcap --dark 192.0.2.0/24 --detect --constituency networks.csv",
    "layang replay capture.pcap --data data --sensor id-01   # then: layang node",
  ],
  run: async (parsed) => {
    if (parsed.paths.length === 0) throw usageError("replay needs a capture: layang replay PATH");
    const dark = texts(parsed, "dark");
    for (const one of dark) {
      if (parsePrefix(one) === undefined) throw usageError(`--dark takes a network such as 192.0.2.0/24, not "${one}"`);
    }
    const sensor = text(parsed, "sensor") ?? "replay";
    if (!sensorName.test(sensor)) throw usageError("--sensor takes a name of 2 to 32 characters a-z, 0-9 and -");
    const data = text(parsed, "data");
    const json = flag(parsed, "json");
    const detect = flag(parsed, "detect");
    const constituency = text(parsed, "constituency");
    if (constituency !== undefined && !detect) throw usageError("--constituency goes with --detect");
    const owners = constituency === undefined ? noOwners : ownersFrom(constituency);
    const bar = !json && process.stderr.isTTY;
    const files = replayFiles(parsed.paths);
    // Detectors ask a store: without a folder of the caller's, one that is gone afterwards.
    const lent = data === undefined && detect ? mkdtempSync(join(tmpdir(), "layang-replay-")) : undefined;
    const folder = data ?? lent;
    // The built prefix table lies with the user, for all folders, or in the folder itself.
    const prefixes = folder === undefined ? null : (cacheFolder() ?? resolve(folder));
    const work = {
      files,
      sensor,
      dark: dark.length === 0 ? null : dark,
      darkAddresses: darkAddresses(dark),
      intervalLength: INTERVAL,
      key: replayKey(data),
      capacity: CAPACITY,
      joined: lent !== undefined,
      origins: prefixes,
    };
    const forget = (): void => {
      if (lent !== undefined) rmSync(lent, { recursive: true, force: true });
    };
    process.once("exit", forget);
    // The store opens while the first packets are read.
    const opening = folder === undefined || prefixes === null ? undefined : openReplayStore(folder, work, prefixes);
    opening?.catch(() => undefined); // seen below
    try {
      const started = performance.now();
      const to: ReplayTo | undefined = opening && {
        append: async (batch, block) => (await opening).append(batch, block),
        finish: async () => (await opening).finish(),
      };
      const done = await replayCaptures(work, to, (packets) => {
        if (!bar) return;
        const rate = packets / ((performance.now() - started) / 1000);
        process.stderr.write(`\r\u001B[2K${count(packets)} packets, ${count(rate)} a second`);
      });
      if (bar) process.stderr.write("\r\u001B[2K");
      for (const one of done.passedOver) process.stderr.write(`layang: ${one}: is no capture, passed over\n`);
      const store = await opening;
      if (store?.repeated === true) {
        process.stderr.write("layang: this replay is in the store already; nothing was counted twice\n");
      }
      const found = detect && store !== undefined ? await detectReplay(store.store, owners, done) : null;
      const detections = found === null ? null : ownFirst(owners, found);
      if (json) process.stdout.write(asJson(done, detections, owners));
      else {
        let page = "";
        asTables(done, dark, detections, owners, (part) => {
          page += part;
        });
        process.stdout.write(page);
      }
      return 0;
    } finally {
      const opened = await opening?.catch(() => undefined);
      await opened?.close();
      forget();
    }
  },
};
