import type { LogContext, Logger, LogLevel } from "../logging/logger.ts";

/** One line as it was given to the logger, context of all its parents included. */
export interface RecordedLine {
  readonly level: LogLevel;
  readonly component: string;
  readonly message: string;
  readonly context: LogContext;
  readonly cause: unknown;
}

/** A logger that keeps every line; children share the list. */
export interface RecordingLogger extends Logger {
  readonly lines: readonly RecordedLine[];
  /** Messages of that level, or of all levels. */
  messages(level?: LogLevel): string[];
  /** Forgets all lines. */
  clear(): void;
}

/** Makes a logger for tests. All levels are enabled. */
export function recordingLogger(component = "test"): RecordingLogger {
  return record([], component, {});
}

function record(lines: RecordedLine[], component: string, base: LogContext): RecordingLogger {
  const at =
    (level: LogLevel) =>
    (message: string, context: LogContext = {}, cause?: unknown): void => {
      lines.push({ level, component, message, context: { ...base, ...context }, cause });
    };
  return {
    lines,
    error: at("error"),
    warn: at("warn"),
    info: at("info"),
    debug: at("debug"),
    enabled: () => true,
    child: (context, name) => record(lines, name ?? component, { ...base, ...context }),
    messages: (level) =>
      lines.filter((l) => level === undefined || l.level === level).map((l) => l.message),
    clear: () => void lines.splice(0),
  };
}
