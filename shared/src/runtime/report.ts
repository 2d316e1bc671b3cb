/**
 * The part of a logger that this room needs; `Logger` fits it. Owned here because logging stands
 * to the left of runtime and may not be imported.
 */
export interface Report {
  debug(message: string, context?: ReportContext): void;
  info(message: string, context?: ReportContext): void;
  error(message: string, context?: ReportContext, cause?: unknown): void;
}

/** Context of one line. */
export type ReportContext = Readonly<Record<string, string | number | boolean | undefined>>;
