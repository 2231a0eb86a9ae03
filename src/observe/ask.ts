// SPDX-License-Identifier: Apache-2.0
import type { AnswerOf, QueryOf, QuestionName } from "../api/contract/index.ts";
import { endOf, iso, spanOf } from "./asked.ts";
import type { Asked, Surroundings } from "./asked.ts";
import { coverageStatement, foldCoverage } from "./coverage.ts";
import { defaultLimits } from "./engine.ts";
import type { Engine, Limits } from "./engine.ts";
import type { QuestionOf } from "./question.ts";
import { questions } from "./questions.ts";

type Common = { from?: string; to?: string; last?: string; realm?: string; exercise?: string; sensor?: string };

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
  return {
    query,
    ...span,
    previous: { from: span.from - (span.to - span.from), to: span.from },
    realm: common.realm ?? "",
    exercise: common.exercise ?? "",
    around,
  };
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
  const statements = { ...question.compile(asked), coverage: coverageStatement(asked, sensor) };
  const results = Object.fromEntries(
    await Promise.all(
      Object.entries(statements).map(async ([key, { sql, parameters }]) => [
        key,
        (await engine.query<Record<string, unknown>>(sql, parameters, limits)).rows,
      ]),
    ),
  ) as Record<string, readonly Record<string, unknown>[]>;
  const { truncated, ...body } = question.fold(asked, results);
  const answer = {
    question: name,
    period: { from: iso(asked.from), to: iso(asked.to) },
    previous: question.compares ? { from: iso(asked.previous.from), to: iso(asked.previous.to) } : null,
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
    },
    ...body,
  };
  return answer as unknown as AnswerOf<Q>;
};
