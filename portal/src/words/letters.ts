// SPDX-License-Identifier: Apache-2.0

/** Scripts whose fonts are fetched when such text is on the page, whatever its language: a letter's subject may be in any. */
export type Script = "thai" | "japanese";
export const letters: Readonly<Record<Script, RegExp>> = {
  thai: /[\u0e01-\u0e5b]/,
  japanese: /[\u2e80-\u30ff\u3400-\u9fff\uf900-\ufaff\uff01-\uffee]/,
};
/** Which of `wanted` a text has letters of. */
export const scriptsIn = (text: string, wanted: Iterable<Script>): Script[] =>
  [...wanted].filter((script) => letters[script].test(text));
