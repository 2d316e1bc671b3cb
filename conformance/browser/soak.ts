/**
 * `npm run soak -- [--minutes N]`: three pages stay in a call while a fourth joins and leaves, and
 * the memory of our programs is watched. Ends with status 1 when media stops or a program's memory
 * at the end is more than a quarter and 20 MB above what it was after the first fifth.
 */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import yargs from "yargs";
import { npmClient, startCalls } from "./calls.ts";
import { expectMedia } from "./pages.ts";

const { minutes } = await yargs(process.argv.slice(2))
  .scriptName("npm run soak --")
  .usage(
    "$0 [options]\n\nThree pages stay in a call, a fourth comes and goes; watches media and our programs' memory.",
  )
  .option("minutes", { type: "number", default: 60, describe: "how long" })
  .strict()
  .parse();

/** Resident memory of a process in MB. */
function residentMb(pid: number | undefined): number {
  const kilobytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kilobytes) / 1024;
}

const calls = await startCalls({ client: npmClient });
const programs = [calls.stack.focus, ...calls.stack.bridges.map((bridge) => bridge.program)];
const first = new Map<string, number>();
let status = 0;
try {
  const staying = [];
  for (const number of [1, 2, 3]) staying.push(await calls.open("soak", number));
  const began = performance.now();
  const end = began + minutes * 60_000;
  for (let round = 1; performance.now() < end; round++) {
    const guest = await calls.open("soak", 4);
    await expectMedia([...staying, guest], { bridges: calls.stack.bridges });
    await guest.close();
    await Promise.all(staying.map((page) => page.forget(guest)));
    await expectMedia(staying, { bridges: calls.stack.bridges });
    const past = performance.now() - began;
    const memory = programs.map((program) => {
      const now = residentMb(program.pid);
      if (past < minutes * 12_000 || !first.has(program.name)) first.set(program.name, now);
      return `${program.name} ${now.toFixed(0)} MB`;
    });
    console.log(`${(past / 60_000).toFixed(1)} min, ${round} visits: ${memory.join(", ")}`);
    await sleep(1000);
  }
  for (const program of programs) {
    const before = first.get(program.name) ?? 0;
    const now = residentMb(program.pid);
    if (now > before * 1.25 + 20) {
      console.error(`${program.name} grew from ${before.toFixed(0)} to ${now.toFixed(0)} MB`);
      status = 1;
    }
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  status = 1;
} finally {
  await calls.stop();
}
process.exit(status);
