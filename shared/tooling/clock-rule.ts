/**
 * The clock rule: outside `shared/src/runtime/`, tests and the drivers listed in
 * `clock-exceptions.json` nothing reads time or randomness or starts a timer. The list says how
 * many uses a file may have and may only shrink: a file with fewer fails too, until the list is
 * corrected.
 */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { usesIn } from "./clock-uses.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const allowed = JSON.parse(
  readFileSync(join(root, "shared/tooling/clock-exceptions.json"), "utf8"),
) as Record<string, { readonly uses: number; readonly why: string }>;

let failures = 0;
const seen = new Set<string>();
for (const file of globSync("{shared,jicofo-ts,jvb-ts,jibri-ts,jigasi-ts}/src/**/*.ts", {
  cwd: root,
})) {
  if (/\.(test|fuzz|live)\.ts$/.test(file) || /^shared\/src\/(runtime|testing)\//.test(file))
    continue;
  const count = usesIn(readFileSync(join(root, file), "utf8")).length;
  seen.add(file);
  const limit = allowed[file]?.uses ?? 0;
  if (count > limit) {
    failures++;
    console.error(
      `${file}: ${count} uses of time, randomness or timers, ${limit} allowed; take them from the Runtime port`,
    );
  } else if (count < limit) {
    failures++;
    console.error(
      `${file}: only ${count} uses left; lower its entry in shared/tooling/clock-exceptions.json from ${limit}`,
    );
  }
}
for (const file of Object.keys(allowed)) {
  if (!seen.has(file)) {
    failures++;
    console.error(`${file} is gone; remove it from shared/tooling/clock-exceptions.json`);
  }
}
process.exit(failures === 0 ? 0 : 1);
