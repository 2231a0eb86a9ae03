// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { DetectorRow } from "../api/contract/desk/detections.ts";
import type { MeasuredDetectors } from "../api/desk/detectors.ts";
import { detectors as all } from "../detect/detectors.ts";
import type { Detector } from "../detect/detector.ts";
import { wilson } from "../model/wilson.ts";
import type { Evaluation } from "./evaluate.ts";
import { sumScores } from "./evaluate-score.ts";
import type { Scores, Share } from "./evaluate-score.ts";

/** The measured rates of docs/evaluation.md for programs; written with it. */
export const measuredFile = join(import.meta.dirname, "../../docs/evaluation.json");

type Row = DetectorRow["evaluated"][number];
interface Written {
  /** RFC 3339. */
  readonly made: string;
  readonly command: string;
  readonly detectors: Readonly<
    Record<string, { readonly version: number; readonly parameters: string; readonly rows: readonly Row[] }>
  >;
}

const parametersHash = ({ parameters }: Detector): string =>
  createHash("sha256")
    .update(JSON.stringify(Object.entries(parameters).map(([name, { value }]) => [name, value])))
    .digest("hex")
    .slice(0, 16);

/** The value below which a share of them lies; null for none. */
export const quantile = (values: readonly number[], share: number): number | null => {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
};

const measured = ({ right, n }: Share) => wilson(right, n);
const none = wilson(0, 0);
const late = (delays: readonly number[]): Pick<Row, "detectMedian" | "detectLate"> => {
  const [median, most] = [quantile(delays, 0.5), quantile(delays, 0.95)];
  // What was never found has no time: null.
  const told = (time: number | null): number | null => (time === null || time === Infinity ? null : Math.max(0, time));
  return { detectMedian: told(median), detectLate: told(most) };
};
const rate = (wrong: number, { sensorMonths }: Scores): number | null =>
  sensorMonths === 0 ? null : wrong / sensorMonths;

/** Of each detector: what its precision and recall are in these scores. */
const rowsOf: Readonly<Record<string, (scores: Scores) => Omit<Row, "mix" | "version">>> = {
  "infected-host": (scores) => ({
    precision: measured(scores.notices),
    recall: measured(scores.infected),
    ...late(scores.delays.infectedEnough),
    falsePerSensorMonth: rate(scores.notices.n - scores.notices.right, scores),
  }),
  "dos-victim": (scores) => ({
    precision: measured(scores.victims),
    recall: measured(scores.attacks),
    ...late(scores.delays.attacks),
    falsePerSensorMonth: rate(scores.victims.n - scores.victims.right, scores),
  }),
  amplification: (scores) => ({
    precision: measured(scores.abuse),
    recall: measured(scores.reflectors),
    ...late([]),
    falsePerSensorMonth: rate(scores.abuse.n - scores.abuse.right, scores),
  }),
  "early-warning": (scores) => ({
    precision: measured({
      right: scores.outbreaksAny.right,
      n: scores.outbreaksAny.right + scores.falseSurges,
    }),
    recall: measured(scores.outbreaks),
    ...late(scores.delays.outbreaks),
    falsePerSensorMonth: rate(scores.falseSurges, scores),
  }),
  campaign: (scores) => ({
    precision: measured(scores.predictions),
    recall: none,
    ...late([]),
    falsePerSensorMonth: null,
  }),
};

const says = ({ precision, recall }: Pick<Row, "precision" | "recall">): boolean => precision.n > 0 || recall.n > 0;
const worth = ({ precision, recall }: Row): number => Math.min(precision.value ?? 1, recall.value ?? 1);

/** What is written beside the report: of each detector its version, its parameters and its rates, all worlds together first and the others worst first. */
export const measuredOf = (evaluations: readonly Evaluation[], command: string, made: string): Written => {
  const mixesOf = (name: string): { mix: string; scores: Scores }[] => {
    const worlds = evaluations.filter(({ asked }) => asked.some((one) => one.name === name));
    return [
      // Of these only what this detector was asked for is read.
      ...(worlds.length > 1 ? [{ mix: "all", scores: sumScores(worlds.map(({ scores }) => scores)) }] : []),
      ...worlds.map((world) => ({ mix: world.scenario, scores: world.scores })),
    ];
  };
  return {
    made,
    command,
    detectors: Object.fromEntries(
      all.flatMap((detector) => {
        const of = rowsOf[detector.name];
        if (of === undefined) return [];
        const mixes = mixesOf(detector.name);
        const rows = mixes
          .map(({ mix, scores }): Row => ({ mix, ...of(scores), version: detector.version }))
          .filter(says);
        const together = rows[0]?.mix === "all" ? 1 : 0;
        return [
          [
            detector.name,
            {
              version: detector.version,
              parameters: parametersHash(detector),
              rows: [...rows.slice(0, together), ...rows.slice(together).toSorted((a, b) => worth(a) - worth(b))].slice(
                0,
                20,
              ),
            },
          ],
        ];
      }),
    ),
  };
};

/** The rates of the detectors as they are now: one whose version or parameters changed since was not measured. Null where nothing was. */
export const measuredDetectors = (file: string = measuredFile): MeasuredDetectors | null => {
  if (!existsSync(file)) return null;
  const written = JSON.parse(readFileSync(file, "utf8")) as Written;
  const rows = all.flatMap((detector) => {
    const known = written.detectors[detector.name];
    return known?.version === detector.version && known.parameters === parametersHash(detector)
      ? [[detector.name, [...known.rows]] as [string, DetectorRow["evaluated"]]]
      : [];
  });
  return { made: written.made, rows: Object.fromEntries(rows) };
};
