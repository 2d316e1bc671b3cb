import { expect } from "chai";
import { seeds, targets } from "./media-engine.fuzz.ts";

describe("hostile packets", () => {
  for (const [name, target] of Object.entries(targets)) {
    it(`${name}: every length of random bytes and of cut and changed seeds`, () => {
      let random = 12_345;
      const next = (): number => {
        random = (Math.imul(random, 1_103_515_245) + 12_345) & 0x7fffffff;
        return random >> 8;
      };
      for (let length = 0; length <= 300; length++) {
        const input = new Uint8Array(length);
        for (let i = 0; i < length; i++) input[i] = next();
        target(input);
        if (length > 1) {
          input[0] = 0x80 | (next() & 0x3f);
          input[1] = name === "rtcp" ? 200 + (next() % 8) : [111, 100, 96, 101][next() % 4]!;
        }
        target(input);
      }
      for (const seed of seeds[name] ?? []) {
        for (let length = 0; length <= seed.length; length++) target(seed.slice(0, length));
        for (let i = 0; i < seed.length * 8; i++) {
          const changed = seed.slice();
          changed[i >> 3] = changed[i >> 3]! ^ (1 << (i & 7));
          target(changed);
        }
      }
      expect(next()).to.be.a("number");
    });
  }
});
