import { expect } from "chai";
import { usesIn } from "./clock-uses.ts";

describe("the clock rule", () => {
  for (const code of [
    "const at = Date.now();",
    "const at = performance.now();",
    "const at = new Date();",
    "const at = process.hrtime.bigint();",
    "setTimeout(end, 5);",
    "const id = randomUUID();",
    "randomFillSync(pool);",
    "randomFill(pool, done);",
    "crypto.getRandomValues(pool);",
    "const signal = AbortSignal.timeout(2000);",
    'import { setTimeout as sleep } from "node:timers/promises";',
    "import { setInterval as each } from 'timers';",
    'const { scheduler } = await import("node:timers/promises");',
  ])
    it(`sees ${code}`, () => {
      expect(usesIn(code)).to.have.length(1);
    });

  for (const code of [
    "// Date.now() is not read here",
    "/** As setTimeout(x) would. */",
    "runtime.timers.setTimeout(end, 5);",
    "const at = new Date(now);",
    'count("timers");',
  ])
    it(`lets pass ${code}`, () => {
      expect(usesIn(code)).to.deep.equal([]);
    });
});
