/**
 * The console driver: lines in the format of upstream's programs
 * (spec packaging-and-operations C10), one write per line, no stack captured.
 */
import { writeSync } from "node:fs";
import type { Clock } from "#shared/runtime/runtime";
import { LineBudget } from "./line-budget.ts";
import type { LogContext, Logger, LogLevel } from "./logger.ts";
import { printable, printableJson, shortened } from "./printable.ts";

/** Where finished lines go, newline included. */
export type LogSink = (line: string) => void;

/** How the root logger of a program is built. */
export interface RootLoggerOptions {
  readonly clock: Clock;
  /** First word of each line (`JVB`, `Jicofo`); none when empty. */
  readonly program?: string;
  /** Component of lines whose logger has no other. */
  readonly component?: string;
  /** Stands in the thread slot; the main thread is 1, media workers 2 and up. */
  readonly thread?: number;
  /** Least level that is written, where `levels` says nothing else. Default `info`. */
  readonly level?: LogLevel | "off";
  /** Least level by component name. */
  readonly levels?: ReadonlyMap<string, LogLevel | "off">;
  /** Whether lines carry the date; default true. */
  readonly timestamps?: boolean;
  /** `text` as upstream, or one JSON object per line. */
  readonly format?: "text" | "json";
  readonly sink?: LogSink;
}

/** Severity; a line is written when its rank is at least that of the level set. */
const RANK = { trace: 0, debug: 1, info: 2, warn: 3, error: 4, off: 5 } as const;

/** Words of java.util.logging, always English. */
const WORD = {
  trace: "FINEST",
  debug: "FINE",
  info: "INFO",
  warn: "WARNING",
  error: "SEVERE",
} as const;

/** Peers choose some values; a name of 10 kB is told apart by its beginning. */
const LONGEST_VALUE = 500;
const LONGEST_MESSAGE = 4000;

/** Context that says who caused a line, where the logger's own context does not. */
const SOURCES = ["participant", "epId", "endpoint", "from", "client", "bridge", "room"] as const;

/** Everything that all loggers of a program share. */
interface Backend {
  readonly clock: Clock;
  readonly head: string;
  readonly thread: number;
  readonly level: number;
  readonly levels: ReadonlyMap<string, number>;
  readonly timestamps: boolean;
  readonly json: boolean;
  readonly sink: LogSink;
  readonly budget: LineBudget;
}

/** Makes the logger that `main.ts` hands to every room. */
export function createRootLogger(options: RootLoggerOptions): Logger {
  const program = options.program ?? "";
  const levels = new Map<string, number>();
  for (const [name, level] of options.levels ?? []) levels.set(name, RANK[level]);
  const backend: Backend = {
    clock: options.clock,
    head: program === "" ? "" : `${program} `,
    thread: options.thread ?? 1,
    level: RANK[options.level ?? "info"],
    levels,
    timestamps: options.timestamps ?? true,
    json: options.format === "json",
    sink: options.sink ?? stderrSink,
    budget: new LineBudget(),
  };
  return makeLogger(backend, options.component ?? "Main", {});
}

/** Writes to standard error at once, as java.util.logging's console handler does. */
export const stderrSink: LogSink = fdSink(2);

/** A sink of an open file: one write per line; a reader that went away is not an error. */
export function fdSink(fd: number): LogSink {
  return (line) => {
    let rest: Uint8Array = Buffer.from(line, "utf8");
    for (let tries = 0; rest.length > 0 && tries < 1000; tries++) {
      try {
        rest = rest.subarray(writeSync(fd, rest));
      } catch (cause) {
        // A pipe in non-blocking mode is full: the reader is slow. Any other error: nobody reads.
        if ((cause as NodeJS.ErrnoException).code !== "EAGAIN") return;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
      }
    }
  };
}

function makeLogger(backend: Backend, component: string, base: LogContext): Logger {
  const least = backend.levels.get(component) ?? backend.level;
  const prefix = contextText(base);
  const at = (level: LogLevel) => {
    if (RANK[level] < least) return () => {};
    const kind = `${component} ${level}`;
    return (message: string, given?: LogContext, cause?: unknown): void => {
      let context = given;
      if (RANK[level] >= RANK.info) {
        const named = sourceOf(context);
        const source = prefix === "" || named === "" ? prefix + named : `${prefix} ${named}`;
        const now = backend.clock.now();
        const leftOut = backend.budget.take({ component: kind, source, message }, now);
        if (leftOut === undefined) return;
        if (leftOut > 0) context = { ...context, alike_left_out: leftOut };
      }
      const line = backend.json
        ? jsonLine(backend, level, component, { ...base, ...context }, message, cause)
        : textLine(backend, level, component, prefix, context, message, cause, least);
      backend.sink(line);
    };
  };
  return {
    error: at("error"),
    warn: at("warn"),
    info: at("info"),
    debug: at("debug"),
    enabled: (level) => RANK[level] >= least,
    child: (context, name) => makeLogger(backend, name ?? component, { ...base, ...context }),
  };
}

function sourceOf(context: LogContext | undefined): string {
  if (context === undefined) return "";
  for (const key of SOURCES) {
    const value = context[key];
    if (value !== undefined) return String(value);
  }
  return "";
}

function line(message: string): string {
  return printable(shortened(message, LONGEST_MESSAGE));
}

function textLine(
  backend: Backend,
  level: LogLevel,
  component: string,
  prefix: string,
  context: LogContext | undefined,
  message: string,
  cause: unknown,
  least: number,
): string {
  const stamp = backend.timestamps ? `${timestamp(backend.clock.wallNow())} ` : "";
  const own = context === undefined ? "" : contextText(context);
  const pairs = prefix === "" || own === "" ? prefix + own : `${prefix} ${own}`;
  const bracket = pairs === "" ? "" : `[${pairs}] `;
  // A stack where someone must act or asked for details; elsewhere the message says enough.
  const stack = level === "error" || least <= RANK.debug;
  const tail = cause === undefined ? "" : causeText(cause, stack);
  const head = `${backend.head}${stamp}${WORD[level]}: [${backend.thread}] ${bracket}`;
  return `${head}${component}: ${line(message)}${tail}\n`;
}

function jsonLine(
  backend: Backend,
  level: LogLevel,
  component: string,
  context: LogContext,
  message: string,
  cause: unknown,
): string {
  const time = new Date(backend.clock.wallNow()).toISOString();
  const err = cause === undefined ? undefined : causeText(cause, true).trim();
  const record = { time, level: WORD[level], component, ...context, msg: message, err };
  const short = (_key: string, value: unknown): unknown =>
    typeof value === "string" ? shortened(value, LONGEST_MESSAGE) : value;
  return `${printableJson(JSON.stringify(record, short))}\n`;
}

function contextText(context: LogContext): string {
  let text = "";
  for (const key in context) {
    const value = context[key];
    if (value === undefined) continue;
    const pair = `${key}=${typeof value === "string" ? printable(shortened(value, LONGEST_VALUE)) : value}`;
    text += text === "" ? pair : ` ${pair}`;
  }
  return text;
}

/** The stack, or only the message; causes of causes follow. Peers may have chosen the messages. */
function causeText(cause: unknown, stack: boolean): string {
  let text = "";
  let at: unknown = cause;
  for (let depth = 0; at !== undefined && depth < 5; depth++) {
    if (!(at instanceof Error)) return `${text}\n${line(String(at))}`;
    text += `\n${depth > 0 ? "Caused by: " : ""}${line(`${at.name}: ${at.message}`)}`;
    if (stack) text += framesOf(at);
    at = at.cause;
  }
  return text;
}

/** The lines of a stack that name code. */
function framesOf({ stack = "" }: Error): string {
  const first = /^ {4}at /m.exec(stack)?.index;
  if (first === undefined) return "";
  const frames = stack.slice(first).split("\n");
  return frames.map((frame) => `\n${printable(frame)}`).join("");
}

let lastSecond = -1;
let lastSecondText = "";

/** `yyyy-MM-dd HH:mm:ss.SSS` in local time; the part up to the second is computed once a second. */
function timestamp(wall: number): string {
  const second = Math.floor(wall / 1000);
  if (second !== lastSecond) {
    const d = new Date(second * 1000);
    const date = `${d.getFullYear()}-${pad(d.getMonth() + 1, 2)}-${pad(d.getDate(), 2)}`;
    lastSecondText = `${date} ${pad(d.getHours(), 2)}:${pad(d.getMinutes(), 2)}:${pad(d.getSeconds(), 2)}`;
    lastSecond = second;
  }
  return `${lastSecondText}.${pad(Math.floor(wall) - second * 1000, 3)}`;
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, "0");
}

export { pii, redactPii } from "./pii.ts";
