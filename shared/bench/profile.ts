/**
 * `--profile`: ours under the load of a row with V8's CPU profiler in every thread of the program,
 * as a flame graph and the functions that take most.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { addProfile, byOwnTime, type CpuProfile, createLocate, newFrame } from "./cpu-profile.ts";
import { renderFlame } from "./flame.ts";
import type { RowResult } from "./result.ts";
import type { Row } from "./row.ts";
import { summarise } from "./summary.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const WARM_SECONDS = 15;
const INTERVAL_US = 250;

export interface ProfileOptions {
  /** To choose from. */
  readonly rows: readonly Row[];
  /** What was measured before tells which row is the hottest. */
  readonly results: readonly RowResult[];
  readonly seconds: number;
  readonly page: string;
  readonly commit: string;
}

/**
 * The row in which ours needs most CPU time for a packet, or for whatever the first row with such a
 * figure counts; the first row where none was measured.
 */
export function hottest(rows: readonly Row[], results: readonly RowResult[]): Row | undefined {
  const measured = rows.flatMap((row) => {
    const result = results.find((each) => each.row === row.name);
    const figure =
      result && summarise(result).figures.find(({ meta }) => /^cpu\b/i.test(meta.name));
    const value = figure?.values.ours?.value;
    return figure === undefined || value === undefined
      ? []
      : [{ row, value, unit: figure.meta.unit }];
  });
  const alike = measured.filter(({ unit }) => unit === measured[0]?.unit);
  return alike.toSorted((a, b) => b.value - a.value)[0]?.row ?? rows[0];
}

/** Whether a thread belongs to one of our programs, and not to what loads it. */
function isOurs(profile: CpuProfile): boolean {
  const urls = profile.nodes.map((node) => node.callFrame.url);
  const has = (part: RegExp) => urls.some((url) => part.test(url));
  return (
    has(/\/dist\/(jvb|jicofo)-ts\/|\/(jvb|jicofo)-ts\/src\/(main|worker)\.ts$/) &&
    !has(/\/bench\/(?!row)/)
  );
}

const nowUs = (): number => Number(process.hrtime.bigint() / 1000n);

/** @throws Error when the row has nothing of ours, or no thread left a profile. */
export async function profile(options: ProfileOptions): Promise<void> {
  const row = hottest(options.rows, options.results);
  const start = row?.contenders.ours;
  if (row === undefined || start === undefined) throw new Error("no row to profile");
  const folder = mkdtempSync(join(tmpdir(), "jitsi-ts-profile-"));
  try {
    // Inherited by every Node that the row starts; the runner itself is not profiled.
    process.env["NODE_OPTIONS"] =
      `${process.env["NODE_OPTIONS"] ?? ""} --cpu-prof --cpu-prof-dir=${folder} --cpu-prof-interval=${INTERVAL_US}`.trim();
    console.log(`${row.name}: starting ours under the profiler`);
    const ours = await start();
    if ("notMeasured" in ours) throw new Error(ours.notMeasured);
    let from = 0;
    let to = 0;
    try {
      console.log(`${row.name}: warming up, ${WARM_SECONDS} s`);
      await ours.warm(Math.min(WARM_SECONDS, row.warmSeconds?.ours ?? WARM_SECONDS));
      console.log(`${row.name}: measuring, ${options.seconds} s`);
      from = nowUs();
      await ours.measure(options.seconds);
      to = nowUs();
    } finally {
      // The profiles are written when the programs end.
      await ours.stop();
    }
    write(row, folder, from, to, options);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function write(row: Row, folder: string, from: number, to: number, options: ProfileOptions): void {
  const files = readdirSync(folder).sort();
  const profiles = files.map((file) => ({
    file,
    profile: JSON.parse(readFileSync(join(folder, file), "utf8")) as CpuProfile,
  }));
  const own = profiles.filter((each) => isOurs(each.profile));
  const chosen = own.length > 0 ? own : profiles;
  if (chosen.length === 0) throw new Error("no program left a profile");
  const all = newFrame(row.name, "", "thread");
  const locate = createLocate(root);
  for (const each of chosen) {
    // CPU.DATE.TIME.PID.THREAD.NUMBER.cpuprofile
    const thread = Number(each.file.split(".")[4] ?? 0);
    const name = thread === 0 ? "main thread" : `worker thread ${thread}`;
    const below = newFrame(
      chosen.length > 2 ? `${name} of ${each.file.split(".")[3]}` : name,
      "",
      "thread",
    );
    addProfile(below, each.profile, from, to, locate);
    if (below.total === 0) continue;
    all.children.set(each.file, below);
    all.total += below.total;
  }
  const seconds = (to - from) / 1e6;
  const busy = ((all.total / (to - from)) * 100).toFixed(1);
  const title = `Where the time goes: ${row.name}`;
  const about = `${row.about}. ${seconds.toFixed(0)} s of load, threads busy for ${busy} % of a core by samples every ${INTERVAL_US} µs, commit ${options.commit}.`;
  mkdirSync(dirname(options.page), { recursive: true });
  writeFileSync(options.page, renderFlame(all, { title, about }));
  console.log(`\n${row.name}: ${about}\n`);
  console.log(`${"itself".padStart(8)}${"in all".padStart(9)}  function`);
  for (const { name, where, self, total } of byOwnTime(all).slice(0, 10)) {
    const percent = (value: number) => `${((100 * value) / all.total).toFixed(1)} %`;
    console.log(`${percent(self).padStart(8)}${percent(total).padStart(9)}  ${name}  ${where}`);
  }
  console.log(`\nflame graph: ${relative(process.cwd(), options.page)}`);
}
