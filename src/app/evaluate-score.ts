// SPDX-License-Identifier: Apache-2.0
import type { Detection } from "../model/detection.ts";
import type { WorldTruth } from "./evaluate-world.ts";

/** Of `n` cases `right` were right. */
export interface Share {
  readonly right: number;
  readonly n: number;
}
/** What one world says of the detectors, in counts: worlds add up. */
export interface Scores {
  /** Hosts told to their owners: real ones, and the false ones by what they are. */
  readonly notices: Share;
  readonly falseNotices: Readonly<Record<string, number>>;
  /** Owners are told of scanning hosts too: those claims whose host did send, and was not made up by somebody else. */
  readonly scanning: Share;
  /** Infected hosts with 10 packets to 3 dark addresses that were claimed, as an infected or as a scanning host, told or held; those without hosts that no packet can tell from scanners. */
  readonly infected: Share;
  readonly infectedPlain: Share;
  /** Of the infected hosts found: those that were called infected, not scanning. */
  readonly named: Share;
  /** Of the same: those whose owner was told without an analyst, sooner or later. */
  readonly toldAtOnce: Share;
  /** Of all infected hosts, seen or not. */
  readonly infectedAll: Share;
  /** Found, but held for an analyst: they count as found and not as told. */
  readonly held: { readonly right: number; readonly wrong: number };
  /** Attacks of 5 minutes and 25 packets a minute or more; all others; claims that were attacks. */
  readonly attacks: Share;
  readonly attacksSmall: Share;
  readonly victims: Share;
  /** Outbreaks of which ten hosts had reached a sensor by 1 % of the final population, flagged by then; ever flagged; of all. */
  readonly outbreaks: Share;
  readonly outbreaksEver: Share;
  readonly outbreaksAll: Share;
  readonly outbreakRows: readonly OutbreakRow[];
  readonly falseSurges: number;
  readonly falseSurgePorts: readonly string[];
  readonly sensorMonths: number;
  /** Forecasts whose range held what was estimated when their time had come; and the hosts that there really were then. */
  readonly forecasts: Share;
  readonly forecastsTrue: Share;
  /** By hours ahead. */
  readonly forecastsBy: Readonly<Record<string, Share>>;
  /** Estimates of the hosts of an outbreak whose range held how many there were. */
  readonly populations: Share;
  readonly reflectors: Share;
  /** Claims of reflector abuse that were it. */
  readonly abuse: Share;
  /** Of all outbreaks, flagged at any time. */
  readonly outbreaksAny: Share;
  /** What a campaign's arrival in one economy predicted for its neighbours. */
  readonly predictions: Share;
  readonly campaigns: number;
  readonly delays: Delays;
}
/** Seconds, unsorted; infinite: never found, which a share of the whole has to count. */
export interface Delays {
  /** Infected hosts found, told or held: from the first packet at a sensor, and from when 10 packets to 3 dark addresses had come (a mark needs fewer: negative). */
  readonly infectedFirst: readonly number[];
  readonly infectedEnough: readonly number[];
  /** Attacks found: from the first packet of their echo to the claim. */
  readonly attacks: readonly number[];
  /** Outbreaks flagged: from their tenth host at a sensor (before: negative). */
  readonly outbreaks: readonly number[];
}
export interface OutbreakRow {
  readonly port: string;
  readonly hosts: number;
  readonly rate: number;
  readonly doublingMinutes: number;
  readonly darkAddresses: number;
  readonly reachedByOnePercent: number;
  /** Hours from the time of 1 % to the flag: negative is before; null: never. */
  readonly flaggedHours: number | null;
}

const MINUTE = 60e6;
const HOUR = 60 * MINUTE;
const MONTH = 30 * 24 * HOUR;
/** What belongs to one host may be seen so much around it: rows have their flow interval. */
const SLACK = MINUTE;

const overlaps = (a: { readonly first: number; readonly last: number }, from: number, to: number): boolean =>
  a.first <= to + SLACK && a.last >= from - SLACK;
const counted = <T>(all: readonly T[], right: (one: T) => boolean): Share => ({
  right: all.filter(right).length,
  n: all.length,
});
const plus = (a: Share, b: Share): Share => ({ right: a.right + b.right, n: a.n + b.n });
const key = (realm: string, source: string | null): string => `${realm} ${source ?? ""}`;

const leastOf = (times: readonly unknown[]): number | null => {
  const known = times.filter((time) => typeof time === "number");
  return known.length === 0 ? null : Math.min(...known);
};
/** Seconds from one time, where it is known, to another; infinite where that never came. */
const since = (from: number | null, to: number | null): number[] =>
  from === null ? [] : [to === null ? Infinity : (to - from) / 1e6];

interface Said {
  readonly hours: number;
  readonly due: number;
  readonly low: number;
  readonly high: number | null;
  readonly true: boolean | null;
}
/** Forecasts and estimates of outbreaks against what they said later of themselves, and against the truth. */
const forecastShares = (
  truth: WorldTruth,
  claims: readonly Detection[],
  hostsAt: ScoreOptions["hostsAt"],
): { all: Share; real: Share; by: Record<string, Share>; populations: Share } => {
  const within = (low: number, high: number | null, hosts: number): boolean =>
    low <= hosts && hosts <= (high ?? Infinity);
  const own: Share[] = [];
  const real: [number, boolean][] = [];
  const populations: boolean[] = [];
  for (const { kind, evidence, protocol, port } of claims) {
    if (kind !== "outbreak") continue;
    const said = ((evidence["forecasts"] ?? []) as Said[]).filter((one) => one.true !== null);
    own.push(counted(said, (one) => one.true === true));
    const at = truth.outbreaks.findIndex(
      (one) => one.protocol === protocol && one.port === port && Number(evidence["found"]) >= one.start,
    );
    // An outbreak that is none has no hosts: who forecasts some is wrong.
    const hosts = (time: number): number => (at < 0 ? 0 : hostsAt(at, time));
    for (const { hours, due, low, high } of said) real.push([hours, within(low, high, hosts(due))]);
    for (const [hour, low, , high] of (evidence["hosts_by_hour"] ?? []) as [number, number, number, number][]) {
      populations.push(within(low, high < 0 ? null : high, hosts(hour * HOUR)));
    }
  }
  const by = Map.groupBy(real, ([hours]) => `${hours} h`);
  return {
    all: own.reduce(plus, { right: 0, n: 0 }),
    real: counted(real, ([, right]) => right),
    by: Object.fromEntries([...by].map(([name, list]) => [name, counted(list, ([, right]) => right)])),
    populations: counted(populations, (right) => right),
  };
};

/** Who is on packets that somebody else made. */
const madeUp: ReadonlySet<string> = new Set(["forged", "framed", "reflector"]);
/** Notices about hosts that sent something: without those that somebody made up who knew the dark addresses. */
export const noticesOfSenders = ({ notices, falseNotices }: Pick<Scores, "notices" | "falseNotices">): Share => {
  const forged = Object.entries(falseNotices).reduce(
    (sum, [what, n]) => sum + (madeUp.has(what.split(": ")[0]!) ? n : 0),
    0,
  );
  return { n: notices.n - forged, right: notices.right };
};

export interface ScoreOptions {
  /** How long the shared sensors watched, all together, microseconds: without the time in which one was away. */
  readonly watched: number;
  /** Of the shared sensors, at the end. */
  readonly darkAddresses: number;
  /** Hosts of an outbreak at a time, microseconds, by its place in the truth. */
  readonly hostsAt: (outbreak: number, time: number) => number;
  /** Claims of infected hosts that were told at some time, whatever became of them: their letters have left. */
  readonly letters: readonly Detection[];
  /** The claim is about a host that has an owner: only then is somebody told. */
  readonly isOwned: (claim: Detection) => boolean;
}

/** Compares claims with the truth. `found` says when a surge or outbreak was first claimed. */
export const score = (
  truth: WorldTruth,
  claims: readonly Detection[],
  { watched, darkAddresses, hostsAt, letters, isOwned }: ScoreOptions,
): Scores => {
  const hosts = claims.filter(({ kind }) => kind === "infected-host" || kind === "scanning-host");
  const bySource = Map.groupBy(hosts, (one) => key(one.realm, one.source));
  const truths = Map.groupBy(truth.sources, (one) => key(one.realm, one.source));
  const claimed = (one: (typeof truth.sources)[number]): boolean =>
    (bySource.get(key(one.realm, one.source)) ?? []).some((claim) =>
      overlaps(claim, one.from, Math.max(one.to, one.last ?? one.to)),
    );
  const isNamed = (one: (typeof truth.sources)[number]): boolean =>
    (bySource.get(key(one.realm, one.source)) ?? []).some(
      (claim) => claim.kind === "infected-host" && overlaps(claim, one.from, Math.max(one.to, one.last ?? one.to)),
    );
  const isTrue = (claim: Detection): boolean =>
    (truths.get(key(claim.realm, claim.source)) ?? []).some(
      (one) => one.infected && overlaps(claim, one.from, Math.max(one.to, one.last ?? one.to)),
    );
  const told = letters.filter(isOwned);
  const scanning = hosts.filter(({ kind, held: why }) => kind === "scanning-host" && why.length === 0);
  const didSend = (claim: Detection): boolean =>
    (truths.get(key(claim.realm, claim.source)) ?? []).some(
      (one) => !madeUp.has(one.kind) && overlaps(claim, one.first ?? one.from, one.last ?? one.to),
    );
  const free = Map.groupBy([...letters, ...scanning], (one) => key(one.realm, one.source));
  const isTold = (one: (typeof truth.sources)[number]): boolean =>
    (free.get(key(one.realm, one.source)) ?? []).some((claim) =>
      overlaps(claim, one.from, Math.max(one.to, one.last ?? one.to)),
    );
  const falseNotices: Record<string, number> = {};
  for (const claim of told) {
    if (isTrue(claim)) continue;
    const there = (truths.get(key(claim.realm, claim.source)) ?? []).filter((one) =>
      overlaps(claim, one.first ?? one.from, one.last ?? one.to),
    );
    // Who writes a host's address on packets is behind the claim, whatever the host itself does.
    const who = there.find(({ kind }) => madeUp.has(kind)) ?? there[0];
    const what = who === undefined ? "nobody that is known" : `${who.kind}: ${who.name}`;
    falseNotices[what] = (falseNotices[what] ?? 0) + 1;
  }
  const held = hosts.filter(({ kind, held: why }) => kind === "infected-host" && why.length > 0);
  const infected = truth.sources.filter((one) => one.infected);
  const enough = infected.filter(({ plain }) => plain !== null);

  const acceptedOf = (one: (typeof truth.sources)[number]): number | null =>
    leastOf(
      (bySource.get(key(one.realm, one.source)) ?? [])
        .filter((claim) => overlaps(claim, one.from, Math.max(one.to, one.last ?? one.to)))
        .map(({ evidence }) => evidence["accepted"]),
    );

  const dos = claims.filter(({ kind }) => kind === "dos-victim");
  const byVictim = Map.groupBy(dos, ({ source }) => source ?? "");
  const seen = (one: (typeof truth.attacks)[number]): boolean =>
    (byVictim.get(one.victim) ?? []).some((claim) => overlaps(claim, one.start, one.end));
  const isLarge = (one: (typeof truth.attacks)[number]): boolean =>
    one.end - one.start >= 5 * MINUTE && one.perMinute >= 25;
  const byTarget = Map.groupBy(truth.attacks, ({ victim }) => victim);

  const surges = claims.filter(({ kind }) => kind === "surge" || kind === "outbreak");
  const flagOf = (one: (typeof truth.outbreaks)[number]): number | null => {
    const times = surges
      .filter((claim) => claim.protocol === one.protocol && claim.port === one.port)
      .map((claim) => Number(claim.evidence["found"] ?? claim.last))
      .filter((time) => time >= one.start);
    return times.length === 0 ? null : Math.min(...times);
  };
  const outbreakRows = truth.outbreaks.map((one): OutbreakRow => {
    const flag = flagOf(one);
    return {
      port: `${one.port}/${one.protocol}`,
      hosts: one.hosts,
      darkAddresses,
      rate: one.rate,
      doublingMinutes: one.doublingMinutes,
      reachedByOnePercent: one.reachedByOnePercent,
      flaggedHours: flag === null ? null : (flag - one.onePercent) / HOUR,
    };
  });
  const visible = outbreakRows.filter(({ reachedByOnePercent }) => reachedByOnePercent >= 10);
  const stray = surges.filter(
    (claim) =>
      claim.kind === "surge" &&
      !truth.outbreaks.some(
        (one) =>
          one.port === claim.port &&
          one.protocol === claim.protocol &&
          Number(claim.evidence["found"] ?? claim.last) >= one.start,
      ),
  );
  const { all: said, real: saidTrue, by: saidBy, populations } = forecastShares(truth, claims, hostsAt);
  const predictions = claims
    .filter(({ kind }) => kind === "campaign")
    .flatMap(({ evidence }) => (evidence["predictions"] ?? []) as { readonly came: boolean | null }[])
    .filter(({ came }) => came !== null);
  const reflected = truth.sources.filter(({ kind, packets }) => kind === "reflector" && packets >= 100);
  const abuse = new Set(
    claims.filter(({ kind }) => kind === "reflector-abuse").map((one) => key(one.realm, one.source)),
  );

  return {
    notices: counted(told, isTrue),
    falseNotices,
    scanning: counted(scanning.filter(isOwned), didSend),
    infected: counted(enough, claimed),
    infectedPlain: counted(
      enough.filter(({ mimics }) => !mimics),
      claimed,
    ),
    named: counted(enough.filter(claimed), isNamed),
    toldAtOnce: counted(enough.filter(claimed), isTold),
    infectedAll: counted(infected, claimed),
    held: { right: held.filter(isTrue).length, wrong: held.filter((one) => !isTrue(one)).length },
    attacks: counted(truth.attacks.filter(isLarge), seen),
    attacksSmall: counted(
      truth.attacks.filter((one) => !isLarge(one)),
      seen,
    ),
    victims: counted(dos, (claim) =>
      (byTarget.get(claim.source ?? "") ?? []).some((one) => overlaps(claim, one.start, one.end)),
    ),
    outbreaks: counted(visible, ({ flaggedHours }) => flaggedHours !== null && flaggedHours <= 0),
    outbreaksEver: counted(visible, ({ flaggedHours }) => flaggedHours !== null),
    outbreaksAll: counted(outbreakRows, ({ flaggedHours }) => flaggedHours !== null && flaggedHours <= 0),
    outbreakRows,
    falseSurges: stray.length,
    falseSurgePorts: stray.map(({ port, protocol }) => `${port}/${protocol}`),
    sensorMonths: watched / MONTH,
    forecasts: said,
    forecastsTrue: saidTrue,
    forecastsBy: saidBy,
    populations,
    reflectors: counted(reflected, (one) => abuse.has(key(one.realm, one.source))),
    abuse: counted(
      claims.filter(({ kind }) => kind === "reflector-abuse"),
      (claim) =>
        (truths.get(key(claim.realm, claim.source)) ?? []).some(
          (one) => one.kind === "reflector" && overlaps(claim, one.first ?? one.from, one.last ?? one.to),
        ),
    ),
    outbreaksAny: counted(outbreakRows, ({ flaggedHours }) => flaggedHours !== null),
    predictions: counted(predictions, ({ came }) => came === true),
    campaigns: claims.filter(({ kind }) => kind === "campaign").length,
    delays: {
      infectedFirst: enough.flatMap((one) => since(one.first, acceptedOf(one))),
      infectedEnough: enough.flatMap((one) => since(one.plain, acceptedOf(one))),
      attacks: truth.attacks.filter(isLarge).flatMap((one) => {
        const found = (byVictim.get(one.victim) ?? []).filter((claim) => overlaps(claim, one.start, one.end));
        return since(one.first, leastOf(found.map(({ evidence }) => evidence["found"])));
      }),
      outbreaks: truth.outbreaks.flatMap((one) => since(one.tenth, flagOf(one))),
    },
  };
};

/** Two worlds as one. */
const addScores = (a: Scores, b: Scores): Scores => {
  const falseNotices = { ...a.falseNotices };
  for (const [what, n] of Object.entries(b.falseNotices)) falseNotices[what] = (falseNotices[what] ?? 0) + n;
  return {
    notices: plus(a.notices, b.notices),
    falseNotices,
    scanning: plus(a.scanning, b.scanning),
    infected: plus(a.infected, b.infected),
    infectedPlain: plus(a.infectedPlain, b.infectedPlain),
    named: plus(a.named, b.named),
    toldAtOnce: plus(a.toldAtOnce, b.toldAtOnce),
    infectedAll: plus(a.infectedAll, b.infectedAll),
    held: { right: a.held.right + b.held.right, wrong: a.held.wrong + b.held.wrong },
    attacks: plus(a.attacks, b.attacks),
    attacksSmall: plus(a.attacksSmall, b.attacksSmall),
    victims: plus(a.victims, b.victims),
    outbreaks: plus(a.outbreaks, b.outbreaks),
    outbreaksEver: plus(a.outbreaksEver, b.outbreaksEver),
    outbreaksAll: plus(a.outbreaksAll, b.outbreaksAll),
    outbreakRows: [...a.outbreakRows, ...b.outbreakRows],
    falseSurges: a.falseSurges + b.falseSurges,
    falseSurgePorts: [...a.falseSurgePorts, ...b.falseSurgePorts],
    sensorMonths: a.sensorMonths + b.sensorMonths,
    forecasts: plus(a.forecasts, b.forecasts),
    forecastsTrue: plus(a.forecastsTrue, b.forecastsTrue),
    forecastsBy: Object.fromEntries(
      [...new Set([...Object.keys(a.forecastsBy), ...Object.keys(b.forecastsBy)])].map((name) => [
        name,
        plus(a.forecastsBy[name] ?? { right: 0, n: 0 }, b.forecastsBy[name] ?? { right: 0, n: 0 }),
      ]),
    ),
    populations: plus(a.populations, b.populations),
    reflectors: plus(a.reflectors, b.reflectors),
    abuse: plus(a.abuse, b.abuse),
    outbreaksAny: plus(a.outbreaksAny, b.outbreaksAny),
    predictions: plus(a.predictions, b.predictions),
    campaigns: a.campaigns + b.campaigns,
    delays: {
      infectedFirst: [...a.delays.infectedFirst, ...b.delays.infectedFirst],
      infectedEnough: [...a.delays.infectedEnough, ...b.delays.infectedEnough],
      attacks: [...a.delays.attacks, ...b.delays.attacks],
      outbreaks: [...a.delays.outbreaks, ...b.delays.outbreaks],
    },
  };
};

/** All worlds as one; there is at least one. */
export const sumScores = (all: readonly Scores[]): Scores => all.reduce((a, b) => addScores(a, b));
