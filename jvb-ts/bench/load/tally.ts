/**
 * Counts of one measured window: which packets were to reach whom, which did, and how long after
 * the time for which they were scheduled.
 */
import { DelayHistogram } from "./delay-histogram.ts";
import { isWanted, type Plan } from "./workload.ts";

/** Recent indices of each pair, to tell a packet that comes twice. */
const RECENT = 64;
/** A stream that did not come for so long is not coming. */
const GONE_MS = 1000;

/** What the generator knows of a window; times in us. */
export interface WindowResult {
  /** Media packets that receivers got and verified, and that they ought to have got. */
  readonly packets: number;
  readonly expected: number;
  readonly delayUs: readonly number[];
  readonly delayMaxUs: number;
  readonly latenessUs: readonly number[];
  readonly latenessMaxUs: number;
  readonly sent: number;
  /** Gaps in what came, and what had no begin or end. */
  readonly lost: number;
  /** Of an encoding that was not asked for. */
  readonly unwanted: number;
  readonly duplicates: number;
  readonly unverified: number;
  /** Retransmissions and padding. */
  readonly rtx: number;
  readonly rtcp: number;
  /** Pairs of receiver and stream that got nothing. */
  readonly silentPairs: number;
}

export class Tally {
  readonly #streams: number;
  readonly #wanted: Uint8Array;
  readonly #pairs: number;
  /** By receiver and stream: in the window, and when the last one came at all. */
  readonly #count: Int32Array;
  readonly #first: Int32Array;
  readonly #last: Int32Array;
  readonly #seenAt: Float64Array;
  readonly #recent: Int32Array;
  /** By stream: what was sent in the window. */
  readonly #sent: Int32Array;
  readonly #delay = new DelayHistogram();
  readonly #lateness = new DelayHistogram();
  #from = Number.POSITIVE_INFINITY;
  #to = Number.NEGATIVE_INFINITY;
  #counting = false;
  #unverified = 0;
  #unwanted = 0;
  #duplicates = 0;
  #rtx = 0;
  #rtcp = 0;

  constructor(plan: Plan) {
    const receivers = plan.participants.length;
    this.#streams = plan.streams.length;
    const pairs = receivers * this.#streams;
    this.#wanted = new Uint8Array(pairs);
    this.#count = new Int32Array(pairs);
    this.#first = new Int32Array(pairs);
    this.#last = new Int32Array(pairs);
    this.#seenAt = new Float64Array(pairs).fill(Number.NEGATIVE_INFINITY);
    this.#recent = new Int32Array(pairs * RECENT);
    this.#sent = new Int32Array(this.#streams);
    let wanted = 0;
    for (let receiver = 0; receiver < receivers; receiver++) {
      plan.streams.forEach((stream, at) => {
        if (!isWanted(plan, stream, receiver)) return;
        this.#wanted[receiver * this.#streams + at] = 1;
        wanted++;
      });
    }
    this.#pairs = wanted;
  }

  /** Packets scheduled from `from` on, before `to`, count from now on. */
  begin(from: number, to: number): void {
    for (const each of [this.#count, this.#sent]) each.fill(0);
    this.#recent.fill(-1);
    this.#delay.clear();
    this.#lateness.clear();
    this.#unverified = this.#unwanted = this.#duplicates = this.#rtx = this.#rtcp = 0;
    this.#from = from;
    this.#to = to;
    this.#counting = true;
  }

  /** A packet leaves at `now`. */
  sent(stream: number, scheduled: number, now: number): void {
    if (scheduled < this.#from || scheduled >= this.#to) return;
    this.#sent[stream]!++;
    this.#lateness.add((now - scheduled) * 1000);
  }

  received(receiver: number, stream: number, index: number, scheduled: number, now: number): void {
    const pair = receiver * this.#streams + stream;
    this.#seenAt[pair] = now;
    if (scheduled < this.#from || scheduled >= this.#to) return;
    const recent = pair * RECENT + (index & (RECENT - 1));
    if (this.#recent[recent] === index) {
      this.#duplicates++;
      return;
    }
    this.#recent[recent] = index;
    if (this.#wanted[pair] === 0) this.#unwanted++;
    if (this.#count[pair]!++ === 0) {
      this.#first[pair] = index;
      this.#last[pair] = index;
    } else {
      if (index > this.#last[pair]!) this.#last[pair] = index;
      if (index < this.#first[pair]!) this.#first[pair] = index;
    }
    this.#delay.add((now - scheduled) * 1000);
  }

  unverified(): void {
    if (this.#counting) this.#unverified++;
  }

  rtx(): void {
    if (this.#counting) this.#rtx++;
  }

  rtcp(): void {
    if (this.#counting) this.#rtcp++;
  }

  /** Whether everybody gets what was asked for, and nothing else. */
  isSteady(now: number): boolean {
    for (let pair = 0; pair < this.#wanted.length; pair++) {
      const comes = now - this.#seenAt[pair]! < GONE_MS;
      if (comes !== (this.#wanted[pair] === 1)) return false;
    }
    return true;
  }

  /** Pairs of receiver and stream that are not as asked for, for a report of what does not come. */
  unsteadyPairs(now: number): number {
    let count = 0;
    for (let pair = 0; pair < this.#wanted.length; pair++)
      if (now - this.#seenAt[pair]! < GONE_MS !== (this.#wanted[pair] === 1)) count++;
    return count;
  }

  /** Ends the window, some time after its last packet was sent. */
  end(): WindowResult {
    this.#counting = false;
    let packets = 0;
    let expected = 0;
    let lost = 0;
    let silentPairs = 0;
    for (let pair = 0; pair < this.#wanted.length; pair++) {
      const count = this.#count[pair]!;
      packets += count;
      if (this.#wanted[pair] === 1) {
        const sent = this.#sent[pair % this.#streams]!;
        expected += sent;
        lost += sent - count;
        if (count === 0) silentPairs++;
      } else if (count > 0) {
        lost += this.#last[pair]! - this.#first[pair]! + 1 - count;
      }
    }
    return {
      packets,
      expected,
      delayUs: this.#delay.quantiles(),
      delayMaxUs: this.#delay.max,
      latenessUs: this.#lateness.quantiles(),
      latenessMaxUs: this.#lateness.max,
      sent: this.#sent.reduce((sum, each) => sum + each, 0),
      lost,
      unwanted: this.#unwanted,
      duplicates: this.#duplicates,
      unverified: this.#unverified,
      rtx: this.#rtx,
      rtcp: this.#rtcp,
      silentPairs,
    };
  }

  /** Pairs that are to get something. */
  get pairs(): number {
    return this.#pairs;
  }
}
