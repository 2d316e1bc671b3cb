import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect } from "chai";

const module = fileURLToPath(new URL("native-process.ts", import.meta.url));

/** Ends a program with status 7 by `exitProcess`, after `preparation`. */
function end(preparation: string) {
  const script = `import { exitProcess } from ${JSON.stringify(module)};
    ${preparation}
    exitProcess(7);`;
  const args = ["--conditions=source", "--input-type=module", "--eval", script];
  return spawnSync(process.execPath, args, { encoding: "utf8", timeout: 20_000 });
}

describe("the end of a process", () => {
  it("comes with its status although Node itself does not come to an end", () => {
    const { status, signal } = end('process.on("exit", () => { for (;;); });');
    expect({ status, signal }).to.deep.equal({ status: 7, signal: null });
  });

  it("comes within 5 s of a stop whose hook never returns (R23)", () => {
    const script = `import { createShutdown } from ${JSON.stringify(module.replace("native-process", "shutdown"))};
      import { realRuntime } from ${JSON.stringify(module.replace("native-process", "real-runtime"))};
      const say = () => {};
      const log = { debug: say, info: say, warn: say, error: say };
      const shutdown = createShutdown({ runtime: realRuntime, log });
      shutdown.onStop("a loop", () => { for (;;); });
      console.log(Date.now());
      void shutdown.stop("test", 143);`;
    const args = ["--conditions=source", "--input-type=module", "--eval", script];
    const ended = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 20_000 });
    const took = Date.now() - Number(ended.stdout);
    expect(ended.status, ended.stderr).to.equal(143);
    expect(took).to.be.within(4_500, 5_000);
  });

  it("waits for what runs at the exit", () => {
    const { status, stdout } = end('process.on("exit", () => console.log("last word"));');
    expect({ status, stdout }).to.deep.equal({ status: 7, stdout: "last word\n" });
  });
});
