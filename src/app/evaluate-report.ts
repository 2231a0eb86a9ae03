// SPDX-License-Identifier: Apache-2.0
import { wilson } from "../model/wilson.ts";
import type { Evaluation } from "./evaluate.ts";
import { sumScores } from "./evaluate-score.ts";
import type { Scores, Share } from "./evaluate-score.ts";

/** Wilson's interval, 95 %; everything where nothing was measured. */
export const interval = ({ right, n }: Share): readonly [number, number] => {
  const { low, high } = wilson(right, n);
  return [low ?? 0, high ?? 1];
};
const percent = (share: number, digits = 2): string => `${(100 * share).toFixed(digits)} %`;
const told = (share: Share): string => {
  if (share.n === 0) return "none";
  const [low, high] = interval(share);
  return `${percent(share.right / share.n)} (${share.right.toLocaleString("en")} of ${share.n.toLocaleString("en")}; ${percent(low, 1)} to ${percent(high, 1)})`;
};

interface Floor {
  readonly name: string;
  readonly floor: string;
  readonly measured: string;
  readonly met: boolean | null;
}
const atLeast = (share: Share, least: number): boolean | null =>
  share.n === 0 ? null : share.right / share.n >= least;

/** What the project holds itself to, and what was measured. Null: nothing in these worlds to measure it on. */
export const floors = (scores: Scores): Floor[] => {
  const wrong = scores.notices.n - scores.notices.right;
  return [
    {
      name: "infected hosts found (10 packets, 3 dark addresses)",
      floor: "99 %",
      measured: told(scores.infected),
      met: atLeast(scores.infected, 0.99),
    },
    {
      name: "notices that were right",
      floor: "99.9 %",
      measured: told(scores.notices),
      met: atLeast(scores.notices, 0.999),
    },
    {
      name: "notices, and false ones",
      floor: "10,000 with 3 at most",
      measured: `${scores.notices.n.toLocaleString("en")} with ${wrong}`,
      met: scores.notices.n >= 10_000 ? wrong <= 3 : null,
    },
    {
      name: "outbreaks flagged by 1 % of their hosts (ten had reached a sensor)",
      floor: "95 %",
      measured: told(scores.outbreaks),
      met: atLeast(scores.outbreaks, 0.95),
    },
    {
      name: "false surges a sensor and month",
      floor: "1 at most",
      measured: `${(scores.falseSurges / Math.max(1e-9, scores.sensorMonths)).toFixed(2)} (${scores.falseSurges} in ${scores.sensorMonths.toFixed(1)} sensor months)`,
      met: scores.sensorMonths === 0 ? null : scores.falseSurges / scores.sensorMonths <= 1,
    },
    {
      name: "attacks of 5 minutes and 25 packets a minute found",
      floor: "95 %",
      measured: told(scores.attacks),
      met: atLeast(scores.attacks, 0.95),
    },
  ];
};

const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [row(head), row(head.map(() => "---")), ...rows.map(row)].join("\n");
const mark = (met: boolean | null): string => (met === null ? "not measured" : met ? "met" : "**not met**");

/** The report in Markdown: floors over all worlds, each world, each outbreak, what the false ones were. */
export const report = (evaluations: readonly Evaluation[], command: string): string => {
  const all = sumScores(evaluations.map(({ scores }) => scores));
  const missed = all.outbreakRows.filter(({ flaggedHours }) => flaggedHours === null || flaggedHours > 0);
  return `# Evaluation

What the detectors claim, against worlds whose truth is known. Made by \`${command}\`; intervals are Wilson's, 95 %. The scenarios of \`scenarios/evaluate/test\`
were written without knowledge of any detector and hashed before any was tuned. A *notice* is an infected-host claim that nothing holds back, about a host that has an owner; claims that are held wait for an analyst. A host counts as found when its
owner was told of it, as an infected or as a scanning host: who scans without a family's marks is told of too.

## Floors

${table(
  ["what", "floor", "measured", ""],
  floors(all).map((one) => [one.name, one.floor, one.measured, mark(one.met)]),
)}

## Beside the floors

${table(
  ["what", "measured"],
  [
    ["infected hosts found, without those that use scanners' own tools", told(all.infectedPlain)],
    ["of all infected hosts, seen by a sensor or not", told(all.infectedAll)],
    ["held for an analyst: infected, not infected", `${all.held.right}, ${all.held.wrong}`],
    ["smaller attacks found", told(all.attacksSmall)],
    ["dos-victim claims that were attacks", told(all.victims)],
    ["outbreaks flagged at any time (ten had reached a sensor)", told(all.outbreaksEver)],
    ["of all outbreaks, visible or not, flagged by 1 %", told(all.outbreaksAll)],
    ["forecasts whose range held what came", told(all.forecasts)],
    ["abused reflectors (100 requests or more) found", told(all.reflectors)],
  ],
)}

## Worlds

${table(
  [
    "world",
    "days",
    "sensors",
    "packets",
    "notices right",
    "infected found",
    "attacks found",
    "outbreaks by 1 %",
    "false surges",
    "played, asked (s)",
  ],
  evaluations.map(({ scenario, days, sensors, packets, scores, seconds }) => [
    scenario,
    String(days),
    String(sensors),
    `${(packets / 1e6).toFixed(1)} M`,
    `${scores.notices.right}/${scores.notices.n}`,
    `${scores.infected.right}/${scores.infected.n}`,
    `${scores.attacks.right}/${scores.attacks.n}`,
    `${scores.outbreaks.right}/${scores.outbreaks.n}`,
    String(scores.falseSurges),
    `${seconds.play.toFixed(0)}, ${seconds.detect.toFixed(0)}`,
  ]),
)}

## False notices, by what they really were

${
  Object.keys(all.falseNotices).length === 0
    ? "None."
    : table(
        ["what", "notices"],
        Object.entries(all.falseNotices).map(([what, n]) => [what, String(n)]),
      )
}

## Outbreaks that were not flagged by 1 % of their hosts

A host that sends \`rate\` packets a second to the whole address space meets a telescope of D dark addresses once in 2^32 / (D rate) seconds: below about ten
hosts that had come by, an outbreak cannot be told from chance.

${
  missed.length === 0
    ? "None."
    : table(
        [
          "port",
          "packets a second a host",
          "doubling (min)",
          "hosts that had reached a sensor",
          "flagged (hours after 1 %)",
        ],
        missed.map((one) => [
          one.port,
          one.rate.toFixed(0),
          one.doublingMinutes.toFixed(0),
          String(one.reachedByOnePercent),
          one.flaggedHours === null ? "never" : one.flaggedHours.toFixed(1),
        ]),
      )
}

## False surges

${all.falseSurgePorts.length === 0 ? "None." : all.falseSurgePorts.slice(0, 40).join(", ")}
`;
};
