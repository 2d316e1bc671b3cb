/** Words of the command line and of `JAVA_SYS_PROPS` that concern configuration (spec B9). */

/** What was asked for. */
export interface CommandLine {
  /** `--config FILE`, else `-Dconfig.file=FILE`; empty where the name of the file is missing. */
  readonly configFile: string | undefined;
  /** All `-D` options; those of the command line win over those of `JAVA_SYS_PROPS`. */
  readonly systemProperties: ReadonlyMap<string, string>;
  /** `--strict`: warnings are errors. */
  readonly strict: boolean;
  /** Words that are not ours, in order. */
  readonly rest: readonly string[];
}

/** Reads `argv` (without node and script) after `JAVA_SYS_PROPS`. Java's other options are dropped. */
export function parseCommandLine(
  argv: readonly string[],
  javaSysProps: string | undefined,
): CommandLine {
  const systemProperties = new Map<string, string>();
  for (const word of (javaSysProps ?? "").split(/\s+/)) setProperty(systemProperties, word);
  let configFile: string | undefined;
  let strict = false;
  const rest: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] as string;
    if (word === "--config") {
      // Another option, and the launchers' mark at the end, are no file: the name was left out.
      const next = argv[at + 1] ?? "-";
      configFile = next.startsWith("-") ? "" : next;
      if (!next.startsWith("-")) at++;
    } else if (word.startsWith("--config=")) configFile = word.slice("--config=".length);
    else if (word === "--strict") strict = true;
    else if (!setProperty(systemProperties, word) && !isInert(word)) rest.push(word);
  }
  configFile ??= systemProperties.get("config.file");
  return { configFile, systemProperties, strict, rest };
}

function setProperty(into: Map<string, string>, word: string): boolean {
  const match = /^-D([^=]+)(?:=([\s\S]*))?$/.exec(word);
  if (match === null) return false;
  into.set(match[1] as string, match[2] ?? "");
  return true;
}

/** Options of the Java launcher, and our launchers' mark for process lists: no meaning to us. */
function isInert(word: string): boolean {
  return /^-(X|agentlib|agentpath|javaagent|server$|client$|ea$|da$|-compat-name=)/.test(word);
}
