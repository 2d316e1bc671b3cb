import { expect } from "chai";
import { execute } from "./execute.ts";

/** Runs a script of Node that has counted when it has written "1 passed". */
async function run(script: string) {
  let output = "";
  const status = await execute(process.execPath, ["--eval", script], {
    name: "this",
    log: (text) => {
      output += text;
    },
    hasCounted: () => output.includes("1 passed"),
    endWithinMs: 300,
  });
  return { status, output };
}

describe("the program of a stage", () => {
  it("gives its status and its output", async () => {
    const failing = await run('console.log("1 passed"); process.exitCode = 3;');
    expect(failing).to.deep.equal({ status: 3, output: "1 passed\n" });
    const killed = await run('process.kill(process.pid, "SIGTERM"); setInterval(() => {}, 1000);');
    expect(killed.status).to.equal(143);
  });

  it("is killed when it has counted and does not end, and keeps what it counted", async () => {
    const stuck = await run('console.log("1 passed"); for (;;);');
    const killed = "this has counted and did not end in 0.3 s: killed\n";
    expect(stuck).to.deep.equal({ status: 0, output: `1 passed\n${killed}` });
  });

  it("is not waited for when a child of its own holds its output", async () => {
    const { status, output } = await run(`
      const { spawn } = require("node:child_process");
      const child = spawn("sleep", ["8"], { stdio: "inherit" });
      console.log(child.pid, "1 passed");
      for (;;);`);
    process.kill(Number.parseInt(output, 10));
    expect(status).to.equal(0);
  });

  it("may take its time before", async () => {
    const slow = await run('setTimeout(() => console.log("1 passed"), 900);');
    expect(slow).to.deep.equal({ status: 0, output: "1 passed\n" });
  });
});
