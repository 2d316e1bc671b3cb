import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { expect } from "chai";
import { until } from "./until.ts";

describe("a program that a test started", () => {
  it("ends when the test's process does", async () => {
    const module = new URL("ends-with-us.ts", import.meta.url).href;
    const script = `
      import { spawn } from "node:child_process";
      import { endsWithUs } from ${JSON.stringify(module)};
      console.log(endsWithUs(spawn("sleep", ["600"], { stdio: "ignore" })).pid);
      process.exit();`;
    const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
    });
    const pid = Number(stdout);
    expect(pid).to.be.above(1);
    await until("gone", () => !existsSync(`/proc/${pid}`));
  });
});
