// The door of every npm script: sets up what is missing, then runs the command on Node 24.
// Plain JavaScript for Node 18, because it runs before anything is installed.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { whenOrphaned } from "./orphan.mjs";
import { node24, root, setUp } from "./setup.mjs";

/**
 * What each script needs before it can run, and the program it then becomes; `help` is a text that
 * needs nothing.
 */
const commands = {
  setup: { needs: "start", program: undefined, help: "shared/tooling/setup-help.txt" },
  start: { needs: "start", program: ["shared/demo/main.ts"], help: "shared/demo/help.txt" },
  check: { needs: "check", program: ["shared/tooling/test.ts", "--tier", "check"] },
  test: { needs: "test", program: ["shared/tooling/test.ts", "--tier", "test"] },
  "test:full": { needs: "test", program: ["shared/tooling/test.ts", "--tier", "full"] },
  fuzz: { needs: "check", program: ["shared/tooling/fuzz.ts"] },
  bench: { needs: "start", program: ["shared/bench/main.ts"] },
  soak: { needs: "test", program: ["conformance/browser/soak.ts"] },
  conformance: { needs: "start", program: ["conformance/main.ts"] },
};

const [name, ...rest] = process.argv.slice(2);
const command = commands[name];
if (command === undefined) {
  console.error(`usage: npm run <${Object.keys(commands).join("|")}>`);
  process.exit(2);
}
const help = rest.includes("--help");
if (help && command.help !== undefined) {
  process.stdout.write(readFileSync(new URL(`../../${command.help}`, import.meta.url)));
  process.exit(0);
}
// On a server neither Prosody nor the demo's page is wanted.
const programsOnly = name === "setup" && rest.includes("--programs");
// Help of the others needs the npm packages only.
const failure = await setUp(programsOnly ? "programs" : help ? "help" : command.needs);
if (failure !== undefined) {
  console.error(failure);
  // A reader of the last line learns the outcome although no test ran.
  if (name.startsWith("test") && !help) console.log("0 passed, 1 failed");
  process.exit(1);
}
if (command.program !== undefined) {
  const [script, ...options] = command.program;
  const args = ["--conditions=source", "--disable-warning=ExperimentalWarning"];
  const child = spawn(
    node24(),
    [...args, fileURLToPath(new URL(`../../${script}`, import.meta.url)), ...options, ...rest],
    {
      cwd: root,
      stdio: "inherit",
    },
  );
  // The terminal sends Ctrl-C to the child as well; this process only waits for it to clean up.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
    process.on(signal, () => child.kill(signal));
  whenOrphaned(() => child.kill("SIGTERM"));
  child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 143)));
}
