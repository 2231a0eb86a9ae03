// SPDX-License-Identifier: Apache-2.0
import type { AnswerOf, QueryOf, QuestionName } from "../api/contract/index.ts";
import { day, endOf, hour, iso, minute, spanOf } from "./asked.ts";
import type { Asked, Span, Surroundings } from "./asked.ts";
import { coverageStatement, foldCoverage, foldPrevious } from "./coverage.ts";
import { defaultLimits } from "./engine.ts";
import type { Engine, Limits, Statement } from "./engine.ts";
import type { QuestionOf, Results } from "./question.ts";
import { questions } from "./questions.ts";

type Common = { from?: string; to?: string; last?: string; realm?: string; exercise?: string; sensor?: string };

/**
 * The period of the same length just before; of one that is not over, as long as what is over of it. Where it ends now it begins on a whole 5 minutes
 * (hour, above a day), so that roll-ups answer it: it is then shorter by less than that.
 */
const before = ({ from, to }: Span, { from: given }: Common, now: number): Span => {
  const underWay = from < now && now < to;
  const length = (underWay ? now : to) - from;
  const round = given !== undefined && !underWay ? 1 : length < 2 * day ? 5 * minute : hour;
  return { from: Math.min(from - 1, Math.ceil((from - length) / round) * round), to: from };
};

/** Makes the time of a question definite. @throws AppError QUERY_PERIOD */
export const askedOf = <Q extends QuestionName>(
  name: Q,
  query: QueryOf<Q>,
  around: Surroundings,
): Asked<QueryOf<Q>> => {
  const question = questions[name] as QuestionOf<Q>;
  const common = query as Common;
  const span =
    question.span === undefined ? spanOf(common, around, question.last) : question.span(query, endOf(around));
  const asked = {
    query,
    ...span,
    previous: before(span, common, around.now),
    realm: common.realm ?? "",
    exercise: common.exercise ?? "",
    around,
  };
  // Without roll-ups there are rows alone.
  const otherwise = around.rollUps === null ? around.kept.rows : -Infinity;
  return { ...asked, since: question.since?.(asked) ?? otherwise };
};

/** From when on what is asked for is kept, where it reaches further back. */
const keptFrom = <Q extends QuestionName>(
  { names, compares }: QuestionOf<Q>,
  { from, previous, since, around }: Asked<unknown>,
): number | null => {
  const all = names === true ? Math.max(since, around.kept.rows) : since;
  return from < all ? all : compares && previous.from < since ? since : null;
};

/**
 * Asks a question: its statements side by side, then the fold, then the envelope.
 * @throws AppError QUERY_PERIOD, QUERY_PARAMETER, and what the engine throws beyond its limits.
 */
export const ask = async <Q extends QuestionName>(
  engine: Engine,
  name: Q,
  query: QueryOf<Q>,
  around: Surroundings,
  limits: Limits = defaultLimits,
): Promise<AnswerOf<Q>> => {
  const started = performance.now();
  const question = questions[name] as QuestionOf<Q>;
  const asked = askedOf(name, query, around);
  const sensor = (query as Common).sensor;
  const run = async (statements: Readonly<Record<string, Statement>>): Promise<Results> =>
    Object.fromEntries(
      await Promise.all(
        Object.entries(statements).map(async ([key, { sql, parameters }]) => [
          key,
          (await engine.query<Record<string, unknown>>(sql, parameters, limits)).rows,
        ]),
      ),
    ) as Results;
  const first = await run({
    ...question.compile(asked),
    coverage: coverageStatement(asked, asked, sensor),
    ...(question.compares ? { coverageBefore: coverageStatement(asked, asked.previous, sensor) } : {}),
  });
  const results: Record<string, Results[string]> = { ...first };
  for (const stage of [question.next, question.after, question.atLast]) {
    if (stage !== undefined) Object.assign(results, await run(stage(asked, results)));
  }
  const { truncated, ...body } = question.fold(asked, results);
  const kept = keptFrom(question, asked);
  const answer = {
    question: name,
    period: { from: iso(asked.from), to: iso(asked.to) },
    previous: question.compares ? foldPrevious(asked, results) : null,
    coverage: foldCoverage(asked, results["coverage"], sensor),
    meta: {
      simulated: around.simulated,
      realm: asked.realm,
      exercise: asked.exercise,
      asked: iso(around.now),
      dataUntil: around.dataUntil === null ? null : iso(around.dataUntil),
      milliseconds: Math.round(performance.now() - started),
      from: around.dataUntil === null ? "none" : around.rollUps === null ? "base" : "mixed",
      truncated: truncated ?? false,
      ...(kept === null ? {} : { keptFrom: iso(kept) }),
    },
    ...body,
  };
  return answer as unknown as AnswerOf<Q>;
};
