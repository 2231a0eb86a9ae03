// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import type { Detector } from "../detect/detector.ts";
import { detectors as all } from "../detect/detectors.ts";
import type { Detection } from "../model/detection.ts";
import type { World, WorldTruth } from "./evaluate-world.ts";

/**
 * Worlds that were played and what each detector claimed of them, kept so that a measurement of hours can be broken off and taken up, and a detector that
 * changed is asked alone. What is kept holds as long as the source text behind it is the same.
 */

const root = join(import.meta.dirname, "..");
const hashOf = (parts: readonly string[]): string => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(`${part.length}\n${part}`);
  return hash.digest("hex").slice(0, 32);
};
const sourcesIn = (folder: string, fits: (name: string) => boolean = () => true): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts") && fits(name))
    .toSorted()
    .map((name) => readFileSync(join(folder, name), "utf8"));

/** Changes with the scenario and with the program that plays it. */
export const worldHash = (world: World): string =>
  hashOf([
    JSON.stringify(world),
    ...["simulate", "flow", "net", "model", "store/flows"].flatMap((room) => sourcesIn(join(root, room))),
    ...sourcesIn(join(root, "app"), (name) => name.startsWith("evaluate-world") || name.startsWith("simulated-")),
  ]);

const imports = /from "(\.{1,2}\/[^"]+\.ts)"/g;
/** A file and all it imports, of the rooms whose text decides what a detector says. */
const closure = (file: string, seen: Map<string, string> = new Map()): Map<string, string> => {
  if (seen.has(file) || !existsSync(file)) return seen;
  const text = readFileSync(file, "utf8");
  seen.set(file, text);
  for (const [, path = ""] of text.matchAll(imports)) closure(join(file, "..", path), seen);
  return seen;
};

/** What asks detectors, and whose they think an address is. */
const asking = (): string[] => [
  ...sourcesIn(join(root, "app"), (name) =>
    /^(?:detection-(?:examine|history|past|standing)|evaluate)\.ts$/.test(name),
  ),
  ...sourcesIn(join(root, "constituency")),
];

const texts = new WeakMap<Detector, string>();
/** A detector from elsewhere is known by this text from now on: that of its file. */
export const withText = (detector: Detector, text: string): Detector => {
  texts.set(detector, text);
  return detector;
};

/** Changes with the source of the detector and all that it imports, and with what asks it. A detector from elsewhere is known by its name, version and own text. */
export const detectorHash = async (detector: Detector): Promise<string> => {
  const folder = join(root, "detect");
  for (const name of readdirSync(folder)) {
    if (!name.endsWith(".ts") || name.endsWith(".test.ts") || name === "detectors.ts") continue;
    const file = join(folder, name);
    if (!readFileSync(file, "utf8").includes("cadence:")) continue;
    const found = Object.values((await import(file)) as Record<string, unknown>);
    if (found.includes(detector))
      return hashOf([...[...closure(file)].toSorted().map(([, text]) => text), ...asking()]);
  }
  return hashOf([
    detector.name,
    String(detector.version),
    texts.get(detector) ?? detector.examine.toString(),
    ...asking(),
  ]);
};

const write = (file: string, value: unknown): void => {
  writeFileSync(`${file}.part`, gzipSync(JSON.stringify(value), { level: 1 }));
  renameSync(`${file}.part`, file);
};
const read = <T>(file: string, hash: string): T | undefined => {
  if (!existsSync(file)) return undefined;
  const found = JSON.parse(gunzipSync(readFileSync(file)).toString()) as { hash: string; value: T };
  return found.hash === hash ? found.value : undefined;
};

export interface KeptWorld {
  readonly truth: WorldTruth;
  readonly flows: number;
  readonly seconds: number;
}
export interface KeptClaims {
  readonly claims: readonly Detection[];
  /** Infected hosts that were told without a hold at some time, as they were told last so. */
  readonly told: readonly Detection[];
  readonly seconds: number;
}

/** One world's place in a folder. */
export class Kept {
  readonly #folder: string;
  readonly #hash: string;

  constructor(folder: string, world: World) {
    this.#folder = join(folder, world.scenario.name);
    this.#hash = worldHash(world);
  }

  /** Where the flow store lies. */
  get store(): string {
    return join(this.#folder, "store");
  }
  world(): KeptWorld | undefined {
    return read<KeptWorld>(join(this.#folder, "world.json.gz"), this.#hash);
  }
  /** Forgets all that was kept of another world of this name. */
  begin(): void {
    rmSync(this.#folder, { recursive: true, force: true });
    mkdirSync(this.store, { recursive: true });
  }
  keepWorld(value: KeptWorld): void {
    write(join(this.#folder, "world.json.gz"), { hash: this.#hash, value });
  }
  claims(detector: string, hash: string): KeptClaims | undefined {
    return read<KeptClaims>(join(this.#folder, `${detector}.json.gz`), `${this.#hash} ${hash}`);
  }
  keepClaims(detector: string, hash: string, value: KeptClaims): void {
    write(join(this.#folder, `${detector}.json.gz`), { hash: `${this.#hash} ${hash}`, value });
  }
}

/** Of the program's detectors, or those given, the ones that a world has been asked with in a folder where it is kept; none where it was not played, or is another world by now. */
export const askedSoFar = async (
  folder: string,
  world: World,
  own: readonly Detector[],
): Promise<{ asked: readonly Detector[]; missing: readonly string[] }> => {
  const wanted = own.length === 0 ? all : own;
  const kept = new Kept(folder, world);
  if (kept.world() === undefined) return { asked: [], missing: wanted.map(({ name }) => name) };
  const asked: Detector[] = [];
  for (const one of wanted) {
    if (kept.claims(one.name, await detectorHash(one)) !== undefined) asked.push(one);
  }
  return { asked, missing: wanted.filter((one) => !asked.includes(one)).map(({ name }) => name) };
};
