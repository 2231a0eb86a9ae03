// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { checkNamedFiles, unsetSecrets } from "./config-files.ts";
import { openConfig, warningsOf } from "./config.ts";

const folder = mkdtempSync(join(tmpdir(), "layang-config-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const check = (text: string): void => {
  const file = join(folder, "layang.yaml");
  writeFileSync(file, text);
  checkNamedFiles(openConfig(file));
};

it("refuses what a node's start would stumble over, in one line", () => {
  const refused = (says: string) =>
    expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringMatching(says) as string }) as Error;
  expect(() => check("egress: { allow: [elsewhere] }\n")).toThrow(refused('egress.allow.*"elsewhere"'));
  expect(() => check("egress: { allow: [192.168.7.0/24, 'fd00::/8'] }\n")).not.toThrow();
  expect(() => check("dns: { servers: [resolver.example] }\n")).toThrow(refused('dns.servers.*"resolver.example"'));
  expect(() =>
    check("dns: { servers: [192.0.2.53, '192.0.2.54:5353', '[2001:db8::1]:53', '2001:db8::2'] }\n"),
  ).not.toThrow();
  for (const name of ["cert.pem", "key.pem"]) writeFileSync(join(folder, name), "not what it should be\n");
  expect(() => check("sensors: { tls: { certificate: cert.pem, key: key.pem } }\n")).toThrow(refused("sensors.tls"));
});

it("refuses folders whose own folder is not there, and makes none", () => {
  for (const [key, text] of [
    ["data", "data: disk/layang\n"],
    ["audit.folder", "audit: { folder: disk/heads }\n"],
  ] as const) {
    expect(() => check(text)).toThrow(
      expect.objectContaining({
        code: "FOLDER_MISSING",
        message: expect.stringMatching(`^\`${key}\` .*no folder ${join(folder, "disk")}\\.`) as string,
      }) as Error,
    );
  }
  expect(existsSync(join(folder, "disk"))).toBe(false);
  expect(() => check("data: layang\naudit: { folder: heads }\n")).not.toThrow();
  writeFileSync(join(folder, "heads"), "");
  expect(() => check("audit: { folder: heads }\n")).toThrow(/audit\.folder.*no folder/);
});

it("names the secrets that this environment does not set, and refuses an empty file", () => {
  const file = join(folder, "secrets.yaml");
  const mail = "mail: { host: m.example, from: a@b.example, password: ";
  writeFileSync(file, `${mail}{ env: LAYANG_TEST_UNSET } }\n`);
  expect(unsetSecrets(openConfig(file))).toEqual([{ key: "mail.password", name: "LAYANG_TEST_UNSET" }]);
  writeFileSync(file, `${mail}{ env: PATH } }\n`);
  expect(unsetSecrets(openConfig(file))).toEqual([]);
  writeFileSync(join(folder, "empty"), "\n");
  expect(() => check(`${mail}{ file: empty } }\n`)).toThrow(/mail\.password.*empty/);
  writeFileSync(join(folder, "empty"), "hunter2\n");
  expect(() => check(`${mail}{ file: empty } }\n`)).not.toThrow();
});

it("warns of letters whose link would lead to the node's own machine", () => {
  const said = (text: string): readonly string[] => {
    const file = join(folder, "warned.yaml");
    writeFileSync(file, text);
    return warningsOf(openConfig(file).config);
  };
  const mail = "host: mail.example, from: desk@csirt.example";
  expect(said(`mail: { ${mail} }\n`)).toEqual([expect.stringContaining("portal.origin")]);
  expect(said(`mail: { ${mail}, test: you@csirt.example }\n`)).toEqual([]);
  expect(said(`mail: { ${mail} }\nportal: { origin: "https://layang.example" }\n`)).toEqual([]);
  expect(said("data: data\n")).toEqual([]);
});
