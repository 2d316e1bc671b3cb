/** What a call may leave neither in the logs of its programs nor running (spec G, I1, I7, I9). */
import { readdirSync, readFileSync } from "node:fs";
import { outputFaults } from "#shared/testing/output-faults";

export { secretFaults } from "#shared/testing/output-faults";

/** What a program of ours should never log, but for errors that match `expected`. */
export function logFaults(text: string, secrets: Iterable<string>, expected?: RegExp): string[] {
  return outputFaults(text, { forbidden: secrets, ...(expected && { expected }) });
}

/** Processes whose command line names something in `folder`. */
export function processesOf(folder: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
        return line.includes(folder) ? [`${pid} ${line}`] : [];
      } catch {
        return [];
      }
    });
}
