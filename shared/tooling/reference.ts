/**
 * The operator's reference of every configuration key, from the key tables: `reference.conf` and
 * `configuration.md` beside each program. Without `--write` it only says whether they are current.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { allTables } from "../../jicofo-ts/src/config/settings.ts";
import { allKeys } from "../../jvb-ts/src/config/tables.ts";
import type { KeyTable } from "../src/config/keys.ts";
import { referenceConf, referenceMarkdown } from "../src/config/reference.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const programs: Readonly<Record<string, readonly KeyTable<unknown>[]>> = {
  "jicofo-ts": allTables,
  "jvb-ts": allKeys,
};
const write = process.argv.includes("--write");
const command = "./shared/tooling/n24 shared/tooling/reference.ts --write";
const made = `Made from the key tables by \`${command}\`; not read by the program.`;

let stale = 0;
for (const [name, tables] of Object.entries(programs)) {
  const files = {
    "reference.conf": `# Every key of ${name} with its default.\n# ${made}\n\n${referenceConf(tables)}`,
    "configuration.md": `# Configuration of ${name}\n\n${made}\n\n${referenceMarkdown(tables)}`,
  };
  for (const [file, text] of Object.entries(files)) {
    const path = join(root, name, file);
    if (existsSync(path) && readFileSync(path, "utf8") === text) continue;
    if (write) writeFileSync(path, text);
    else {
      stale++;
      console.log(`${name}/${file} is not current: run ${command}`);
    }
  }
}
process.exitCode = stale === 0 ? 0 : 1;
