/**
 * One demo for each checkout: two would share accounts, logs and configurations. The lock is a file
 * with the process that holds it; what a demo that was killed left running is ended by the next.
 */
import {
  globSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

interface Holder {
  readonly pid: number;
  /** When the process began, in clock ticks since boot: tells it from a later one with its id. */
  readonly began: string | undefined;
  /** Address of the page, once it is known. */
  readonly address?: string;
}

export interface Lock {
  /** Tells whoever is refused where the page is. */
  publish(address: string): void;
  release(): void;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

/** Undefined when there is no such process, or only its remains that nobody waited for. */
function beganAt(pid: number): string | undefined {
  // The name in parentheses may hold anything, so the fields are counted from behind it.
  const fields = read(`/proc/${pid}/stat`)
    ?.replace(/^.*\) /s, "")
    .split(" ");
  return fields === undefined || fields[0] === "Z" ? undefined : fields[19];
}

function holder(file: string): Holder | undefined {
  try {
    return (JSON.parse(read(file) ?? "null") as Holder | null) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Takes the lock of a state folder; returns the reason when a demo that runs has it. */
export function lockFolder(folder: string): Lock | string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "demo.lock");
  const own = `${file}.${process.pid}`;
  const mine: Holder = { pid: process.pid, began: beganAt(process.pid) };
  writeFileSync(own, JSON.stringify(mine));
  try {
    for (;;) {
      try {
        // Unlike opening and writing, this makes the file with its content or not at all.
        linkSync(own, file);
        break;
      } catch {
        const other = holder(file);
        if (other !== undefined && beganAt(other.pid) === other.began)
          return `the demo of this checkout runs already: ${other.address ?? "it is just starting"} (pid ${other.pid})`;
        rmSync(file, { force: true });
      }
    }
  } finally {
    rmSync(own, { force: true });
  }
  return {
    publish(address) {
      writeFileSync(own, JSON.stringify({ ...mine, address }));
      renameSync(own, file);
    },
    release() {
      if (holder(file)?.pid === process.pid) rmSync(file, { force: true });
    },
  };
}

/** Ends what the `*.pid` files below a state folder name, if its command line names the folder too. */
export async function endLeftovers(folder: string, say: (text: string) => void): Promise<void> {
  await Promise.all(
    globSync(["*.pid", "*/*.pid"], { cwd: folder }).map(async (name) => {
      const file = join(folder, name);
      const pid = Number(read(file));
      const program = name.replace(/^.*\/|\.pid$/g, "");
      const ours = () =>
        pid > 1 &&
        beganAt(pid) !== undefined &&
        read(`/proc/${pid}/cmdline`)?.includes(`${folder}/`) === true;
      const signal = (which: NodeJS.Signals) => {
        try {
          process.kill(pid, which);
        } catch {
          // Gone by itself meanwhile.
        }
      };
      if (ours()) {
        say(`ending ${program} (pid ${pid}), left over from a demo that was killed`);
        signal("SIGTERM");
        for (let waits = 0; waits < 80 && ours(); waits++) await sleep(50);
        if (ours()) signal("SIGKILL");
        for (let waits = 0; waits < 20 && ours(); waits++) await sleep(50);
      }
      rmSync(file, { force: true });
    }),
  );
}
