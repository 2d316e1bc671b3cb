import { spawn } from "node:child_process";
import { expect } from "chai";
import { until } from "#shared/testing/until";
import { statOf } from "../bench/process-tree.ts";
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

  /** Also where nobody has waited for it yet. */
  const gone = (pid: number) =>
    until(`${pid} is gone`, () => pid > 1 && (statOf(pid)?.[0] ?? "Z") === "Z", 3000);

  it("is not waited for when a child of its own holds its output; that ends too", async () => {
    const { status, output } = await run(`
      const { spawn } = require("node:child_process");
      const child = spawn("sleep", ["600"], { stdio: "inherit" });
      console.log(child.pid, "1 passed");
      for (;;);`);
    expect(status).to.equal(0);
    await gone(Number.parseInt(output, 10));
  });

  it("ends with what has lost its parent or is in another group", async () => {
    const { output } = await run(`
      const { execFileSync } = require("node:child_process");
      execFileSync("sh", ["-c", "setsid sleep 600 > /dev/null & echo $!"], { stdio: "inherit" });
      console.log("1 passed");
      for (;;);`);
    await gone(Number.parseInt(output, 10));
  });

  it("leaves nothing running when it crashes either, and says so", async () => {
    const { status, output } = await run(`
      const { spawn } = require("node:child_process");
      const child = spawn("sleep", ["600"], { stdio: "inherit", detached: true });
      process.stdout.write(child.pid + "\\n", () => process.kill(process.pid, "SIGSEGV"));`);
    expect(status).to.equal(139);
    await gone(Number.parseInt(output, 10));
  });

  for (const signal of ["SIGTERM", "SIGINT"] as const)
    it(`ends with whoever runs it, on ${signal}`, async () => {
      const script = `
        import { execute, exitOnSignals } from ${JSON.stringify(new URL("execute.ts", import.meta.url).href)};
        exitOnSignals();
        await execute("sh", ["-c", "sleep 600 & echo $!; wait"], {
          name: "this",
          log: (text) => process.stdout.write(text),
          hasCounted: () => false,
        });`;
      const runner = spawn(process.execPath, ["--input-type=module", "-e", script], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const ended = new Promise((resolve) => runner.once("exit", resolve));
      const pid = await new Promise<number>((resolve) =>
        runner.stdout.once("data", (text: Buffer) => resolve(Number.parseInt(`${text}`, 10))),
      );
      runner.kill(signal);
      expect(await ended).to.equal(signal === "SIGTERM" ? 143 : 130);
      await gone(pid);
    });

  it("may take its time before", async () => {
    const slow = await run('setTimeout(() => console.log("1 passed"), 900);');
    expect(slow).to.deep.equal({ status: 0, output: "1 passed\n" });
  });
});
