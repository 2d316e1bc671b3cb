/**
 * The logger's settings from `-Djava.util.logging.config.file` and the environment
 * (spec packaging-and-operations B9, C10).
 */
import { readFileSync } from "node:fs";
import { createRootLogger, type LogSink, type RootLoggerOptions } from "#shared/logging/log";
import type { Logger, LogLevel } from "#shared/logging/logger";
import { redactPii } from "#shared/logging/pii";
import type { Clock } from "#shared/runtime/runtime";
import { parseCommandLine } from "./command-line.ts";
import { decodeText, propertyMap } from "./properties.ts";

/** What `createRootLogger` takes from the operator. */
export type LogSettings = Pick<
  RootLoggerOptions,
  "program" | "level" | "levels" | "timestamps" | "format"
> & {
  /** `JITSI_TS_REDACT=1`: names and addresses of people are replaced (see `pii`). */
  readonly redact: boolean;
};

const FORMATTER = "org.jitsi.utils.logging2.JitsiLogFormatter";
const CONSOLE_LEVEL = "java.util.logging.ConsoleHandler.level";

/** Levels of java.util.logging, as the least of ours that they let through. */
const LEVELS: Readonly<Record<string, LogLevel | "off">> = {
  OFF: "off",
  SEVERE: "error",
  WARNING: "warn",
  INFO: "info",
  CONFIG: "info",
  FINE: "debug",
  FINER: "trace",
  FINEST: "trace",
  ALL: "trace",
};
const ORDER = ["trace", "debug", "info", "warn", "error", "off"] as const;

/** How a program makes its logger, before anything else is read. */
export interface ProgramLoggerOptions {
  readonly clock: Clock;
  /** First word of each line unless logging.properties names another. */
  readonly program: string;
  /** Component of lines whose logger has no other. */
  readonly component: string;
  /** Command line without node and script. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Level where logging.properties gives none. Default `info`. */
  readonly level?: LogLevel;
  /** Where lines go; stderr when not given. */
  readonly sink?: LogSink;
}

/** The logger of a program, as command line, logging.properties and environment ask for it. */
export function createProgramLogger(options: ProgramLoggerOptions): Logger {
  const { clock, program, component, argv, env, sink } = options;
  const { redact, ...settings } = readLogSettings(argv, env, options.level);
  redactPii(redact);
  const log = createRootLogger({ clock, program, component, ...settings, ...(sink && { sink }) });
  const file = loggingFile(argv, env);
  if (file !== undefined && readProperties(file) === undefined) {
    log.warn(`Cannot read ${file}, logging as by default; check java.util.logging.config.file`);
  }
  return log;
}

/** Reads the file named by `-D`, if any; one that cannot be read means the defaults, as in Java. */
export function readLogSettings(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  level?: LogLevel,
): LogSettings {
  const file = loggingFile(argv, env);
  const properties = file === undefined ? undefined : readProperties(file);
  return logSettings(properties ?? new Map(), env, level);
}

function loggingFile(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const { systemProperties } = parseCommandLine(argv, env["JAVA_SYS_PROPS"]);
  return systemProperties.get("java.util.logging.config.file");
}

/**
 * Interprets logging properties. `<logger>.level` applies to the component named like the last part
 * of the logger's name (`org.jitsi.videobridge.Conference` is `Conference`); `.level` and package
 * names of upstream (`org.jitsi`, `org.jitsi.jicofo` …) apply to all.
 */
export function logSettings(
  properties: ReadonlyMap<string, string>,
  env: Readonly<Record<string, string | undefined>>,
  defaultLevel: LogLevel = "info",
): LogSettings {
  const console = levelOf(properties.get(CONSOLE_LEVEL)) ?? "trace";
  let level = levelOf(properties.get(".level")) ?? defaultLevel;
  const levels = new Map<string, LogLevel | "off">();
  for (const [key, text] of properties) {
    const own = levelOf(text);
    if (own === undefined || key === CONSOLE_LEVEL || !key.endsWith(".level")) continue;
    const name = key.slice(0, -".level".length);
    const component = name.slice(name.lastIndexOf(".") + 1);
    if (/^[A-Z]/.test(component)) levels.set(component, stricter(own, console));
    else if (/^org\.jitsi(\.(jicofo|videobridge))?$/.test(name)) level = own;
  }
  const program = properties.get(`${FORMATTER}.programname`);
  const noTime = properties.get(`${FORMATTER}.disableTimestamp`)?.toLowerCase() === "true";
  return {
    ...(program === undefined ? {} : { program }),
    level: stricter(level, console),
    levels,
    timestamps: !noTime,
    format: env["JITSI_TS_LOG"] === "json" ? "json" : "text",
    redact: env["JITSI_TS_REDACT"] === "1",
  };
}

function readProperties(file: string): ReadonlyMap<string, string> | undefined {
  try {
    return propertyMap(decodeText(readFileSync(file)));
  } catch {
    return undefined;
  }
}

function levelOf(text: string | undefined): LogLevel | "off" | undefined {
  return text === undefined ? undefined : LEVELS[text.trim().toUpperCase()];
}

/** A line passes the logger and then the console's handler. */
function stricter(a: LogLevel | "off", b: LogLevel | "off"): LogLevel | "off" {
  return ORDER.indexOf(a) > ORDER.indexOf(b) ? a : b;
}
