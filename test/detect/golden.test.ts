// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { amplification } from "../../src/detect/amplification.ts";
import type { Detector, Owners } from "../../src/detect/detector.ts";
import { dosVictim } from "../../src/detect/dos.ts";
import { infectedHost } from "../../src/detect/infected.ts";
import { scans } from "../golden/scans.ts";
import { captureBatches, openWorld, ownersOf } from "./world.ts";
import type { World } from "./world.ts";

const detectors = [infectedHost, dosVictim, amplification] as Detector[];
const everybody = ownersOf("organisation,prefix\none,0.0.0.0/1\ntwo,128.0.0.0/1\n");
const school = ownersOf("organisation,prefix,realm\nschool,10.0.0.0/8,school\n");

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

/** kind, source, family or reason, held, packets, dark addresses. */
const claims = async (path: string, dark: readonly string[], realm: string, owners: Owners): Promise<string[]> => {
  const scope = world.scope(realm);
  await world.append(await captureBatches(scope, { name: "golden", dark }, path));
  const found = await world.detect(scope, detectors, { owners });
  return found.map(({ kind, source, family, evidence, held, packets, darkAddresses }) =>
    [kind, source ?? "-", family ?? evidence["reason"] ?? "-", ...held, packets, darkAddresses].join(" "),
  );
};

/** What each tool's own capture makes, inside a realm where its private address is somebody's. */
const made: Readonly<Record<string, readonly string[]>> = {
  "zmap-tcp": ["scanning-host 10.9.0.1 zmap 256 256"],
  "zmap-udp": ["amplification-scan 10.9.0.1 dns 256 256", "sighting 10.9.0.1 - 1 1"],
  "zmap-ping": ["scanning-host 10.9.0.1 ping 256 256"],
  masscan: ["scanning-host 10.9.0.1 masscan 512 256"],
  "masscan-udp": ["amplification-scan 10.9.0.1 snmp 256 256", "sighting 10.9.0.1 - 1 1"],
  "masscan-ping": ["scanning-host 10.9.0.1 ping 256 256"],
  // Without a mark, on ports that bots ask for too: told as an infection, which its owner can answer.
  "nmap-syn": ["scanning-host 10.9.0.1 nmap 256 128"],
  "nmap-connect": ["infected-host 10.9.0.1 web-bot 44 32"],
  "nmap-udp": ["amplification-scan 10.9.0.1 dns 64 16", "sighting 10.9.0.1 - 1 1"],
  // One dark address.
  "hping-syn": ["sighting 10.9.0.1 - 1 1"],
  "hping-udp": ["sighting 10.9.0.1 - 1 1"],
  // No SYN, fragments, replies, forged sources from everywhere: nothing of the realm's own.
};
describe("captures that real tools made", () => {
  for (const { name } of scans) {
    it(`of ${name}`, async () => {
      const path = join(import.meta.dirname, "../golden/captures", `${name}.pcap`);
      const found = await claims(path, ["198.18.0.0/24"], "school", school);
      expect(found.toSorted()).toEqual(made[name] ?? []);
    });
  }
});

const shared = join(import.meta.dirname, "../../../shared/data/captures");
describe.skipIf(!existsSync(shared))(
  `real captures${existsSync(shared) ? "" : " (skipped: no ../shared/data)"}`,
  () => {
    const real: readonly (readonly [string, readonly string[], readonly string[]])[] = [
      ["backscatter.trace", ["192.150.186.0/23"], ["dos-victim 202.229.120.98 - 3468 511"]],
      ["amp.TCP.reflection.SYNACK.pcap", ["0.0.0.0/1", "128.0.0.0/1"], []],
      ["445_scan.pcap", ["10.10.0.0/16", "192.168.0.0/16"], ["infected-host 176.192.150.3 smb-worm 21 9"]],
    ];
    for (const [name, dark, expected] of real) {
      it(name, async () => expect(await claims(join(shared, name), dark, "", everybody)).toEqual(expected));
    }
    it("takes 37,623 forged sources for one storm", async () => {
      const found = await claims(join(shared, "pkt.TCP.synflood.spoofed.pcap"), ["10.10.10.10/32"], "", everybody);
      expect(found).toEqual(["sighting - - 37623 0"]);
    });
  },
);
