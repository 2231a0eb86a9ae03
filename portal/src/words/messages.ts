// SPDX-License-Identifier: Apache-2.0
import type { en } from "./en.ts";

type Shape<T> = {
  readonly [K in keyof T]: T[K] extends string
    ? string
    : T[K] extends (...a: infer A) => string
      ? (...a: A) => string
      : Shape<T[K]>;
};
/** Every language has every message, with the same parameters: the compiler keeps the catalogues in step. */
export type Messages = Shape<typeof en>;
