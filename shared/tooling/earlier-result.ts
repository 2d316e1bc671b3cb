/** Whether what a stage of the full tier found before, in a run that was interrupted, still holds. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, lstatSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import type { Outcome } from "./test-summary.ts";

/** What a file holds, or where a link leads. */
function contentOf(path: string): string | Buffer {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found?.isSymbolicLink()) return readlinkSync(path);
  return found?.isFile() ? readFileSync(path) : "";
}

/**
 * All that the outcome of a stage hangs on, in a line: the commit, whatever differs from it, files that
 * git does not know yet too, and what tests look for outside to decide whether they can run.
 */
export function stateOf(root: string, env: NodeJS.ProcessEnv = process.env): string {
  const git = (...args: readonly string[]) =>
    execFileSync("git", args, { cwd: root, env, encoding: "utf8", maxBuffer: 1 << 28 });
  const hash = createHash("sha256");
  // The length before each, so that no two lists of texts are the same text.
  const add = (text: string | Buffer) => hash.update(`${text.length} `).update(text);
  add(git("diff", "HEAD"));
  add(git("status", "--porcelain"));
  const unknown = git("ls-files", "--others", "--exclude-standard", "-z").split("\0");
  for (const file of unknown.slice(0, -1)) {
    add(file);
    add(contentOf(join(root, file)));
  }
  const folders = (env["PATH"] ?? "").split(":");
  add(folders.map((folder) => join(folder, "java")).find((java) => existsSync(java)) ?? "no java");
  add(env["JITSI_UPSTREAM"] ?? "no upstream");
  add(String(process.getuid?.()));
  return `${git("rev-parse", "HEAD").trim()} ${hash.digest("hex")}`;
}

/** Whether a stage that came out like this need not run again: what it skipped it never tried. */
export function holdsStill(found: Outcome & { readonly state: string }, state: string): boolean {
  return found.failed === 0 && found.skipped === 0 && found.state === state;
}
