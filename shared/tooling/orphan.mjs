// Ends with npm: it leaves what it started running when it is killed itself.
import { readFileSync } from "node:fs";

/** Numbers of a process' parent and grandparent: npm starts scripts by a shell. 0 where nothing tells. */
function ancestors() {
  const parent = process.ppid;
  try {
    // Behind the command, which may contain anything: state and parent.
    const stat = readFileSync(`/proc/${parent}/stat`, "utf8");
    return [parent, Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1])];
  } catch {
    return [parent, 0];
  }
}

/**
 * Calls `act` once, within half a second of the end of the process that started this one, or of the one
 * that started that; only where npm did, for whoever starts a program without npm may mean it to stay.
 */
export function whenOrphaned(act) {
  if (process.env.npm_lifecycle_event === undefined) return;
  const before = ancestors().join();
  const look = setInterval(() => {
    if (ancestors().join() === before) return;
    clearInterval(look);
    act();
  }, 500);
  look.unref();
}
