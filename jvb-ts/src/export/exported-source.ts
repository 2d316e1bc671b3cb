/** The numbers of one source on its way to one exporter (spec jvb-control 9.4). */
import { Unwrapper } from "#shared/rtp/arithmetic";
import type { Millis } from "#shared/runtime/runtime";

const TICKS_PER_MS = 48;

export class ExportedSource {
  /** The source's name as JSON. */
  readonly quotedName: string;
  /** Of the connection to which its `start` went, and with which payload type; 0 none. */
  startedIn = 0;
  payloadType = -1;
  readonly #seqs = new Unwrapper(16);
  readonly #times = new Unwrapper(32);
  readonly #offset: number;
  #firstTime = 0;
  #isFirst = true;

  /** `sinceStart`: of its first packet, since the exporter's start. */
  constructor(name: string, sinceStart: Millis) {
    this.quotedName = JSON.stringify(name);
    this.#offset = Math.round(sinceStart * TICKS_PER_MS);
  }

  /** The RTP number without its wrap; negative for what was overtaken by the first packet's wrap. */
  chunk(seq: number): number {
    return this.#seqs.unwrap(seq);
  }

  /** 48 kHz units on the time base of all sources of the exporter. `rtpTime` has 32 bits. */
  timestamp(rtpTime: number): number {
    const time = this.#times.unwrap(rtpTime >>> 0);
    if (this.#isFirst) this.#firstTime = time;
    this.#isFirst = false;
    return this.#offset + time - this.#firstTime;
  }
}
