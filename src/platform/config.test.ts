// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { checkNamedFiles } from "../app/config-files.ts";
import { configSchema, openConfig } from "../app/config.ts";
import type { Config } from "../app/config.ts";
import { parseConfig, readSecret } from "./config.ts";
import { AppError } from "./errors.ts";

const parse = (text: string): Config => parseConfig<Config>(configSchema, text, "test.yaml");
const refusal = (text: string): string => {
  try {
    parse(text);
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
    expect((error as AppError).message).not.toContain("\n");
    return (error as AppError).message;
  }
  throw new Error(`accepted: ${text}`);
};

it("takes an empty file", () => {
  expect(parse("")).toMatchObject({ data: "data", portal: { port: 8420 }, log: { level: "info" } });
  expect(parse("# only a comment\n").sensor.dark).toEqual([]);
});

it("refuses unknown keys with the nearest right name", () => {
  expect(refusal("portl: {port: 3}")).toContain("did you mean `portal`?");
  expect(refusal("sensors: {prt: 3}")).toContain("unknown key `prt` in `sensors`; did you mean `port`?");
  expect(refusal("zzzzzzzz: 1")).toContain("known keys: data,");
});

it("says where YAML is broken, once", () => {
  const said = refusal("portal: {port: 1\nlog: [");
  expect(said).toMatch(/line \d+, column \d+/);
  expect(said.match(/column/g)).toHaveLength(1);
});

it("says in words how a value is written, and repeats none: it may be a secret", () => {
  expect(refusal("mail: {host: m.example, from: csirt}")).toContain(
    "`mail.from` takes a sender such as CSIRT <desk@csirt.example>",
  );
  expect(refusal("country: Indonesia")).toContain("`country` takes two capital letters, for example ID");
  expect(refusal("portal: {port: 70000}")).toContain("`portal.port` takes a whole number from 0 to 65535");
  expect(refusal("mail: {host: m.example}")).toContain("`mail.from` is missing");
  expect(refusal("- data: x\n")).toBe(
    "test.yaml: the file holds a list or a single value, and a configuration has keys with values, for example `country: ID`",
  );
  // Of a choice, one sentence and not one for each of its parts.
  expect(refusal("store: {retention: {sources: 0}}")).toBe(
    "test.yaml: `store.retention.sources` takes a whole number of days from 1 to 36600, or null",
  );
  const secret = refusal("mail: {host: m.example, from: a@b.example, password: hunter2}");
  expect(secret).toBe("test.yaml: `mail.password` takes {env: NAME} or {file: PATH}, never the secret itself");
  for (const text of ["desk: {postgres: {url: 'mysql://u:hunter2@h/d'}}", "mail: {host: [1], from: x}", "name: ''"]) {
    const said = refusal(text);
    expect(said).not.toMatch(/hunter2|pattern|anyOf|must be/);
  }
});

it("every pattern of the configuration says its form in words", () => {
  const bare: string[] = [];
  const walk = (node: unknown, path: string): void => {
    if (typeof node !== "object" || node === null) return;
    const { pattern, form, anyOf } = node as { pattern?: string; form?: string; anyOf?: unknown };
    if ((pattern !== undefined || anyOf !== undefined) && form === undefined) bare.push(path);
    if (anyOf !== undefined) return;
    for (const [key, child] of Object.entries(node)) walk(child, `${path}.${key}`);
  };
  walk(configSchema, "");
  expect(bare).toEqual([]);
});

it("is not drowned by aliases", () => {
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${["b", "c", "d", "e", "f", "g", "h", "i"].map((k, i) => `${k}: &${k} [${`*${"abcdefgh"[i]},`.repeat(9)}]`).join("\n")}`;
  expect(refusal(bomb)).toContain("test.yaml");
});

it("refuses what would listen in the open without a certificate", () => {
  const file = join(mkdtempSync(join(tmpdir(), "layang-config-")), "open.yaml");
  writeFileSync(file, "sensors: {host: 0.0.0.0}\n");
  expect(() => openConfig(file)).toThrow("sensors.tls");
  writeFileSync(file, "portal: {host: 0.0.0.0}\n");
  expect(() => openConfig(file)).toThrow("portal.host");
  writeFileSync(file, "sensor: {dark: [192.0.2.7/24]}\n");
  expect(() => openConfig(file)).toThrow("192.0.2.7/24");
});

it("reads secrets from the environment or a file, never from the configuration", () => {
  process.env["LAYANG_TEST_SECRET"] = "s3cret";
  expect(readSecret({ env: "LAYANG_TEST_SECRET" }, "/")).toBe("s3cret");
  expect(() => readSecret({ env: "LAYANG_TEST_NOT_SET" }, "/")).toThrow("LAYANG_TEST_NOT_SET");
  const folder = mkdtempSync(join(tmpdir(), "layang-secret-"));
  writeFileSync(join(folder, "token"), "from a file\n");
  expect(readSecret({ file: "token" }, folder)).toBe("from a file");
  expect(refusal("portal: {token: plain-text}")).toContain("portal.token");
});

it("refuses what cannot start: doors on one port, an economy that is none", () => {
  const folder = mkdtempSync(join(tmpdir(), "layang-config-"));
  const file = join(folder, "layang.yaml");
  const refusalOf = (text: string): string => {
    writeFileSync(file, text);
    try {
      checkNamedFiles(openConfig(file));
    } catch (error) {
      expect(error).toBeInstanceOf(AppError);
      return (error as AppError).message;
    }
    return "";
  };
  expect(refusalOf("portal: {port: 9520}\nsensors: {port: 9520}")).toContain("are both 9520");
  expect(refusalOf("portal: {port: 8421}")).toContain("each door needs a port of its own");
  expect(refusalOf("portal: {port: 0}\nsensors: {port: 0}")).toBe("");
  for (const no of ["XX", "UK", "ZZ", "EU"]) expect(refusalOf(`country: ${no}`)).toContain("no economy's code");
  for (const yes of ["ID", "TL", "GB", "JP", "XK"]) expect(refusalOf(`country: ${yes}`)).toBe("");
  // What it names has to be there, and be what it should be.
  expect(refusalOf("prefixes: /nope")).toContain("`prefixes` names /nope, which cannot be read (ENOENT)");
  expect(refusalOf("prefixes: layang.yaml")).toContain("it is a file, no folder");
  expect(refusalOf(`prefixes: .`)).toBe("");
  expect(refusalOf("researchScanners: [none.txt]")).toContain(join(folder, "none.txt"));
  expect(refusalOf("sensors: {tls: {certificate: layang.yaml, key: key.pem}}")).toContain("`sensors.tls.key`");
  expect(refusalOf("mail: {host: m.example, from: a@b.example, password: {file: secret}}")).toContain(
    "`mail.password`",
  );
});
