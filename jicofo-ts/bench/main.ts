/**
 * The focus row alone: `shared/tooling/n24 jicofo-ts/bench/main.ts --contender ours|java
 * [--server prosody|lean] [--conferences 100] [--rate 10] [--rounds 1]`. Each round says how many participants the process
 * had set up before, for Java gets faster for thousands of them.
 */
import yargs from "yargs";
import { conferenceSize, FocusBench, type TrafficReport } from "./focus-bench.ts";
import { cellOf } from "./row.ts";

const options = await yargs(process.argv.slice(2))
  .scriptName("jicofo-ts/bench/main.ts")
  .option("contender", { choices: ["ours", "java"] as const, demandOption: true })
  .option("server", { choices: ["prosody", "lean"] as const, default: "prosody" as const })
  .option("conferences", { type: "number", default: 100, describe: "in each round" })
  .option("rate", { type: "number", default: 10, describe: "conferences per second" })
  .option("rounds", { type: "number", default: 1 })
  .option("first", { type: "number", default: 1, describe: "starts to time the first conference" })
  .option("counted", { type: "number", default: 10, describe: "conferences to count stanzas of" })
  .option("held", { type: "boolean", default: false, describe: "first see what 300 of them hold" })
  .option("profile", { type: "string", describe: "file for a CPU profile of the last round" })
  .strict()
  .parse();

function printTraffic({ participants, sent, received }: TrafficReport): void {
  for (const [way, traffic] of [
    ["sent by", sent],
    ["received by", received],
  ] as const) {
    const per = (count: number) => (count / participants).toFixed(2).padStart(8);
    console.log(`${way} the focus, per join: ${per(traffic.stanzas).trim()} stanzas,`);
    console.log(`${per(traffic.bytes)} bytes in ${per(traffic.reads).trim()} pieces`);
    const kinds = [...traffic.kinds].sort(([, one], [, other]) => other - one);
    for (const [kind, count] of kinds.slice(0, 14)) console.log(`${per(count)} ${kind}`);
  }
}

const bench = await FocusBench.open(options.contender, options.server);
try {
  const firsts: number[] = [];
  for (let at = 0; at < options.first; at++) firsts.push((await bench.first()) ?? Number.NaN);
  const traffic = options.counted > 0 ? await bench.traffic(options.counted) : undefined;
  if (traffic !== undefined) printTraffic(traffic);
  const why = options.rounds > 0 ? await bench.start() : undefined;
  if (why !== undefined) throw new Error(why);
  const held = options.held
    ? await bench.held({ conferences: 100, rate: 10, size: conferenceSize })
    : undefined;
  for (let round = 1; round <= options.rounds; round++) {
    const { conferences, rate } = options;
    const profile = round === options.rounds ? options.profile : undefined;
    const batch = await bench.batch({ conferences, rate, size: conferenceSize }, profile);
    const cell = cellOf(batch, firsts, traffic, held);
    const ready = batch.requestToReady.toSorted((one, other) => one - other);
    console.log(`round ${round}${cell.void === undefined ? "" : `, VOID: ${cell.void}`}`);
    for (const [name, value] of Object.entries(cell.figures))
      console.log(`  ${name.padEnd(24)} ${value.toFixed(2).padStart(10)}`);
    console.log(`  request to ready p50     ${ready[ready.length >> 1]?.toFixed(2).padStart(10)}`);
  }
} finally {
  await bench.close();
}
process.exit();
