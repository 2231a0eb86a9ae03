// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance } from "fastify";
import { staff } from "../../access/rule.ts";
import { marks } from "../../model/traffic.ts";
import { cursorText, readCursor } from "../../platform/cursor.ts";
import { AppError } from "../../platform/errors.ts";
import type { Desk } from "../../store/desk/desk.ts";
import { countDetections, findDetection, listDetections } from "../../store/desk/detections.ts";
import type { DetectionFilter, DetectionRecord } from "../../store/desk/detections.ts";
import { campaignEndpoints as at } from "../contract/desk/campaigns.ts";
import type { CampaignRow } from "../contract/desk/campaigns.ts";
import type { ActorOf } from "./actor.ts";
import { seesCounts } from "../view.ts";
import { mount } from "./route.ts";
import { timeOf } from "./times.ts";
import { wilson } from "../../model/wilson.ts";

export interface CampaignServices {
  readonly desk: Desk;
  /** Microseconds. */
  readonly now: () => number;
}

const DAY = 86_400e6;
const SILENT = 3 * DAY;
const PREDICTED = 3 * DAY;

interface Prediction {
  readonly economy: string;
  readonly made: number;
  readonly came: boolean | null;
}
interface Evidence {
  readonly signature?: string | null;
  readonly mark?: string | null;
  readonly ports?: readonly string[];
  readonly sources?: number;
  readonly economies?: readonly string[];
  /** Sources by their own economy. */
  readonly by_origin?: Readonly<Record<string, number>>;
  /** Sources by the economy of the sensors that saw them, and those inside the constituency. */
  readonly by_economy?: Readonly<Record<string, number>>;
  readonly ours?: number;
  readonly reached?: Readonly<Record<string, number>>;
  readonly days?: readonly (readonly [number, number, number])[];
  readonly predictions?: readonly Prediction[];
}
const evidenceOf = (row: DetectionRecord): Evidence => row.evidence as Evidence;

const portsOf = ({ ports = [] }: Evidence): { protocol: string; port: number }[] =>
  ports.slice(0, 32).map((text) => {
    const [protocol = "6", port = "0"] = text.split("/");
    return { protocol: protocol === "17" ? "udp" : "tcp", port: Number(port) };
  });
const kindOf = ({ mark = null, ports = [] }: Evidence): CampaignRow["kind"] =>
  mark === "mirai"
    ? "botnet"
    : mark === "zmap" || mark === "masscan" || mark === "stateless"
      ? "scanner"
      : ports.length === 0
        ? "scanner"
        : "unknown";
const nameOf = (evidence: Evidence): string => {
  const ports = portsOf(evidence);
  const what =
    ports.length === 0
      ? "many ports"
      : ports
          .slice(0, 4)
          .map(({ protocol, port }) => `${port}/${protocol}`)
          .join(" ");
  return `${evidence.mark ?? "unmarked"} ${what}${ports.length > 4 ? " ..." : ""}`;
};
/** Its sources by their economies, most first, and as null those that no economy is known of. */
export const originsOf = ({
  by_origin: known,
  sources = 0,
}: Evidence): { country: string | null; sources: number; share: number }[] => {
  // Written down before economies were counted: nothing is said rather than something else.
  if (known === undefined || sources === 0) return [];
  const rows: [string | null, number][] = Object.entries(known).toSorted(([, a], [, b]) => b - a);
  const rest = sources - rows.reduce((sum, [, n]) => sum + n, 0);
  if (rest > 0) rows.push([null, rest]);
  return rows.map(([country, n]) => ({ country, sources: n, share: Math.min(1, n / sources) }));
};
/** What a campaign is called: by what it sends. */
export const campaignName = (row: DetectionRecord): string => nameOf(evidenceOf(row));

const rowOf = (row: DetectionRecord, now: number): CampaignRow => {
  const evidence = evidenceOf(row);
  const scored = (evidence.predictions ?? []).filter(({ came }) => came !== null);
  const byDay = new Map((evidence.days ?? []).map(([day, sources]) => [day, sources]));
  const end = Math.floor((row.last - 1) / DAY);
  return {
    id: row.id,
    name: nameOf(evidence),
    kind: kindOf(evidence),
    state: now - row.last > SILENT ? "over" : "active",
    family: row.family,
    signature: evidence.signature ?? null,
    marks: marks.filter((mark) => mark === evidence.mark),
    ports: portsOf(evidence),
    first: timeOf(row.first),
    last: timeOf(row.last),
    sources: evidence.sources ?? 0,
    packets: row.packets,
    countries: evidence.economies?.length ?? 0,
    sensors: row.sensors.length,
    ours: evidence.ours ?? 0,
    predicted: scored.length,
    came: scored.filter(({ came }) => came === true).length,
    spark: Array.from({ length: 30 }, (_, i) => byDay.get(end - 29 + i) ?? null),
  };
};

const dayOf = (time: string): string => `${time.slice(0, 10)}T00:00:00.000Z`;
/** What it is and when it was seen, to the day, without a figure that its packets move. */
const uncounted = (row: CampaignRow): CampaignRow => ({
  ...row,
  first: dayOf(row.first),
  last: dayOf(row.last),
  sources: null,
  packets: null,
  countries: null,
  sensors: null,
  ours: null,
  predicted: 0,
  came: 0,
  spark: [],
});

/** Campaigns: what is one botnet or one scanner project, across economies and days, and what was predicted of it. */
export const withCampaigns = (server: FastifyInstance, { desk, now }: CampaignServices, actorOf: ActorOf): void => {
  const who = [...staff, "member", "researcher"] as const;

  mount(server, at.campaigns, { who, audit: "campaign.read" }, async ({ query, request }) => {
    const filter: DetectionFilter = { realm: query.realm ?? "", exercise: query.exercise ?? "", kinds: ["campaign"] };
    const counts = seesCounts(actorOf(request), filter);
    // By whom it is sent from where, and how much of it, is a count too: an order or a filter would tell of it.
    if (!counts && (query.country !== undefined || (query.order ?? "last") !== "last")) {
      throw new AppError("ACCESS_DENIED", "campaigns by country, or in order of their sources, are told to analysts");
    }
    const limit = query.limit ?? 50;
    const [id] = query.cursor === undefined ? [] : readCursor(query.cursor, "text");
    return desk.as(actorOf(request), async (trx) => {
      const all = await listDetections(trx, filter, 500);
      const total = await countDetections(trx, filter);
      const fits = (row: DetectionRecord): boolean => {
        const evidence = evidenceOf(row);
        return (
          (query.kind === undefined || kindOf(evidence) === query.kind) &&
          (query.state === undefined || (now() - row.last > SILENT ? "over" : "active") === query.state) &&
          (query.country === undefined || (evidence.economies ?? []).includes(query.country))
        );
      };
      const found = all.filter(fits);
      if (query.order === "sources") found.sort((a, b) => (evidenceOf(b).sources ?? 0) - (evidenceOf(a).sources ?? 0));
      const at0 = id === undefined ? 0 : found.findIndex((row) => row.id === id) + 1;
      const rows = found.slice(at0, at0 + limit);
      const active = all.filter((row) => now() - row.last <= SILENT);
      const said = all.flatMap((row) => evidenceOf(row).predictions ?? []).filter(({ came }) => came !== null);
      const end = at0 + limit < found.length ? rows.at(-1) : undefined;
      return {
        asked: timeOf(now()),
        total:
          query.kind === undefined && query.state === undefined && query.country === undefined
            ? (total.kinds[0]?.count ?? 0)
            : found.length,
        next: end === undefined ? null : cursorText(end.id),
        facts: {
          active: active.length,
          botnets: active.filter((row) => kindOf(evidenceOf(row)) === "botnet").length,
          scanners: active.filter((row) => kindOf(evidenceOf(row)) === "scanner").length,
          ours: counts ? active.filter((row) => (evidenceOf(row).ours ?? 0) > 0).length : null,
          // Each of them says that a sensor was reached, and where.
          score: !counts ? wilson(0, 0) : wilson(said.filter(({ came }) => came === true).length, said.length),
        },
        rows: rows.map((row) => (counts ? rowOf(row, now()) : uncounted(rowOf(row, now())))),
      };
    });
  });

  mount(server, at.campaign, { who, audit: "campaign.read" }, async ({ params, request }) => {
    const row = await desk.as(actorOf(request), (trx) => findDetection(trx, params.campaign));
    if (row === undefined || row.kind !== "campaign") throw new AppError("NOT_FOUND", "there is no such campaign");
    if (!seesCounts(actorOf(request), row)) {
      const campaign = uncounted(rowOf(row, now()));
      return { asked: timeOf(now()), campaign, days: [], countries: [], reached: [], owners: [], predictions: [] };
    }
    const evidence = evidenceOf(row);
    const predictions = evidence.predictions ?? [];
    const reached = evidence.reached ?? {};
    const seen = evidence.by_economy ?? {};
    const decided = predictions.filter(({ came }) => came !== null);
    // Laplace's rule: what became of this campaign's predictions so far.
    const chance = (decided.filter(({ came }) => came === true).length + 1) / (decided.length + 2);
    const economies = [...new Set([...Object.keys(reached), ...predictions.map(({ economy }) => economy)])].toSorted();
    return {
      asked: timeOf(now()),
      campaign: rowOf(row, now()),
      days: (evidence.days ?? []).map(([day, sources, packets]) => ({
        date: new Date(day * 86_400_000).toISOString().slice(0, 10),
        sources,
        packets,
      })),
      countries: originsOf(evidence),
      reached: economies.map((country) => {
        const said = predictions.find(({ economy }) => economy === country);
        const at = reached[country];
        return {
          country,
          sources: at === undefined ? null : (seen[country] ?? 0),
          first: at === undefined ? null : timeOf(at),
          predicted: said === undefined ? null : timeOf(said.made),
          outcome: said === undefined ? "seen" : said.came === null ? "predicted" : said.came ? "came" : "missed",
        } as const;
      }),
      owners: [],
      predictions: predictions.map(({ economy, made, came }) => ({
        country: economy,
        made: timeOf(made),
        due: timeOf(made + PREDICTED),
        chance,
        outcome: came === null ? ("due" as const) : came ? ("came" as const) : ("missed" as const),
        at: came === true && reached[economy] !== undefined ? timeOf(reached[economy]) : null,
      })),
    };
  });
};
