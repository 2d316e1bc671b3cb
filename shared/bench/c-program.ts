/** Builds the benchmark's small C programs on demand, as `shared/tooling/addon.mjs` builds addons. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const FLAGS = ["-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-D_GNU_SOURCE"];

export interface CProgram {
  /** The one source file. */
  readonly source: URL;
  /** File name under `dist/bench/`. */
  readonly name: string;
  /** Flags beyond those of the addon. */
  readonly flags?: readonly string[];
  /** Static libraries that the compiler finds by itself, as `libcrypto.a`. */
  readonly libraries?: readonly string[];
}

/** The first compiler that starts. */
function findCompiler(): string {
  for (const name of [process.env["CC"], "cc", "gcc", "clang"])
    if (name !== undefined && spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0)
      return name;
  throw new Error("no C compiler found; install one: sudo apt-get install gcc libc6-dev");
}

/**
 * The path of the built program; nothing is built when source and flags are unchanged.
 *
 * @throws Error with the compiler's words when there is none or it fails.
 */
export function buildProgram({ source, name, flags = [], libraries = [] }: CProgram): string {
  const output = join(root, "dist/bench", name);
  const compiler = findCompiler();
  const found = libraries.map((library) => {
    const { stdout } = spawnSync(compiler, [`-print-file-name=${library}`], { encoding: "utf8" });
    const path = stdout.trim();
    if (!path.includes("/")) throw new Error(`${library} not found: apt-get install libssl-dev`);
    return path;
  });
  const linking = ["-Wl,--gc-sections", ...found, "-lpthread", "-ldl", "-lm"];
  const file = fileURLToPath(source);
  const stamp = createHash("sha256")
    .update(JSON.stringify([compiler, FLAGS, flags, linking]))
    .update(readFileSync(file))
    .digest("hex");
  const stampFile = `${output}.stamp`;
  if (existsSync(output) && existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp)
    return output;
  mkdirSync(dirname(output), { recursive: true });
  const fresh = `${output}.${process.pid}`;
  const args = [...FLAGS, ...flags, "-o", fresh, file, ...linking];
  const { status, stderr, error } = spawnSync(compiler, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${name}: the compiler failed: ${error?.message ?? stderr}`);
  renameSync(fresh, output);
  writeFileSync(stampFile, stamp);
  return output;
}
