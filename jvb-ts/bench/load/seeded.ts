/** Random numbers that are the same in every run: all contenders get the same streams. */
export type Seeded = () => number;

/** Numbers in [0, 1) from a 32-bit seed (a Weyl sequence through a mixing function). */
export function seeded(seed: number): Seeded {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e37_79b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0_aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a_2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}
