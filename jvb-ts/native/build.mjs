// Builds dist/native/jvb-native.node.
//
//   node jvb-ts/native/build.mjs [--force] [--sanitize]
//
// --sanitize builds dist/native/jvb-native.asan.node with address and undefined-behaviour
// sanitizers: run node with LD_PRELOAD=$(cc -print-file-name=libasan.so) and
// JVB_NATIVE=that file.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildAddon } from "../../shared/tooling/addon.mjs";

const sanitize = process.argv.includes("--sanitize");

buildAddon({
  name: sanitize ? "jvb-native.asan" : "jvb-native",
  folder: join(dirname(fileURLToPath(import.meta.url)), "src"),
  force: process.argv.includes("--force"),
  flags: [
    // SHA-1 states are copied directly, see srtp.c.
    "-DOPENSSL_SUPPRESS_DEPRECATED",
    ...(sanitize
      ? [
          "-fsanitize=address,undefined",
          "-fno-sanitize-recover=undefined",
          "-fno-omit-frame-pointer",
        ]
      : []),
  ],
  libraries: ["libssl.a", "libcrypto.a"].map((file) => ({ file, package: "libssl-dev" })),
  linking: [
    // Node carries its own OpenSSL: ours must neither see it nor be seen.
    "-Wl,--exclude-libs,ALL",
    "-Wl,-Bsymbolic",
    "-Wl,--wrap=gettimeofday",
    ...(sanitize ? [] : ["-Wl,--gc-sections"]),
  ],
});
