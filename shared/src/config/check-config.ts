/** `--check-config`: what a start would make of the configuration, without starting. */
import type { Logger } from "#shared/logging/logger";
import { type KeyRow, keyRows } from "./check-keys.ts";
import { ConfigError, type ConfigFault, errorLines, faultLine } from "./config-error.ts";
import { originText } from "./config-value.ts";
import { STATE_WORDS } from "./key-state.ts";
import type { KeyTable } from "./key-table.ts";
import type { LoadedConfig } from "./loaded-config.ts";

/** What a program lends to the check. */
export interface CheckRequest {
  /** Name of the launcher: `jvb-ts`. */
  readonly program: string;
  readonly version: string;
  readonly tables: readonly KeyTable<unknown>[];
  /** List keys at their defaults too. */
  readonly all: boolean;
  /** Status of a start that the configuration stops. */
  readonly errorStatus: number;
  load(): LoadedConfig;
  /** All that a start reads; warnings that it logs itself are added. Throws `ConfigError`. */
  read(config: LoadedConfig, log: Logger): CheckReading;
}

/** What reading brought. */
export interface CheckReading {
  readonly warnings: readonly ConfigFault[];
  /** Why a start would succeed and yet carry no call; may repeat warnings. */
  readonly idle: readonly ConfigFault[];
}

export interface CheckReport {
  readonly stdout: string;
  /** The errors, as a start prints them. */
  readonly stderr: string;
  readonly status: number;
}

/** Reads as a start does and reports: problems first, then what is set, then the verdict. */
export function checkConfig(request: CheckRequest): CheckReport {
  let config: LoadedConfig | undefined;
  let errors: ConfigError | undefined;
  let warnings: readonly ConfigFault[] = [];
  let idle: readonly ConfigFault[] = [];
  const logged: ConfigFault[] = [];
  try {
    config = request.load();
    ({ warnings, idle } = request.read(config, collector(logged)));
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    errors = cause;
    // With --strict they are the errors.
    warnings = config?.strict === false ? [...config.warnings, ...cause.warnings] : [];
  }
  const stderr = errors === undefined ? "" : errorLines(request.program, errors);
  const status = errors === undefined ? 0 : request.errorStatus;
  if (config === undefined) return { stdout: "", stderr, status };
  const reasons = idle.map(faultLine);
  const others = [...warnings, ...logged].filter((fault) => !reasons.includes(faultLine(fault)));
  const parts = [
    `${request.program} ${request.version} with ${config.file ?? "no configuration file"}`,
    ...(config.file === undefined ? ["No file was read; give --config FILE to check one."] : []),
    ...reasons.map((reason) => `${STARTS_IDLE}: ${reason}`),
    "",
    ...warningLines(others),
    ...keyLines(keyRows(config, request.tables), request.all),
    verdict(errors, others.length, config.file === undefined, idle.length > 0),
  ];
  return { stdout: `${parts.join("\n")}\n`, stderr, status };
}

const STARTS_IDLE = "Starts, but cannot carry calls";

/** A logger that keeps what an operator should read. */
function collector(faults: ConfigFault[]): Logger {
  const keep = (message: string): void => void faults.push({ message });
  const drop = (): void => {};
  const log: Logger = {
    error: keep,
    warn: keep,
    info: drop,
    debug: drop,
    enabled: () => false,
    child: () => log,
  };
  return log;
}

function warningLines(warnings: readonly ConfigFault[]): string[] {
  if (warnings.length === 0) return [];
  const lines = [...new Set(warnings.map(faultLine))];
  return ["Warnings", ...lines.map((line) => `  ${line}`), ""];
}

function keyLines(rows: readonly KeyRow[], all: boolean): string[] {
  const set = rows.filter(({ origin }) => origin !== undefined);
  const rest = rows.filter(({ origin }) => origin === undefined);
  const lines = set.length === 0 ? [] : ["Set keys", ...table(set), ""];
  if (all) return [...lines, "Keys at their defaults", ...table(rest), ""];
  return [...lines, `${rest.length} keys have their defaults; add --all to see them.`];
}

function table(rows: readonly KeyRow[]): string[] {
  const cells = rows.map(({ path, value, state, origin, note }) => [
    `${path} = ${value.length > 100 ? `${value.slice(0, 99)}…` : value}`,
    origin === undefined ? "default" : originText(origin),
    STATE_WORDS[state] + (note === "" ? "" : `: ${note}`),
  ]);
  const widths = [0, 1].map((column) =>
    Math.min(76, Math.max(...cells.map((row) => (row[column] as string).length))),
  );
  return cells.map(
    (row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`,
  );
}

function verdict(
  errors: ConfigError | undefined,
  warnings: number,
  noFile: boolean,
  idle: boolean,
): string {
  if (errors !== undefined) {
    const count = errors.faults.length;
    return `Not fit to start: ${count === 1 ? "1 error" : `${count} errors`}.`;
  }
  const able = idle ? STARTS_IDLE : "Fit to start";
  const fit = noFile ? `${able}, without a configuration file` : able;
  if (warnings === 0) return `${fit}.`;
  const count = warnings === 1 ? "1 warning" : `${warnings} warnings`;
  return noFile ? `${fit} and with ${count}.` : `${fit}, with ${count}.`;
}
