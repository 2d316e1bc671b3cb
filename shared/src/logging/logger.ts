/** Structured context of a log line: `conf`, `endpoint`, `bridge`, … Printed by upstream's rules. */
export type LogContext = Readonly<Record<string, string | number | boolean | undefined>>;

/** `error`: someone must act. `warn`: we coped. `info`: life cycle. `debug`: decisions and inputs. */
export type LogLevel = "error" | "warn" | "info" | "debug" | "trace";

/**
 * Where a room says what changed: one line per state change, never one per packet. Addresses and
 * names of people go through `pii()`. `cause` is printed with its stack by
 * `error` and where `debug` is on, else by its message.
 */
export interface Logger {
  error(message: string, context?: LogContext, cause?: unknown): void;
  warn(message: string, context?: LogContext, cause?: unknown): void;
  info(message: string, context?: LogContext, cause?: unknown): void;
  debug(message: string, context?: LogContext, cause?: unknown): void;
  /** Whether a line of that level would be written; guards costly messages. */
  enabled(level: LogLevel): boolean;
  /** The same sink with more context, and optionally another component name. */
  child(context: LogContext, component?: string): Logger;
}
