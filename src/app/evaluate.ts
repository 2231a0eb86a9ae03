// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { createOwners } from "../constituency/owners.ts";
import type { Network } from "../constituency/network.ts";
import { detectors as all } from "../detect/detectors.ts";
import type { Detector, Owners } from "../detect/detector.ts";
import type { Detection } from "../model/detection.ts";
import { AppError } from "../platform/errors.ts";
import type { SimulatedOrganisation } from "../simulate/constituency.ts";
import { infectedAt } from "../simulate/scenario.ts";
import { openEmbedded } from "../store/flows/embedded/index.ts";
import { Origins, packagedOrigins } from "../store/flows/origins.ts";
import { keepForEver } from "../store/flows/retention.ts";
import type { FlowStore } from "../store/flows/store.ts";
import { detectHistory } from "./detection-history.ts";
import { Kept, detectorHash, withText } from "./evaluate-kept.ts";
import { score } from "./evaluate-score.ts";
import type { Scores } from "./evaluate-score.ts";
import { darkAddresses } from "./replay.ts";
import { openWorld, playWorld, worldSteps } from "./evaluate-world.ts";
import type { World } from "./evaluate-world.ts";

export type Asked = Pick<Detector, "name" | "version" | "kinds">;
export interface Evaluation {
  readonly scenario: string;
  readonly asked: readonly Asked[];
  readonly days: number;
  readonly sensors: number;
  readonly packets: number;
  readonly flows: number;
  readonly scores: Scores;
  readonly seconds: { readonly play: number; readonly detect: number };
  readonly claims: readonly Detection[];
}
export interface EvaluateOptions {
  readonly detectors?: readonly Detector[];
  readonly days?: number;
  readonly seed?: number;
  /** Folder in which worlds and claims are kept between runs; by default nothing is. */
  readonly keep?: string;
  readonly say?: (line: string) => void;
}

const networksOf = (organisations: readonly SimulatedOrganisation[]): Network[] =>
  organisations.flatMap((one) =>
    one.prefixes.map((prefix) => ({
      organisation: one.name,
      realm: one.realm,
      prefix: prefix.text,
      asn: null,
      domain: null,
      translation: one.cgnat > 0 ? ("cgnat" as const) : ("none" as const),
      essential: one.essential,
      country: one.country,
      from: 0,
      until: null,
    })),
  );

/** How long these sensors watched, all together, microseconds: a sensor that is away, or has no dark address yet, raises no false alarm either. */
export const watchedTime = (world: World, sensors: readonly string[]): number =>
  worldSteps(world, world.to - world.from)
    .flat()
    .reduce((sum, { sensor, from, to }) => (sensors.includes(sensor) ? sum + to - from : sum), 0);

/** Plays a scenario into a store of its own, asks it with the detectors, and compares what they claim with the truth. */
export const evaluateScenario = async (which: string, options: EvaluateOptions = {}): Promise<Evaluation> => {
  const { detectors = all, say = () => undefined } = options;
  const world = openWorld(which, {
    ...(options.days === undefined ? {} : { days: options.days }),
    ...(options.seed === undefined ? {} : { seed: options.seed }),
  });
  const { name, sensors } = world.scenario;
  const folder = options.keep === undefined ? mkdtempSync(join(tmpdir(), "layang-evaluate-")) : null;
  const kept = new Kept(options.keep ?? folder!, world);
  let store: FlowStore | undefined;
  const open = async (): Promise<FlowStore> =>
    (store ??= await openEmbedded({
      folder: kept.store,
      retention: keepForEver,
      origins: new Origins(packagedOrigins, kept.store),
    }));
  try {
    let known = kept.world();
    if (known === undefined) {
      kept.begin();
      const began = performance.now();
      const truth = await playWorld(world, { store: await open() });
      const [counted] = (await (await open()).query<{ n: number }>("SELECT count() AS n FROM flows")).rows;
      known = { truth, flows: counted?.n ?? 0, seconds: (performance.now() - began) / 1000 };
      kept.keepWorld(known);
      say(`${name}: ${(truth.packets / 1e6).toFixed(1)} million packets in ${known.seconds.toFixed(0)} s`);
    }
    const { truth } = known;
    const owners: Owners = createOwners(networksOf(truth.organisations));
    const countries = new Map(sensors.map((one) => [one.name, one.country]));
    const claims: Detection[] = [];
    const letters: Detection[] = [];
    let seconds = 0;
    for (const detector of detectors) {
      const hash = await detectorHash(detector);
      let found = kept.claims(detector.name, hash);
      if (found === undefined) {
        const began = performance.now();
        // A letter that has left is not called back by a hold, or a withdrawal, that comes later.
        const told = new Map<string, Detection>();
        const asked = await detectHistory({
          store: await open(),
          detectors: [detector],
          around: { owners: () => owners, home: sensors[0]?.country ?? null, researcher: () => null },
          countries,
          from: world.from,
          to: world.to,
          onSpan: (_detector, _scope, _span, detections) => {
            for (const one of detections)
              if (one.kind === "infected-host" && one.held.length === 0) told.set(one.id, one);
          },
        });
        found = { claims: asked, told: [...told.values()], seconds: (performance.now() - began) / 1000 };
        kept.keepClaims(detector.name, hash, found);
        say(`${name}: ${detector.name} asked in ${found.seconds.toFixed(0)} s`);
      }
      claims.push(...found.claims);
      letters.push(...found.told);
      seconds += found.seconds;
    }
    const shared = sensors.filter(({ realm }) => realm === undefined || realm === "");
    return {
      scenario: name,
      asked: detectors.map(({ name: called, version, kinds }) => ({ name: called, version, kinds })),
      days: (world.to - world.from) / 86_400e6,
      sensors: shared.length,
      packets: truth.packets,
      flows: known.flows,
      scores: score(truth, claims, {
        letters,
        watched: watchedTime(
          world,
          shared.map((one) => one.name),
        ),
        darkAddresses: darkAddresses(shared.flatMap(({ dark }) => dark)),
        hostsAt: (outbreak, time) =>
          infectedAt(world.scenario.outbreaks![outbreak]!, time - truth.outbreaks[outbreak]!.start),
        isOwned: ({ realm, source, last }) => source !== null && owners.ownerOf(realm, source, last) !== null,
      }),
      seconds: { play: known.seconds, detect: seconds },
      claims,
    };
  } finally {
    await store?.close();
    if (folder !== null) rmSync(folder, { recursive: true, force: true });
  }
};

const outside =
  /\b(?:file|url|s3\w*|gcs|azure\w*|hdfs\w*|remote\w*|mysql|postgresql|mongodb|redis|sqlite|jdbc|odbc|executable|input|cluster\w*|iceberg\w*|deltaLake\w*|hudi\w*|paimon\w*|merge|dictionary|dictGet\w*|catboostEvaluate|fileCluster|urlCluster|arrowFlight|ytsaurus|loop|system\w*)\s*\(/i;

/**
 * What is no code: comments and texts, in every form that the engine knows, for a quotation mark in one of them opens nothing. Of a quoted name its
 * content stays: a function can be called by one.
 */
const aside =
  /--[^\n]*|#[ !][^\n]*|\/\*[\s\S]*?\*\/|\$(\w*)\$[\s\S]*?\$\1\$|'(?:[^'\\]|\\[\s\S]|'')*'|(["`])((?:(?!\2)[^\\]|\\[\s\S]|\2\2)*)\2/g;

/** Whether a statement only reads the store's own tables. The reason why not; undefined: it does. */
export const refusedSql = (sql: string): string | undefined => {
  const bare = sql.replaceAll(aside, (_all, _tag, quote?: string, name?: string) =>
    quote === undefined ? " " : ` ${name} `,
  );
  if (!/^\s*(?:SELECT|WITH)\b/i.test(bare)) return "a question begins with SELECT or WITH";
  if (bare.includes(";")) return "one statement at a time";
  const word =
    /\b(?:INTO\s+OUTFILE|FORMAT|SETTINGS|INSERT|ALTER|DROP|CREATE|ATTACH|DETACH|SYSTEM|GRANT|SET|OPTIMIZE|TRUNCATE|KILL|BACKUP|RESTORE|EXECUTE)\b/i.exec(
      bare,
    )?.[0];
  if (word !== undefined) return `${word.toUpperCase()} has no place in a question`;
  const call = outside.exec(bare)?.[0];
  if (call !== undefined) return `${call.replace(/\s*\($/, "")}() reaches outside the store`;
  const database = /\b(?:system|information_schema)\s*\./i.exec(bare)?.[0];
  return database === undefined ? undefined : `${database} is none of the store's own tables`;
};

/** Refuses questions that do more than read the store's own tables. */
const readOnly = (detector: Detector): Detector => ({
  ...detector,
  *examine(span, memory, context) {
    const asking = detector.examine(span, memory, context);
    let step = asking.next();
    while (step.done !== true) {
      const why = refusedSql(step.value.sql);
      if (why !== undefined) throw new AppError("DETECTOR_INVALID", `${detector.name}: ${why}`);
      step = asking.next(yield step.value);
    }
    return step.value;
  },
});

/** A detector from a file outside the source tree: its default export. @throws AppError DETECTOR_INVALID. */
export const loadDetector = async (file: string): Promise<Detector> => {
  let found: unknown;
  try {
    found = ((await import(pathToFileURL(resolve(file)).href)) as { default?: unknown }).default;
  } catch (error) {
    throw new AppError(
      "DETECTOR_INVALID",
      `${file} cannot be loaded: ${error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error)}`,
    );
  }
  const one = found as Partial<Detector> | undefined;
  const whole =
    typeof one?.name === "string" &&
    /^[a-z][a-z0-9-]{1,40}$/.test(one.name) &&
    typeof one.version === "number" &&
    typeof one.begin === "function" &&
    typeof one.examine === "function" &&
    typeof one.cadence?.step === "number" &&
    typeof one.cadence.longest === "number" &&
    Array.isArray(one.kinds);
  if (!whole) {
    throw new AppError(
      "DETECTOR_INVALID",
      `${file}: its default export is no detector (name, version, kinds, cadence, begin, examine)`,
    );
  }
  const read = readOnly({ about: "", parameters: {}, late: "again", ...one } as Detector);
  return withText(read, readFileSync(resolve(file), "utf8"));
};
