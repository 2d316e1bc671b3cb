// Ends with npm: it leaves what it started running when it is killed itself.

/**
 * Calls `act` once, within half a second of the end of the process that started this one; only where
 * npm did, for whoever starts a program without npm may mean it to stay.
 */
export function whenOrphaned(act) {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const look = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(look);
    act();
  }, 500);
  look.unref();
}
