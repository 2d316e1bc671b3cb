// Mocha's spec reporter, which also writes counts and what failed, file by file, to the file TEST_COUNTS
// for `test.ts` (`CountsByFile` of `second-try.ts`).
import { writeFileSync } from "node:fs";
import Mocha from "mocha";

export default class CountingReporter extends Mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const files = {};
    const of = ({ file = "" }) => {
      files[file] ??= { passed: 0, failed: 0, skipped: 0, problems: [] };
      return files[file];
    };
    runner.on("pass", (test) => of(test).passed++);
    runner.on("pending", (test) => of(test).skipped++);
    runner.on("fail", (test, error) => {
      of(test).failed++;
      of(test).problems.push(`${test.fullTitle()}: ${error.message}`);
    });
    runner.on("end", () => {
      const file = process.env.TEST_COUNTS;
      if (file !== undefined) writeFileSync(file, JSON.stringify(files));
    });
  }
}
