/** A contender that is a script of its own, which prints its figures as one line of JSON. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Cell, StartContender } from "../../shared/bench/row.ts";

/** Nothing may be collected while bytes are counted: collected bytes would be lost. */
const flags = [
  "--conditions=source",
  "--expose-gc",
  "--disable-warning=ExperimentalWarning",
  "--min-semi-space-size=256",
  "--max-semi-space-size=256",
  "--no-minor-gc-task",
];

/** What such a script prints. */
export interface ScriptOutput {
  readonly figures: Readonly<Record<string, number>>;
  readonly void?: string;
}

/** @param file beside this one; takes as long as it takes, whatever seconds are asked for */
export function script(file: string, ...args: readonly string[]): StartContender {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const measure = async (): Promise<Cell> => {
    const { stdout } = await promisify(execFile)(process.execPath, [...flags, path, ...args]);
    return JSON.parse(stdout) as ScriptOutput;
  };
  return async () => ({ warm: async () => {}, measure, stop: async () => {} });
}
