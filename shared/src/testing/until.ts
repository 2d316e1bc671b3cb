import { setTimeout as sleep } from "node:timers/promises";

type Holds = () => boolean | Promise<boolean>;

/**
 * Waits, on the real clock, until `holds` gives true, and fails when it does not within `withinMs`: the
 * error names `what`, or has the text of the condition where that says enough. Asks often at first, and
 * in the end ten times a second: pages and programs that are asked have work to do.
 */
export function until(what: string, holds: Holds, withinMs?: number): Promise<void>;
export function until(holds: Holds, withinMs?: number): Promise<void>;
export function until(
  first: string | Holds,
  second?: Holds | number,
  third?: number,
): Promise<void> {
  if (typeof first === "string") return wait(first, second as Holds, third);
  return wait(`${first}`, first, second as number | undefined);
}

async function wait(what: string, holds: Holds, withinMs = 15_000): Promise<void> {
  const began = performance.now();
  while (!(await holds())) {
    const spent = performance.now() - began;
    if (spent > withinMs) throw new Error(`not within ${withinMs} ms: ${what}`);
    await sleep(Math.min(100, Math.max(10, spent / 10)));
  }
}
