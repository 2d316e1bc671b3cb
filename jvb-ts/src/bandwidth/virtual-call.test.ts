/**
 * For tests: one receiver behind an emulated link, on virtual time. The sender has layers of given
 * rates and sends the best one that the estimate allows, with padding towards what is wanted and
 * probes, as the engine does; the receiver answers with transport-wide feedback.
 */
import type { LinkConditions, LinkPhase } from "#shared/testing/network-emulator";
import { EmulatedLink, LOST } from "#shared/testing/network-emulator";
import { SeededRandom } from "#shared/testing/virtual-runtime";
import { TransportCcReceiver } from "../media/transport-cc-receiver.ts";
import { BandwidthEstimator } from "./bandwidth-estimator.ts";
import { PaddingPlan } from "./padding-plan.ts";
import type { BandwidthSettings } from "./settings.ts";
import { defaultBandwidthSettings } from "./settings.ts";

const FRAMES_PER_SECOND = 30;
const AUDIO_MS = 20;
const PACKET_BYTES = 1150;
const PADDING_BYTES = 255;
const PADDING_PERIOD_MS = 15;
const SAMPLE_MS = 10;
/** A frame's packets come to the bridge no closer than this. */
const PACKET_SPACING_MS = 1;
const RTP_BYTES = 20;

export interface CallOptions {
  readonly link: LinkConditions | readonly LinkPhase[];
  /** From the receiver; 20 ms without losses unless given. */
  readonly back?: LinkConditions;
  /** Rates of the layers, lowest first; the last is what is wanted. */
  readonly layers?: readonly number[];
  readonly settings?: Partial<BandwidthSettings>;
  readonly seed?: number;
  /** Sends nothing but padding when no layer fits, as allocation does; else the lowest one. */
  readonly suspends?: boolean;
  /** Bits per second that share the link and are not reported on. */
  readonly audioBps?: number;
  /** 30 frames a second unless given. */
  readonly fps?: number;
  /** Frame sizes vary by this share. */
  readonly frameNoise?: number;
  /** RTCP tells the round trip. */
  readonly rttMs?: number;
  /** From `at` on the receiver's clock is `ms` ahead. */
  readonly clockStep?: { readonly at: number; readonly ms: number };
  /** The receiver waits for 100 ms instead of the end of a frame before it answers. */
  readonly slowFeedback?: boolean;
}

/** Simulcast of a camera in three encodings with three temporal layers each, about. */
export const simulcast = [
  60_000, 100_000, 200_000, 300_000, 400_000, 600_000, 1_000_000, 1_600_000, 2_500_000, 3_400_000,
  4_500_000, 6_000_000,
];

interface Flying {
  readonly at: number;
  readonly seq: number;
  readonly marker: boolean;
}

export class VirtualCall {
  readonly estimator: BandwidthEstimator;
  readonly link: EmulatedLink;
  /** Every 10 ms: time and estimate. */
  readonly samples: { readonly at: number; readonly bps: number; readonly sentBps: number }[] = [];
  /** Of each packet that was not lost: when it was sent and how long it waited. */
  readonly waits: { readonly at: number; readonly ms: number; readonly bytes: number }[] = [];
  /** Bytes sent beyond media. */
  paddingBytes = 0;
  probedBytes = 0;
  mediaBytes = 0;
  layerChanges = 0;
  now = 0;
  readonly #options: CallOptions;
  readonly #random: SeededRandom;
  readonly #back: EmulatedLink;
  readonly #receiver = new TransportCcReceiver();
  readonly #padding = new PaddingPlan();
  readonly #layers: readonly number[];
  readonly #flying: Flying[] = [];
  readonly #answers: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  readonly #report = new Uint8Array(1500);
  /** Bytes of the frame that are still to come, packet by packet. */
  #rest = 0;
  #nextPacket = 0;
  #nextFrame = 0;
  #nextPadding = 0;
  #target = 0;
  #sentBytes = 0;

  constructor(options: CallOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed ?? 1);
    this.estimator = new BandwidthEstimator({ ...defaultBandwidthSettings, ...options.settings });
    if (options.rttMs !== undefined) this.estimator.setRoundTrip(options.rttMs);
    this.link = new EmulatedLink(this.#random, options.link);
    this.#back = new EmulatedLink(this.#random, options.back ?? { delayMs: 20 });
    this.#layers = options.layers ?? simulcast;
    this.estimator.setWanted(this.#layers.at(-1)!);
  }

  run(ms: number): void {
    const end = this.now + ms;
    for (; this.now < end; this.now++) this.#step();
  }

  #step(): void {
    const { now, estimator } = this;
    while (this.#flying.length > 0 && this.#flying[0]!.at <= now)
      this.#arrive(this.#flying.shift()!);
    while (this.#answers.length > 0 && this.#answers[0]!.at <= now) {
      const { bytes } = this.#answers.shift()!;
      const padding = (bytes[0]! & 0x20) === 0 ? 0 : bytes[bytes.length - 1]!;
      estimator.handleFeedback(bytes, 0, bytes.length - padding, now);
    }
    if (now % AUDIO_MS === 0 && this.#options.audioBps !== undefined)
      this.link.offer((this.#options.audioBps * AUDIO_MS) / 8000, now);
    if (now >= this.#nextFrame) this.#frame();
    if (this.#rest > 0 && now >= this.#nextPacket) this.#mediaPacket();
    if (now >= this.#nextPadding) this.#pad();
    this.#probe();
    if (now % SAMPLE_MS === 0) {
      const sentBps = ((this.#sentBytes * 8) / SAMPLE_MS) * 1000;
      this.#sentBytes = 0;
      this.samples.push({ at: now, bps: estimator.estimateBps, sentBps });
    }
  }

  #frame(): void {
    const frameMs = 1000 / (this.#options.fps ?? FRAMES_PER_SECOND);
    this.#nextFrame += frameMs;
    const { estimateBps } = this.estimator;
    const before = this.#target;
    const least = this.#options.suspends === true ? 0 : this.#layers[0]!;
    this.#target = this.#layers.findLast((bps) => bps <= estimateBps) ?? least;
    if (before !== this.#target) this.layerChanges++;
    const noise = 1 + (this.#options.frameNoise ?? 0.2) * (2 * this.#random.float() - 1);
    this.#rest += (this.#target * frameMs * noise) / 8000;
  }

  #mediaPacket(): void {
    const bytes = Math.max(60, Math.min(PACKET_BYTES, Math.round(this.#rest)));
    this.#rest = Math.max(0, this.#rest - bytes);
    this.#nextPacket = this.now + PACKET_SPACING_MS;
    this.mediaBytes += bytes;
    this.#send(bytes, this.#rest === 0);
    // Six packets in a millisecond at most, for layers beyond what the spacing allows.
    for (let i = 0; i < 5 && this.#rest > 6 * PACKET_BYTES; i++) {
      this.mediaBytes += PACKET_BYTES;
      this.#rest -= PACKET_BYTES;
      this.#send(PACKET_BYTES, false);
    }
  }

  #pad(): void {
    this.#nextPadding += PADDING_PERIOD_MS;
    const { paddingBps } = this.estimator;
    const ideal = this.#layers.at(-1)!;
    let left = this.#padding.advance(
      this.#target,
      ideal,
      paddingBps,
      PADDING_PERIOD_MS,
      this.estimator.history.bytes,
    );
    while (left > RTP_BYTES) {
      const bytes = Math.min(left, left > PACKET_BYTES ? PACKET_BYTES : RTP_BYTES + PADDING_BYTES);
      this.#send(bytes, false);
      this.#padding.handleSent(bytes);
      this.paddingBytes += bytes;
      left -= bytes;
    }
  }

  #probe(): void {
    const { estimator, now } = this;
    if (now >= estimator.pollTimeout() || now % 100 === 0) estimator.handleTimeout(now);
    for (let left = estimator.probeBytes(now); left > 0; ) {
      const bytes = Math.max(RTP_BYTES, Math.min(left, PACKET_BYTES));
      this.#send(bytes, false);
      this.probedBytes += bytes;
      left -= bytes;
    }
  }

  #send(bytes: number, marker: boolean): void {
    const { now } = this;
    const seq = this.estimator.nextSeq;
    this.estimator.handleSent(bytes, now);
    this.#sentBytes += bytes;
    const at = this.link.offer(bytes, now);
    if (at === LOST) return;
    this.waits.push({ at: now, ms: this.link.lastQueueMs, bytes });
    this.#insert({ at, seq, marker });
  }

  #insert(packet: Flying): void {
    let index = this.#flying.length;
    while (index > 0 && this.#flying[index - 1]!.at > packet.at) index--;
    this.#flying.splice(index, 0, packet);
  }

  #arrive({ at, seq, marker }: Flying): void {
    const receiver = this.#receiver;
    const { clockStep, slowFeedback } = this.#options;
    const ahead = clockStep !== undefined && this.now >= clockStep.at ? clockStep.ms : 0;
    receiver.handlePacket(seq, marker && slowFeedback !== true, 1, 60_000 + at + ahead, this.now);
    if (!receiver.due) return;
    for (;;) {
      const length = receiver.write(this.#report, 0, 2, this.now);
      if (length === 0) return;
      const arrival = this.#back.offer(length, this.now);
      if (arrival !== LOST)
        this.#answers.push({ at: arrival, bytes: this.#report.slice(0, length) });
    }
  }

  /** Samples in [from, to) ms. */
  between(from: number, to: number): readonly { readonly at: number; readonly bps: number }[] {
    return this.samples.filter(({ at }) => at >= from && at < to);
  }

  /** Mean, least and greatest estimate in [from, to) ms. */
  range(from: number, to: number): { mean: number; min: number; max: number } {
    const rates = this.between(from, to).map(({ bps }) => bps);
    const mean = rates.reduce((sum, bps) => sum + bps, 0) / rates.length;
    return { mean, min: Math.min(...rates), max: Math.max(...rates) };
  }

  /** Waiting time of the packets sent in [from, to) ms that `share` of them stay below. */
  waitAt(share: number, from: number, to: number): number {
    const waits = this.waits.filter(({ at }) => at >= from && at < to).map(({ ms }) => ms);
    waits.sort((a, b) => a - b);
    return waits[Math.min(waits.length - 1, Math.floor(share * waits.length))] ?? 0;
  }
}
