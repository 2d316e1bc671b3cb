/**
 * System-wide CPU load from `/proc/stat` (jvb-control 7.1): the busy and the stolen fraction
 * between two readings, over all cores. The file is read by the caller.
 */

export interface CpuLoad {
  /** 0..1, without steal. */
  readonly busy: number;
  /** 0..1 */
  readonly steal: number;
}

interface Reading {
  readonly total: number;
  readonly idle: number;
  readonly steal: number;
}

/** The first `cpu` line: user nice system idle iowait irq softirq steal guest guest_nice. */
function read(text: string): Reading | undefined {
  const line = text.split("\n", 1)[0] ?? "";
  const fields = line.split(/\s+/);
  if (fields[0] !== "cpu" || fields.length < 9) return undefined;
  const values = fields.slice(1, 9).map(Number);
  if (values.some((value) => !Number.isFinite(value) || value < 0)) return undefined;
  const [, , , idle = 0, iowait = 0, , , steal = 0] = values;
  return { total: values.reduce((sum, value) => sum + value, 0), idle: idle + iowait, steal };
}

export class CpuMeter {
  #last: Reading | undefined;

  /**
   * Takes the content of `/proc/stat`. The first reading, a malformed one and one without
   * progress give zeros.
   */
  handleReading(text: string): CpuLoad {
    const now = read(text);
    const before = this.#last;
    if (now === undefined) return { busy: 0, steal: 0 };
    this.#last = now;
    const total = before === undefined ? 0 : now.total - before.total;
    if (before === undefined || total <= 0) return { busy: 0, steal: 0 };
    const fraction = (part: number): number => Math.min(1, Math.max(0, part / total));
    const steal = fraction(now.steal - before.steal);
    const idle = fraction(now.idle - before.idle);
    return { busy: Math.max(0, 1 - idle - steal), steal };
  }
}
