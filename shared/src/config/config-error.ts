import { type Origin, originText } from "./config-value.ts";

/** What is wrong and how to put it right. */
export interface ConfigFault {
  readonly message: string;
  /** Full path of the key, where one is concerned. */
  readonly key?: string | undefined;
  readonly origin?: Origin | undefined;
  /** What the operator can do, as an imperative sentence without a full stop. */
  readonly remedy?: string | undefined;
}

/**
 * A mistake of the operator: wrong configuration, a port in use. `main.ts` prints `line` to stderr
 * and exits with 78 (`EXIT_CONFIG`). `faults` has one entry or more, all found in one reading.
 */
export class ConfigError extends Error {
  readonly code = "config";
  readonly faults: readonly ConfigFault[];
  /** What the same reading found that stops no start. */
  readonly warnings: readonly ConfigFault[];

  constructor(
    faults: ConfigFault | readonly ConfigFault[],
    cause?: unknown,
    warnings: readonly ConfigFault[] = [],
  ) {
    const all = Array.isArray(faults)
      ? (faults as readonly ConfigFault[])
      : [faults as ConfigFault];
    super(all.map(faultLine).join("\n"), { cause });
    this.name = "ConfigError";
    this.faults = all;
    this.warnings = warnings;
  }

  /** One line per fault: `file:line: key: message; remedy`. */
  get line(): string {
    return this.message;
  }
}

/** `file:line: key: message; remedy`, leaving out what is not known. */
export function faultLine(fault: ConfigFault): string {
  const head = [fault.origin && originText(fault.origin), fault.key, fault.message];
  const text = head.filter((part) => part !== undefined && part !== "").join(": ");
  return fault.remedy === undefined ? text : `${text}; ${fault.remedy}`;
}

/** What a program prints on stderr before it ends: each line begins with the program's name. */
export function errorLines(program: string, error: ConfigError): string {
  return `${program}: ${error.line.replaceAll("\n", `\n${program}: `)}\n`;
}
