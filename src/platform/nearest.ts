// SPDX-License-Identifier: Apache-2.0

const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, substitution));
    }
    row = next;
  }
  return row[b.length] ?? 0;
};

/** The known name nearest to a mistyped one, or undefined when none is near enough to be meant. */
export const nearest = (typed: string, known: readonly string[]): string | undefined => {
  const text = typed.slice(0, 64).toLowerCase();
  const limit = Math.max(2, Math.floor(text.length / 3));
  return known
    .map((name) => ({ name, far: distance(text, name.toLowerCase()) }))
    .filter(({ far }) => far <= limit)
    .sort((a, b) => a.far - b.far)[0]?.name;
};
