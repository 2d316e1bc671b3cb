/** What the words of the command line ask a program to do before it reads its configuration. */
import { EXIT_CONFIG, EXIT_SOFTWARE } from "#shared/runtime/shutdown";
import { parseCommandLine } from "./command-line.ts";
import { ConfigError, type ConfigFault } from "./config-error.ts";
import { nearest } from "./known-keys.ts";

/** What a program says of itself. */
export interface ProgramWords {
  /** Name of the launcher: `jvb-ts`. */
  readonly program: string;
  /** One sentence for the usage. */
  readonly about: string;
  readonly version: string;
  /** Exit status of `--help`; upstream's launcher of jicofo has 1 (spec A11.9). */
  readonly helpStatus: number;
  /** Statuses that only this program or its launcher has, each with its meaning. */
  readonly exitStatuses?: readonly (readonly [status: number, meaning: string])[];
  /** Environment variables that the launcher reads, each with its meaning. */
  readonly environment: readonly (readonly [name: string, meaning: string])[];
}

/** Start with these words left out of account, check the configuration, or print and end. */
export type WordsOutcome =
  | { readonly kind: "start"; readonly warnings: readonly ConfigFault[] }
  | { readonly kind: "check"; readonly all: boolean; readonly warnings: readonly ConfigFault[] }
  | { readonly kind: "print"; readonly text: string; readonly status: number };

const OPTIONS: readonly (readonly [form: string, meaning: string])[] = [
  ["--config FILE", "read this configuration file (HOCON)"],
  ["-Dconfig.file=FILE", "the same, as upstream's launcher spells it"],
  ["-Dkey=value", "set a key that the configuration file does not set"],
  ["--strict", "refuse to start when the configuration gives warnings"],
  ["--check-config", "read the configuration as a start would, report and end; --all: every key"],
  ["--version", "print the version and end"],
  ["--help, -h", "print this and end"],
];

const KNOWN = ["--check-config", "--config", "--strict", "--version", "--help"];

/**
 * COMPAT(jicofo, jvb): options of upstream's past that old `JVB_OPTS` and `JICOFO_OPTS` still carry;
 * upstream ignores every argument.
 */
const FORMER =
  /^--(apis|domain|host|max-port|min-port|nocomponent|port|secret|subdomain|user_domain|user_name|user_password)(=|$)/;

/** Throws `ConfigError` for words that nothing knows: a misspelt `--config` would start on defaults. */
export function readWords(argv: readonly string[], about: ProgramWords): WordsOutcome {
  const { rest, configFile } = parseCommandLine(argv, undefined);
  if (rest.includes("--help") || rest.includes("-h")) {
    return { kind: "print", text: usage(about), status: about.helpStatus };
  }
  if (rest.includes("--version")) {
    return { kind: "print", text: `${about.program} ${about.version}\n`, status: 0 };
  }
  const check = rest.includes("--check-config");
  const all = check && rest.includes("--all");
  const faults: ConfigFault[] = [];
  const warnings: ConfigFault[] = [];
  if (configFile === "") {
    faults.push({ message: "--config needs a file", remedy: "write --config FILE" });
  }
  for (let at = 0; at < rest.length; at++) {
    const word = rest[at] as string;
    if (word === "--check-config" || (check && word === "--all")) continue;
    const valueFollows = !word.includes("=") && !(rest[at + 1] ?? "-").startsWith("-");
    if (word.startsWith("-") && valueFollows) at++;
    if (FORMER.test(word)) {
      const option = word.replace(/=.*/s, "");
      warnings.push({ message: `${option} has no effect`, remedy: "remove it" });
    } else faults.push(unknown(word, about.program));
  }
  if (faults.length > 0) throw new ConfigError(faults);
  return check ? { kind: "check", all, warnings } : { kind: "start", warnings };
}

function unknown(word: string, program: string): ConfigFault {
  const option = word.replace(/=.*/s, "");
  if (!word.startsWith("-")) {
    const remedy = `write --config ${option} if it is the configuration file`;
    return { message: `unexpected argument ${option}`, remedy };
  }
  const meant = nearest(`--${option.replace(/^-+/, "")}`, KNOWN, 3);
  const remedy = meant === undefined ? `see ${program} --help` : `did you mean ${meant}?`;
  return { message: `unknown option ${option}`, remedy };
}

function usage({
  program,
  about,
  environment,
  helpStatus,
  exitStatuses = [],
}: ProgramWords): string {
  const rows = [...OPTIONS];
  const column = (list: typeof rows): string =>
    list.map(([form, meaning]) => `  ${form.padEnd(24)}${meaning}\n`).join("");
  const variables = [
    ["JAVA_SYS_PROPS", "-Dkey=value words, as upstream's launcher takes them"] as const,
    ...environment,
  ];
  return [
    `Usage: ${program} [--config FILE] [-Dkey=value …] [--strict] [--check-config]\n${about}\n\n`,
    `Options:\n${column(rows)}\nEnvironment:\n${column(variables)}\n`,
    `Exit status:\n${statusLines(helpStatus, exitStatuses)}`,
  ].join("");
}

function statusLines(
  helpStatus: number,
  others: Exclude<ProgramWords["exitStatuses"], undefined>,
): string {
  const asked = helpStatus === 0 ? "--help, --version" : "--version";
  const help = helpStatus === 0 ? "" : "; and --help, as upstream's launcher has it";
  const all: (readonly [number, string])[] = [
    [0, `ended as asked, not by a signal: ${asked}, --check-config without an error`],
    [1, `npm run setup has not been run${help}`],
    ...others,
    [EXIT_SOFTWARE, "a mistake of ours; the log has it"],
    [EXIT_CONFIG, "command line, configuration or a taken port must be put right"],
    [129, "ended by SIGHUP"],
    [130, "ended by SIGINT"],
    [143, "ended by SIGTERM"],
  ];
  return all
    .sort(([a], [b]) => a - b)
    .map(([status, meaning]) => `  ${String(status).padEnd(5)}${meaning}\n`)
    .join("");
}
