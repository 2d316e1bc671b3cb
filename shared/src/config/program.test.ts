import { expect } from "chai";
import { configFolder } from "#shared/testing/config-trial";
import { loadConfig } from "./config.ts";
import { ConfigError } from "./config-error.ts";
import { keys, port } from "./keys.ts";
import { type Program, type ProgramHost, runProgram } from "./program.ts";

const table = keys("a", { port: { type: port, default: 80, doc: "Port." } });

describe("the start of a program", () => {
  const folder = configFolder("x.conf");

  /** What a process did and said that was started with these words. */
  async function run(text: string, words: string[], over: Partial<Program<number>> = {}) {
    const file = folder.write(text);
    const seen = { started: [] as number[], signals: [] as string[], stdout: "", stderr: "" };
    const host: ProgramHost = {
      argv: ["node", "main.ts", "--config", file, ...words],
      env: {},
      stdout: { write: (part) => (seen.stdout += part) },
      stderr: { write: (part) => (seen.stderr += part) },
      exitCode: undefined,
      on: (event) => seen.signals.push(event),
      removeListener: () => {},
      exit: (status) => {
        host.exitCode = status;
      },
    };
    const program: Program<number> = {
      program: "x-ts",
      about: "It does.",
      version: "1.2",
      helpStatus: 3,
      environment: [],
      logAs: { program: "X", component: "Main" },
      tables: [table],
      load: (argv, env) => loadConfig({ argv, env, tables: [table] }),
      read: (loaded, former) => ({
        config: loaded.readTable(table).port,
        warnings: [...former, ...loaded.warnings],
      }),
      idle: (config) => (config === 1 ? [{ message: "1 is small" }] : []),
      start: async (config) => void seen.started.push(config),
      ...over,
    };
    await runProgram(program, host);
    return { ...seen, status: host.exitCode };
  }

  it("reads, listens to signals, and starts with the configuration", async () => {
    const { started, signals, status } = await run("a.port = 5", []);
    expect(started).to.deep.equal([5]);
    expect(signals).to.include.members(["SIGTERM", "SIGINT", "SIGHUP", "uncaughtException"]);
    expect(status).to.equal(undefined);
  });

  it("prints usage and version instead, with the status of each", async () => {
    const help = await run("a.port = 5", ["--help"]);
    expect(help.status).to.equal(3);
    expect(help.stdout).to.match(/^Usage: x-ts .*\nIt does\.\n/);
    const version = await run("a.port = 5", ["--version"]);
    expect(version).to.deep.include({ status: 0, stdout: "x-ts 1.2\n", started: [], signals: [] });
  });

  it("checks instead, and tells what a start would", async () => {
    const { stdout, status, started, signals } = await run("a.port = 1", ["--check-config"]);
    expect(stdout)
      .to.match(/^x-ts 1\.2 .*\nStarts, but cannot carry calls: 1 is small\n/)
      .and.to.match(/\nStarts, but cannot carry calls\.\n$/);
    expect({ status, started, signals }).to.deep.equal({ status: 0, started: [], signals: [] });
  });

  for (const [name, text, words, line] of [
    ["words", "", ["--confg=x"], "x-ts: unknown option --confg; did you mean --config?\n"],
    ["configuration", "a.port = 70000", [], /^x-ts: .*x\.conf:1: a\.port: "70000" .*\n$/],
    ["checked configuration", "a.port = 70000", ["--check-config"], /^x-ts: .*a\.port: .*\n$/],
  ] as const) {
    it(`says what is wrong in one line and ends with 78: ${name}`, async () => {
      const { started, stderr, status } = await run(text, [...words]);
      expect({ started, status }).to.deep.equal({ started: [], status: 78 });
      if (typeof line === "string") expect(stderr).to.equal(line);
      else expect(stderr).to.match(line);
    });
  }

  it("takes what a start finds wrong for a mistake of the operator, and a bug for a bug", async () => {
    const taken = async () => {
      throw new ConfigError({ key: "a.port", message: "is taken", remedy: "free it" });
    };
    const { stderr, status } = await run("", [], { start: taken });
    expect(status).to.equal(78);
    // As its neighbours in the log, which are all that an operator sees under systemd.
    expect(stderr).to.match(/^X \d{4}-\S+ \S+ SEVERE: \[1\] Main: a\.port: is taken; free it\n$/);
    const bug = new Error("ours");
    const thrown: unknown[] = [];
    await run("", [], { start: () => Promise.reject(bug) }).catch((cause) => thrown.push(cause));
    expect(thrown).to.deep.equal([bug]);
  });
});
