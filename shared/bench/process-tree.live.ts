import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { expect } from "chai";
import { ProcessTree, treeOf, watchTree } from "./process-tree.ts";

/** Burns 0.2 s of CPU in a child of a child, which then ends; the middle one lives on. */
const program = `
  const { spawnSync } = require("node:child_process");
  process.once("SIGUSR2", () => {
    spawnSync(process.execPath, ["-e", "const t = process.cpuUsage(); while (process.cpuUsage(t).user < 200_000);"]);
    process.stdout.write("done");
  });
  process.stdout.write("up");
  setInterval(() => {}, 1000);
`;

describe("the figures of a process tree", () => {
  let child: ChildProcess;
  beforeEach(async () => {
    // A shell between, as the programs' own starters are.
    child = spawn("sh", ["-c", '"$0" -e "$1" & wait', process.execPath, program], {
      stdio: ["ignore", "pipe", "inherit"],
      detached: true,
    });
    await once(child.stdout!, "data");
  });
  afterEach(async () => {
    const gone = once(child, "exit");
    process.kill(-child.pid!, "SIGKILL");
    await gone;
  });

  it("finds the descendants", () => {
    expect(treeOf(child.pid!)).to.have.length(2);
    expect(treeOf(2 ** 22 + 1)).to.deep.equal([2 ** 22 + 1]);
  });

  it("gives its group back, also with ourselves in it", () => {
    const groupOf = () => readFileSync("/proc/self/cgroup", "utf8");
    const before = groupOf();
    const own = new ProcessTree(process.pid);
    const inner = new ProcessTree(child.pid!);
    inner.close();
    own.close();
    expect(groupOf()).to.equal(before);
  });

  for (const useGroup of [true, false])
    it(`counts children that ended, ${useGroup ? "by a cgroup where it may" : "by /proc"}`, async () => {
      const tree = new ProcessTree(child.pid!, useGroup);
      const watch = watchTree(tree, 20);
      const [, worker] = treeOf(child.pid!);
      const done = once(child.stdout!, "data");
      process.kill(worker!, "SIGUSR2");
      await done;
      const use = watch.stop();
      tree.close();
      expect(use.cpuSeconds).to.be.within(0.18, 2);
      expect(use.rssMb).to.be.greaterThan(20);
      expect(use.pssMb).to.be.within(5, use.rssMb);
      expect(use.series.rssMb.length).to.be.greaterThan(5);
    });
});
