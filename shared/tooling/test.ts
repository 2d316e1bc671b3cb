/**
 * Runs the checks and tests of a tier, stage by stage, and ends with the line `N passed, N failed`.
 *
 *   check   format, lint, types, rooms, key reference, clock rule, unit tests
 *   test    check, scenarios, real parts, pages, conformance (quick), one second of fuzzing a parser
 *   full    test with both client libraries and mixed stacks; one JSON file a stage in dist/test-full/.
 *           Resumable: what passed whole on the same state of the checkout is not run again unless `--fresh`
 *
 * `--stage NAME` (repeatable) runs those stages alone, `--list` names them.
 */
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import yargs from "yargs";
import { holdsStill, stateOf } from "./earlier-result.ts";
import { execute, exitOnSignals } from "./execute.ts";
import { badEnd, type CountsByFile, failedFiles, outcomeOf } from "./second-try.ts";
import { isDisturbed, machineTimes, stolenShare, untilCalm } from "./stolen-time.ts";
import { failures, type Outcome, type Row, summary, total } from "./test-summary.ts";

type Tier = "check" | "test" | "full";

interface Stage {
  readonly name: string;
  readonly tiers: readonly Tier[];
  /** Stages with the same group run side by side. */
  readonly group?: string;
  run(log: (text: string) => void): Promise<Outcome>;
}

const SEE_ABOVE = "its own words are above";
const nothing: Outcome = { passed: 0, failed: 0, skipped: 0, retried: 0, problems: [] };

const root = fileURLToPath(new URL("../..", import.meta.url));
const print = (text: string) => process.stdout.write(text);
const bin = (name: string) => join(root, "node_modules/.bin", name);
const nodeFlags = ["--conditions=source", "--disable-warning=ExperimentalWarning"];

/** A stage that holds or does not, or that counts for itself in a last line `N passed, N failed`. */
function single(
  name: string,
  tiers: readonly Tier[],
  command: string,
  args: readonly string[],
  group?: string,
): Stage {
  return {
    name,
    tiers,
    ...(group === undefined ? {} : { group }),
    async run(log) {
      let tail = "";
      let counted: readonly string[] = [];
      const take = (text: string) => {
        tail = (tail + text).slice(-200);
        counted = /(?:^|\n)(\d+) passed, (\d+) failed\n/.exec(tail) ?? counted;
        log(text);
      };
      const code = await execute(command, args, {
        name,
        cwd: root,
        log: take,
        hasCounted: () => counted.length > 0,
      });
      const passed = counted.length === 0 ? Number(code === 0) : Number(counted[1]);
      const failed = counted.length === 0 ? Number(code !== 0) : Number(counted[2]);
      const problems = code === 0 && failed === 0 ? [] : [`ended with ${code}; ${SEE_ABOVE}`];
      return {
        passed,
        // A program that ends badly after counting no failure has failed all the same.
        failed: code !== 0 && failed === 0 ? 1 : failed,
        skipped: 0,
        retried: 0,
        problems,
      };
    },
  };
}

/** Where the machine is taken away again and again. */
const MAX_TRIES = 4;

/** A stage of mocha files. */
function mocha(
  name: string,
  tiers: readonly Tier[],
  patterns: readonly string[],
  options: {
    /** Files that another stage runs. */
    readonly without?: readonly string[];
    readonly timeoutMs?: number;
    readonly env?: Record<string, string>;
    /**
     * It keeps bounds in real time. `npm test`, which runs on machines we do not know, tries files in which
     * something failed once more, and each tier does where the hypervisor took the machine away meanwhile.
     */
    readonly realTime?: boolean;
    readonly group?: string;
  } = {},
): Stage {
  return {
    name,
    tiers,
    ...(options.group === undefined ? {} : { group: options.group }),
    async run(log) {
      const exclude = ["**/node_modules/**", "dist/**", ...(options.without ?? [])];
      const files = patterns.flatMap((pattern) => globSync(pattern, { cwd: root, exclude })).sort();
      if (files.length === 0) {
        return { ...nothing, failed: 1, problems: [`no file matches ${patterns.join(" ")}`] };
      }
      const tries: CountsByFile[] = [];
      let again: readonly string[] = files;
      for (;;) {
        const before = machineTimes();
        const { counts, end } = await runMocha(name, again, options, log);
        tries.push(counts);
        const outcome = outcomeOf(...tries);
        again = failedFiles(counts);
        const stolen = stolenShare(before, machineTimes());
        // A busy machine explains a test that failed, no crash.
        if (options.realTime !== true || again.length === 0 || end !== undefined)
          return withEnd(outcome, end);
        if (isDisturbed(stolen) ? tries.length >= MAX_TRIES : tier !== "test" || tries.length > 1)
          return outcome;
        // Never silent.
        const why = isDisturbed(stolen)
          ? ` (the hypervisor took ${(stolen * 100).toFixed(1)} % of the machine meanwhile)`
          : "";
        for (const text of outcome.problems) log(`\nTRIED AGAIN${why} ${text}\n`);
        if (isDisturbed(stolen)) await untilCalm();
      }
    },
  };
}

/** A bad end, such as a crash after the last test, is a failure beside those of the tests. */
function withEnd(outcome: Outcome, end: string | undefined): Outcome {
  if (end === undefined) return outcome;
  const problems = [...outcome.problems, `${end}; ${SEE_ABOVE}`];
  return { ...outcome, failed: outcome.failed + 1, problems };
}

/** Runs mocha on some files; `end` says how where that was a bad end. */
async function runMocha(
  name: string,
  files: readonly string[],
  options: { readonly timeoutMs?: number; readonly env?: Record<string, string> },
  log: (text: string) => void,
): Promise<{ readonly counts: CountsByFile; readonly end: string | undefined }> {
  mkdirSync(join(root, "dist/test"), { recursive: true });
  const counts = join(root, "dist/test", `${name.replaceAll(/\W+/g, "-")}.json`);
  rmSync(counts, { force: true });
  const args = [
    ...nodeFlags,
    // Not bin/mocha, which starts another Node for the flags of the configuration.
    join(root, "node_modules/mocha/lib/cli/cli.js"),
    "--config",
    "shared/tooling/mocharc.json",
    "--reporter",
    "shared/tooling/reporter.mjs",
    // What a test with real programs leaves open must not keep the stage from ending.
    "--exit",
    ...(options.timeoutMs === undefined ? [] : ["--timeout", String(options.timeoutMs)]),
    ...files,
  ];
  const code = await execute(process.execPath, args, {
    name,
    cwd: root,
    log,
    hasCounted: () => existsSync(counts),
    env: { ...options.env, TEST_COUNTS: counts, TEST_TIER: tier },
  });
  if (!existsSync(counts))
    return { counts: {}, end: `mocha ended with ${code} before its last test` };
  const found = JSON.parse(readFileSync(counts, "utf8")) as CountsByFile;
  return { counts: found, end: badEnd(code, found) };
}

const all: readonly Tier[] = ["check", "test", "full"];
const beyond: readonly Tier[] = ["test", "full"];
const folders = ["shared", "jicofo-ts", "jvb-ts", "conformance"];
const sources = folders.filter((folder) => existsSync(join(root, folder)));

/** Real parts that are started, stopped and cut off: minutes of waiting. */
const serversThatFail = [
  "jicofo-ts/test/{failures,ways}.live.ts",
  "jvb-ts/test/{bridge-on-prosody,stopped-in-a-call}.live.ts",
  "{jicofo-ts,jvb-ts}/test/program.live.ts",
  "shared/src/xmpp/*.live.ts",
];

const stages: readonly Stage[] = [
  single(
    "format and lint",
    all,
    bin("biome"),
    ["check", "--config-path", "shared/tooling/style.json", "--error-on-warnings", ...sources],
    "static",
  ),
  single("types", all, process.execPath, [bin("tsc"), "-p", "."], "static"),
  single(
    "types of the pages",
    all,
    process.execPath,
    [bin("tsc"), "-p", "shared/demo/page"],
    "static",
  ),
  single(
    "types of the probe",
    all,
    process.execPath,
    [bin("tsc"), "-p", "conformance/browser/in-page"],
    "static",
  ),
  single(
    "typed lint",
    all,
    process.execPath,
    [bin("eslint"), "-c", "shared/tooling/eslint.config.mjs", "--max-warnings", "0", ...sources],
    "static",
  ),
  single(
    "rooms",
    all,
    process.execPath,
    [bin("depcruise"), "--config", "shared/tooling/rooms.cjs", ...sources],
    "static",
  ),
  single(
    "key reference",
    all,
    process.execPath,
    [...nodeFlags, "shared/tooling/reference.ts"],
    "static",
  ),
  single(
    "clock rule",
    all,
    process.execPath,
    [...nodeFlags, "shared/tooling/clock-rule.ts"],
    "static",
  ),
  mocha("unit tests", all, ["{shared,jicofo-ts,jvb-ts,conformance}/**/*.test.ts"], {
    without: ["**/test/scenarios/**"],
    // Beside the typed lint, which keeps one core busy for as long.
    group: "static",
    timeoutMs: 30_000,
  }),
  mocha("scenarios", beyond, ["{jicofo-ts,jvb-ts}/test/scenarios/*.ts"], { timeoutMs: 20_000 }),
  // These wait for most of their time, so they share the two cores.
  mocha("real parts", beyond, ["{shared,jicofo-ts,jvb-ts}/**/*.live.ts"], {
    without: serversThatFail,
    timeoutMs: 60_000,
    realTime: true,
    group: "real",
  }),
  mocha("servers that fail", beyond, serversThatFail, {
    timeoutMs: 60_000,
    realTime: true,
    group: "real",
  }),
  mocha("pages", beyond, ["conformance/browser/*.pages.ts"], {
    timeoutMs: 120_000,
    realTime: true,
  }),
  single("conformance, quick", beyond, process.execPath, [
    ...nodeFlags,
    "conformance/main.ts",
    "--quick",
  ]),
  // Not beside stages that judge processor time: the core's other half slows them.
  ...["1/2", "2/2"].map((part) =>
    single(
      `fuzz, 1 s a parser, ${part}`,
      beyond,
      process.execPath,
      // The same draws each time: a change is judged by what it changed. `npm run fuzz` draws new ones.
      [...nodeFlags, "shared/tooling/fuzz.ts", "--seconds", "1", "--seed", "1", "--part", part],
      "fuzz",
    ),
  ),
  mocha(
    "hostile input, full rates",
    ["full"],
    [
      "jvb-ts/test/{hostile*,idle-conferences,frozen-call}.live.ts",
      "jicofo-ts/test/{memory,rush}.live.ts",
      "jicofo-ts/test/scenarios/request-floods.test.ts",
    ],
    {
      timeoutMs: 600_000,
      env: { ABUSE_SCALE: "10" },
      realTime: true,
    },
  ),
  mocha("failures that last", ["full"], ["conformance/browser/*.long.ts"], {
    timeoutMs: 180_000,
    realTime: true,
  }),
  mocha("mixed stacks", ["full"], ["conformance/browser/*.mixed.ts"], {
    timeoutMs: 300_000,
    realTime: true,
  }),
];

const options = await yargs(process.argv.slice(2))
  .scriptName("npm test --")
  .usage(
    "npm run check|test|test:full -- [options]\n\nRuns checks and tests, stage by stage; the last line counts them.",
  )
  .option("tier", {
    choices: ["check", "test", "full"] as const,
    default: "test" as const,
    // Each script names its own.
    hidden: true,
  })
  .option("stage", {
    type: "string",
    array: true,
    describe: "run only this stage (repeatable); --list names them",
  })
  .option("list", { type: "boolean", default: false, describe: "only list the stages" })
  .option("fresh", {
    type: "boolean",
    default: false,
    describe: "full: forget the stages that passed before",
  })
  .strict()
  .parse();

const tier: Tier = options.tier;
if (options.list) {
  for (const { name, tiers } of stages) if (tiers.includes(tier)) console.log(name);
  process.exit();
}
const unknown = options.stage?.find((name) => stages.every((stage) => stage.name !== name));
if (unknown !== undefined) {
  console.error(`there is no stage "${unknown}"; --list names them`);
  process.exit(2);
}
const resultFolder = join(root, "dist/test-full");
if (options.fresh) rmSync(resultFolder, { recursive: true, force: true });

const resultFile = (stage: Stage) =>
  join(resultFolder, `${stage.name.replaceAll(/\W+/g, "-")}.json`);

const state = tier === "full" ? stateOf(root) : "";

interface Result extends Outcome {
  readonly name: string;
  readonly seconds: number;
  /** Of what was tested, as `stateOf` tells it. */
  readonly state: string;
}

/** The outcome of a stage that passed in an earlier, interrupted run of the full tier. */
function earlier(stage: Stage): Outcome | undefined {
  if (tier !== "full" || !existsSync(resultFile(stage))) return undefined;
  const found = JSON.parse(readFileSync(resultFile(stage), "utf8")) as Result;
  return holdsStill(found, state) ? found : undefined;
}

async function runStage(stage: Stage, log: (text: string) => void): Promise<Row> {
  const before = earlier(stage);
  if (before !== undefined) {
    log(`${stage.name}: passed earlier (--fresh runs it again)\n`);
    return { ...before, name: stage.name, seconds: 0 };
  }
  const start = process.hrtime.bigint();
  const outcome = await stage.run(log);
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  if (tier === "full") {
    mkdirSync(resultFolder, { recursive: true });
    const result: Result = { name: stage.name, seconds, ...outcome, state };
    writeFileSync(resultFile(stage), `${JSON.stringify(result, null, 2)}\n`);
  }
  return { name: stage.name, seconds, ...outcome };
}

const chosen = stages.filter((stage) =>
  options.stage === undefined ? stage.tiers.includes(tier) : options.stage.includes(stage.name),
);
exitOnSignals();
const rows: Row[] = [];
const begun = process.hrtime.bigint();

for (let next = 0; next < chosen.length; ) {
  const first = chosen[next];
  if (first === undefined) break;
  const together = [first];
  while (first.group !== undefined && chosen[next + together.length]?.group === first.group) {
    together.push(chosen[next + together.length] as Stage);
  }
  next += together.length;
  print(`\n── ${together.map((stage) => stage.name).join(", ")}\n`);
  const results = await Promise.all(
    together.map(async (stage) => {
      if (together.length === 1) return runStage(stage, print);
      let output = "";
      const row = await runStage(stage, (text) => {
        output += text;
      });
      print(`${row.failed === 0 ? "ok  " : "FAIL"} ${stage.name} (${row.seconds.toFixed(1)} s)\n`);
      // What failed first: the rest is long, and logs are cut.
      if (row.failed > 0 || row.retried > 0) print(`${failures(row)}${output.trimEnd()}\n`);
      return row;
    }),
  );
  rows.push(...results);
}

print("\n── summary\n");
print(summary(rows, Number(process.hrtime.bigint() - begun) / 1e9));
const [passed, failed] = [total(rows, "passed"), total(rows, "failed")];
print(`\n${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 && rows.length > 0 ? 0 : 1;
