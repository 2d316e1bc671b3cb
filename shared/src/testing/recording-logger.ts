import type { LogContext, Logger, LogLevel } from "../logging/logger.ts";
import type { Millis } from "../runtime/runtime.ts";

/** One line as it was given to the logger, context of all its parents included. */
export interface RecordedLine {
  readonly level: LogLevel;
  readonly component: string;
  readonly message: string;
  readonly context: LogContext;
  readonly cause: unknown;
  /** When it was written, for loggers that were given a clock. */
  readonly at?: Millis;
}

/** A logger that keeps every line; children share the list. */
export interface RecordingLogger extends Logger {
  readonly lines: readonly RecordedLine[];
  /** Messages of that level, or of all levels. */
  messages(level?: LogLevel): string[];
  /** Forgets all lines. */
  clear(): void;
}

/** Makes a logger for tests. All levels are enabled. With `now` every line has its time. */
export function recordingLogger(component = "test", now?: () => Millis): RecordingLogger {
  return record([], component, {}, now);
}

function record(
  lines: RecordedLine[],
  component: string,
  base: LogContext,
  now: (() => Millis) | undefined,
): RecordingLogger {
  const at =
    (level: LogLevel) =>
    (message: string, context: LogContext = {}, cause?: unknown): void => {
      const line = { level, component, message, context: { ...base, ...context }, cause };
      lines.push(now === undefined ? line : { ...line, at: now() });
    };
  return {
    lines,
    error: at("error"),
    warn: at("warn"),
    info: at("info"),
    debug: at("debug"),
    enabled: () => true,
    child: (context, name) => record(lines, name ?? component, { ...base, ...context }, now),
    messages: (level) =>
      lines.filter((l) => level === undefined || l.level === level).map((l) => l.message),
    clear: () => void lines.splice(0),
  };
}
