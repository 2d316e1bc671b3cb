/**
 * Measures one row: starts every contender once, warms them up, and measures them in turns until
 * each has its rounds. Time, canary and results come in from outside, so that tests need none.
 */
import type { CanaryReading } from "./canary.ts";
import type { Round, RowResult } from "./result.ts";
import type { Cell, ContenderName, Row, RunningContender } from "./row.ts";
import { contenderNames, isAnotherDue, judge, orderOf } from "./schedule.ts";

/** Seconds of load before anything counts: a cold Java is never compared (spec F.0.4). */
export const WARM_SECONDS = { ours: 15, java: 60, limit: 10 } as const;

export interface Plan {
  readonly rounds: number;
  readonly seconds: number;
  readonly warmSeconds: Readonly<Record<ContenderName, number>>;
  /** Whether a round that does not count is measured again. */
  readonly repeatVoid: boolean;
  /** Contenders to leave out. */
  readonly without?: readonly ContenderName[];
}

/** What is being done, for a line of progress. */
export interface Step {
  readonly text: string;
  /** As planned; undefined when nobody knows. */
  readonly seconds?: number;
}

export interface Surroundings {
  readonly canary: () => Promise<CanaryReading>;
  /** Starts to watch other programs; the answer says how many cores they used since. */
  readonly watchOthers: () => () => number;
  /** ISO 8601 */
  readonly date: () => string;
  readonly commit: string;
  readonly step: (step: Step) => void;
  /** A line that stays. */
  readonly say: (text: string) => void;
  /** Called after each round and at the end with everything so far. */
  readonly save: (rounds: readonly Round[], contenders: Contenders, complete: boolean) => void;
}

export type Contenders = RowResult["contenders"];

const because = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause));

/**
 * @param earlier rounds of an interrupted run of the same code on the same machine, which count
 * @throws Error when ours cannot be started
 */
export async function runRow(
  row: Row,
  plan: Plan,
  around: Surroundings,
  earlier: readonly Round[] = [],
): Promise<void> {
  const running = new Map<ContenderName, RunningContender>();
  const contenders: Record<string, Contenders[ContenderName]> = {};
  const rounds = [...earlier];
  try {
    for (const name of contenderNames) {
      const start = row.contenders[name];
      if (start === undefined || plan.without?.includes(name)) continue;
      around.step({ text: `starting ${name}` });
      const started = await start().catch((cause: unknown) => {
        // Ours must run; that another does not start is worth a line, not the end.
        if (name === "ours") throw cause;
        return { notMeasured: because(cause) };
      });
      if ("notMeasured" in started) {
        around.say(`${name} is not measured: ${started.notMeasured}`);
        contenders[name] = started;
      } else {
        running.set(name, started);
        contenders[name] = started.version === undefined ? {} : { version: started.version };
      }
    }
    const names = [...running.keys()];
    for (const name of names) {
      const seconds = plan.warmSeconds[name];
      if (seconds <= 0) continue;
      around.step({ text: `warming up ${name}`, seconds });
      await running.get(name)?.warm(seconds);
    }
    const due = () =>
      plan.repeatVoid
        ? isAnotherDue(plan.rounds, rounds.length, countValid(rounds, names), names)
        : rounds.length < plan.rounds;
    while (due()) {
      const index = rounds.length;
      const title = `round ${index + 1}${index < plan.rounds ? ` of ${plan.rounds}` : ", a repetition"}`;
      const round = await runRound(row, index, title, running, plan, around);
      rounds.push(round);
      if (round.void !== undefined) around.say(`${title} is void: ${round.void}`);
      around.save(rounds, contenders, false);
    }
    around.save(rounds, contenders, true);
  } finally {
    around.step({ text: "stopping" });
    for (const [name, contender] of running)
      await contender.stop().catch((cause: unknown) => {
        around.say(`${name} did not stop: ${because(cause)}`);
      });
  }
}

export function countValid(
  rounds: readonly Round[],
  names: readonly ContenderName[],
): Partial<Record<ContenderName, number>> {
  const valid: Partial<Record<ContenderName, number>> = {};
  for (const name of names) {
    valid[name] = rounds.filter((round) => {
      const cell = round.cells[name];
      return round.void === undefined && cell !== undefined && cell.void === undefined;
    }).length;
  }
  return valid;
}

async function runRound(
  row: Row,
  index: number,
  title: string,
  running: ReadonlyMap<ContenderName, RunningContender>,
  plan: Plan,
  around: Surroundings,
): Promise<Round> {
  const began = around.date();
  const order = orderOf(index, [...running.keys()]);
  const cells: Partial<Record<ContenderName, Cell>> = {};
  around.step({ text: `${title}, canary` });
  const before = await around.canary();
  const others = around.watchOthers();
  for (const name of order) {
    around.step({ text: `${title}, ${name}`, seconds: plan.seconds });
    const cell = await measure(running.get(name), plan.seconds);
    cells[name] = withoutNaN(row, cell);
    if (cells[name].void !== undefined)
      around.say(`${title}, ${name}: this cell is void: ${cells[name].void}`);
  }
  const elsewhere = others();
  around.step({ text: `${title}, canary` });
  const judgement = judge(before, await around.canary(), elsewhere);
  const { quiet } = judgement;
  const reason = judgement.void === undefined ? {} : { void: judgement.void };
  return { began, commit: around.commit, order, quiet, ...reason, cells };
}

/** A contender that fails leaves a void cell; the others' rounds go on. */
async function measure(contender: RunningContender | undefined, seconds: number): Promise<Cell> {
  try {
    return (await contender?.measure(seconds)) ?? { figures: {}, void: "not running" };
  } catch (cause) {
    return { figures: {}, void: `failed: ${because(cause)}` };
  }
}

/** NaN would become null in the file: leave it out. */
function withoutNaN(row: Row, cell: Cell): Cell {
  const known = new Set(row.figures.map((meta) => meta.name));
  const figures = Object.fromEntries(
    Object.entries(cell.figures).filter(([, value]) => Number.isFinite(value)),
  );
  const unknown = Object.keys(figures).find((name) => !known.has(name));
  if (unknown !== undefined) throw new Error(`row ${row.name} does not declare figure ${unknown}`);
  return { ...cell, figures };
}
