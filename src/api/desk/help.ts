// SPDX-License-Identifier: Apache-2.0
import { subjectShown } from "../../cases/rows.ts";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { sql } from "kysely";
import { alertOf } from "../../cases/rows.ts";
import { precisionOfKind } from "../../cases/statistics.ts";
import { letterOfLink } from "../../cases/links.ts";
import type { ToldByLetter } from "../../cases/links.ts";
import { wholeOf } from "../../cases/page.ts";
import type { BoardRow } from "../../cases/board.ts";
import type { Sample } from "../../model/detection.ts";
import type { Actor } from "../../model/actor.ts";
import { systemActor } from "../../model/actor.ts";
import { darknetCsv } from "../../notify/csv.ts";
import { stepsFor } from "../../notify/letter.ts";
import { AppError } from "../../platform/errors.ts";
import { helpEndpoints as at, helpEvidencePath } from "../contract/desk/help.ts";
import type { Help } from "../contract/desk/help.ts";
import { touch } from "./actor.ts";
import type { ActorOf } from "./actor.ts";
import type { AlertServices } from "./alerts.ts";
import { answerOf } from "./cases.ts";
import { mount } from "./route.ts";
import { classificationFor, samplesOf, silenceOf } from "./shapes.ts";
import { timeOf } from "./times.ts";

export interface HelpServices extends AlertServices {
  /** Who tells: name, mail and telephone of the node. */
  readonly desker: { readonly name: string; readonly mail: string | null; readonly phone: string | null };
  readonly simulated: boolean;
}
type Bearer = Actor & { readonly case: string };
const bearerOf = (actor: Actor): Bearer => {
  if (actor.case === undefined) throw new AppError("LINK_ENDED", "this page is opened by the link of a mail");
  return actor as Bearer;
};
const linkOf = (bearer: Bearer): string => bearer.id.slice("link:".length);

/** Packets that a later letter told. */
const newerThan = (
  told: ToldByLetter["items"][number] | undefined,
  alert: Pick<BoardRow, "samples">,
): readonly Sample[] => alert.samples.filter(({ time }) => told === undefined || time > told.last);
/** The letter's evidence as it stands there, and below it what later letters told: who reads both must find the same packets. */
const evidenceOf = (
  row: Pick<BoardRow, "id" | "samples">,
  letter: ToldByLetter | null,
): Pick<Help["subjects"][number], "told" | "samples"> => {
  const told = letter?.items.find(({ alert }) => alert === row.id);
  return {
    told:
      told === undefined || letter === null
        ? null
        : { at: timeOf(letter.at), last: timeOf(told.last), packets: told.packets, darkAddresses: told.darkAddresses },
    samples: [
      ...samplesOf(told?.samples ?? [], 25).map((sample) => ({ ...sample, newer: false })),
      ...samplesOf(newerThan(told, row), 25).map((sample) => ({ ...sample, newer: true })),
    ],
  };
};
const stateOf = (help: {
  readonly closed: boolean;
  readonly quiet: boolean;
  readonly relapsed: boolean;
  readonly unknown: boolean;
  readonly unconfirmed: boolean;
  readonly claimed: boolean;
}): Help["state"] => {
  if (help.relapsed) return "relapsed";
  if (help.unconfirmed) return "unconfirmed";
  if (help.closed) return "closed";
  if (help.quiet) return "quiet";
  if (help.claimed) return "claimed";
  return help.unknown ? "unknown" : "asked";
};

/** The self-help page's data: the bearer of a link, one case. Reading changes nothing; an answer is a POST. */
export const withHelp = (server: FastifyInstance, services: HelpServices, actorOf: ActorOf): void => {
  const { desk, cases, now } = services;

  const help = async (request: FastifyRequest, language: string | undefined): Promise<Help> => {
    const bearer = bearerOf(actorOf(request));
    const whole = await desk.as(bearer, (trx) => wholeOf(trx, { id: bearer.case }));
    // Beside the case the page needs three things that its bearer may not read itself: a name, a date, a rate.
    const beside = await desk.as(systemActor, async (trx) => {
      const link = linkOf(bearer);
      const { rows } = await sql<{
        name: string | null;
        expires: number;
        language: string | null;
      }>`SELECT o.name, l.expires, c.language FROM help_links l LEFT JOIN organisations o ON o.id = l.organisation_id LEFT JOIN contacts c ON c.id = l.contact_id WHERE l.id = ${link}`.execute(
        trx,
      );
      return {
        link: rows[0],
        precision: await precisionOfKind(trx, whole.line.kind),
        letter: await letterOfLink(trx, link),
      };
    });
    const { line, alerts } = whole;
    const [top] = alerts;
    const words = language ?? beside.link?.language ?? "en";
    return {
      asked: timeOf(now()),
      case: line.number,
      organisation: (beside.link?.name ?? "").slice(0, 200),
      from: services.desker.name.slice(0, 200),
      language: words,
      kind: line.kind,
      classification: classificationFor(line.kind),
      family: line.family?.slice(0, 100) ?? null,
      severity: line.severity,
      exercise: line.exercise,
      simulated: services.simulated,
      subjects: alerts.map((row) => ({
        ...evidenceOf(row, beside.letter),
        alert: row.id,
        subject: subjectShown(row.subject),
        first: timeOf(row.first),
        last: timeOf(row.last),
        packets: row.packets,
        darkAddresses: row.dark_addresses,
        ports: row.ports.slice(0, 16),
        attributable: row.translation === "none" || row.samples.length > 0,
        silence: silenceOf(row),
      })),
      translation: top?.translation ?? "none",
      sensors: new Set(alerts.flatMap(({ sensors }) => sensors)).size,
      confidence: Math.min(1, Math.max(0, ...alerts.map(({ confidence }) => confidence))),
      precision: beside.precision,
      steps: [...stepsFor(words, line.kind, line.family)],
      answers: whole.answers.map((answer) => ({
        at: timeOf(answer.at),
        answer: answer.answer as Help["answers"][number]["answer"],
        channel: answer.channel as Help["answers"][number]["channel"],
        text: answer.note?.slice(0, 2000) ?? null,
      })),
      state: stateOf({
        relapsed: alerts.some(({ state }) => state === "relapsed"),
        closed: line.state === "closed",
        quiet: alerts.length > 0 && alerts.every(({ state }) => state === "quiet" || state === "closed"),
        unconfirmed:
          alerts.some(({ closing }) => closing === "unconfirmed") && alerts.every(({ state }) => state === "closed"),
        unknown: alerts.some(({ silence }) => silence === "unknown" || silence === "moved"),
        claimed: whole.answers.length > 0,
      }),
      expires: timeOf(beside.link?.expires ?? 0),
      contact: { mail: services.desker.mail, phone: services.desker.phone },
    };
  };

  mount(server, at.help, { who: ["link"], audit: "help.read" }, ({ query, request }) => help(request, query.language));
  mount(server, at["help/answer"], { who: ["link"], audit: "help.answer" }, async ({ body, request }) => {
    const bearer = bearerOf(actorOf(request));
    touch(request, `case-id:${bearer.case}`);
    await cases.answerByLink(bearer, answerOf(body), now());
    return help(request, undefined);
  });
  mount(
    server,
    {
      method: "GET",
      path: helpEvidencePath,
      media: "text/csv",
      about: "The evidence as CSV (Shadowserver's event4_honeypot_darknet columns)",
    } as const,
    { who: ["link"], audit: "help.evidence" },
    async ({ request, reply }) => {
      const bearer = bearerOf(actorOf(request));
      const whole = await desk.as(bearer, (trx) => wholeOf(trx, { id: bearer.case }));
      const letter = await desk.as(systemActor, (trx) => letterOfLink(trx, linkOf(bearer)));
      // The rows of the letter's own table first, to the byte; then what later letters told.
      const items = whole.alerts.flatMap((row) => {
        const current = cases.itemOf(alertOf(row), whole.line.number);
        const told = letter?.items.find(({ alert }) => alert === row.id);
        if (told === undefined) return [current];
        const newer = newerThan(told, current);
        return newer.length === 0 ? [told] : [told, { ...current, samples: newer, newer: true }];
      });
      await reply
        .type("text/csv; charset=utf-8; header=present")
        .header("content-disposition", `attachment; filename="LAYANG-${whole.line.number}.csv"`)
        .send(darknetCsv(items, services.desker.name));
      return reply;
    },
  );
};
