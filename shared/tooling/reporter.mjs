// Mocha's spec reporter, which also writes its counts and what failed to the file TEST_COUNTS for `test.ts`.
import { writeFileSync } from "node:fs";
import Mocha from "mocha";

export default class CountingReporter extends Mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    let retried = 0;
    const problems = [];
    // Real time and real pages may starve on a busy machine: a second try is allowed, never silent.
    runner.on("retry", (test, error) => {
      retried++;
      console.log(`    RETRIED ${test.fullTitle()}: ${error.message}`);
    });
    runner.on("fail", (test, error) => problems.push(`${test.fullTitle()}: ${error.message}`));
    runner.on("end", () => {
      if (retried > 0) console.log(`  ${retried} tried twice; see RETRIED above`);
      const { passes, failures, pending } = this.stats;
      const file = process.env.TEST_COUNTS;
      if (file !== undefined)
        writeFileSync(
          file,
          JSON.stringify({ passed: passes, failed: failures, skipped: pending, retried, problems }),
        );
    });
  }
}
