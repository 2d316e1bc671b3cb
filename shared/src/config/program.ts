/** How a program begins: words of the command line, log, configuration, signals and exit status. */
import type { Logger } from "#shared/logging/logger";
import { exitProcess } from "#shared/runtime/native-process";
import { realRuntime } from "#shared/runtime/real-runtime";
import {
  createShutdown,
  EXIT_CONFIG,
  type ProcessPort,
  type Shutdown,
} from "#shared/runtime/shutdown";
import { checkConfig } from "./check-config.ts";
import { ConfigError, type ConfigFault, errorLines, faultLine } from "./config-error.ts";
import type { KeyTable } from "./key-table.ts";
import type { LoadedConfig } from "./loaded-config.ts";
import { createProgramLogger, type LogSettings, readLogSettings } from "./log-settings.ts";
import { type ProgramWords, readWords } from "./program-words.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** What a program says of itself, reads and starts. `C` is its configuration as values. */
export interface Program<C> extends ProgramWords {
  /** First word of each log line, and the component of lines whose logger has no other. */
  readonly logAs: { readonly program: string; readonly component: string };
  readonly tables: readonly KeyTable<unknown>[];
  /** Reads the files. Throws `ConfigError` for what cannot be read at all. */
  load(argv: readonly string[], env: Environment): LoadedConfig;
  /**
   * All that a start reads, and what there is to warn of, `former` first. Throws `ConfigError` for
   * every wrong value, for protection that is not built, and with `--strict` for warnings.
   */
  read(
    loaded: LoadedConfig,
    former: readonly ConfigFault[],
    log: Logger,
  ): { readonly config: C; readonly warnings: readonly ConfigFault[] };
  /** Why a start would succeed and yet carry no call: for those who ask before, by `--check-config`. */
  idle?(config: C): readonly ConfigFault[];
  /** Starts everything. Throws `ConfigError` for what the operator must put right. */
  start(config: C, context: StartContext): Promise<void>;
}

/** What a start is given beside its configuration. */
export interface StartContext {
  readonly log: Logger;
  /** For threads, which make loggers of their own. */
  readonly logging: LogSettings;
  /** Listens already. */
  readonly shutdown: Shutdown;
}

/** The part of `process` that is used; replaced in tests. */
export interface ProgramHost extends ProcessPort {
  readonly argv: readonly string[];
  readonly env: Environment;
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}

/**
 * Does what the command line asks for: prints usage or version, checks the configuration, or starts.
 * A mistake of the operator is one line per fault, in the log if the start found it, and ends with
 * 78; anything else that is thrown is
 * our bug and rejects.
 */
export async function runProgram<C>(program: Program<C>, host?: ProgramHost): Promise<void> {
  const port: ProgramHost = host ?? process;
  const { env } = port;
  const argv = port.argv.slice(2);
  const log = createProgramLogger({
    clock: realRuntime.clock,
    ...program.logAs,
    argv,
    env,
    ...(host && { sink: (line) => void host.stderr.write(line) }),
  });
  let reads = true;
  try {
    const words = readWords(argv, program);
    if (words.kind === "print") {
      port.stdout.write(words.text);
      port.exitCode = words.status;
      return;
    }
    if (words.kind === "check") {
      check(program, port, argv, words.all, words.warnings);
      return;
    }
    const shutdown = createShutdown({ runtime: realRuntime, log, ...(host && { process: host }) });
    shutdown.listen();
    const { config, warnings } = program.read(program.load(argv, env), words.warnings, log);
    for (const warning of warnings) log.warn(faultLine(warning));
    reads = false;
    await program.start(config, { log, logging: readLogSettings(argv, env), shutdown });
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    // What stops a start belongs among the lines that it logged; before, nothing was logged.
    if (reads) port.stderr.write(errorLines(program.program, cause));
    else for (const fault of cause.faults) log.error(faultLine(fault));
    if (host === undefined) exitProcess(EXIT_CONFIG);
    else host.exit(EXIT_CONFIG);
  }
}

/** `--check-config`: prints what a start would make of the configuration. */
function check<C>(
  program: Program<C>,
  port: ProgramHost,
  argv: readonly string[],
  all: boolean,
  former: readonly ConfigFault[],
): void {
  const report = checkConfig({
    program: program.program,
    version: program.version,
    tables: program.tables,
    all,
    errorStatus: EXIT_CONFIG,
    load: () => program.load(argv, port.env),
    read(loaded, log) {
      const { config, warnings } = program.read(loaded, former, log);
      return { warnings, idle: program.idle?.(config) ?? [] };
    },
  });
  port.stderr.write(report.stderr);
  port.stdout.write(report.stdout);
  port.exitCode = report.status;
}
