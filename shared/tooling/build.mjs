// Bundles each program into one ESM file (quick cold start) and the demo's pages for the browser.
import { existsSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../..", import.meta.url));
process.chdir(root);

// CommonJS packages inside an ESM bundle still call require for Node's own modules.
const banner = {
  js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
};

const programs = [
  { out: "dist/jicofo-ts/main.mjs", entry: "jicofo-ts/src/main.ts" },
  { out: "dist/jvb-ts/main.mjs", entry: "jvb-ts/src/main.ts" },
  { out: "dist/jvb-ts/worker.mjs", entry: "jvb-ts/src/worker.ts" },
].filter(({ entry }) => existsSync(entry));

await Promise.all([
  ...programs.map(({ out, entry }) =>
    build({
      entryPoints: [entry],
      outfile: out,
      bundle: true,
      platform: "node",
      target: "node24",
      format: "esm",
      conditions: ["source"],
      banner,
      minifySyntax: true,
      minifyWhitespace: true,
      sourcemap: "external",
      legalComments: "none",
      external: ["*.node"],
      logLevel: "warning",
    }),
  ),
  existsSync("shared/demo/page/call.ts") &&
    build({
      entryPoints: ["shared/demo/page/call.ts", "shared/demo/page/servers.ts"],
      outdir: "dist/demo",
      bundle: true,
      format: "esm",
      target: "es2022",
      sourcemap: true,
      logLevel: "warning",
    }),
]);
for (const { out } of programs) console.log(`${out} ${(statSync(out).size / 1024).toFixed(0)} KiB`);
