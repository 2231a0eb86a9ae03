// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance, FastifyRequest } from "fastify";
import { staff } from "../../access/rule.ts";
import { actOnCase, isStaff, loadAttachment, loadTimeline, loadWhole, newCase } from "../../cases/page.ts";
import type { CaseAction, Whole } from "../../cases/page.ts";
import { listCases } from "../../cases/list.ts";
import type { CaseFilter } from "../../cases/list.ts";
import type { Actor } from "../../model/actor.ts";
import { hasRole } from "../../model/actor.ts";
import { stepsFor } from "../../notify/letter.ts";
import { AttachmentPath, attachmentPath, caseEndpoints as at } from "../contract/desk/cases.ts";
import type { Answer, Case } from "../contract/desk/cases.ts";
import { touch } from "./actor.ts";
import type { ActorOf } from "./actor.ts";
import { readers } from "./alerts.ts";
import type { AlertServices } from "./alerts.ts";
import { mount } from "./route.ts";
import {
  alertRow,
  caseRow,
  classificationFor,
  clocksOf,
  listOf,
  microsOf,
  samplesOf,
  silenceOf,
  timelineRow,
} from "./shapes.ts";
import { timeOf, timeOrNull } from "./times.ts";

/** The base64 of an attachment, and what is around it. */
const attachmentBody = 1_500_000;
const first = (times: readonly (string | null)[]): string | null =>
  times.filter((time) => time !== null).toSorted()[0] ?? null;
/** Of several alerts: a clock runs until the last of them has stopped it. */
const last = (times: readonly (string | null)[]): string | null =>
  times.includes(null) ? null : (times.toSorted().at(-1) ?? null);

const mayOf = (actor: Actor, whole: Whole): Case["may"] => {
  if (isStaff(actor)) return ["answer", "note", "task", "attach", "link", "assign", "state", "notify", "revoke"];
  return hasRole(actor, "member") && actor.organisations.includes(whole.line.organisation_id ?? "")
    ? ["answer", "note", "attach"]
    : [];
};

export const answerOf = (body: Answer) => ({
  answer: body.answer,
  channel: body.channel ?? null,
  note: body.text ?? null,
  alerts: body.alerts ?? [],
});

export const caseOf = (whole: Whole, actor: Actor, language: string, now: number): Case => {
  const { line, alerts } = whole;
  const clocks = alerts.map(clocksOf);
  const [top] = alerts;
  return {
    asked: timeOf(now),
    case: caseRow(line),
    clocks: {
      detected: first(clocks.map(({ detected }) => detected)),
      notified: first(clocks.map(({ notified }) => notified)),
      acknowledged: first(clocks.map(({ acknowledged }) => acknowledged)),
      acted: first(clocks.map(({ acted }) => acted)),
      quiet: last(clocks.map(({ quiet }) => quiet)),
      closed: timeOrNull(line.closed),
    },
    silence: alerts.length === 1 && top !== undefined ? silenceOf(top) : null,
    classification: classificationFor(line.kind),
    alerts: alerts.map(alertRow),
    timeline: whole.timeline.map(timelineRow),
    earlier: whole.earlier,
    samples: samplesOf(alerts.flatMap(({ samples }) => samples)),
    attributable: alerts.every(({ translation, samples }) => translation === "none" || samples.length > 0),
    tasks: whole.tasks.map((task) => ({ ...task, due: timeOrNull(task.due), done: timeOrNull(task.done) })),
    links: whole.links.map(({ number, title, kind, state }) => ({ case: number, title, relation: kind, state })),
    attachments: whole.attachments.map(({ id, name, media_type, size, at, name_of, actor: by, marking }) => ({
      id,
      name,
      type: media_type,
      bytes: size,
      at: timeOf(at),
      by: name_of ?? by.split(":")[0] ?? "",
      marking,
    })),
    // What waits to be looked at is the desk's alone.
    notices: whole.letters
      .filter(({ state }) => state !== "held" || isStaff(actor))
      .map(({ created, sent, ...letter }) => ({
        ...letter,
        created: timeOf(created),
        sent: timeOrNull(sent),
      })),
    steps: [...stepsFor(language, line.kind, line.family)],
    helpLink: { expires: timeOrNull(whole.link.expires), revoked: whole.link.revoked },
    replied: timeOrNull(whole.replied),
    may: mayOf(actor, whole),
  };
};

/** Cases: the list, one whole, its timeline, and what people do to it. */
export const withCases = (server: FastifyInstance, services: AlertServices, actorOf: ActorOf): void => {
  const { desk, cases, now } = services;

  mount(server, at.cases, { who: readers, audit: "case.list" }, async ({ query, request }) => {
    const {
      state,
      kind,
      severity,
      only,
      order = "touched",
      cursor,
      limit = 50,
      realm = "",
      exercise = "",
      ...rest
    } = query;
    const filter = {
      ...rest,
      realm,
      exercise,
      states: listOf(state),
      kinds: listOf(kind),
      severities: listOf(severity),
      only: listOf(only),
    } as CaseFilter;
    const asked = now();
    const found = await listCases(
      desk,
      actorOf(request),
      filter,
      order,
      { limit, ...(cursor === undefined ? {} : { cursor }) },
      asked,
    );
    return {
      asked: timeOf(asked),
      total: found.total,
      next: found.next,
      facts: { ...found.facts, oldestUnanswered: timeOrNull(found.facts.oldestUnanswered) },
      rows: found.rows.map(caseRow),
    };
  });

  const whole = async (request: FastifyRequest, number: number, language = "en"): Promise<Case> => {
    const actor = actorOf(request);
    touch(request, `case:${number}`);
    return caseOf(await loadWhole(desk, actor, number), actor, language, now());
  };
  mount(server, at.case, { who: readers, audit: "case.read" }, ({ params, query, request }) =>
    whole(request, params.case, query.language),
  );
  mount(server, at["case/timeline"], { who: readers, audit: "case.read" }, async ({ params, query, request }) => {
    const { before, limit = 200 } = query;
    const found = await loadTimeline(desk, actorOf(request), params.case, {
      limit,
      ...(before === undefined ? {} : { before }),
    });
    touch(request, `case:${params.case}`);
    return { rows: found.rows.map(timelineRow), earlier: found.earlier };
  });
  mount(server, at["cases/new"], { who: staff, audit: "case.open" }, async ({ body, request }) =>
    whole(request, await newCase(desk, actorOf(request), body.title, body.alerts, now())),
  );
  mount(server, at["case/answer"], { who: readers, audit: "case.answer" }, async ({ params, body, request }) => {
    const actor = actorOf(request);
    const { line } = await loadWhole(desk, actor, params.case);
    await cases.answer(actor, line.id, answerOf(body), now());
    return whole(request, params.case);
  });

  const act = async (request: FastifyRequest, number: number, action: CaseAction): Promise<Case> => {
    const actor = actorOf(request);
    touch(request, `case:${number}`);
    const done = await actOnCase(desk, cases.rules, actor, number, action, now());
    services.poke?.();
    return caseOf(done, actor, "en", now());
  };
  mount(server, at["case/note"], { who: readers, audit: "case.note" }, ({ params, body, request }) =>
    act(request, params.case, { action: "note", ...body }),
  );
  mount(server, at["case/task"], { who: staff, audit: "case.task" }, ({ params, body, request }) =>
    act(request, params.case, {
      action: "task",
      title: body.title,
      due: body.due === undefined ? null : microsOf(body.due),
      assignee: body.assignee ?? null,
    }),
  );
  mount(server, at["case/task/done"], { who: staff, audit: "case.task" }, ({ params, body, request }) =>
    act(request, params.case, { action: "task-done", task: params.task, done: body.done }),
  );
  mount(server, at["case/link"], { who: staff, audit: "case.link" }, ({ params, body, request }) =>
    act(request, params.case, { action: "link", case: body.case, relation: body.relation }),
  );
  mount(
    server,
    at["case/attach"],
    { who: readers, audit: "case.attach", bodyLimit: attachmentBody },
    ({ params, body, request }) =>
      act(request, params.case, {
        action: "attach",
        name: body.name,
        type: body.type,
        content: Buffer.from(body.content, "base64"),
        marking: body.marking,
      }),
  );
  mount(server, at["case/state"], { who: staff, audit: "case.state" }, ({ params, body, request }) =>
    act(request, params.case, {
      action: "state",
      state: body.state,
      version: body.version,
      reason: body.reason ?? null,
    }),
  );
  mount(server, at["case/assign"], { who: staff, audit: "case.assign" }, ({ params, body, request }) =>
    act(request, params.case, { action: "assign", person: body.person, version: body.version }),
  );
  mount(server, at["case/notify"], { who: staff, audit: "case.notify" }, ({ params, request }) =>
    act(request, params.case, { action: "notify" }),
  );
  mount(server, at["case/revoke"], { who: staff, audit: "case.revoke" }, ({ params, request }) =>
    act(request, params.case, { action: "revoke" }),
  );
  mount(
    server,
    {
      method: "GET",
      path: attachmentPath,
      params: AttachmentPath,
      media: "application/octet-stream",
      about: "An attachment's bytes",
    } as const,
    { who: readers, audit: "case.attachment" },
    async ({ params, request, reply }) => {
      const found = await loadAttachment(desk, actorOf(request), params.case, params.attachment);
      touch(request, `case:${params.case}`, `attachment:${params.attachment}`);
      // Never shown by the browser: whatever it is called, it is bytes to be kept.
      await reply
        .header("content-disposition", `attachment; filename*=UTF-8''${encodeURIComponent(found.name)}`)
        .type("application/octet-stream")
        .send(Buffer.from(found.content));
      return reply;
    },
  );
};
