// SPDX-License-Identifier: Apache-2.0

/**
 * The key of a shortcut. A layout of another script (Thai, kana) has no Latin letters: there it is what a US keyboard has in the same
 * place, as it is printed on theirs too.
 */
export const pressed = ({
  key,
  code,
  shiftKey,
}: {
  readonly key: string;
  readonly code: string;
  readonly shiftKey: boolean;
}): string => {
  if (key.length !== 1 || /[ -~]/.test(key)) return key;
  if (code.startsWith("Key")) return shiftKey ? code.slice(3) : code.slice(3).toLowerCase();
  if (code === "Slash") return shiftKey ? "?" : "/";
  return code === "Digit8" && shiftKey ? "*" : key;
};
