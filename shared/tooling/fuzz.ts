/**
 * Fuzzes every parser: each `*.fuzz.ts` exports `targets` (bytes in, must return normally) and
 * optionally `seeds` (valid inputs to mutate). Inputs that ever failed live in
 * `conformance/corpus/<target>/` and are replayed first.
 *
 *   npm run fuzz -- [--seconds N] [--target TEXT] [--part N/M] [--seed N]
 *
 * A throw, or an input that takes more than 10 ms of this thread's time (100 ms where it is longer than
 * 1,500 bytes; the median of three tries), fails the target; the input is saved to the corpus.
 */
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import yargs from "yargs";
import { exitProcess } from "#shared/runtime/native-process";

interface FuzzModule {
  readonly targets: Record<string, (input: Uint8Array) => void>;
  readonly seeds?: Record<string, readonly Uint8Array[]>;
}

const root = fileURLToPath(new URL("../..", import.meta.url));
const corpus = join(root, "conformance/corpus");

const options = await yargs(process.argv.slice(2))
  .scriptName("npm run fuzz --")
  .usage("$0 [options]\n\nMutates inputs for every parser, which must answer whatever it gets.")
  .option("seconds", { type: "number", default: 60, describe: "processor time for each target" })
  .option("target", {
    type: "string",
    default: "",
    describe: "only targets whose name contains this",
  })
  .option("part", {
    type: "string",
    default: "1/1",
    describe: "of every so many targets only one: 1/2 and 2/2 are all of them",
  })
  .option("seed", { type: "number", describe: "seed of the mutations (default: drawn, printed)" })
  .strict()
  .parse();

const seed = options.seed ?? Math.floor(Math.random() * 2 ** 31);

/** Mulberry32: enough for mutations, and repeatable. */
function generator(start: number): (bound: number) => number {
  let state = start >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % bound;
  };
}

const interesting = [0, 1, 0x7f, 0x80, 0xff, 0x3c, 0x7b, 0x22, 0x5b, 0x24];

/** Longest input. */
const mostBytes = 256 * 1024;

/** A part of a seed over and over, up to the longest input: what takes quadratic time shows. */
function grow(base: Uint8Array, pick: (bound: number) => number): Uint8Array {
  const from = pick(base.length);
  const to = from + 1 + pick(base.length - from);
  const part = base.subarray(from, to);
  const room = 2 ** (11 + pick(8)) - base.length;
  const times = Math.max(1, Math.floor(room / part.length));
  const parts = Array.from({ length: times }, () => part);
  return Buffer.concat([base.subarray(0, from), ...parts, base.subarray(to)]);
}

/** One to eight random edits of a seed, or fresh bytes. */
function mutate(seeds: readonly Uint8Array[], pick: (bound: number) => number): Uint8Array {
  const base = seeds[pick(seeds.length + 1)];
  if (base === undefined) return Uint8Array.from({ length: pick(256) }, () => pick(256));
  let bytes = Buffer.from(base.length > 0 && pick(100) === 0 ? grow(base, pick) : base);
  for (let edit = pick(8); edit >= 0; edit--) {
    const at = pick(bytes.length + 1);
    const span = 1 + pick(8);
    const kind = pick(6);
    if (kind === 0 && at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << pick(8));
    else if (kind === 1 && at < bytes.length)
      bytes[at] = interesting[pick(interesting.length)] ?? 0;
    else if (kind === 2) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + span)]);
    else if (kind === 3) {
      const extra = Buffer.from(Array.from({ length: span }, () => pick(256)));
      bytes = Buffer.concat([bytes.subarray(0, at), extra, bytes.subarray(at)]);
    } else if (kind === 4)
      bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(pick(bytes.length + 1))]);
    else bytes = bytes.subarray(0, at);
    if (bytes.length > mostBytes) bytes = bytes.subarray(0, mostBytes);
  }
  return bytes;
}

/** Time this thread spends on the input, in ms; that of other programs does not count. */
function timed(target: (input: Uint8Array) => void, input: Uint8Array): number {
  const before = process.threadCpuUsage();
  target(input);
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

/** Throws when the input takes too long, and not only while code is compiled or memory swept. */
function judge(target: (input: Uint8Array) => void, input: Uint8Array): void {
  const limit = input.length <= 1500 ? 10 : 100;
  if (timed(target, input) <= limit) return;
  const tries = [1, 2, 3].map(() => timed(target, input)).sort((a, b) => a - b);
  const median = tries[1] as number;
  if (median > limit) {
    throw new Error(`took ${median.toFixed(0)} ms for ${input.length} bytes; ${limit} are allowed`);
  }
}

const [part, parts] = options.part.split("/").map(Number);
if (part === undefined || parts === undefined || !(part >= 1 && part <= parts)) {
  console.error(`--part is ${options.part}, which is not one of so many, like 1/2`);
  process.exit(2);
}

let passed = 0;
let failed = 0;
let found = 0;

function fuzz(
  name: string,
  target: (input: Uint8Array) => void,
  seeds: readonly Uint8Array[],
): void {
  const folder = join(corpus, name);
  const replays = existsSync(folder)
    ? readdirSync(folder).map((file) => readFileSync(join(folder, file)))
    : [];
  const pick = generator(seed ^ createHash("sha256").update(name).digest().readInt32LE(0));
  const before = process.threadCpuUsage();
  const isOver = () => {
    const { user, system } = process.threadCpuUsage(before);
    return user + system >= options.seconds * 1e6;
  };
  let runs = 0;
  let input: Uint8Array = new Uint8Array();
  try {
    for (; runs < replays.length || !isOver(); runs++) {
      input = replays[runs] ?? mutate(seeds, pick);
      judge(target, input);
    }
    passed++;
    console.log(`ok   ${name.padEnd(40)} ${runs} inputs`);
  } catch (error) {
    failed++;
    mkdirSync(folder, { recursive: true });
    const file = join(folder, createHash("sha256").update(input).digest("hex").slice(0, 16));
    writeFileSync(file, input);
    console.log(`FAIL ${name} after ${runs} inputs (seed ${seed}); input saved as ${file}`);
    console.log(error instanceof Error ? error.stack : String(error));
  }
}

console.log(`fuzzing ${options.seconds} s a target, seed ${seed}`);
for (const file of globSync("{shared,jicofo-ts,jvb-ts}/**/*.fuzz.ts", { cwd: root }).sort()) {
  const module = (await import(pathToFileURL(join(root, file)).href)) as FuzzModule;
  for (const [name, target] of Object.entries(module.targets)) {
    if (found++ % parts === part - 1 && name.includes(options.target))
      fuzz(name, target, module.seeds?.[name] ?? []);
  }
}
console.log(`${passed} passed, ${failed} failed`);
exitProcess(failed === 0 && passed > 0 ? 0 : 1);
