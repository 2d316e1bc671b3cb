import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect } from "chai";
import { describeCommit, describeMachine, watchOthers } from "./machine.ts";

describe("the machine of the benchmark", () => {
  it("is described without a gap", () => {
    const machine = describeMachine("cgroup v2");
    for (const [name, value] of Object.entries(machine))
      expect(value, name).to.not.be.oneOf([undefined, "", "unknown"]);
    expect(machine.cores).to.be.greaterThan(0);
    expect(machine.socketLimits["rmem_max"]).to.be.greaterThan(0);
    expect(describeCommit()).to.match(/^([0-9a-f]{10}( with changes)?|not a git checkout)$/);
  });

  it("counts the work of others, also of those that ended, and none of ours", async () => {
    const sleeper = spawn("sleep", ["60"]);
    // Both see what the rest of the machine does meanwhile; we are others for the second only.
    const ours = watchOthers();
    const theirs = watchOthers(sleeper.pid);
    const began = performance.now();
    const burn = "const t = process.cpuUsage(); while (process.cpuUsage(t).user < 500_000);";
    await once(spawn(process.execPath, ["-e", burn]), "exit");
    const seconds = (performance.now() - began) / 1000;
    const difference = (theirs() - ours()) * seconds;
    sleeper.kill();
    // More where the machine is busy: the two do not look at the same moment.
    expect(difference).to.be.greaterThan(0.3);
  });
});
