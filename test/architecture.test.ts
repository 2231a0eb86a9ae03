// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, it } from "vitest";

/** The law of the house: which room may import which. `net` and `platform` import nothing of ours. */
const doors: Record<string, readonly string[]> = {
  net: [],
  platform: [],
  model: ["net"],
  decode: ["net", "model"],
  flow: ["net", "model"],
  detect: ["net", "model"],
  constituency: ["net", "model"],
  alert: ["net", "model"],
  simulate: ["net"],
  capture: ["net", "model", "platform"],
  ship: ["net", "model", "platform"],
  store: ["net", "model", "platform"],
  /** The HTTP contract: schemas and types, the one part of `api` that stands before `observe`. */
  contract: ["model"],
  observe: ["net", "model", "platform", "contract"],
  access: ["net", "model", "platform", "contract", "store"],
  cases: ["net", "model", "platform", "store", "constituency", "alert"],
  notify: ["net", "model", "platform", "store", "constituency", "alert"],
  /** Requests, claims, contact checks, registries: what keeps the constituency true. */
  registry: ["net", "model", "platform", "store", "constituency", "alert"],
  exchange: ["net", "model", "platform", "store"],
  api: [
    "net",
    "model",
    "platform",
    "contract",
    "access",
    "observe",
    "store",
    "constituency",
    "cases",
    "notify",
    "registry",
    "exchange",
  ],
  app: ["*"],
  cli: ["app", "contract", "platform", "net", "model"],
};
/** No `node:`, no packages, no clock, no promise. */
const pure = new Set(["net", "model", "decode", "flow", "detect", "constituency", "alert"]);
const impure =
  /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bMath\.random\b|\basync\b|\bawait\b|\bPromise\b|\bprocess\./;

const root = join(import.meta.dirname, "..");
const sources = (folder: string): string[] =>
  existsSync(join(root, folder))
    ? readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).filter(
        (file) => /\.tsx?$/.test(file) && !/\.(test|conformance)\.tsx?$/.test(file),
      )
    : [];
const comments = /\/\*[\s\S]*?\*\/|(?<!:)\/\/.*/g;
const importsOf = (folder: string): { file: string; to: string }[] =>
  sources(folder).flatMap((file) =>
    [
      ...readFileSync(join(root, folder, file), "utf8")
        .replaceAll(comments, "")
        .matchAll(/(?:^|[\s}])(?:from|import)\s*\(?\s*["']([^"'\s]+)["']/g),
    ].map((m) => ({ file, to: m[1] ?? "" })),
  );
const imports = importsOf("src");
const target = (folder: string, { file, to }: { file: string; to: string }): string =>
  relative(join(root, folder), join(root, folder, dirname(file), to));
const roomOf = (path: string): string => (path.startsWith("api/contract/") ? "contract" : (path.split("/")[0] ?? ""));

it("is not blind", () => expect(imports.length).toBeGreaterThan(400));

it("knows every room", () =>
  expect(new Set(sources("src").map(roomOf)).difference(new Set(Object.keys(doors)))).toEqual(new Set()));

it("opens only the doors of the plan", () => {
  const broken = imports
    .filter(({ to }) => to.startsWith("."))
    .map((one) => ({ file: one.file, to: target("src", one) }))
    .filter(({ file, to }) => {
      const [from, into] = [roomOf(file), roomOf(to)];
      return from !== into && !doors[from]?.includes("*") && !doors[from]?.includes(into);
    });
  expect(broken).toEqual([]);
});

it("keeps Node and packages out of pure rooms", () =>
  expect(imports.filter(({ file, to }) => pure.has(roomOf(file)) && !to.startsWith("."))).toEqual([]));

it("gives the contract typebox and nothing else", () =>
  expect(imports.filter(({ file, to }) => roomOf(file) === "contract" && !/^\.|^typebox$/.test(to))).toEqual([]));

it("keeps clock, chance and promises out of pure rooms", () => {
  const code = (file: string): string =>
    readFileSync(join(root, "src", file), "utf8").replaceAll(
      /\/\*[\s\S]*?\*\/|\/\/.*|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g,
      "",
    );
  expect(sources("src").filter((file) => pure.has(roomOf(file)) && impure.test(code(file)))).toEqual([]);
});

it("lets only the wiring import a store's maker", () => {
  const makers = /^store\/\w+\/(embedded|server)(\/|\.ts$)/;
  expect(
    imports
      .filter(({ to }) => to.startsWith("."))
      .map((one) => ({ file: one.file, to: target("src", one) }))
      .filter(({ file, to }) => makers.test(to) && !["app", "store"].includes(roomOf(file))),
  ).toEqual([]);
});

it("shows the portal nothing but types of the contract", () => {
  const lines = sources("portal/src").flatMap((file) =>
    readFileSync(join(root, "portal/src", file), "utf8")
      .split("\n")
      .filter((line) => /from\s+["'](?:\.\.\/)+src\//.test(line))
      .map((line) => ({ file, line })),
  );
  expect(
    lines.filter(
      ({ line }) => !/^import type .*src\/api\/contract\//.test(line) && !/^\} from .*src\/api\/contract\//.test(line),
    ),
  ).toEqual([]);
});

it("has no circles, types included", () => {
  const edges = new Map<string, string[]>();
  for (const one of imports.filter(({ to }) => to.startsWith("."))) {
    edges.set(one.file, [...(edges.get(one.file) ?? []), target("src", one)]);
  }
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): readonly string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const next of edges.get(file) ?? []) {
      const circle = visit(next, [...path, file]);
      if (circle !== undefined) return circle;
    }
    done.add(file);
    return undefined;
  };
  expect([...edges.keys()].map((file) => visit(file, [])).find((circle) => circle !== undefined)).toBeUndefined();
});
