// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { answerOf } from "./expect.ts";
import type { Answer } from "./expect.ts";
import { scannerAddress, scans } from "./scans.ts";

const folder = join(import.meta.dirname, "captures");
const answers = new Map(
  await Promise.all(scans.map(async ({ name }) => [name, await answerOf(join(folder, `${name}.pcap`))] as const)),
);
const of = (name: string): Answer => answers.get(name)!;

describe("golden captures of real scanners", () => {
  it.each(scans)("$name: $says", ({ name }) => {
    const expected = JSON.parse(readFileSync(join(folder, `${name}.expected.json`), "utf8")) as Answer;
    expect(of(name)).toEqual(expected);
  });

  // What the tools' documentation says of them, whatever the files beside the captures say.
  it("ZMap reaches every address once and marks each SYN; marks are of SYNs alone", () => {
    expect(of("zmap-tcp")).toMatchObject({ packets: 256, destinations: 256, sources: 1, marks: { zmap: 256 } });
    for (const name of ["zmap-udp", "zmap-ping"]) {
      expect(of(name)).toMatchObject({ packets: 256, destinations: 256, sources: 1, marks: {}, undecoded: 0 });
    }
  });
  it("masscan marks each SYN and each is of the stateless shape", () => {
    expect(of("masscan")).toMatchObject({ packets: 512, marks: { masscan: 512, stateless: 512 } });
    expect(of("masscan").ports).toEqual({ "tcp/2323": 256, "tcp/80": 256 });
  });
  it("nmap and hping3 bear no mark, but by chance", () => {
    for (const { name } of scans.filter(({ command }) => command[0] === "nmap" || command[0] === "hping3")) {
      const { zmap = 0, mirai = 0, stateless = 0 } = of(name).marks;
      expect(zmap + mirai + stateless).toBeLessThan(3);
    }
  });
  it("what answers nobody is backscatter, by its class", () => {
    expect(of("hping-syn-ack").classes).toEqual({ "tcp-syn-ack": 100 });
    expect(of("hping-syn-ack").ports).toEqual({ "tcp/443": 100 });
    expect(of("hping-rst").classes).toEqual({ "tcp-rst": 60 });
    expect(of("hping-unreachable").classes).toEqual({ "icmp-unreachable": 40 });
  });
  it("forged sources are many, a scanner is one", () => {
    expect(of("hping-rand-source").sources).toBeGreaterThan(140);
    expect(of("nmap-syn").sources).toBe(1);
    expect(scannerAddress).toMatch(/^10\./);
  });
});
