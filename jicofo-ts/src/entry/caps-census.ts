import type { DebugObject } from "../conference/debug-state.ts";
import { featuresOf } from "../jingle/features.ts";

/** Most kinds of clients that are remembered. */
const mostKinds = 1000;

/** Which kinds of clients came by, for `/debug/xmpp-caps`: `node#ver` to how many and what they can. */
export class CapsCensus {
  readonly #kinds = new Map<string, { count: number; features: readonly string[] }>();

  /** A member of that kind was asked for its features. */
  add(nodeVer: string, uris: Iterable<string>): void {
    const known = this.#kinds.get(nodeVer);
    if (known) known.count += 1;
    else if (this.#kinds.size < mostKinds)
      this.#kinds.set(nodeVer, { count: 1, features: [...featuresOf(uris)] });
  }

  print(): DebugObject {
    return Object.fromEntries(
      Array.from(this.#kinds, ([kind, { count, features }]) => [kind, { count, features }]),
    );
  }
}
