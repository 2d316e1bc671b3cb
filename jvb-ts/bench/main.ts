/**
 * `npm run bench -- [--row NAME] [--rounds N]`: measures ours beside upstream's Java programs in one
 * run, contenders interleaved. Each row appends what it has to `dist/bench/ROW.json` after every
 * round, so that an interrupted run loses nothing. Only ratios within one run mean anything.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import yargs from "yargs";
import type { BenchRow, Figures } from "./bench-row.ts";
import { startUpRow } from "./start-up.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** A row whose round is a script of its own, which prints its figures as JSON. */
function script(name: string, about: string, file: string, flags: readonly string[]): BenchRow {
  const always = ["--conditions=source", "--expose-gc", "--disable-warning=ExperimentalWarning"];
  const args = [...always, ...flags, join(root, "jvb-ts/bench", file), "--json"];
  const round = async (): Promise<Figures> => {
    const child = spawnSync(process.execPath, args, { encoding: "utf8" });
    if (child.status !== 0) throw new Error(child.stderr);
    return JSON.parse(child.stdout) as Figures;
  };
  return { name, about, open: async () => ({ round, close: () => Promise.resolve() }) };
}

const rows: readonly BenchRow[] = [
  startUpRow,
  script(
    "packet-path",
    "nanoseconds and bytes allocated per forwarded packet in the TypeScript packet path",
    "forward.bench.ts",
    [],
  ),
  script(
    "worker-garbage",
    "bytes allocated by a media worker with thirty endpoints on real sockets, per packet sent",
    "worker-garbage.ts",
    // Nothing may be collected while it is measured.
    ["--min-semi-space-size=256", "--max-semi-space-size=256", "--no-minor-gc-task"],
  ),
];

const options = await yargs(process.argv.slice(2))
  .scriptName("npm run bench --")
  .option("row", { type: "string", array: true, choices: rows.map((row) => row.name) })
  .option("rounds", { type: "number", default: 3 })
  .strict()
  .parse();

const median = (values: readonly number[]) => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
};

function table(rounds: readonly Figures[]): void {
  const contenders = [...new Set(rounds.flatMap((round) => Object.keys(round)))];
  const names = [...new Set(rounds.flatMap((round) => Object.values(round).flatMap(Object.keys)))];
  console.log(["", ...names].map((name) => name.padStart(18)).join(""));
  for (const contender of contenders) {
    const cells = names.map((name) => {
      const values = rounds.flatMap((round) => round[contender]?.[name] ?? []);
      return (values.length === 0 ? "–" : median(values).toPrecision(4)).padStart(18);
    });
    console.log(contender.padEnd(18) + cells.join(""));
  }
}

mkdirSync(join(root, "dist/bench"), { recursive: true });
for (const row of rows.filter((each) => options.row?.includes(each.name) ?? true)) {
  console.log(`\n${row.name}: ${row.about}`);
  const bench = await row.open();
  const rounds: Figures[] = [];
  try {
    for (let round = 1; round <= options.rounds; round++) {
      console.log(`  round ${round} of ${options.rounds}`);
      rounds.push(await bench.round());
      const machine = {
        cpu: cpus()[0]?.model,
        cores: cpus().length,
        memoryMb: Math.round(totalmem() / 2 ** 20),
        node: process.version,
      };
      writeFileSync(
        join(root, `dist/bench/${row.name}.json`),
        `${JSON.stringify({ row: row.name, machine, rounds }, null, 2)}\n`,
      );
    }
  } finally {
    await bench.close();
  }
  table(rounds);
}
process.exit();
