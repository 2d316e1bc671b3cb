/** The lists of what upstream promises (`conformance/surface`), for tests that hold us to them. */
import { readFileSync } from "node:fs";

/** Lines of a list, without comments. */
export function surfaceList(name: string): string[] {
  const file = new URL(`../../../conformance/surface/${name}.txt`, import.meta.url);
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
}
