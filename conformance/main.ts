/**
 * `npm run conformance`: plays the conversations of `scripts/` against a focus and a bridge, ours or
 * upstream's, and says which requirements of `catalogue.json` hold. A case that fails although
 * `expectations.json` does not say so, or passes although it does, fails the run.
 */
import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import yargs from "yargs";
import { play } from "./harness/play.ts";
import { type Case, parseScript } from "./harness/script.ts";
import { type Implementation, startTarget } from "./harness/target.ts";

interface Requirement {
  readonly id: string;
  /** What must hold, in a sentence. */
  readonly text: string;
  /** Where it comes from. */
  readonly source: string;
  /** Who relies on it. */
  readonly peer: string;
  /** Set where ours differs on purpose; upstream's programs accept it. */
  readonly improved?: string;
}

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
  .option("report", { type: "string", describe: "folder for report.json" })
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

/** Who a case judges: the bridge for its conversations, else the focus. */
const judged = (each: Case): Implementation =>
  each.steps.some((step) => "to" in step && step.to.startsWith("bridge"))
    ? options.bridge
    : options.focus;

const target = await startTarget(options.focus, options.bridge);
const outcomes: {
  title: string;
  ids: readonly string[];
  difference: string | undefined;
  reason: string | undefined;
  good: boolean;
}[] = [];
try {
  for (const each of cases) {
    if (![each.file, each.title, ...each.ids].some((text) => text.includes(options.only))) continue;
    const difference = await play(each, target);
    const reason = expectations[judged(each)][each.title];
    const good = (difference === undefined) === (reason === undefined);
    outcomes.push({ title: each.title, ids: each.ids, difference, reason, good });
    if (!good)
      console.log(
        `FAIL ${each.title} [${each.ids.join(", ")}]\n     ${difference ?? `passes now; remove it from expectations.json (${reason})`}`,
      );
    else if (!options.quick)
      console.log(
        `${reason === undefined ? "ok  " : "known"} ${each.title} [${each.ids.join(", ")}]${reason === undefined ? "" : `: ${reason}`}`,
      );
  }
} finally {
  await target.stop();
}

const results = catalogue.map((requirement) => {
  const mine = outcomes.filter((outcome) => outcome.ids.includes(requirement.id));
  const result =
    mine.length === 0
      ? "not covered"
      : mine.every((outcome) => outcome.difference === undefined)
        ? "passed"
        : mine.every((outcome) => outcome.good)
          ? "known difference"
          : "failed";
  return { ...requirement, result, cases: mine.map((outcome) => outcome.title) };
});
if (options.report !== undefined) {
  mkdirSync(options.report, { recursive: true });
  writeFileSync(
    join(options.report, "report.json"),
    `${JSON.stringify({ focus: options.focus, bridge: options.bridge, results }, null, 2)}\n`,
  );
}
const count = (result: string) => results.filter((each) => each.result === result).length;
console.log(
  `requirements: ${count("passed")} passed, ${count("failed")} failed, ${count("known difference")} known differences, ${count("not covered")} not covered here`,
);
const failed = outcomes.filter((outcome) => !outcome.good).length;
console.log(`${outcomes.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 && outcomes.length > 0 ? 0 : 1);
