/** Bridges of the demo that end by themselves come again; the demo ends when none is left. */

/** A program as far as this is concerned. */
export interface Mortal {
  readonly name: string;
  /** Settles when it is ready; rejects when it ends instead. */
  start(): Promise<unknown>;
}

export interface KeeperOptions {
  say(text: string): void;
  /** Milliseconds of a clock that only goes on. */
  now(): number;
  wait(ms: number): Promise<unknown>;
  /** The demo is ending: nothing is started any more. */
  over(): boolean;
  /** No bridge is left. */
  giveUp(): void;
}

/** Long enough to see how people are moved to another bridge. */
const PAUSE_MS = 5_000;

/** One that ends sooner after its start would only do so again. */
const SHORT_LIFE_MS = 10_000;

export class BridgeKeeper {
  readonly #options: KeeperOptions;
  /** When each came up. */
  readonly #up = new Map<Mortal, number>();
  #returning = 0;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /** It is ready. */
  started(bridge: Mortal): void {
    this.#up.set(bridge, this.#options.now());
  }

  /** It ended without having been told to; `description` says how. */
  async ended(bridge: Mortal, description: string): Promise<void> {
    const { say, now, wait, over, giveUp } = this.#options;
    const since = this.#up.get(bridge);
    // One that has not come up yet: its start is rejected.
    if (since === undefined || over()) return;
    this.#up.delete(bridge);
    if (now() - since < SHORT_LIFE_MS) say(`${description}; it had just begun and stays down`);
    else {
      say(`${description}; it starts again in ${PAUSE_MS / 1000} s`);
      this.#returning++;
      try {
        await wait(PAUSE_MS);
        if (over()) return;
        await bridge.start();
        this.started(bridge);
        say(`${bridge.name} is back`);
      } catch (error) {
        if (!over())
          say(`${bridge.name} stays down: ${error instanceof Error ? error.message : error}`);
      } finally {
        this.#returning--;
      }
    }
    if (this.#up.size + this.#returning === 0 && !over()) giveUp();
  }
}
