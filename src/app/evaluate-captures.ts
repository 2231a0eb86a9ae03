// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");
/** Where the real captures of docs/evaluation.md lie: beside the project, since they are others' and not part of it. */
export const realData = join(root, "../shared/data");

/** A real capture, what is known to be in it, and the addresses that were dark. */
const captures: readonly { readonly file: string; readonly what: string; readonly dark: readonly string[] }[] = [
  {
    file: "backscatter.trace",
    what: "a day of backscatter at a /23; one host was attacked (NCSA)",
    dark: ["192.150.186.0/23"],
  },
  {
    file: "amp.TCP.reflection.SYNACK.pcap",
    what: "7,055 reflectors answer one forged address: no scan, no victim of ours (StopDDoS)",
    dark: ["0.0.0.0/1", "128.0.0.0/1"],
  },
  {
    file: "amp.UDP.isakmp.pcap",
    what: "2,767 reflectors answer one forged address from port 4500 (StopDDoS)",
    dark: ["0.0.0.0/1", "128.0.0.0/1"],
  },
  {
    file: "pkt.TCP.synflood.spoofed.pcap",
    what: "a flood of SYNs from 37,623 forged sources at one address: no host is infected (StopDDoS)",
    dark: ["10.10.10.10/32"],
  },
  { file: "445_scan.pcap", what: "one host asks 9 for SMB (NCSA)", dark: ["10.10.0.0/16", "192.168.0.0/16"] },
  { file: "multiport_scan.pcap", what: "7 hosts, 16 SYNs to web ports (NCSA)", dark: ["0.0.0.0/1", "128.0.0.0/1"] },
  { file: "port_scan.pcap", what: "one host asks one other for 10 ports (NCSA)", dark: ["0.0.0.0/1", "128.0.0.0/1"] },
];

export interface CaptureAnswer {
  readonly file: string;
  readonly what: string;
  readonly packets: number;
  /** Claims in words; sightings and events are counted, the others named. */
  readonly claims: readonly string[];
}
export interface RealAnswers {
  readonly captures: readonly CaptureAnswer[];
  /** Of the published alert times of ChangeFinder, how many come out, and how many others. */
  readonly changefinder: { readonly published: number; readonly same: number; readonly others: number } | null;
}

const layang = (args: readonly string[]): string | null => {
  const { status, stdout } = spawnSync(process.execPath, [join(root, "bin/layang.js"), ...args], {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  return status === 0 ? stdout : null;
};

interface Claim {
  readonly kind: string;
  readonly source: string | null;
  readonly packets: number;
  readonly dark_addresses: number;
}
const told = (claims: readonly Claim[]): string[] => {
  const quiet = new Set(["sighting", "event"]);
  const named = claims
    .filter(({ kind }) => !quiet.has(kind))
    .map((one) => `${one.kind} ${one.source ?? ""} (${one.packets} packets, ${one.dark_addresses} dark addresses)`);
  const counted = [...quiet].flatMap((kind) => {
    const n = claims.filter((one) => one.kind === kind).length;
    return n === 0 ? [] : [`${n} ${kind}${n === 1 ? "" : "s"}`];
  });
  return [...named, ...counted];
};

/** What the program says of the real captures, each replayed through its own command; null where they are not there. */
export const answerCaptures = (data: string = realData): RealAnswers | null => {
  if (!existsSync(join(data, "captures"))) return null;
  const folder = mkdtempSync(join(tmpdir(), "layang-captures-"));
  try {
    const everybody = join(folder, "everybody.csv");
    writeFileSync(everybody, "organisation,prefix\none,0.0.0.0/1\ntwo,128.0.0.0/1\n");
    const answers = captures.flatMap(({ file, what, dark }): CaptureAnswer[] => {
      const path = join(data, "captures", file);
      const text = existsSync(path)
        ? layang([
            "replay",
            "--detect",
            "--json",
            "--data",
            join(folder, file),
            "--constituency",
            everybody,
            ...dark.flatMap((prefix) => ["--dark", prefix]),
            path,
          ])
        : null;
      if (text === null) return [];
      const { packets, detections } = JSON.parse(text) as { packets: number; detections: Claim[] };
      return [{ file, what, packets, claims: told(detections) }];
    });
    const series = join(data, "changefinder/sensor999_count.csv");
    const times = existsSync(series) ? layang(["detect", "changefinder", "--series", series]) : null;
    const lines = (text: string): Set<string> => new Set(text.match(/\d{12}/g));
    const published =
      times === null ? null : lines(readFileSync(join(data, "changefinder/sensor999_alert_date.txt"), "utf8"));
    const found = lines(times ?? "");
    return {
      captures: answers,
      changefinder:
        published === null
          ? null
          : {
              published: published.size,
              same: [...published].filter((time) => found.has(time)).length,
              others: [...found].filter((time) => !published.has(time)).length,
            },
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
