// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { sql } from "kysely";
import { actOnAlerts } from "../src/cases/actions.ts";
import { listAlerts, loadAlert } from "../src/cases/board.ts";
import { listCases } from "../src/cases/list.ts";
import { loadWhole } from "../src/cases/page.ts";
import { findOnDesk } from "../src/cases/search.ts";
import { responseTimes } from "../src/cases/response.ts";
import { cleanUp, measuredPrecision, summaryOf } from "../src/cases/statistics.ts";
import { systemActor } from "../src/model/actor.ts";
import type { Actor } from "../src/model/actor.ts";
import type { Detection } from "../src/model/detection.ts";
import { listInbox, listLetters } from "../src/notify/letters.ts";
import type { Desk } from "../src/store/desk/desk.ts";
import { countDetections, listDetections } from "../src/store/desk/detections.ts";
import { networksOf } from "../src/store/desk/networks.ts";
import { listOrganisations, loadOrganisation } from "../src/store/desk/organisations.ts";
import { tidyDesk } from "../src/store/desk/tidy.ts";
import { listUnclaimed } from "../src/store/desk/unclaimed.ts";
import { embeddedPlace, serverPlace } from "../test/desk/place.ts";
import { alertStates } from "../src/alert/alert.ts";
import { day, detection, hour, makeCases, owner, start } from "../test/cases/place.ts";

/**
 * Detections to alerts a second, in transactions of 1,000 as a busy interval makes them, and every query of the desk's pages over
 * 100,000 open alerts. `node bench/alerts.ts [embedded|server] [ALERTS] [--keep DIR] [--runs N] [--only WORDS]`: what was filled stays in DIR and
 * is asked again the next time; of the queries, those whose name has WORDS in it.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { keep: { type: "string" }, runs: { type: "string", default: "21" }, only: { type: "string", default: "" } },
});
const engine = positionals[0] === "server" ? "server" : "embedded";
const alerts = Number(positionals[1] ?? 100_000);
const organisations = 2_000;
const kept = values.keep === undefined ? undefined : join(values.keep, `${engine}-${alerts}`);
if (kept !== undefined) mkdirSync(kept, { recursive: true });
const place = await (engine === "server" ? serverPlace(kept) : embeddedPlace(kept));
/** Written when all is filled: what was broken off is not asked. */
const mark = join(kept ?? "", "filled");
const filled = kept !== undefined && existsSync(mark);
const desk: Desk = await place.open();
const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/**
 * Milliseconds of processor time that this process and its backend have used. What is asked here runs one thing after the other, so this is
 * what it would take on a machine with nothing else to do; the time on the clock beside it is of this machine now.
 */
const backend =
  (await desk.as(systemActor, (trx) => sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`.execute(trx))).rows[0]
    ?.pid ?? 0;
const busy = (): number => {
  const { user, system } = process.cpuUsage();
  if (engine === "embedded") return (user + system) / 1000;
  const stat = readFileSync(`/proc/${backend}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // Ticks of 10 ms (USER_HZ).
  return (user + system) / 1000 + (Number(fields[11]) + Number(fields[12])) * 10;
};
/** 10.0.0.0/8 in /20 blocks: one organisation each; every fiftieth address is nobody's. */
const owners = Array.from({ length: organisations }, (_, n) =>
  owner(`o-${n}`, "10.0.0.0/8", { essential: n % 20 === 0, country: ["ID", "TH", "MY", "JP", "VN"][n % 5] ?? "ID" }),
);
const numberOf = (address: string): number => address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
const cases = makeCases(desk, [], {
  owners: {
    ownerOf: (_realm, address) => {
      const n = numberOf(address);
      return n % 50 === 0 ? null : (owners[(n >> 5) % organisations] ?? null);
    },
  },
  policy: { globalBreaker: 1e9, ownerBreaker: 1e9, immediatePerHour: 20 },
});
/** With the breakers as they are: what comes at this rate is told up to them, and held beyond. */
const held = makeCases(desk, [], { owners: cases.rules.owners });
const addressOf = (n: number): string => `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`;
const families = ["mirai", "mozi", "hajime", null];
const made = (n: number, at: number): Detection =>
  detection(addressOf(n), {
    first: at - hour,
    last: at - 60_000_000,
    family: families[n % 4] ?? null,
    kind: n % 10 === 0 ? "scanning-host" : "infected-host",
    port: [23, 2323, 445, 8080][n % 4] ?? 23,
    packets: 10 + (n % 500),
  });

const batch = 1_000;
const rate = async (
  name: string,
  taker: typeof cases,
  of: (n: number) => Detection,
  total: number,
  now: (i: number) => number,
): Promise<void> => {
  const times: number[] = [];
  const used = busy();
  const began = performance.now();
  for (let at = 0; at < total; at += batch) {
    const found = Array.from({ length: Math.min(batch, total - at) }, (_, i) => of(at + i));
    const started = performance.now();
    await desk.as(systemActor, (trx) => taker.takeDetections(trx, found, { now: now(at) }));
    times.push(performance.now() - started);
  }
  const seconds = (performance.now() - began) / 1000;
  const processor = (busy() - used) / 1000;
  times.sort((a, b) => a - b);
  say(
    `${name}: ${Math.round(total / processor)} detections a second of processor time; ${Math.round(total / seconds)} detections/s (${total} in ${seconds.toFixed(1)} s; a thousand p50 ${Math.round(times[times.length >> 1] ?? 0)} ms, most ${Math.round(times.at(-1) ?? 0)} ms)`,
  );
};
say(`desk: ${engine}`);
// An hour of event time a twentieth of all: breakers and digests work as in a bad week.
const clock = (i: number): number => start + day + Math.floor(i / (alerts / 20)) * hour;
const now = clock(alerts) + 2 * hour;

/** A number of so many bits for each alert, and the same each time. */
const some = (what: string, bits: number) => sql`(hashtext(id || ${what}::text)::bigint & ${2 ** bits - 1}::bigint)`;
const fill = async (): Promise<void> => {
  await desk.as(systemActor, async (trx) => {
    await sql`INSERT INTO organisations (id, name, country, sector, created) SELECT 'o-' || n, 'Organisation ' || n, (ARRAY['ID','TH','MY','JP','VN'])[n % 5 + 1], (ARRAY['finance','health','isp'])[n % 3 + 1], ${start} FROM generate_series(0, ${organisations - 1}::int) AS n`.execute(
      trx,
    );
    await sql`INSERT INTO contacts (organisation_id, role, mail, language, state, valid_from) SELECT id, 'abuse', 'abuse@' || id || '.example', 'en', 'active', ${start} FROM organisations`.execute(
      trx,
    );
    await sql`INSERT INTO networks (organisation_id, prefix, valid_from, origin) SELECT 'o-' || n % ${organisations}::int, set_masklen('10.0.0.0'::inet + n * 8192, 19)::cidr, ${start}, 'bench' FROM generate_series(0, 2047) AS n`.execute(
      trx,
    );
  });
  await rate(
    "new alerts in one hour, breakers as they are",
    held,
    (n) => detection(`11.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`, { first: start, last: start + hour }),
    Math.min(alerts, 20_000),
    () => start + 2 * hour,
  );
  await desk.as(systemActor, async (trx) => {
    await sql`UPDATE alerts SET state = 'closed', closed = ${start + 3 * hour}, closing = 'expired'`.execute(trx);
  });
  const first = Array.from({ length: alerts }, (_, n) => made(n, clock(n)));
  await rate(
    "new alerts, each with case, timeline, letter and link",
    cases,
    (n) => first[n] as Detection,
    alerts,
    clock,
  );
  const grown = first.map((one) => ({ ...one, packets: one.packets + 7, last: one.last + 1_000_000 }));
  await rate(
    "more of the same",
    cases,
    (n) => grown[n] as Detection,
    Math.min(alerts, 20_000),
    () => clock(alerts) + hour,
  );
  await rate(
    "the same again (after a crash)",
    cases,
    (n) => grown[n] as Detection,
    Math.min(alerts, 20_000),
    () => clock(alerts) + hour,
  );

  // As it is after a while: letters sent, some answered, some quiet, some held.
  await desk.as(systemActor, async (trx) => {
    await sql`UPDATE outbox SET state = 'sent', sent = due WHERE channel = 'mail' AND (hashtext(id) & 2147483647) % 100 <> 0`.execute(
      trx,
    );
    // No two lengths are the same: medians of equals would be found too soon.
    await sql`UPDATE alerts SET notified = detected + 1000000 + ${some("n", 30)} WHERE told IS NOT NULL`.execute(trx);
    await sql`UPDATE alerts SET held = ARRAY['ttl-spread'] WHERE ${some("", 31)} % 50 = 1`.execute(trx);
    await sql`UPDATE alerts SET acknowledged = notified + 600000000 + ${some("k", 31)} * 20, acted = notified + 600000000 + ${some("k", 31)} * 20 + ${some("a", 31)} WHERE case_id IS NOT NULL AND ${some("", 31)} % 4 = 0`.execute(
      trx,
    );
    await sql`INSERT INTO answers (case_id, organisation_id, realm, exercise, at, actor, answer, channel, state, detectors)
  SELECT case_id, organisation_id, realm, exercise, acknowledged, 'link:x', (ARRAY['cleaned','subscriber-notified','false-positive'])[${some("", 31)} % 3 + 1], CASE WHEN ${some("", 31)} % 3 = 1 THEN (ARRAY['phone', 'mail', 'sms'])[${some("c", 31)} % 3 + 1] END, 'claimed', '{infected}'
  FROM alerts WHERE acknowledged IS NOT NULL`.execute(trx);
    await sql`UPDATE alerts SET state = 'quiet', quieted = last + ${some("q", 31)} * 10, checked = ${now} WHERE ${some("", 31)} % 7 = 0 AND organisation_id IS NOT NULL`.execute(
      trx,
    );
    // Whose network it is that nobody owns is known of most.
    await sql`UPDATE alerts SET asn = 64512 + ${some("s", 31)} % 300 WHERE organisation_id IS NULL AND ${some("", 31)} % 5 > 0`.execute(
      trx,
    );
  });
  if (kept !== undefined) writeFileSync(mark, "");
};
if (filled) say(`filled before: ${kept}`);
else await fill();

// What the desk does by itself within a minute or two: a server's autovacuum, and in the process `tidyDesk`, which takes one table at a time. Nothing, where it was done before.
const tidied: number[] = [];
for (let more = true; more;) {
  const began = performance.now();
  more = (await tidyDesk(desk.owner)) !== null;
  tidied.push(performance.now() - began);
}
say(
  `tidied in ${(tidied.reduce((sum, ms) => sum + ms, 0) / 1000).toFixed(1)} s, the longest part ${Math.round(Math.max(...tidied))} ms`,
);

const analyst: Actor = { id: "person:ana", roles: ["analyst"], organisations: [], realms: [], sensors: [] };
const member: Actor = { id: "person:m", roles: ["member"], organisations: ["o-7"], realms: [], sensors: [] };
const scope = { realm: "", exercise: "" };
const picked = await desk.as(systemActor, (trx) =>
  sql<{
    id: string;
    version: number;
    number: number;
  }>`SELECT a.id, a.version, c.number FROM alerts a JOIN cases c ON c.id = a.case_id WHERE a.state = 'new' ORDER BY a.rank DESC LIMIT 200`.execute(
    trx,
  ),
);
const one = picked.rows[0] ?? { id: "", version: 0, number: 0 };
const second = await listAlerts(desk, analyst, scope, "rank", { limit: 100 }, now);
const pages: readonly (readonly [string, () => Promise<unknown>])[] = [
  ["board, first page", () => listAlerts(desk, analyst, scope, "rank", { limit: 100 }, now)],
  ["board, page two", () => listAlerts(desk, analyst, scope, "rank", { limit: 100, cursor: second.next ?? "" }, now)],
  ["board, newest", () => listAlerts(desk, analyst, scope, "last", { limit: 100 }, now)],
  ["board, 500 rows", () => listAlerts(desk, analyst, scope, "rank", { limit: 500 }, now)],
  ["board, most packets", () => listAlerts(desk, analyst, scope, "packets", { limit: 100 }, now)],
  [
    "board, closed too",
    () => listAlerts(desk, analyst, { ...scope, states: alertStates }, "rank", { limit: 100 }, now),
  ],
  ["board, held", () => listAlerts(desk, analyst, { ...scope, only: ["held"] }, "rank", { limit: 100 }, now)],
  ["board, unclaimed", () => listAlerts(desk, analyst, { ...scope, only: ["unclaimed"] }, "rank", { limit: 100 }, now)],
  [
    "board, a kind",
    () => listAlerts(desk, analyst, { ...scope, kinds: ["infected-host"] }, "rank", { limit: 100 }, now),
  ],
  ["board, essential", () => listAlerts(desk, analyst, { ...scope, only: ["essential"] }, "rank", { limit: 100 }, now)],
  [
    "board, unanswered",
    () => listAlerts(desk, analyst, { ...scope, only: ["unanswered"] }, "first", { limit: 100 }, now),
  ],
  ["board, a country", () => listAlerts(desk, analyst, { ...scope, country: "TH" }, "last", { limit: 100 }, now)],
  [
    "board, a severity",
    () => listAlerts(desk, analyst, { ...scope, severities: ["high"] }, "packets", { limit: 100 }, now),
  ],
  [
    "board, family and port",
    () => listAlerts(desk, analyst, { ...scope, family: "mozi", port: 2323 }, "rank", { limit: 100 }, now),
  ],
  ["board, one owner", () => listAlerts(desk, analyst, { ...scope, organisation: "o-7" }, "rank", { limit: 100 }, now)],
  ["board, an address", () => listAlerts(desk, analyst, { ...scope, q: addressOf(777) }, "rank", { limit: 100 }, now)],
  ["board, a prefix", () => listAlerts(desk, analyst, { ...scope, q: "10.0.4.0/24" }, "rank", { limit: 100 }, now)],
  ["board, words", () => listAlerts(desk, analyst, { ...scope, q: "organisation 77" }, "rank", { limit: 100 }, now)],
  ["board, a member's", () => listAlerts(desk, member, scope, "rank", { limit: 100 }, now)],
  ["an alert", () => loadAlert(desk, analyst, one.id)],
  ["cases", () => listCases(desk, analyst, scope, "touched", { limit: 50 }, now)],
  [
    "cases, unanswered",
    () => listCases(desk, analyst, { ...scope, only: ["unanswered"] }, "opened", { limit: 50 }, now),
  ],
  ["cases, by severity", () => listCases(desk, analyst, scope, "severity", { limit: 50 }, now)],
  [
    "cases, of a kind",
    () => listCases(desk, analyst, { ...scope, kinds: ["infected-host"] }, "opened", { limit: 50 }, now),
  ],
  [
    "cases, a number",
    () => listCases(desk, analyst, { ...scope, q: `LAYANG-${one.number}` }, "touched", { limit: 50 }, now),
  ],
  ["cases, a member's", () => listCases(desk, member, scope, "touched", { limit: 50 }, now)],
  ["a case", () => loadWhole(desk, analyst, one.number)],
  ["outbox", () => listLetters(desk, analyst, { exercise: "" }, { limit: 100 }, now)],
  ["outbox, waiting", () => listLetters(desk, analyst, { exercise: "", states: ["waiting"] }, { limit: 100 }, now)],
  ["inbox, a member's", () => listInbox(desk, member, { unread: true, exercise: "" }, { limit: 50 })],
  ["found: words", () => desk.as(analyst, (trx) => findOnDesk(trx, analyst, "organisation 77", scope))],
  ["found: a family", () => desk.as(analyst, (trx) => findOnDesk(trx, analyst, "mozi", scope))],
  ["found: an address", () => desk.as(analyst, (trx) => findOnDesk(trx, analyst, addressOf(777), scope))],
  ["organisations", () => desk.as(analyst, (trx) => listOrganisations(trx, analyst, { offset: 0, limit: 100 }, now))],
  [
    "organisations, most alerts",
    () => desk.as(analyst, (trx) => listOrganisations(trx, analyst, { order: "alerts", offset: 0, limit: 100 }, now)),
  ],
  ["an organisation", () => desk.as(analyst, (trx) => loadOrganisation(trx, analyst, "o-7", now))],
  ["networks, a member's", () => desk.as(member, (trx) => networksOf(trx, member, "o-7", { now }))],
  ["unclaimed", () => desk.as(analyst, (trx) => listUnclaimed(trx, { offset: 0, limit: 100 }))],
  ["summary", () => summaryOf(desk, analyst, "ana", now)],
  ["summary, a member's", () => summaryOf(desk, member, "m", now)],
  ["detections", () => desk.as(analyst, (trx) => listDetections(trx, scope, 100))],
  ["detections, counted", () => desk.as(analyst, (trx) => countDetections(trx, scope))],
  ["clean-up curves", () => cleanUp(desk, analyst, { by: "none", from: start, to: now, days: 60 }, now)],
  ["clean-up curves by channel", () => cleanUp(desk, analyst, { by: "channel", from: start, to: now, days: 60 }, now)],
  ["clean-up curves by owner", () => cleanUp(desk, analyst, { by: "owner", from: start, to: now, days: 60 }, now)],
  ["clean-up curves by family", () => cleanUp(desk, analyst, { by: "family", from: start, to: now, days: 60 }, now)],
  ["clean-up curves by country", () => cleanUp(desk, analyst, { by: "country", from: start, to: now, days: 60 }, now)],
  [
    "clean-up curves of one owner",
    () => cleanUp(desk, analyst, { by: "none", organisation: "o-7", from: start, to: now, days: 60 }, now),
  ],
  ["response times by owner", () => responseTimes(desk, analyst, { by: "owner", from: start, to: now })],
  ["response times by kind", () => responseTimes(desk, analyst, { by: "kind", from: start, to: now })],
  ["response times by month", () => responseTimes(desk, analyst, { by: "month", from: start, to: now })],
  ["response times by country", () => responseTimes(desk, analyst, { by: "country", from: start, to: now })],
  ["response times by sector", () => responseTimes(desk, analyst, { by: "sector", from: start, to: now })],
  ["measured precision", () => measuredPrecision(desk, analyst, start)],
  [
    "200 suppressed at once",
    () =>
      actOnAlerts(
        desk,
        cases.rules,
        analyst,
        picked.rows,
        { action: "suppress", reason: "bench", until: now + day },
        now,
      ),
  ],
];
say(
  `\nqueries over ${alerts} open alerts, ms: processor time, then on the clock p50, p95 and most of ${values.runs} (needed: 200)`,
);
for (const [name, ask] of pages.filter(([title]) => title.includes(values.only))) {
  const times: number[] = [];
  const runs = name.includes("at once") ? 1 : Number(values.runs);
  const used = busy();
  for (let i = 0; i < runs; i++) {
    const started = performance.now();
    await ask();
    times.push(performance.now() - started);
  }
  const processor = (busy() - used) / runs;
  times.sort((a, b) => a - b);
  const cell = (ms: number | undefined): string =>
    Math.round(ms ?? 0)
      .toString()
      .padStart(6);
  say(
    `${name.padEnd(30)} ${cell(processor)} ${cell(times[times.length >> 1])} ${cell(times[Math.ceil(times.length * 0.95) - 1])} ${cell(times.at(-1))}`,
  );
}
await desk.close();
await place.remove();
