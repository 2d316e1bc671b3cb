/** How many sources a receiver gets at most (spec jvb-media 10.2, jvb-control 5.3). */

/** The smaller of those that are not negative, -1 when neither is. */
export function lowerLastN(a: number, b: number): number {
  if (a < 0) return Math.max(-1, b);
  return b < 0 ? a : Math.min(a, b);
}

/** Last-n by conference size: the value of the largest key not above `size`, -1 without one. */
export function lastNForSize(limits: ReadonlyMap<number, number>, size: number): number {
  let best = -1;
  let bestKey = -1;
  for (const key of limits.keys()) {
    if (key > size || key <= bestKey) continue;
    bestKey = key;
    best = limits.get(key) ?? -1;
  }
  return best;
}
