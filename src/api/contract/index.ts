// SPDX-License-Identifier: Apache-2.0
import type { Static, TSchema } from "typebox";
import type { QuestionName, endpoints } from "./endpoints.ts";

export type * from "./shapes.ts";
export type * from "./query.ts";
export type * from "./answers.ts";
export type { QuestionName } from "./endpoints.ts";

type Of<T, K extends string> = T extends Record<K, infer S extends TSchema> ? Static<S> : Record<never, never>;
/** What a question may be asked with, path and query together; what it answers. */
export type QueryOf<Q extends QuestionName> = Of<(typeof endpoints)[Q], "query"> & Of<(typeof endpoints)[Q], "params">;
export type AnswerOf<Q extends QuestionName> = Of<(typeof endpoints)[Q], "answer">;
