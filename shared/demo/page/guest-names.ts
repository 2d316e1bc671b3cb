/** Names for people who have not given theirs: one for each window of a browser. */

const NAMES = [
  "Otter",
  "Heron",
  "Badger",
  "Kestrel",
  "Marten",
  "Plover",
  "Beaver",
  "Curlew",
  "Lynx",
  "Robin",
  "Hedgehog",
  "Swift",
  "Squirrel",
  "Wren",
  "Dormouse",
  "Puffin",
] as const;

/** The part of the browser's storage that all windows of one origin share. */
export interface SharedStore {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/**
 * The next name of this browser, so that two windows differ. `random` (0 to 1) says where a browser
 * begins, so that two browsers mostly differ as well.
 */
export function nextName(store: SharedStore, random: () => number): string {
  const kept = Number(store.getItem("names") ?? "");
  const at = Number.isInteger(kept) && kept > 0 ? kept : 1 + Math.floor(random() * NAMES.length);
  store.setItem("names", String(at + 1));
  return NAMES[at % NAMES.length] ?? NAMES[0];
}
