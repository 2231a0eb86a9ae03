// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toldKinds, verifiableKinds } from "../../src/alert/alert.ts";
import { atSteps, survival } from "../../src/alert/survival.ts";
import { actOnAlerts } from "../../src/cases/actions.ts";
import { listAlerts } from "../../src/cases/board.ts";
import type { Cases } from "../../src/cases/cases.ts";
import { listCases } from "../../src/cases/list.ts";
import { responseTimes } from "../../src/cases/response.ts";
import type { ResponseBy } from "../../src/cases/response.ts";
import { verifySilence } from "../../src/cases/silence.ts";
import { cleanUp, measuredPrecision, summaryOf } from "../../src/cases/statistics.ts";
import type { Actor } from "../../src/model/actor.ts";
import { systemActor } from "../../src/model/actor.ts";
import { detectionKinds } from "../../src/model/detection.ts";
import type { Detection, DetectionKind } from "../../src/model/detection.ts";
import { AppError } from "../../src/platform/errors.ts";
import type { Desk } from "../../src/store/desk/desk.ts";
import type { DeskPlace } from "../../src/store/desk/desk.conformance.ts";
import { listOrganisations } from "../../src/store/desk/organisations.ts";
import { answerKinds } from "../../src/store/desk/tables.ts";
import { embeddedPlace, serverPlace } from "../desk/place.ts";
import { day, detection, hour, makeCases, organisation, owner, start } from "./place.ts";

const analyst: Actor = { id: "person:ana", roles: ["analyst"], organisations: [], realms: [], sensors: [] };
const member: Actor = { id: "person:m", roles: ["member"], organisations: ["alpha"], realms: [], sensors: [] };
const exercises = ["", "drill"];
const whats = [
  "take",
  "again",
  "tell",
  "answer",
  "part",
  "silence",
  "release",
  "close",
  "reopen",
  "withdraw",
  "suppress",
  "merge",
  "give",
  "brake",
  "relapse",
] as const;
const step = fc.record({
  what: fc.constantFrom(...whats),
  host: fc.integer({ min: 1, max: 40 }),
  hours: fc.integer({ min: 1, max: 60 }),
  answer: fc.constantFrom(...answerKinds),
  channel: fc.constantFrom("phone" as const, "sms" as const),
  kind: fc.constantFrom<DetectionKind>("infected-host", "scanning-host", "dos-victim"),
  family: fc.constantFrom("mirai", "mozi", null),
  held: fc.constantFrom<readonly Detection["held"][number][]>([], [], ["ttl-spread"]),
  exercise: fc.constantFrom("", "", "", "drill"),
});
/** What the desk refuses (an answer about a host under attack where there is none, a merge of nothing) does not happen. */
const refused = (error: unknown): void => {
  if (!(error instanceof AppError && error.code === "REQUEST_INVALID")) throw error;
};
/** What an episode is, as the tables say it. */
interface Episode {
  readonly id: string;
  readonly organisation_id: string | null;
  readonly kind: DetectionKind;
  readonly family: string | null;
  readonly country: string | null;
  readonly case_id: string | null;
  readonly first_seen: number | null;
  readonly detected: number;
  readonly notified: number | null;
  readonly acknowledged: number | null;
  readonly acted: number | null;
  readonly quieted: number | null;
  readonly closing: string | null;
  readonly state: string;
  readonly last: number;
  readonly checked: number | null;
  readonly again: boolean;
}

const conformance = (name: string, make: () => Promise<DeskPlace>, numRuns: number): void => {
  describe(name, () => {
    let place: DeskPlace;
    let desk: Desk;
    let cases: Cases;
    let at = start;
    let seen = 0;
    beforeAll(async () => {
      place = await make();
      desk = await place.open();
      for (const id of ["alpha", "beta", "gamma"]) await organisation(desk, id);
      await sql`UPDATE organisations SET sector = CASE id WHEN 'alpha' THEN 'isp' ELSE 'health' END`.execute(
        desk.owner,
      );
      cases = makeCases(desk, [
        owner("alpha", "198.51.100.0/28", { essential: true, country: "TH" }),
        owner("beta", "198.51.100.16/29"),
        owner("gamma", "198.51.100.24/29", { country: "MY" }),
      ]);
    });
    afterAll(async () => {
      await desk.close();
      await place.remove();
    });
    const change = (text: ReturnType<typeof sql>): Promise<unknown> => desk.as(systemActor, (trx) => text.execute(trx));
    const rowsOf = async <T>(text: ReturnType<typeof sql<T>>): Promise<readonly T[]> =>
      (await text.execute(desk.owner)).rows;

    /** What is kept is what is there. */
    const keptIsTrue = async (): Promise<void> => {
      const alerts = sql`SELECT realm, exercise, organisation_id, state, count(*) AS alerts, count(*) FILTER (WHERE released IS NULL AND cardinality(held) > 0) AS held,
        count(*) FILTER (WHERE released IS NULL AND 'global-breaker' = ANY (held)) AS stopped, count(*) FILTER (WHERE essential) AS essential FROM alerts GROUP BY 1, 2, 3, 4`;
      const found = sql`SELECT realm, exercise, organisation_id, state, merged_into IS NOT NULL AS merged, count(*) AS cases, count(unanswered) AS unanswered FROM cases GROUP BY 1, 2, 3, 4, 5`;
      const kept = sql`SELECT realm, exercise, organisation_id, state, alerts, held, stopped, essential FROM alert_counts WHERE alerts <> 0 OR held <> 0 OR stopped <> 0 OR essential <> 0`;
      const keptCases = sql`SELECT realm, exercise, organisation_id, state, merged, cases, unanswered FROM case_counts WHERE cases <> 0 OR unanswered <> 0`;
      const sorted = async (text: ReturnType<typeof sql>): Promise<string[]> =>
        (await rowsOf(text)).map((row) => JSON.stringify(row)).toSorted();
      expect(await sorted(kept)).toEqual(await sorted(alerts));
      expect(await sorted(keptCases)).toEqual(await sorted(found));
    };
    /** Pages say the same from what is kept and from every row. */
    const pagesAgree = async (now: number): Promise<void> => {
      const kinds = [...detectionKinds];
      for (const exercise of exercises) {
        const scope = { realm: "", exercise };
        for (const states of [undefined, ["new", "closed"] as const]) {
          const some = states === undefined ? scope : { ...scope, states };
          const whole = await listAlerts(desk, analyst, some, "last", { limit: 5 }, now);
          expect(await listAlerts(desk, analyst, { ...some, kinds }, "last", { limit: 5 }, now)).toEqual(whole);
          seen += whole.total;
        }
        for (const some of [scope, { ...scope, only: ["unanswered"] }]) {
          const whole = await listCases(desk, analyst, some, "opened", { limit: 5 }, now);
          expect(await listCases(desk, analyst, { ...some, kinds }, "opened", { limit: 5 }, now)).toEqual(whole);
        }
      }
      const [alerts] = await rowsOf(
        sql`SELECT count(*) FILTER (WHERE state = 'new')::int AS new, count(*) FILTER (WHERE state = 'relapsed')::int AS relapsed, count(*) FILTER (WHERE released IS NULL AND cardinality(held) > 0)::int AS held,
  count(*) FILTER (WHERE state <> 'quiet')::int AS open, count(*) FILTER (WHERE essential AND state <> 'quiet')::int AS essential FROM alerts WHERE realm = '' AND exercise = '' AND state <> 'closed'`,
      );
      const summary = await summaryOf(desk, analyst, "ana", start);
      expect(summary.alerts).toEqual(alerts);
      const plain = await rowsOf<{ id: string; open_alerts: number; open_cases: number; unanswered: number }>(
        sql`SELECT o.id, (SELECT count(*) FROM alerts a WHERE a.organisation_id = o.id AND a.exercise = '' AND a.realm = '' AND a.state <> 'closed') AS open_alerts,
  (SELECT count(*) FROM cases c WHERE c.organisation_id = o.id AND c.exercise = '' AND c.realm = '' AND c.state <> 'closed') AS open_cases,
  (SELECT count(*) FROM cases c WHERE c.organisation_id = o.id AND c.exercise = '' AND c.realm = '' AND c.state = 'waiting') AS unanswered FROM organisations o ORDER BY o.name`,
      );
      const { rows } = await desk.as(analyst, (trx) => listOrganisations(trx, analyst, { offset: 0, limit: 10 }, now));
      expect(
        rows.map(({ id, open_alerts, open_cases, unanswered }) => ({ id, open_alerts, open_cases, unanswered })),
      ).toEqual(plain);
    };

    const episodes = (): Promise<readonly Episode[]> =>
      rowsOf<Episode>(sql`SELECT id, organisation_id, kind, family, country, case_id, CASE WHEN relapses = 0 THEN first END AS first_seen, detected, notified, acknowledged, acted, quieted, closing, state, last, checked, relapses > 0 AS again FROM alerts WHERE exercise = '' AND realm = ''
UNION ALL SELECT a.id, a.organisation_id, a.kind, a.family, a.country, a.case_id, CASE WHEN e.episode = 0 THEN a.first END, e.detected, e.notified, e.acknowledged, e.acted, e.quieted, e.closing, 'quiet', e.relapsed, e.relapsed, e.episode > 0 FROM alert_episodes e JOIN alerts a ON a.id = e.alert_id WHERE a.exercise = '' AND a.realm = ''`);
    const counted = ({ closing }: Episode): boolean =>
      !["withdrawn", "false-positive", "not-ours"].includes(closing ?? "");

    /** Curves from every episode, by hand. */
    const curvesAgree = async (from: number, to: number, now: number): Promise<void> => {
      const told = await rowsOf<{ case_id: string; at: number; channel: string | null }>(
        sql`SELECT case_id, at, channel FROM answers WHERE answer = 'subscriber-notified' ORDER BY id`,
      );
      const all = (await episodes()).filter((one) => counted(one) && verifiableKinds.includes(one.kind));
      const began = (one: Episode): number => one.notified ?? one.detected;
      const within = (one: Episode, a: number, b: number): boolean =>
        began(one) >= a && began(one) < Math.min(b, now + 1);
      const followed = (one: Episode) => {
        const ended = one.quieted !== null && ["quiet", "closed"].includes(one.state);
        const end = ended ? (one.quieted ?? 0) : Math.max(one.last, one.checked ?? 0);
        const time = Math.floor((Math.max(0, end - began(one)) + day / 200) / (day / 100)) / 100;
        return { time, ended };
      };
      const groups = {
        none: () => "",
        owner: (one: Episode) => one.organisation_id ?? "",
        family: (one: Episode) => one.family ?? "",
        country: (one: Episode) => one.country ?? "",
        channel: (one: Episode) =>
          told.find(({ case_id, at: said }) => case_id === one.case_id && said >= one.detected)?.channel ??
          "notice-only",
      };
      for (const by of ["none", "owner", "family", "country", "channel"] as const) {
        const found = await cleanUp(desk, analyst, { by, from, to, days: 20 }, now);
        const here = all.filter((one) => within(one, from, to));
        const notices = here.filter(({ notified }) => notified !== null);
        const shown = (list: readonly Episode[]) => {
          const curve = survival(list.map(followed));
          return { n: curve.n, censored: curve.censored, medianDays: curve.median, points: atSteps(curve, 1, 20) };
        };
        expect(found.all).toMatchObject(shown(notices));
        const untold = here.filter(({ notified }) => notified === null);
        if (untold.length < 5) expect(found.baseline).toBeNull();
        else expect(found.baseline).toMatchObject(shown(untold));
        expect(found.unconfirmed).toBe(notices.filter(({ closing }) => closing === "unconfirmed").length);
        const before = all.filter((one) => one.notified !== null && within(one, 2 * from - to, from));
        expect(found.before).toEqual(
          before.length === 0 ? null : { n: before.length, medianDays: survival(before.map(followed)).median },
        );
        if (by === "none") continue;
        const lists = Map.groupBy(notices, groups[by]);
        const most = [...lists]
          .filter(([, list]) => list.length >= 5)
          .toSorted((a, b) => b[1].length - a[1].length || (a[0] < b[0] ? -1 : 1))
          .slice(0, 7);
        expect(found.groups.map(({ group }) => group)).toEqual(most.map(([group]) => group));
        for (const [i, [, list]] of most.entries()) expect(found.groups[i]).toMatchObject(shown(list));
      }
    };

    /** Response times from every episode, by hand; and the engine's own order says the same. */
    const timesAgree = async (from: number, to: number): Promise<void> => {
      const sectors = new Map(
        (await rowsOf<{ id: string; sector: string }>(sql`SELECT id, sector FROM organisations`)).map((row) => [
          row.id,
          row.sector,
        ]),
      );
      const all = (await episodes()).filter(
        (one) =>
          counted(one) &&
          toldKinds.includes(one.kind) &&
          one.notified !== null &&
          one.notified >= from &&
          one.notified < to,
      );
      const span = (list: readonly Episode[], a: keyof Episode, b: keyof Episode) => {
        const lengths = list
          .filter((one) => one[a] !== null && one[b] !== null && Number(one[b]) >= Number(one[a]))
          .map((one) => (Number(one[b]) - Number(one[a])) / 1e6)
          .toSorted((x, y) => x - y);
        const quantile = (share: number): number | null => {
          if (lengths.length === 0) return null;
          const place = share * (lengths.length - 1);
          const low = lengths[Math.floor(place)] ?? 0;
          return low + (place - Math.floor(place)) * ((lengths[Math.ceil(place)] ?? 0) - low);
        };
        return { n: lengths.length, median: quantile(0.5), p90: quantile(0.9) };
      };
      const row = (list: readonly Episode[]) => ({
        notices: list.length,
        relapsed: list.filter(({ again }) => again).length,
        firstNotified: span(list, "first_seen", "notified"),
        detectedNotified: span(list, "detected", "notified"),
        notifiedAcknowledged: span(list, "notified", "acknowledged"),
        notifiedActed: span(list, "notified", "acted"),
        actedQuiet: span(list, "acted", "quieted"),
      });
      const groups: Readonly<Record<ResponseBy, (one: Episode) => string | null>> = {
        owner: ({ organisation_id }) => organisation_id,
        kind: ({ kind }) => kind,
        month: ({ notified }) => new Date((notified ?? 0) / 1000).toISOString().slice(0, 7),
        country: ({ country }) => country,
        sector: ({ organisation_id }) => sectors.get(organisation_id ?? "") ?? null,
      };
      for (const by of ["owner", "kind", "month", "country", "sector"] as const) {
        const found = await responseTimes(desk, analyst, { by, from, to });
        expect(await responseTimes(desk, analyst, { by, from, to }, -1)).toEqual(found);
        expect(found.all).toMatchObject(row(all));
        expect(found.all.answered.n).toBe(all.length);
        expect(Math.round((found.all.answered.value ?? 0) * all.length)).toBe(
          all.filter(({ acknowledged }) => acknowledged !== null).length,
        );
        const lists = [...Map.groupBy(all, groups[by])].toSorted(
          (a, b) => b[1].length - a[1].length || ((a[0] ?? "~") < (b[0] ?? "~") ? -1 : 1),
        );
        expect(found.rows.map(({ group }) => group)).toEqual(lists.map(([group]) => group ?? ""));
        for (const [i, [, list]] of lists.entries()) expect(found.rows[i]).toMatchObject(row(list));
      }
    };

    /** Precision from every alert and every answer, by hand. */
    const precisionAgrees = async (from: number): Promise<void> => {
      const alerts = await rowsOf<{ id: string; kind: string; case_id: string; tests: string[] }>(
        sql`SELECT id, kind, case_id, tests FROM alerts WHERE exercise = '' AND realm = '' AND case_id IS NOT NULL`,
      );
      const answers = await rowsOf<{ id: number; case_id: string; answer: string; alerts: string[]; at: number }>(
        sql`SELECT id, case_id, answer, alerts, at FROM answers WHERE exercise = '' AND at >= ${from} ORDER BY id DESC`,
      );
      const found = new Map<string, { right: number; wrong: number; undecided: number }>();
      for (const { id, kind, case_id, tests } of alerts) {
        const own = answers.filter(
          (one) => one.case_id === case_id && (one.alerts.length === 0 || one.alerts.includes(id)),
        );
        const said = own.find(({ answer }) => answer !== "working") ?? own[0];
        if (said === undefined) continue;
        const research = said.answer === "research";
        const right =
          ["cleaned", "subscriber-notified", "mitigated", "attack-over"].includes(said.answer) ||
          (research && kind !== "infected-host");
        const wrong = said.answer === "false-positive" || (research && kind === "infected-host");
        for (const detector of new Set(tests.map((test) => test.split(":")[0] ?? ""))) {
          const key = [new Date(said.at / 1000).toISOString().slice(0, 7), detector, kind].join(" ");
          const sums = found.get(key) ?? { right: 0, wrong: 0, undecided: 0 };
          found.set(key, sums);
          sums[right ? "right" : wrong ? "wrong" : "undecided"]++;
        }
      }
      const rows = await measuredPrecision(desk, analyst, from);
      const said = rows.map(({ month, detector, kind, right, wrong, undecided }) => [
        [month, detector, kind].join(" "),
        { right, wrong, undecided },
      ]);
      expect(new Map(said as [string, { right: number; wrong: number; undecided: number }][])).toEqual(found);
    };

    /** Everything is heard up to a time, and nothing after. */
    const hears =
      (until: number) =>
      (_scope: unknown, subjects: readonly { readonly id: string; readonly from: number }[], now: number) =>
        Promise.resolve(
          new Map(
            subjects.map(({ id, from }) => [
              id,
              { last: Math.max(from, until), visits: 200, exposure: 2 * day, since: now - Math.max(from, until) },
            ]),
          ),
        );
    const made = new Map<string, Detection>();
    const take = (list: readonly Detection[]) =>
      desk.as(systemActor, (trx) => cases.takeDetections(trx, list, { now: at }));
    const one = async ({ what, host, answer, channel, kind, family, held, exercise }: Step): Promise<void> => {
      const scope = { realm: "", exercise };
      const key = [host, kind, exercise].join(" ");
      const board = async () =>
        (
          await listAlerts(
            desk,
            analyst,
            { ...scope, states: ["new", "continuing", "quiet", "relapsed", "closed"] },
            "rank",
            { limit: 100 },
            at,
          )
        ).rows;
      const fresh = (n: number): Detection => {
        // One in four is of a realm that its owner alone sees.
        const found = detection(`198.51.100.${n}`, {
          exercise,
          kind,
          family,
          realm: n % 4 === 3 ? "own" : "",
          first: at - hour,
          last: at - 1,
          held: [...held],
        });
        made.set([n, kind, exercise].join(" "), found);
        return found;
      };
      if (what === "take") await take(Array.from({ length: 1 + (host % 9) }, (_, i) => fresh(host + i)));
      else if (what === "again") await take([{ ...(made.get(key) ?? fresh(host)), last: at, packets: 99 }]);
      else if (what === "withdraw")
        await desk.as(systemActor, (trx) =>
          cases.takeDetections(trx, [], { now: at, withdrawn: [...made.values()].slice(0, 3).map(({ id }) => id) }),
        );
      else if (what === "tell")
        await change(
          sql`UPDATE alerts SET notified = detected + (source - '198.51.100.0'::inet) * 7000001 WHERE told IS NOT NULL AND notified IS NULL`,
        );
      else if (what === "silence") await verifySilence(desk, hears(at - 2 * day), at, { closeAfter: 2 * day });
      else if (what === "relapse") {
        await change(
          sql`UPDATE alerts SET state = 'quiet', quieted = last WHERE state IN ('new', 'continuing', 'relapsed') AND kind = ${kind} AND exercise = ${exercise}`,
        );
        await take(Array.from({ length: 5 }, (_, i) => fresh(host + i)));
      } else if (what === "brake")
        await change(
          sql`UPDATE alerts SET checked = ${at}, held = CASE WHEN held = '{}' THEN ARRAY['global-breaker'] ELSE ARRAY[]::text[] END WHERE length(subject) % 2 = ${host % 2} AND exercise = ${exercise}`,
        );
      else if (what === "give")
        await change(
          sql`UPDATE alerts SET organisation_id = ${["alpha", "beta", null][host % 3] ?? null} WHERE organisation_id IS NULL AND source = ${`198.51.100.${host}`}::inet AND state <> 'closed'`,
        );
      else if (what === "answer" || what === "part") {
        for (const row of (await board()).slice(0, host))
          if (row.case_id !== null)
            await cases
              .answer(
                systemActor,
                row.case_id,
                {
                  answer,
                  channel: answer === "subscriber-notified" ? channel : null,
                  note: null,
                  alerts: what === "part" ? [row.id] : [],
                },
                at,
              )
              .catch(refused);
      } else {
        const rows = (await board()).slice(0, host).map(({ id, version }) => ({ id, version }));
        const act = (action: Parameters<typeof actOnAlerts>[4]) =>
          actOnAlerts(desk, cases.rules, analyst, rows, action, at);
        if (what === "release") await act({ action: "release", reason: "test" });
        if (what === "suppress") await act({ action: "suppress", reason: "test", until: at + 3 * day });
        if (what === "merge") await act({ action: "merge", title: "merged" }).catch(refused);
        if (what === "close") await act({ action: "close", outcome: "cleaned" });
        if (what === "reopen") await act({ action: "reopen", reason: "test" });
      }
    };
    type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

    it("says of random histories what every row of them says", { timeout: 600_000 }, async () => {
      // Whatever follows, some were told of, and some came back.
      const plain = {
        hours: 5,
        answer: "cleaned",
        channel: "phone",
        kind: "infected-host",
        family: "mirai",
        held: [],
        exercise: "",
      } as const;
      for (const host of [0, 1, 2, 4, 5, 6, 8, 10]) await one({ ...plain, what: "take", host });
      for (const what of ["take", "tell", "relapse"] as const) {
        at += 5 * hour;
        await one({ ...plain, what, host: 9 });
      }
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 16 }), async (steps) => {
          for (const each of steps) {
            at += each.hours * hour;
            await one(each);
          }
          await keptIsTrue();
          await pagesAgree(at);
          for (const from of [start, at - 9 * day]) {
            await curvesAgree(from, at + 1, at);
            await timesAgree(from, at + 1);
            await precisionAgrees(from);
          }
        }),
        { numRuns },
      );
      // There was something to be seen.
      expect(seen).toBeGreaterThan(100);
      expect((await episodes()).filter(({ again }) => again).length).toBeGreaterThan(0);
    });

    it("shows counts of the shared realm to staff, of an own realm to its owner, and nothing else", async () => {
      await take([3, 7, 11].map((n) => detection(`198.51.100.${n}`, { realm: "own", first: at, last: at + 1 })));
      const realmsOf = (actor: Actor) =>
        desk.as(actor, async (trx) => {
          const found = await sql<{
            realm: string;
            organisation_id: string | null;
          }>`SELECT DISTINCT realm, organisation_id FROM alert_counts WHERE alerts > 0
            UNION SELECT DISTINCT realm, organisation_id FROM case_counts WHERE cases > 0`.execute(trx);
          return found.rows;
        });
      expect(new Set((await realmsOf(analyst)).map(({ realm }) => realm))).toEqual(new Set([""]));
      expect(await realmsOf(member)).toEqual([]);
      expect(await realmsOf({ ...member, realms: ["own"] })).toEqual([{ realm: "own", organisation_id: "alpha" }]);
      expect(await realmsOf({ ...member, organisations: ["beta"], realms: ["other"] })).toEqual([]);
      await expect(desk.as(analyst, (trx) => sql`UPDATE alert_counts SET alerts = 0`.execute(trx))).rejects.toThrow(
        /permission denied/,
      );
      const summary = await summaryOf(desk, member, "m", start);
      const [own] = await rowsOf<{ n: number }>(
        sql`SELECT count(*)::int AS n FROM alerts WHERE organisation_id = 'alpha' AND realm = '' AND exercise = '' AND told IS NOT NULL AND state NOT IN ('closed', 'quiet')`,
      );
      expect(summary.alerts.open).toBe(own?.n);
    });

    it("counts what several change at once, and what is taken back", async () => {
      const fresh = (from: number) =>
        Array.from({ length: 30 }, (_, i) =>
          detection(`198.51.100.${i + 1}`, {
            kind: "scanning-host",
            first: at + from,
            last: at + from + 1,
            port: from,
          }),
        );
      at += day;
      const ended = await Promise.allSettled([
        take(fresh(1)),
        take(fresh(2)),
        ...["alpha", "beta", "gamma"].flatMap((id) => [
          change(sql`UPDATE alerts SET essential = NOT essential WHERE organisation_id = ${id}`),
          change(
            sql`UPDATE alerts SET state = 'closed', closed = ${at}, closing = 'cleaned' WHERE organisation_id = ${id} AND state = 'new' AND kind = 'infected-host'`,
          ),
        ]),
        change(sql`UPDATE cases SET state = 'waiting' WHERE state = 'open'`),
      ]);
      // Who came in another's way (two that open one alert, too) is refused and nobody else; one of those that take is not.
      const refused = ended.flatMap((one) => (one.status === "rejected" ? [one.reason as { code?: string }] : []));
      expect(refused.filter(({ code }) => !["40001", "40P01", "23505"].includes(code ?? ""))).toEqual([]);
      expect(ended.slice(0, 2).map(({ status }) => status)).toContain("fulfilled");
      await keptIsTrue();
      await expect(
        desk.as(systemActor, async (trx) => {
          await sql`UPDATE alerts SET state = 'quiet' WHERE state = 'new'`.execute(trx);
          throw new Error("back");
        }),
      ).rejects.toThrow("back");
      await keptIsTrue();
      await sql`DELETE FROM alerts WHERE case_id IS NULL AND id NOT IN (SELECT alert_id FROM alert_episodes)`.execute(
        desk.owner,
      );
      await keptIsTrue();
    });
  });
};
conformance("counts of the desk in the process", embeddedPlace, 8);
conformance("counts of the desk on a server", serverPlace, 12);
