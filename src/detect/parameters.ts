// SPDX-License-Identifier: Apache-2.0
import type { Parameter } from "./detector.ts";

export const parameter = (value: number, unit: string, about: string, source: string): Parameter => ({
  value,
  unit,
  about,
  source,
});
/** The values alone. */
export const valuesOf = <T extends Readonly<Record<string, Parameter>>>(
  parameters: T,
): Readonly<Record<keyof T, number>> =>
  Object.fromEntries(Object.entries(parameters).map(([name, { value }]) => [name, value])) as Record<keyof T, number>;
