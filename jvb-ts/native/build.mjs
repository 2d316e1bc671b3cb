// Builds dist/native/jvb-native.node with one call of the C compiler. node-gyp is no help here: it
// downloads headers. Nothing is built when sources, compiler flags and Node's major are unchanged.
//
//   node jvb-ts/native/build.mjs [--force] [--sanitize]
//
// --sanitize builds dist/native/jvb-native.asan.node with address and undefined-behaviour
// sanitizers: run node with LD_PRELOAD=$(cc -print-file-name=libasan.so) and
// JVB_NATIVE=that file.
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

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const sanitize = process.argv.includes("--sanitize");
const output = join(root, "dist/native", sanitize ? "jvb-native.asan.node" : "jvb-native.node");

function stop(line) {
  console.error(`jvb-native: ${line}`);
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
function libraryPath(compiler, name) {
  const { stdout } = spawnSync(compiler, [`-print-file-name=${name}`], { encoding: "utf8" });
  const path = stdout.trim();
  if (!path.includes("/")) stop(`${name} not found; install it: sudo apt-get install libssl-dev`);
  return path;
}

const architecture = process.arch === "arm64" ? "arm64" : "x64";
const compiler = findCompiler();
const nodeApi = firstExisting(
  [join(root, "node_modules/node-api-headers/include")],
  "npm package node-api-headers not found; run: npm ci",
);
// uv.h comes with the Node that runs the bridge.
const nodeHeaders = firstExisting(
  [join(root, `node_modules/node-linux-${architecture}/include/node`)],
  `npm package node-linux-${architecture} not found; run: npm ci`,
);
const libraries = ["libssl.a", "libcrypto.a"].map((name) => libraryPath(compiler, name));
const nodeMajor = JSON.parse(
  readFileSync(join(nodeHeaders, "../../package.json"), "utf8"),
).version.split(".")[0];

const sources = readdirSync(join(here, "src"))
  .filter((name) => name.endsWith(".c"))
  .sort();
const flags = [
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
  // SHA-1 states are copied directly, see srtp.c.
  "-DOPENSSL_SUPPRESS_DEPRECATED",
  `-I${nodeApi}`,
  `-I${nodeHeaders}`,
  ...(sanitize
    ? ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer"]
    : []),
];
const linking = [
  // Node carries its own OpenSSL: ours must neither see it nor be seen.
  "-Wl,--exclude-libs,ALL",
  "-Wl,-Bsymbolic",
  "-Wl,--wrap=gettimeofday",
  ...(sanitize ? [] : ["-Wl,--gc-sections"]),
  ...libraries,
  "-lpthread",
  "-ldl",
  "-lm",
];

const hash = createHash("sha256");
hash.update(JSON.stringify([nodeMajor, compiler, flags, linking]));
for (const name of readdirSync(join(here, "src")).sort()) {
  hash.update(name);
  hash.update(readFileSync(join(here, "src", name)));
}
const stamp = hash.digest("hex");
const stampFile = `${output}.stamp`;
if (
  !process.argv.includes("--force") &&
  existsSync(output) &&
  existsSync(stampFile) &&
  readFileSync(stampFile, "utf8") === stamp
) {
  process.exit(0);
}

mkdirSync(dirname(output), { recursive: true });
const fresh = `${output}.${process.pid}`;
const { status, error } = spawnSync(
  compiler,
  [...flags, "-o", fresh, ...sources.map((name) => join(here, "src", name)), ...linking],
  { stdio: "inherit" },
);
if (status !== 0)
  stop(`the compiler failed${error ? `: ${error.message}` : ""}; see the lines above`);
// Replaced whole: a running bridge keeps the file it has mapped.
renameSync(fresh, output);
writeFileSync(stampFile, stamp);
console.log(`${output.slice(root.length + 1)} built`);
