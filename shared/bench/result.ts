/** The file that a row leaves behind: everything that was seen, void rounds with their reason. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Machine } from "./machine.ts";
import type { Cell, ContenderName, FigureMeta, Row } from "./row.ts";
import type { Quietness } from "./schedule.ts";

export interface Round {
  /** ISO 8601. */
  readonly began: string;
  readonly commit: string;
  readonly order: readonly ContenderName[];
  readonly quiet: Quietness;
  /** Why none of its cells counts; a single cell may be void too. */
  readonly void?: string;
  readonly cells: Readonly<Partial<Record<ContenderName, Cell>>>;
}

export interface Method {
  /** Valid rounds wanted. */
  readonly rounds: number;
  /** Seconds that each contender is measured for in each round. */
  readonly seconds: number;
  /** Seconds of load before the first round. */
  readonly warmSeconds: Readonly<Partial<Record<ContenderName, number>>>;
  /** Cells of a try-out are too short to be quoted. */
  readonly quick: boolean;
}

export interface RowResult {
  readonly row: string;
  readonly group: string;
  readonly about: string;
  readonly figures: readonly FigureMeta[];
  readonly units: Readonly<Record<string, string>>;
  readonly began: string;
  readonly ended: string;
  /** False of a run that was interrupted or is still going on. */
  readonly complete: boolean;
  readonly commit: string;
  readonly machine: Machine;
  readonly method: Method;
  readonly contenders: Readonly<
    Partial<Record<ContenderName, { readonly version?: string; readonly notMeasured?: string }>>
  >;
  readonly rounds: readonly Round[];
}

/** Unit of a distribution or a series. */
export function unitOf(
  row: Pick<Row, "figures"> & { readonly units?: Row["units"] },
  name: string,
): string {
  const figure = row.figures.find((each) => each.name === name);
  return row.units?.[name] ?? figure?.unit ?? (/Mb$/.test(name) ? "MiB" : "");
}

/** Six digits say all that a measurement can; arrays of numbers stay on one line. */
export function toJson(result: RowResult): string {
  const short = (_key: string, value: unknown): unknown =>
    typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value;
  const text = JSON.stringify(result, short, 2);
  return `${text.replaceAll(/\[\s+(-?[\d.][^[\]{}"]*?)\s+\]/g, (_all, inner: string) => `[${inner.replaceAll(/\s+/g, " ")}]`)}\n`;
}

export const resultFile = (folder: string, row: string): string => join(folder, `${row}.json`);

/** Writes beside and renames: a run that is interrupted leaves the last round's file whole. */
export function writeResult(folder: string, result: RowResult): void {
  mkdirSync(folder, { recursive: true });
  const file = resultFile(folder, result.row);
  writeFileSync(`${file}.new`, toJson(result));
  renameSync(`${file}.new`, file);
}

export function readResult(folder: string, row: string): RowResult | undefined {
  const file = resultFile(folder, row);
  // Written by us, in the same checkout.
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as RowResult) : undefined;
}
