/**
 * `npm run bench`: ours beside upstream's Java programs and the limit programs, in one run (spec
 * benchmarks-and-faults F.0). A full run keeps its figures in `bench/results/` and redraws
 * `bench/index.html` and the figures in the README; a try-out (`--quick`, or with contenders left
 * out) writes to `dist/bench/`.
 */
import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import yargs from "yargs";
import { runCanary } from "./canary.ts";
import { describeCommit, describeMachine, watchOthers } from "./machine.ts";
import { writePage } from "./page.ts";
import { ProcessTree } from "./process-tree.ts";
import { profile } from "./profile.ts";
import { createProgress } from "./progress.ts";
import { quoteIn } from "./readme.ts";
import { type Method, type RowResult, readResult, resultFile, writeResult } from "./result.ts";
import type { ContenderName, Row } from "./row.ts";
import { groups } from "./rows.ts";
import { type Plan, runRow, WARM_SECONDS } from "./runner.ts";
import { contenderNames } from "./schedule.ts";
import { table } from "./table.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const kept = join(root, "bench/results");
const tried = join(root, "dist/bench/results");
const names = groups.flatMap((group) => group.rows.map((row) => row.name));

const options = await yargs(process.argv.slice(2))
  .scriptName("npm run bench --")
  .usage("$0 [options]\n\nMeasures ours beside upstream's Java programs and the limit programs.")
  .option("row", {
    type: "string",
    array: true,
    choices: names,
    describe: "measure this row only (repeatable)",
  })
  .option("rounds", { type: "number", default: 3, describe: "valid rounds wanted of each row" })
  .option("seconds", {
    type: "number",
    describe: "measured in each round of each contender [20, or what the row says]",
  })
  .option("contender", {
    choices: contenderNames,
    array: true,
    describe: "only these; nothing is kept",
  })
  .option("quick", {
    type: "boolean",
    default: false,
    describe: "a try-out: 1 round of 3 s, hardly warmed up; nothing is kept",
  })
  .option("add", {
    type: "boolean",
    default: false,
    describe: "go on where an interrupted run of the same commit stopped",
  })
  .option("profile", {
    type: "boolean",
    default: false,
    describe: "profile ours under the hottest row (or --row) instead of measuring",
  })
  .option("page", { type: "boolean", default: false, describe: "only redraw the page" })
  .option("list", { type: "boolean", default: false, describe: "only list the rows" })
  .strict()
  .parse();

const isTryOut = options.quick || options.contender !== undefined;
const results = isTryOut ? tried : kept;
const page = join(root, isTryOut ? "dist/bench/index.html" : "bench/index.html");
const chosen = groups.flatMap((group) =>
  group.rows
    .filter((row) => options.row?.includes(row.name) ?? true)
    .map((row) => ({ row, group: group.title })),
);

function redraw(): void {
  const all = names.flatMap((name) => readResult(results, name) ?? []);
  const isBeside = existsSync(join(dirname(page), "profile.html"));
  writePage(page, all, isBeside ? { profile: "profile.html" } : {});
  if (!isTryOut) quoteIn(join(root, "README.md"), all);
  console.log(`page: ${relative(process.cwd(), page)}`);
}

function planOf(row: Row): Plan {
  const quick = options.quick;
  const warm = (name: ContenderName) =>
    quick
      ? Math.min(2, row.warmSeconds?.[name] ?? WARM_SECONDS[name])
      : (row.warmSeconds?.[name] ?? WARM_SECONDS[name]);
  return {
    rounds: quick ? 1 : options.rounds,
    seconds: options.seconds ?? (quick ? 3 : (row.seconds ?? 20)),
    warmSeconds: { ours: warm("ours"), java: warm("java"), limit: warm("limit") },
    without: contenderNames.filter((name) => options.contender?.includes(name) === false),
    repeatVoid: !quick,
  };
}

/** Without the starts, and when no round is void. */
function minutesOf(row: Row, plan: Plan): number {
  const present = contenderNames.filter(
    (name) => row.contenders[name] && !plan.without?.includes(name),
  );
  const warm = present.reduce((sum, name) => sum + plan.warmSeconds[name], 0);
  return Math.max(1, Math.round((warm + plan.rounds * present.length * plan.seconds) / 60));
}

async function measureRow(row: Row, group: string, own: ProcessTree, place: string): Promise<void> {
  const plan = planOf(row);
  const method: Method = {
    rounds: plan.rounds,
    seconds: plan.seconds,
    warmSeconds: plan.warmSeconds,
    quick: options.quick,
  };
  const commit = describeCommit();
  const machine = describeMachine(own.source);
  const before = options.add ? readResult(results, row.name) : undefined;
  const isSame =
    before?.commit === commit &&
    before.method.seconds === method.seconds &&
    JSON.stringify(before.machine) === JSON.stringify(machine);
  if (before !== undefined && !isSame)
    console.log(`${row.name}: measured otherwise than before, so it starts afresh`);
  const earlier = isSame && before !== undefined ? before.rounds : [];
  const date = () => new Date().toISOString();
  const began = earlier[0]?.began ?? date();
  const progress = createProgress(process.stdout);
  progress.say(`\n${place}: ${row.name}, ${row.about} (about ${minutesOf(row, plan)} min)`);
  try {
    await runRow(
      row,
      plan,
      {
        canary: runCanary,
        watchOthers: () => watchOthers(),
        date,
        commit,
        step: ({ text, seconds }) => progress.step(`${row.name}: ${text}`, seconds),
        say: (text) => progress.say(`  ${text}`),
        save: (rounds, contenders, complete) => {
          const { name, about, figures, units = {} } = row;
          const head = { row: name, group, about, figures, units, began, ended: date(), complete };
          writeResult(results, { ...head, commit, machine, method, contenders, rounds });
        },
      },
      earlier,
    );
  } finally {
    progress.end();
  }
  const result: RowResult | undefined = readResult(results, row.name);
  if (result !== undefined) console.log(`\n${table(result)}`);
  console.log(`figures: ${relative(process.cwd(), resultFile(results, row.name))}`);
}

async function main(): Promise<number> {
  if (options.list) {
    for (const { row, group } of chosen)
      console.log(`${row.name.padEnd(20)} ${group}: ${row.about}`);
    return 0;
  }
  if (options.page) {
    redraw();
    return 0;
  }
  if (options.profile) {
    await profile({
      rows: chosen.map(({ row }) => row),
      results: names.flatMap((name) => readResult(kept, name) ?? []),
      seconds: options.seconds ?? 20,
      page: join(root, "bench/profile.html"),
      commit: describeCommit(),
    });
    return 0;
  }
  const own = new ProcessTree(process.pid);
  process.on("exit", () => own.close());
  let failed = 0;
  for (const [at, { row, group }] of chosen.entries()) {
    try {
      await measureRow(row, group, own, `row ${at + 1} of ${chosen.length}`);
    } catch (cause) {
      // The other rows are worth having.
      failed++;
      console.error(`${row.name} failed:`, cause);
    }
  }
  redraw();
  return failed === 0 ? 0 : 1;
}

// A signal ends everything by way of `exit`, where the programs' own hooks end their children.
process.on("SIGINT", () => process.exit(130));
process.on("SIGTERM", () => process.exit(143));
process.on("SIGHUP", () => process.exit(129));
process.exit(await main());
