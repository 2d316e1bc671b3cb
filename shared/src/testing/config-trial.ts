/** Configurations that a test writes to a file and has read as a start does it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, type ConfigFault, faultLine } from "../config/config-error.ts";

/** A folder with a configuration file, which lines show by its name only. */
export interface ConfigFolder {
  readonly path: string;
  /** Writes the file; its path. */
  write(text: string): string;
  /** Without the folder's path. */
  short(text: string): string;
}

/** To be called within `describe`: the folder is there as long as its tests run. */
export function configFolder(fileName: string): ConfigFolder {
  let path = "";
  before(() => {
    path = mkdtempSync(join(tmpdir(), "config-"));
  });
  after(() => rmSync(path, { recursive: true }));
  return {
    get path() {
      return path;
    },
    write(text) {
      const file = join(path, fileName);
      writeFileSync(file, text);
      return file;
    },
    short: (text) => text.replaceAll(`${path}/`, ""),
  };
}

/** What reading configurations brings. */
export interface ConfigTrial<T> {
  readonly folder: ConfigFolder;
  /** Throws `ConfigError`. */
  read(text: string, ...words: string[]): T;
  /** Lines that a start would log. */
  warnings(text: string, ...words: string[]): string[];
  /** What a start would end with; `accepted` where it would not. */
  refusal(text: string, ...words: string[]): string;
}

/** `read` takes the words of a command line. To be called within `describe`. */
export function configTrial<T extends { readonly warnings: readonly ConfigFault[] }>(
  fileName: string,
  read: (argv: readonly string[]) => T,
): ConfigTrial<T> {
  const folder = configFolder(fileName);
  const trial: ConfigTrial<T> = {
    folder,
    read: (text, ...words) => read(["--config", folder.write(text), ...words]),
    warnings: (text, ...words) =>
      trial.read(text, ...words).warnings.map((fault) => folder.short(faultLine(fault))),
    refusal: (text, ...words) => folder.short(refusalOf(() => trial.read(text, ...words))),
  };
  return trial;
}

/** Lines of the `ConfigError` that is thrown; `accepted` where none is. */
export function refusalOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof ConfigError) return error.line;
    throw error;
  }
  return "accepted";
}
