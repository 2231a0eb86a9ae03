// SPDX-License-Identifier: Apache-2.0

/** What a key asks about: the thing, and the exercise it is asked in. What else is in it only narrows. */
const aboutOf = (key: readonly unknown[]): string =>
  JSON.stringify(
    key.map((part) => (typeof part === "object" ? (part as { exercise?: unknown } | null)?.exercise : part)),
  );
/**
 * While the next answer is on its way the one before stays on the page, marked as waiting, where it is about the same thing: what is
 * said of one case or address is never shown for another, nor what is real in an exercise.
 */
export const keepOf =
  (key: readonly unknown[]) =>
  <A>(before: A | undefined, asked: { readonly queryKey: readonly unknown[] } | undefined): A | undefined =>
    asked !== undefined && aboutOf(asked.queryKey) === aboutOf(key) ? before : undefined;
