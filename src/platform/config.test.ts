// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
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

it("says where YAML is broken", () => expect(refusal("portal: {port: 1\nlog: [")).toMatch(/line \d+, column \d+/));

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
