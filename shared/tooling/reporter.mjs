// Mocha's spec reporter, which also writes its counts to the file TEST_COUNTS for `test.ts`.
import { writeFileSync } from "node:fs";
import Mocha from "mocha";

export default class CountingReporter extends Mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.on("end", () => {
      const { passes, failures, pending } = this.stats;
      const file = process.env.TEST_COUNTS;
      if (file !== undefined)
        writeFileSync(file, JSON.stringify({ passed: passes, failed: failures, skipped: pending }));
    });
  }
}
