// SPDX-License-Identifier: Apache-2.0

/** Puts the k-th smallest of [from, to) where it would stand if all were in order: none before it is larger, none behind it smaller. */
const select = (values: Float64Array, k: number, from: number, to: number): number => {
  let [low, high] = [from, to - 1];
  // Halves in most rounds; an order made to defeat it is sorted instead.
  for (let rounds = 2 * Math.ceil(Math.log2(Math.max(2, to - from))); low < high; rounds--) {
    if (rounds === 0) {
      values.subarray(low, high + 1).sort();
      break;
    }
    const [a = 0, b = 0, c = 0] = [values[low], values[(low + high) >> 1], values[high]];
    const pivot = Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
    // Smaller ones, then what equals the pivot, then larger ones: many lengths are the same.
    let [less, at, more] = [low, low, high];
    while (at <= more) {
      const value = values[at] ?? 0;
      if (value < pivot) {
        values[at++] = values[less] ?? 0;
        values[less++] = value;
      } else if (value > pivot) {
        values[at] = values[more] ?? 0;
        values[more--] = value;
      } else at++;
    }
    if (k < less) high = less - 1;
    else if (k > more) low = more + 1;
    else break;
  }
  return values[k] ?? 0;
};

/**
 * Quantiles of numbers (each share 0 to 1, smallest first), between two of them in proportion, as SQL's `percentile_cont`. Empty where there are none. The
 * numbers come out in another order.
 */
export const quantiles = (values: Float64Array, shares: readonly number[]): readonly number[] => {
  if (values.length === 0) return [];
  let sorted = 0;
  return shares.map((share) => {
    const place = share * (values.length - 1);
    const [below, above] = [Math.floor(place), Math.ceil(place)];
    const low = select(values, below, Math.min(sorted, below), values.length);
    const high = above === below ? low : select(values, above, below + 1, values.length);
    sorted = above;
    return low + (place - below) * (high - low);
  });
};
