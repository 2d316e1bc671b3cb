// Builds a Node-API addon with one call of the C compiler. node-gyp is no help here: it downloads
// headers. Nothing is built when sources, compiler flags and Node's major are unchanged.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");

function stop(line) {
  console.error(`native addon: ${line}`);
  process.exit(1);
}

/** The first compiler that starts. */
function findCompiler() {
  for (const name of [process.env.CC, "cc", "gcc", "clang"]) {
    if (name && spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0) return name;
  }
  return stop("no C compiler found; install one: sudo apt-get install gcc libc6-dev");
}

function firstExisting(paths, remedy) {
  return paths.find((path) => existsSync(path)) ?? stop(remedy);
}

/** Where the compiler itself would look for a library: the path, or the bare name when absent. */
function libraryPath(compiler, { file, package: debianPackage }) {
  const { stdout } = spawnSync(compiler, [`-print-file-name=${file}`], { encoding: "utf8" });
  const path = stdout.trim();
  if (!path.includes("/"))
    stop(`${file} not found; install it: sudo apt-get install ${debianPackage}`);
  return path;
}

/**
 * Builds `dist/native/NAME.node` from all C files of `folder`, unless it is there and no older.
 * `libraries`: static ones, each with the Debian package that has it.
 */
export function buildAddon({ name, folder, flags = [], libraries = [], linking = [], force }) {
  const architecture = process.arch === "arm64" ? "arm64" : "x64";
  const compiler = findCompiler();
  const nodeApi = firstExisting(
    [join(root, "node_modules/node-api-headers/include")],
    "npm package node-api-headers not found; run: npm ci",
  );
  // uv.h comes with the Node that runs our programs.
  const nodeHeaders = firstExisting(
    [join(root, `node_modules/node-linux-${architecture}/include/node`)],
    `npm package node-linux-${architecture} not found; run: npm ci`,
  );
  const nodeMajor = JSON.parse(
    readFileSync(join(nodeHeaders, "../../package.json"), "utf8"),
  ).version.split(".")[0];
  const files = readdirSync(folder).sort();
  const sources = files.filter((file) => file.endsWith(".c")).map((file) => join(folder, file));
  const words = [
    "-std=gnu11",
    "-shared",
    "-fPIC",
    "-O2",
    "-g",
    "-Wall",
    "-Wextra",
    "-fvisibility=hidden",
    "-fno-strict-aliasing",
    "-DNAPI_VERSION=8",
    "-D_GNU_SOURCE",
    `-I${nodeApi}`,
    `-I${nodeHeaders}`,
    ...flags,
  ];
  const last = [...linking, ...libraries.map((library) => libraryPath(compiler, library))];

  const hash = createHash("sha256");
  hash.update(JSON.stringify([nodeMajor, compiler, words, last]));
  for (const file of files) hash.update(file).update(readFileSync(join(folder, file)));
  const stamp = hash.digest("hex");
  const output = join(root, "dist/native", `${name}.node`);
  const stampFile = `${output}.stamp`;
  const isBuilt =
    existsSync(output) && existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp;
  if (isBuilt && !force) return;

  mkdirSync(dirname(output), { recursive: true });
  const fresh = `${output}.${process.pid}`;
  const { status, error } = spawnSync(
    compiler,
    [...words, "-o", fresh, ...sources, ...last, "-lpthread", "-ldl", "-lm"],
    { stdio: "inherit" },
  );
  if (status !== 0)
    stop(`the compiler failed${error ? `: ${error.message}` : ""}; see the lines above`);
  // Replaced whole: a running program keeps the file it has mapped.
  renameSync(fresh, output);
  writeFileSync(stampFile, stamp);
  console.log(`${output.slice(root.length + 1)} built`);
}
