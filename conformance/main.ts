/**
 * `npm run conformance`: plays the conversations of `scripts/` against a focus and a bridge, ours or
 * upstream's, and says which requirements of `catalogue.json` hold. A case that fails although
 * `expectations.json` does not say so, or passes although it does, fails the run.
 */
import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import yargs from "yargs";
import { exitProcess } from "#shared/runtime/native-process";
import { play } from "./harness/play.ts";
import {
  good,
  judge,
  type Outcome,
  type Report,
  type Requirement,
  type Result,
  reportHtml,
} from "./harness/report.ts";
import { type Case, parseScript } from "./harness/script.ts";
import {
  type Authentication,
  type Implementation,
  startTarget,
  type Target,
} from "./harness/target.ts";

/** Known differences by implementation: case title → reason. */
type Expectations = Record<Implementation, Record<string, string>>;

const here = fileURLToPath(new URL(".", import.meta.url));
const read = (name: string): unknown => JSON.parse(readFileSync(join(here, name), "utf8"));

const options = await yargs(process.argv.slice(2))
  .scriptName("npm run conformance --")
  .option("focus", { choices: ["ours", "java"] as const, default: "ours" as const })
  .option("bridge", { choices: ["ours", "java"] as const, default: "ours" as const })
  .option("only", {
    type: "string",
    default: "",
    describe: "only cases whose file, title or ids contain this",
  })
  .option("report", { type: "string", describe: "folder for report.json and report.html" })
  .option("logs", {
    type: "string",
    describe: "folder for configurations and logs of the programs, kept afterwards",
  })
  .option("quick", {
    type: "boolean",
    default: false,
    describe: "print failures and the count only",
  })
  .strict()
  .parse();

const catalogue = read("catalogue.json") as readonly Requirement[];
const expectations = read("expectations.json") as Expectations;
const known = new Set(catalogue.map((requirement) => requirement.id));
const cases: Case[] = globSync("scripts/**/*.txt", { cwd: here })
  .sort()
  .flatMap((file) => parseScript(`conformance/${file}`, readFileSync(join(here, file), "utf8")));
for (const each of cases) {
  const unknown = each.ids.filter((id) => !known.has(id));
  if (unknown.length > 0)
    throw new Error(`${each.file}:${each.line}: ${unknown.join()} not in catalogue.json`);
}

/** How a reason begins where the conversation would break what comes after it. */
const NOT_PLAYED = "not played: ";

/** Who a case judges: the bridge for its conversations, else the focus. */
const judged = (each: Case): Implementation =>
  each.steps.some((step) => "to" in step && step.to.startsWith("bridge"))
    ? options.bridge
    : options.focus;

// The exit hooks of programs and target end and remove everything.
for (const [signal, status] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const)
  process.on(signal, () => process.exit(status));

const chosen = cases.filter((each) =>
  [each.file, each.title, ...each.ids].some((text) => text.includes(options.only)),
);
const began = performance.now();
const seconds = () => (performance.now() - began) / 1000;
const outcomes: Outcome[] = [];

/** Plays conversations with a stack of their own. */
async function playAll(cases: readonly Case[], authentication?: Authentication): Promise<void> {
  if (cases.length === 0) return;
  const logs = options.logs && join(options.logs, authentication ?? "");
  const target = await startTarget(options.focus, options.bridge, logs, authentication).catch(
    (error: Error) => {
      console.error(
        `conformance: focus ${options.focus}, bridge ${options.bridge}: ${error.message}`,
      );
      process.exit(1);
    },
  );
  if (!options.quick)
    console.log(
      `focus ${options.focus}${authentication === undefined ? "" : ` with ${authentication}`}, bridge ${options.bridge}: ready after ${seconds().toFixed(1)} s; ${cases.length} conversations`,
    );
  try {
    for (const each of cases) await playOne(each, target);
  } finally {
    await target.stop();
  }
}

async function playOne(each: Case, target: Target): Promise<void> {
  const start = performance.now();
  const reason = expectations[judged(each)][each.title];
  const difference = reason?.startsWith(NOT_PLAYED)
    ? reason
    : await play(each, target, reason === undefined ? 10_000 : 1000);
  const outcome = {
    title: each.title,
    place: `${each.file}:${each.line}`,
    ids: each.ids,
    difference,
    reason,
    milliseconds: performance.now() - start,
  };
  outcomes.push(outcome);
  const progress = `${String(outcomes.length).padStart(3)}/${chosen.length} ${outcome.milliseconds.toFixed(0).padStart(5)} ms  ${each.title} [${each.ids.join(", ")}]`;
  if (!good(outcome))
    console.log(
      `FAIL  ${progress}\n      ${difference ?? `passes now; remove it from expectations.json (${reason})`}`,
    );
  else if (!options.quick)
    console.log(reason === undefined ? `ok    ${progress}` : `known ${progress}\n      ${reason}`);
}

/** Conversations with a focus that authenticates stand in `auth-xmpp.txt` and `auth-jwt.txt`. */
const authenticationOf = (each: Case): Authentication | undefined =>
  each.file.endsWith("/auth-xmpp.txt")
    ? "XMPP"
    : each.file.endsWith("/auth-jwt.txt")
      ? "JWT"
      : undefined;
for (const authentication of [undefined, "XMPP", "JWT"] as const)
  await playAll(
    chosen.filter((each) => authenticationOf(each) === authentication),
    authentication,
  );

const rows = judge(catalogue, outcomes);
if (options.report !== undefined) {
  const report: Report = {
    focus: options.focus,
    bridge: options.bridge,
    seconds: seconds(),
    rows,
  };
  mkdirSync(options.report, { recursive: true });
  writeFileSync(join(options.report, "report.json"), `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(join(options.report, "report.html"), reportHtml(report));
}
const count = (result: Result) => rows.filter((row) => row.result === result).length;
console.log(
  `requirements: ${count("passed")} passed, ${count("failed")} failed, ${count("known difference")} known differences, ${count("not covered")} not covered here; ${seconds().toFixed(1)} s`,
);
const failed = outcomes.filter((outcome) => !good(outcome)).length;
console.log(`${outcomes.length - failed} passed, ${failed} failed`);
exitProcess(failed === 0 && outcomes.length > 0 ? 0 : 1);
