// SPDX-License-Identifier: Apache-2.0
import type { DetectionKind } from "../model/detection.ts";
import type { Evaluation } from "./evaluate.ts";
import { sumScores } from "./evaluate-score.ts";
import type { Scores } from "./evaluate-score.ts";

/** What a kind of claim is measured by. */
const measures = {
  "infected-host": [
    "notices",
    "falseNotices",
    "scanning",
    "infected",
    "infectedPlain",
    "named",
    "toldAtOnce",
    "infectedAll",
    "held",
  ],
  "dos-victim": ["attacks", "attacksSmall", "victims"],
  "reflector-abuse": ["reflectors", "abuse"],
  surge: [
    "outbreaks",
    "outbreaksEver",
    "outbreaksAll",
    "outbreaksAny",
    "outbreakRows",
    "falseSurges",
    "falseSurgePorts",
    "sensorMonths",
    "forecasts",
    "forecastsTrue",
    "forecastsBy",
    "populations",
  ],
  campaign: ["predictions", "campaigns"],
} as const satisfies Partial<Record<DetectionKind, readonly (keyof Scores)[]>>;
type Measured = keyof typeof measures;

const none = { right: 0, n: 0 };
const nothing: Scores = {
  notices: none,
  falseNotices: {},
  scanning: none,
  infected: none,
  infectedPlain: none,
  named: none,
  toldAtOnce: none,
  infectedAll: none,
  held: { right: 0, wrong: 0 },
  attacks: none,
  attacksSmall: none,
  victims: none,
  outbreaks: none,
  outbreaksEver: none,
  outbreaksAll: none,
  outbreakRows: [],
  falseSurges: 0,
  falseSurgePorts: [],
  sensorMonths: 0,
  forecasts: none,
  forecastsTrue: none,
  forecastsBy: {},
  populations: none,
  reflectors: none,
  abuse: none,
  outbreaksAny: none,
  predictions: none,
  campaigns: 0,
  delays: { infectedFirst: [], infectedEnough: [], attacks: [], outbreaks: [] },
};

export const wasAsked = ({ asked }: Pick<Evaluation, "asked">, kind: DetectionKind): boolean =>
  asked.some(({ kinds }) => kinds.includes(kind));

/** Of a world what was asked for there: nobody missed what no detector looked for. */
const asked = (one: Evaluation): Scores => {
  const { scores } = one;
  const kept = (Object.keys(measures) as Measured[])
    .filter((kind) => wasAsked(one, kind))
    .flatMap((kind): readonly (keyof Scores)[] => measures[kind]);
  const { delays } = scores;
  const of = (kind: Measured, times: readonly number[]): readonly number[] => (wasAsked(one, kind) ? times : []);
  return {
    ...nothing,
    ...(Object.fromEntries(kept.map((name) => [name, scores[name]])) as Partial<Scores>),
    delays: {
      infectedFirst: of("infected-host", delays.infectedFirst),
      infectedEnough: of("infected-host", delays.infectedEnough),
      attacks: of("dos-victim", delays.attacks),
      outbreaks: of("surge", delays.outbreaks),
    },
  };
};

/** All worlds as one, each with what was asked for there; `sensorMonths` are those in which surges were looked for. */
export const sumAsked = (evaluations: readonly Evaluation[]): Scores => sumScores(evaluations.map(asked));

/** Months of all sensors in which such claims were looked for. */
export const monthsOf = (evaluations: readonly Evaluation[], kind: DetectionKind): number =>
  evaluations.reduce((sum, one) => sum + (wasAsked(one, kind) ? one.scores.sensorMonths : 0), 0);
