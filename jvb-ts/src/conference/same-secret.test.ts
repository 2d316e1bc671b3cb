import { expect } from "chai";
import { sameSecret } from "./same-secret.ts";

const secret = "0123456789abcdefghijABCD";

describe("A3 comparing secrets", () => {
  for (const [guess, same] of [
    [secret, true],
    [secret.slice(1), false],
    [`${secret}x`, false],
    [secret.toUpperCase(), false],
    ["\0".repeat(24), false],
    ["", false],
  ] as const) {
    it(`A3 ${JSON.stringify(guess)} is ${same ? "right" : "wrong"}`, () => {
      expect(sameSecret(secret, guess)).to.equal(same);
      expect(sameSecret(undefined, guess)).to.equal(false);
    });
  }

  it("A3 nobody has no secret, not even the one it is compared with", () => {
    expect(sameSecret(undefined, "x".repeat(24))).to.equal(false);
  });

  // What time that takes is a measure of the machine; that nothing else is done can be shown.
  for (const [name, of, guess] of [
    ["a right guess", secret, secret],
    ["a guess wrong at its start", secret, `x${secret.slice(1)}`],
    ["a guess wrong at its end", secret, `${secret.slice(0, -1)}x`],
    ["a short guess", secret, "0"],
    ["no guess", secret, ""],
    ["a long guess", secret, secret.repeat(100)],
    ["no such endpoint", undefined, secret],
    ["no such endpoint and a short guess", undefined, "0"],
  ] as const) {
    it(`A3 compares all of a secret, once, for ${name}`, () => {
      const compared: number[] = [];
      sameSecret(of, guess, (one, other) => {
        compared.push(one.length, other.length);
        return one.equals(other);
      });
      expect(compared).to.deep.equal([24, 24]);
    });
  }

  it("A3 takes no comparison's word for a guess of another length, or for nobody", () => {
    expect(sameSecret(secret, "", () => true)).to.equal(false);
    expect(sameSecret(undefined, secret, () => true)).to.equal(false);
    expect(sameSecret(secret, secret, () => false)).to.equal(false);
  });
});
