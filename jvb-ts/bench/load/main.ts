/**
 * The load by itself: `shared/tooling/n24 jvb-ts/bench/load/main.ts --row audio --contender ours
 * --seconds 20`. Prints the cell and what else the generator knows.
 */
import yargs from "yargs";
import { SEED, Stand } from "./contender.ts";
import { workloads } from "./workload.ts";

const options = await yargs(process.argv.slice(2))
  .scriptName("load")
  .option("row", { choices: workloads.map(({ name }) => name), default: "audio" })
  .option("contender", { choices: ["ours", "java", "limit"] as const, default: "ours" as const })
  .option("seconds", { type: "number", default: 20, describe: "measured" })
  .option("warm", { type: "number", default: 0, describe: "seconds of load before" })
  .option("rounds", { type: "number", default: 1 })
  .option("seed", { type: "number", default: SEED })
  .option("profile", { choices: ["gcm", "cm"] as const, default: "gcm" as const })
  .strict()
  .parse();

const { contender, row: workload, seed, profile } = options;
const stand = await Stand.start({ contender, workload, seed, profile });
try {
  if (options.warm > 0) await stand.warm(options.warm);
  for (let round = 0; round < options.rounds; round++) {
    const { cell, measured } = await stand.measure(options.seconds);
    for (const [name, value] of Object.entries(cell.figures))
      console.log(name.padEnd(22), value.toFixed(2).padStart(12));
    const { window, kind: _kind, ports: _ports, ...more } = measured;
    const { delayUs: _delay, latenessUs: _lateness, ...counts } = window;
    console.log(JSON.stringify({ ...more, ...counts }));
    console.log(cell.void === undefined ? "valid" : `VOID: ${cell.void}`);
  }
} finally {
  await stand.stop();
}
