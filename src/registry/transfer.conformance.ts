// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createOwners } from "../constituency/owners.ts";
import type { Actor } from "../model/actor.ts";
import { systemActor } from "../model/actor.ts";
import type { Desk } from "../store/desk/desk.ts";
import type { DeskPlace } from "../store/desk/desk.conformance.ts";
import { heldNetworks } from "../store/desk/networks.ts";
import { exportText, importText } from "./transfer.ts";
import type { Form } from "./transfer.ts";

const analyst: Actor = { id: "person:ana", roles: ["analyst"], organisations: [], realms: [], sensors: [] };
const at = (day: string): number => Date.parse(`${day}T00:00:00Z`) * 1000;

const csv = `organisation,name,name:th,country,sector,essential,network,realm,translation,from,until,role,contact,mail,phone,language
# the providers
isp,Provider Ltd.,ผู้ให้บริการ,TH,telecommunications,no,203.0.113.0/24,,cgnat,,,abuse,,abuse@isp.example,,th
isp,,,,,,2001:db8::/32,,,,,noc,"NOC, night",noc@isp.example,+66 2 000 0000,en
isp,,,,,,AS64500,,,,,,,,,
grid,Grid,,TH,energy,yes,198.51.100.0/24,,,,2026-06-01,,,,,
grid,,,,,,198.51.100.0/24,,,2026-07-01,,abuse,,cert@grid.example,,
grid,,,,,,grid.example,,,,,,,,,
grid,,,,,,10.0.0.0/8,grid-inside,,,,,,,,
`;

/** What import and export promise, whatever engine is behind them. */
export const transferConformance = (name: string, make: () => Promise<DeskPlace>): void => {
  describe(name, () => {
    let place: DeskPlace;
    let desk: Desk;
    let now = at("2026-05-03");
    beforeAll(async () => {
      place = await make();
      desk = await place.open();
    });
    afterAll(async () => {
      await desk.close();
      await place.remove();
    });
    const bring = (content: string, options: { form?: Form; apply?: boolean; replace?: boolean; actor?: Actor } = {}) =>
      importText(
        desk,
        options.actor ?? systemActor,
        {
          form: options.form ?? "csv",
          content,
          apply: options.apply ?? true,
          replace: options.replace ?? false,
          languages: ["en", "th"],
        },
        now,
      );
    const owners = async () => {
      const rows = [];
      for await (const page of heldNetworks(desk)) rows.push(...page);
      return createOwners(rows);
    };

    it("shows what would change and changes nothing, then does it, once", async () => {
      const dry = await bring(csv, { apply: false });
      expect(dry).toMatchObject({ applied: false, added: 12, changed: 0, ended: 0, same: 0, faults: [] });
      expect(dry.rows.map(({ what, change, subject }) => `${what} ${change} ${subject}`)).toContain(
        "network added 203.0.113.0/24",
      );
      expect((await bring(csv, { apply: false })).added).toBe(12);
      expect(await bring(csv)).toMatchObject({ applied: true, added: 12 });
      expect(await bring(csv)).toMatchObject({ applied: true, added: 0, changed: 0, ended: 0, same: 12 });
    });

    it("answers who owned it on a day", async () => {
      const found = await owners();
      expect(found.ownerOf("", "203.0.113.9", at("2020-01-01"))).toMatchObject({
        organisation: "isp",
        translation: "cgnat",
        country: "TH",
      });
      expect(found.ownerOf("", "198.51.100.9", at("2026-05-31"))).toMatchObject({
        organisation: "grid",
        essential: true,
      });
      expect(found.ownerOf("", "198.51.100.9", at("2026-06-15"))).toBeNull();
      expect(found.ownerOf("", "198.51.100.9", at("2026-07-15"))?.organisation).toBe("grid");
      expect(found.ownerOf("grid-inside", "10.1.2.3", now)?.organisation).toBe("grid");
      expect(found.ownerOf("", "10.1.2.3", now)).toBeNull();
      expect(found.ownerOfDomain("", "www.grid.example", now)?.organisation).toBe("grid");
      expect(found.ownerOfAsn("", 64_500, now)?.organisation).toBe("isp");
    });

    it.each(["csv", "yaml"] as const)(
      "takes its own %s again without a difference, also as a replacement",
      async (form) => {
        const text = await exportText(desk, systemActor, form);
        expect(text).toContain("ผู้ให้บริการ");
        for (const replace of [false, true]) {
          expect(await bring(text, { form, replace })).toMatchObject({
            added: 0,
            changed: 0,
            ended: 0,
            same: 12,
            faults: [],
          });
        }
      },
    );

    it("shows an analyst no foreign realm, in either direction", async () => {
      expect(await exportText(desk, analyst, "csv")).not.toContain("grid-inside");
      await expect(
        bring("organisation,network,realm\ngrid,10.5.0.0/16,grid-inside\n", { actor: analyst }),
      ).rejects.toMatchObject({ code: "ACCESS_DENIED" });
      await expect(
        bring(csv, { actor: { ...analyst, roles: ["member"], organisations: ["grid"] } }),
      ).rejects.toMatchObject({ code: "ACCESS_DENIED" });
    });

    it("names every line that cannot be used, and takes nothing of the file", async () => {
      const bad = await bring(
        [
          "organisation,name,country,network,mail,role,from,until",
          "New Org,x,,,,,,",
          "good,Good,TH,192.0.2.0/24,,,,",
          "isp,,Thailand,,,,,",
          "isp,Other name,,,,,,",
          "isp,Provider Ltd.,,192.0.2.5/24,not-a-mail,boss,,2026-02-30",
          "isp,,,0.0.0.0/0,,,,",
          "isp,,,,not-a-mail,,,",
          "isp,,,,a@b.example,boss,,",
          "isp,,,192.0.2.0/25,,,2026-02-30,",
          "isp,,,198.51.100.0/24,,,,",
          "good,,,192.0.2.0/24,,,,",
        ].join("\n"),
      );
      expect(bad).toMatchObject({ applied: false, added: 0, changed: 0, ended: 0, same: 0, rows: [] });
      expect(bad.faults.map(({ line, message }) => `${line}: ${message}`)).toEqual([
        expect.stringContaining('2: "New Org" is no id: lower-case letters, digits and hyphens, for example new-org'),
        expect.stringContaining("4: `country`"),
        expect.stringContaining("6: `name` of isp is another one in line 5"),
        expect.stringContaining('6: "192.0.2.5/24" is no network'),
        expect.stringContaining('6: "2026-02-30" is no day'),
        expect.stringContaining("6: `role`"),
        expect.stringContaining('6: "not-a-mail"'),
        expect.stringContaining("7: 0.0.0.0/0 is more than any organisation holds"),
        expect.stringContaining('8: "not-a-mail"'),
        expect.stringContaining("9: `role`"),
        expect.stringContaining('10: "2026-02-30"'),
        expect.stringContaining(
          "11: 198.51.100.0/24 is held by grid: a line of grid with this network and a day in `until`",
        ),
        expect.stringContaining("12: 192.0.2.0/24 stands in line 3 already"),
      ]);
      expect(await exportText(desk, systemActor, "csv")).not.toContain("good");
      expect((await bring("organisation,nettwork\n")).faults[0]?.message).toContain("unknown column");
      const yaml = await bring(
        "organisations:\n  - id: isp\n    networks:\n      - network: 192.0.2.0/24\n        colour: red\n",
        { form: "yaml" },
      );
      expect(yaml.faults).toEqual([{ line: 5, message: expect.stringContaining("unknown key `colour`") as string }]);
      expect((await bring("organisations: [", { form: "yaml" })).faults).toHaveLength(1);
      expect((await bring("- 1", { form: "yaml" })).faults[0]?.line).toBe(1);
    });

    it("changes what the file says otherwise, and with replace ends what it leaves out; history stays", async () => {
      now = at("2026-08-01");
      const changed = await bring(
        "organisation,essential,network,translation,mail,language\nisp,yes,203.0.113.0/24,none,abuse@isp.example,en\n",
      );
      expect(changed).toMatchObject({ applied: true, added: 0, changed: 3, ended: 0 });
      now = at("2026-09-01");
      const moved = await bring(
        "organisation,name,network,from\nisp,Provider Ltd.,198.51.100.0/24,\nisp,,2001:db8::/32,\n",
        { replace: true },
      );
      // grid ends with all it has; isp loses a prefix, its AS and its contacts, and takes over grid's prefix.
      expect(moved).toMatchObject({ applied: true, added: 1, ended: 5, faults: [] });
      const found = await owners();
      expect(found.ownerOf("", "198.51.100.9", at("2026-08-15"))?.organisation).toBe("grid");
      expect(found.ownerOf("", "198.51.100.9", at("2026-09-02"))?.organisation).toBe("isp");
      expect(found.ownerOf("", "203.0.113.9", at("2026-05-03"))?.organisation).toBe("isp");
      expect(found.ownerOf("", "203.0.113.9", at("2026-09-02"))).toBeNull();
      expect(found.ownerOf("grid-inside", "10.1.2.3", at("2026-09-02"))).toBeNull();
      expect((await bring("organisation,name\ngrid,Grid\n")).faults[0]?.message).toContain("has ended");
    });

    it("takes many at once, and all or nothing", async () => {
      const rows = Array.from({ length: 3_000 }, (_, i) => `many,10.${i >> 8}.${i & 255}.0/24,many-inside`);
      const text = `organisation,network,realm\n${rows.join("\n")}\n`;
      expect(await bring(text)).toMatchObject({ applied: true, added: 3_001 });
      expect(await bring(text)).toMatchObject({ added: 0, same: 3_001 });
      expect((await owners()).ownerOf("many-inside", "10.11.183.9", now)?.organisation).toBe("many");
    });

    it("takes and warns of what is hardly meant, line by line", async () => {
      const { applied, warnings } = await bring(
        [
          "organisation;network;realm;dark;mail;language",
          "odd;172.16.5.0/24;;;a@odd.example;xx",
          "odd;172.16.5.0/24;odd-inside;;b@odd.example;th-TH",
          'odd;1.2.3.0/24;;"1.2.3.0/25;1.2.3.128/25";;',
        ].join("\r\n"),
      );
      expect(applied).toBe(true);
      expect(warnings.map(({ line, message }) => `${line}: ${message}`)).toEqual([
        expect.stringContaining("2: 172.16.5.0/24 is private or reserved"),
        expect.stringContaining('2: there are no letters in "xx" (only en, th)'),
      ]);
    });

    it("moves one network by a line that ends it and one that begins it, and touches nothing else", async () => {
      const head = "organisation,network,from,until";
      await bring(`${head}\nbank-a,192.0.3.0/24,,\nbank-a,192.0.4.0/24,,\nbank-f,192.0.5.0/24,,\n`);
      now = at("2026-09-10");
      const moved = await bring(`${head}\nbank-f,192.0.3.0/24,2026-09-15,\nbank-a,192.0.3.0/24,,2026-09-15\n`);
      expect(moved).toMatchObject({ applied: true, added: 1, changed: 1, ended: 0, faults: [] });
      const found = await owners();
      expect(found.ownerOf("", "192.0.3.9", at("2026-09-14"))?.organisation).toBe("bank-a");
      expect(found.ownerOf("", "192.0.3.9", at("2026-09-15"))?.organisation).toBe("bank-f");
      expect(found.ownerOf("", "192.0.4.9", at("2026-09-15"))?.organisation).toBe("bank-a");
    });
  });
};
