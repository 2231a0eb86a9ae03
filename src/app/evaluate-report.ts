// SPDX-License-Identifier: Apache-2.0
import { wilson } from "../model/wilson.ts";
import type { DetectionKind } from "../model/detection.ts";
import type { Asked, Evaluation } from "./evaluate.ts";
import { monthsOf, sumAsked, wasAsked } from "./evaluate-asked.ts";
import type { RealAnswers } from "./evaluate-captures.ts";
import { quantile } from "./evaluate-measured.ts";
import { noticesOfSenders } from "./evaluate-score.ts";
import type { OutbreakRow, Scores, Share } from "./evaluate-score.ts";

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
  /** What a detector must be able to say to be measured on it. */
  readonly kind: DetectionKind;
  readonly name: string;
  readonly floor: string;
  readonly measured: string;
  readonly met: boolean | null;
}
export const notAsked = "not asked";
const atLeast = (share: Share, least: number): boolean | null =>
  share.n === 0 ? null : share.right / share.n >= least;

/** What the project holds itself to, and what was measured of what was asked. Null: nothing in these worlds to measure it on. */
export const floors = (scores: Scores, asked: readonly Asked[]): Floor[] => {
  const wrong = scores.notices.n - scores.notices.right;
  const all: Floor[] = [
    {
      kind: "infected-host",
      name: "infected hosts found (10 packets, 3 dark addresses)",
      floor: "99 %",
      measured: told(scores.infected),
      met: atLeast(scores.infected, 0.99),
    },
    {
      kind: "infected-host",
      name: "notices that were right",
      floor: "99.9 %",
      measured: told(scores.notices),
      met: atLeast(scores.notices, 0.999),
    },
    {
      kind: "infected-host",
      name: "notices, and false ones",
      floor: "10,000 with 3 at most",
      measured: `${scores.notices.n.toLocaleString("en")} with ${wrong}`,
      met: scores.notices.n >= 10_000 ? wrong <= 3 : null,
    },
    {
      kind: "surge",
      name: "outbreaks flagged by 1 % of their hosts (ten had reached a sensor)",
      floor: "95 %",
      measured: told(scores.outbreaks),
      met: atLeast(scores.outbreaks, 0.95),
    },
    {
      kind: "surge",
      name: "false surges a sensor and month",
      floor: "1 at most",
      measured: `${(scores.falseSurges / Math.max(1e-9, scores.sensorMonths)).toFixed(2)} (${scores.falseSurges} in ${scores.sensorMonths.toFixed(1)} sensor months)`,
      met: scores.sensorMonths === 0 ? null : scores.falseSurges / scores.sensorMonths <= 1,
    },
    {
      kind: "dos-victim",
      name: "attacks of 5 minutes and 25 packets a minute found",
      floor: "95 %",
      measured: told(scores.attacks),
      met: atLeast(scores.attacks, 0.95),
    },
  ];
  const kinds = new Set(asked.flatMap((one) => one.kinds));
  return all.map((one) => (kinds.has(one.kind) ? one : { ...one, measured: notAsked, met: null }));
};

const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [row(head), row(head.map(() => "---")), ...rows.map(row)].join("\n");
const mark = ({ met, measured }: Floor): string =>
  met === null ? (measured === notAsked ? "-" : "not measured") : met ? "met" : "**not met**";

const span = (seconds: number | null): string => {
  if (seconds === null) return "-";
  if (seconds === Infinity) return "never";
  const size = Math.abs(seconds);
  if (size < 90) return `${seconds.toFixed(0)} s`;
  return size < 5400 ? `${(seconds / 60).toFixed(0)} min` : `${(seconds / 3600).toFixed(1)} h`;
};
const delayRow = (what: string, from: string, values: readonly number[]): string[] => [
  what,
  from,
  values.length.toLocaleString("en"),
  values.filter((value) => value === Infinity).length.toLocaleString("en"),
  span(quantile(values, 0.5)),
  span(quantile(values, 0.9)),
];
const bucketOf = (value: number, edges: readonly number[], unit: string): string => {
  const at = edges.findIndex((edge) => value < edge);
  if (at === 0) return `under ${edges[0]} ${unit}`;
  return at < 0 ? `${edges.at(-1)} ${unit} and more` : `${edges[at - 1]} to ${edges[at]} ${unit}`;
};
/** Outbreaks in groups: how many could be seen in time, and were flagged in time and ever. */
const grouped = (rows: readonly OutbreakRow[], nameOf: (row: OutbreakRow) => string): string[][] =>
  [...Map.groupBy(rows, nameOf)]
    .toSorted(([a], [b]) => Number.parseFloat(a.replace("under", "-1")) - Number.parseFloat(b.replace("under", "-1")))
    .map(([name, list]) => {
      const visible = list.filter(({ reachedByOnePercent }) => reachedByOnePercent >= 10);
      const flagged = visible.filter(({ flaggedHours }) => flaggedHours !== null && flaggedHours <= 0);
      const ever = list.filter(({ flaggedHours }) => flaggedHours !== null);
      return [name, String(list.length), String(visible.length), String(flagged.length), String(ever.length)];
    });
const groupHead = (of: string): string[] => [
  of,
  "outbreaks",
  "ten hosts seen by 1 %",
  "of these flagged by 1 %",
  "flagged ever",
];

/** What the report says beside the worlds. */
export interface ReportContext {
  readonly command: string;
  /** Lines on when the test worlds were looked at. */
  readonly looks?: string;
  readonly real?: RealAnswers | null;
  /** Worlds that were not asked with every detector yet, each with those that are missing. */
  readonly missing?: readonly string[];
}

const realSection = (real: RealAnswers | null | undefined): string => {
  if (real === undefined) return "";
  const head = "\n## Real captures\n\n";
  if (real === null) return `${head}Not there (\`../shared/data\`), so not measured.\n`;
  const found =
    real.changefinder === null
      ? ""
      : `\n\nOf the ${real.changefinder.published} published alert times of ChangeFinder's series (Gotchance/Dark-TRACER) ${real.changefinder.same} come out, and ${real.changefinder.others} others.`;
  return `${head}Others' captures, reported apart: their truth is what their makers say of them. Every network is somebody's here, so that every host could be accused.

${table(
  ["capture", "what is in it", "packets", "what is claimed"],
  real.captures.map(({ file, what, packets, claims }) => [
    file,
    what,
    packets.toLocaleString("en"),
    claims.length === 0 ? "nothing" : claims.join("; "),
  ]),
)}${found}
`;
};

/** The report in Markdown: floors over all worlds, each detector by world, times, outbreaks, what the false ones were. */
export const report = (
  evaluations: readonly Evaluation[],
  { command, looks, real, missing = [] }: ReportContext,
): string => {
  const all = sumAsked(evaluations);
  const asked = evaluations.flatMap((one) => one.asked);
  const names = [...new Set(asked.map(({ name, version }) => `${name} ${version}`))];
  const missed = all.outbreakRows.filter(({ flaggedHours }) => flaggedHours === null || flaggedHours > 0);
  const days = evaluations.reduce((sum, one) => sum + one.days, 0);
  const packets = evaluations.reduce((sum, one) => sum + one.packets, 0);
  const alarms = (what: string, kind: DetectionKind, wrong: number): string[] =>
    evaluations.some((one) => wasAsked(one, kind))
      ? [what, String(wrong), (wrong / Math.max(1e-9, monthsOf(evaluations, kind))).toFixed(2)]
      : [what, notAsked, "-"];
  const infectedWrong = all.notices.n - all.notices.right;
  const victimsWrong = all.victims.n - all.victims.right;
  const scanningWrong = all.scanning.n - all.scanning.right;
  const bound = [5, 20, 50, 100, 250, 600].map((rate) => {
    const dark = [256, 768, 4096, 65_536].map((addresses) => {
      const day = 1 - Math.exp((-rate * 86_400 * addresses) / 2 ** 32);
      return Math.ceil(10 / day).toLocaleString("en");
    });
    return [String(rate), ...dark];
  });
  return `# Evaluation

What the detectors claim, against worlds whose truth is known: ${evaluations.length === 1 ? "one world" : `${evaluations.length} worlds`}, ${days} simulated days, ${(packets / 1e6).toFixed(0)} million packets. Made by \`${command}\`; intervals are
Wilson's, 95 %. The scenarios of \`scenarios/evaluate/test\` were written without knowledge of any detector and hashed before any was tuned; they differ from those of
\`tune/\` in what they are made of, not only in the seed.${looks === undefined ? "" : " When each was looked at, and what changed after it, stands at the end."}

A *notice* is an infected-host claim that nothing holds back, about a host that has an owner; claims that are held wait for an analyst. A host counts as found when it
is claimed, as an infected or as a scanning host (who scans without a family's marks is told of too), whether its owner is told or an analyst is asked first.

Asked were ${names.join(", ")}; what a world was not asked for (\`-\` in its line below) does not count.${missing.length === 0 ? "" : ` Not asked yet: ${missing.join("; ")}.`}

## Floors

${table(
  ["what", "floor", "measured", ""],
  floors(all, asked).map((one) => [one.name, one.floor, one.measured, mark(one)]),
)}

## Beside the floors

${table(
  ["what", "measured"],
  [
    [
      "notices about hosts that did send that were right: without those that a forger made up",
      told(noticesOfSenders(all)),
    ],
    ["of the infected hosts found: called infected, not only scanning", told(all.named)],
    ["of the infected hosts found: their owner told without an analyst", told(all.toldAtOnce)],
    ["infected hosts found, without those that use scanners' own tools", told(all.infectedPlain)],
    ["of all infected hosts, seen by a sensor or not", told(all.infectedAll)],
    ["scanning-host claims told: the host did send, and was not forged", told(all.scanning)],
    ["held for an analyst: infected, not infected", `${all.held.right}, ${all.held.wrong}`],
    ["smaller attacks found", told(all.attacksSmall)],
    ["dos-victim claims that were attacks", told(all.victims)],
    ["abused reflectors (100 requests or more) found", told(all.reflectors)],
    ["reflector-abuse claims that were it", told(all.abuse)],
    ["outbreaks flagged at any time (ten had reached a sensor)", told(all.outbreaksEver)],
    ["of all outbreaks, visible or not, flagged by 1 %", told(all.outbreaksAll)],
    ["80 % ranges of forecasts that held how many hosts there were", told(all.forecastsTrue)],
    ...Object.entries(all.forecastsBy).map(([name, share]) => [`... ${name} ahead`, told(share)]),
    ["the same against the node's own later estimate", told(all.forecasts)],
    ["ranges of the hosts of an outbreak that held how many there were", told(all.populations)],
    [
      "campaigns, and what one in one economy predicted for another: came within three days",
      `${all.campaigns}; ${told(all.predictions)}`,
    ],
  ],
)}

## Time to detect

${table(
  ["what", "counted from", "cases", "never found", "median", "90th percentile"],
  [
    delayRow("infected host", "its first packet at a sensor", all.delays.infectedFirst),
    delayRow("infected host", "10 packets to 3 dark addresses (a mark needs fewer)", all.delays.infectedEnough),
    delayRow("attack (5 minutes, 25 packets a minute)", "the first packet of its echo", all.delays.attacks),
    delayRow("outbreak", "its tenth host at a sensor", all.delays.outbreaks),
  ],
)}

What was never found counts among the cases; what is held for an analyst was found. Event time, to the end of the ten seconds (outbreaks: ten minutes) in which the rule is fulfilled; a live node adds what docs/performance.md measures.

## False alarms a sensor and month

${table(
  ["detector", "false alarms", "a sensor and month"],
  [
    alarms("infected-host (notices)", "infected-host", infectedWrong),
    alarms("infected-host (scanning hosts that were forged)", "infected-host", scanningWrong),
    alarms("dos-victim", "dos-victim", victimsWrong),
    alarms("early-warning (surge)", "surge", all.falseSurges),
    alarms("amplification (reflector-abuse)", "reflector-abuse", all.abuse.n - all.abuse.right),
  ],
)}

\`event\` and \`heavy-scanner\` are definitions, not suspicions: they are exact or wrong, which tests tell, not rates.

## Worlds

${table(
  [
    "world",
    "days",
    "sensors",
    "packets",
    "notices right",
    "infected found",
    "of all infected",
    "attacks found",
    "victims right",
    "outbreaks by 1 %",
    "false surges",
  ],
  evaluations.map((one) => {
    const { scores } = one;
    const of = (kind: DetectionKind, found: string): string => (wasAsked(one, kind) ? found : "-");
    return [
      one.scenario,
      String(one.days),
      String(one.sensors),
      `${(one.packets / 1e6).toFixed(1)} M`,
      of("infected-host", `${scores.notices.right}/${scores.notices.n}`),
      of("infected-host", `${scores.infected.right}/${scores.infected.n}`),
      of("infected-host", `${scores.infectedAll.right}/${scores.infectedAll.n}`),
      of("dos-victim", `${scores.attacks.right}/${scores.attacks.n}`),
      of("dos-victim", `${scores.victims.right}/${scores.victims.n}`),
      of("surge", `${scores.outbreaks.right}/${scores.outbreaks.n}`),
      of("surge", String(scores.falseSurges)),
    ];
  }),
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

## Early warning

By the packets a second that a host of the outbreak sends to the whole address space, by the time in which it doubles, and by the dark addresses of the telescope:

${table(
  groupHead("packets a second a host"),
  grouped(all.outbreakRows, ({ rate }) => bucketOf(rate, [10, 50, 100, 250], "packets/s")),
)}

${table(
  groupHead("doubling"),
  grouped(all.outbreakRows, ({ doublingMinutes }) => bucketOf(doublingMinutes / 60, [2, 4, 8, 16], "h")),
)}

${table(
  groupHead("dark addresses"),
  grouped(all.outbreakRows, ({ darkAddresses }) => `${darkAddresses}`),
)}

### What cannot be seen

A host that sends \`rate\` packets a second to the whole address space meets a telescope of D dark addresses once in 2^32 / (D rate) seconds. So many hosts must be active for a day before ten of them
have come by; an outbreak whose 1 % is less cannot be told from chance by then, by anybody with that telescope:

${table(["packets a second a host", "256 addresses", "768", "4,096", "65,536"], bound)}

### Not flagged by 1 % of their hosts

${
  missed.length === 0
    ? "None."
    : table(
        [
          "port",
          "hosts",
          "packets a second a host",
          "doubling (h)",
          "hosts that had reached a sensor",
          "flagged (hours after 1 %)",
        ],
        missed.map((one) => [
          one.port,
          one.hosts.toLocaleString("en"),
          one.rate.toFixed(0),
          (one.doublingMinutes / 60).toFixed(1),
          String(one.reachedByOnePercent),
          one.flaggedHours === null ? "never" : one.flaggedHours.toFixed(1),
        ]),
      )
}

### False surges

${all.falseSurgePorts.length === 0 ? "None." : all.falseSurgePorts.slice(0, 40).join(", ")}
${realSection(real)}${looks === undefined ? "" : `\n## When test worlds were looked at\n\n${looks.trim()}\n`}`;
};
