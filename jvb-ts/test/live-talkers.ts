/**
 * Test kit: two participants who talk to each other all the time, in a conference of their own, and
 * must not notice what is done to others: the longest time in which one heard nothing (spec
 * benchmarks-and-faults I2).
 */
import { type ColibriDoor, type Invited, join, opusPacket } from "./live-participant.ts";

const PACE_MS = 20;
const MEETING = "talkers";

export class LiveTalkers {
  readonly #pair: readonly Invited[];
  readonly #silentMs = [0, 0];
  readonly #timer: NodeJS.Timeout;
  #longest = 0;
  #latest = 0;
  #last = performance.now();
  #seq = 0;

  private constructor(pair: readonly Invited[]) {
    this.#pair = pair;
    this.#timer = setInterval(() => this.#tick(), PACE_MS);
  }

  static async start(bridge: ColibriDoor): Promise<LiveTalkers> {
    await bridge.colibri("", { "meeting-id": MEETING, create: true });
    return new LiveTalkers([
      await join(bridge, "dddd1000", 900_001, MEETING),
      await join(bridge, "dddd1001", 900_002, MEETING),
    ]);
  }

  /** Longest silence since the last call, and how late this process itself was at most, in ms. */
  take(): { readonly silentMs: number; readonly lateMs: number } {
    const taken = { silentMs: this.#longest, lateMs: this.#latest };
    this.#longest = 0;
    this.#latest = 0;
    return taken;
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const { client } of this.#pair) client.close();
  }

  #tick(): void {
    const now = performance.now();
    const late = now - this.#last - PACE_MS;
    this.#last = now;
    this.#latest = Math.max(this.#latest, late);
    this.#seq++;
    this.#pair.forEach(({ client, ssrc }, at) => {
      // While this process did nothing nobody sent and nobody listened: that is no silence.
      const silent = client.rtp.length > 0 ? 0 : (this.#silentMs[at] ?? 0) + PACE_MS;
      client.rtp.length = 0;
      this.#silentMs[at] = silent;
      this.#longest = Math.max(this.#longest, silent);
      client.sendRaw(client.protect(opusPacket(ssrc, this.#seq), "rtp"));
    });
  }
}
