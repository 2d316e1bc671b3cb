/**
 * How much one receiver can be sent, by the transport-wide feedback it gives (spec jvb-media 9.2).
 * A pure core: bytes and times in, bits per second out.
 *
 * Inputs: `handleSent` for each packet that goes out under `nextSeq`, `handleFeedback`,
 * `setRoundTrip`, `setWanted`, `handleTimeout` a few times a second. Outputs: `estimateBps`, and what
 * `probeCluster` and `probeBytes` ask to be sent beyond the media; `pollTimeout` says when.
 */
import { decodeTwcc, readTwccReference } from "#shared/rtp/twcc";
import type { Millis } from "#shared/runtime/runtime";
import { AcknowledgedRate } from "./acknowledged-rate.ts";
import { ApplicationLimit } from "./application-limit.ts";
import { DelayRate } from "./delay-rate.ts";
import { DelayTrend, Usage } from "./delay-trend.ts";
import { FeedbackClock } from "./feedback-clock.ts";
import { LossRate } from "./loss-rate.ts";
import { PacketGroups } from "./packet-groups.ts";
import { ProbeBurst } from "./probe-burst.ts";
import { ProbePlan } from "./probe-plan.ts";
import { ProbeRate } from "./probe-rate.ts";
import { QueueDelay } from "./queue-delay.ts";
import { Report, SentHistory } from "./sent-history.ts";
import type { BandwidthSettings } from "./settings.ts";
import { SimpleLossRule } from "./simple-loss-rule.ts";

/** No group for this long: what came before says nothing about what comes. */
const STREAM_TIMEOUT_MS = 2_000;
/** Packets without an answer for this long lower the estimate, each so many ms. */
const SILENCE_MS = 3_000;
const SILENCE_STEP_MS = 1_000;
const SILENCE_KEPT = 0.8;
const PAUSE_MS = 1_000;
/** What arrives is computed this often while the way is not full: it looks at hundreds of packets. */
const ACKED_MS = 200;
const LEAST_BPS = 5_000;
/** A probe may try this much of the estimate while losses limit it. */
const PROBE_CAP_IN_LOSS = 1.5;
/** Without overuse for this long the way may be probed. */
const CLEAR_MS = 1_500;
const CLEAR_QUEUE_MS = 20;
const OVERFLOW_QUEUE_MS = 10;
const FULL_QUEUE_MS = 100;
/** A second probe counts together with the first for this long. */
const CONFIRM_MS = 1_000;
/** And tries this much of what that one showed. */
const PROOF_SCALE = 1.3;
const MAX_PROBED_QUEUE_MS = 50;

export class BandwidthEstimator {
  /** Bits per second. */
  estimateBps: number;
  /** Some feedback acknowledged a packet: before, the estimate is only a wish. */
  hasFeedback = false;
  readonly history = new SentHistory();
  readonly #settings: BandwidthSettings;
  readonly #clock = new FeedbackClock();
  readonly #groups = new PacketGroups();
  readonly #trend = new DelayTrend();
  readonly #queue = new QueueDelay();
  readonly #acked = new AcknowledgedRate();
  readonly #delay: DelayRate;
  readonly #loss: LossRate;
  readonly #simpleLoss: SimpleLossRule;
  readonly #idle = new ApplicationLimit();
  readonly #plan: ProbePlan;
  readonly #probes = new ProbeRate();
  readonly #burst = new ProbeBurst();
  #wantedBps = 0;
  #lastAckedBps = -1;
  #ackedAt: Millis = Number.NEGATIVE_INFINITY;
  #now: Millis = 0;
  // What the report being read has told so far.
  #ticks = 0;
  #acknowledged = 0;
  #lost = 0;
  #probedBps = -1;
  #probeWasFull = false;
  #firstProbedBps = 0;
  #needsProof = false;
  #firstProbedAt: Millis = Number.NEGATIVE_INFINITY;
  #newestSent: Millis = Number.NEGATIVE_INFINITY;
  #lastGroupAt: Millis = Number.NEGATIVE_INFINITY;
  #lastOveruseAt: Millis = Number.NEGATIVE_INFINITY;
  /** Packets go out and no report tells of one sent since then; -1 none. */
  #unansweredSince: Millis = -1;
  readonly #visit = (seq: number, received: boolean, deltaTicks: number): void => {
    this.#status(seq, received, deltaTicks);
  };

  constructor(settings: BandwidthSettings) {
    this.#settings = settings;
    this.estimateBps = settings.initialBps;
    this.#delay = new DelayRate(settings.initialBps, settings.minBps, settings.maxBps);
    this.#loss = new LossRate(settings);
    this.#simpleLoss = new SimpleLossRule(settings);
    this.#plan = new ProbePlan(settings.maxBps);
  }

  /** The transport-wide number of the next packet, 16 bits. */
  get nextSeq(): number {
    return this.history.nextSeq;
  }

  /** The packet that got `nextSeq` goes out; all of it counts, from the RTP header on. */
  handleSent(sizeBytes: number, now: Millis): void {
    const burst = this.#burst;
    if (burst.cluster === 0) {
      this.history.put(sizeBytes, 0, now);
      if (this.history.packets === 1) this.#start(now);
      return;
    }
    if (burst.isOver(now)) burst.end();
    this.history.put(sizeBytes, burst.cluster, now);
    burst.handleSent(sizeBytes);
    if (burst.isOver(now)) burst.end();
  }

  /** The packet of an earlier `nextSeq` goes out once more, unchanged. */
  handleSentAgain(seq: number, now: Millis): void {
    this.history.putAgain(seq, now);
  }

  /** A probe is on its way: `probeBytes` asks for more of it. */
  get isProbing(): boolean {
    return this.#burst.cluster !== 0;
  }

  /** Packets that the last report told of, and how many of those it told to be lost. */
  get reported(): number {
    return this.#acknowledged + this.#lost;
  }

  get reportedLost(): number {
    return this.#lost;
  }

  setRoundTrip(rttMs: Millis): void {
    this.#delay.setRoundTrip(rttMs);
  }

  /** What would be sent if the estimate allowed it, bits per second. */
  setWanted(bps: number): void {
    this.#wantedBps = bps;
  }

  /** Bytes of a probe that are due now, 0 none; to be sent as the packets of `handleSent`. */
  probeBytes(now: Millis): number {
    return this.#burst.due(now);
  }

  /** When `handleTimeout` and `probeBytes` are due for a probe; infinite when none runs. */
  pollTimeout(): Millis {
    return this.#burst.nextAt;
  }

  /** Ends probes that are over and lowers the estimate when nothing answers. */
  handleTimeout(now: Millis): void {
    if (this.#burst.isOver(now)) this.#burst.end();
    const { lastSentAt } = this.history;
    // Who sends nothing is not answered either.
    if (!this.hasFeedback || lastSentAt <= this.#newestSent || now - lastSentAt > PAUSE_MS) {
      this.#unansweredSince = -1;
      return;
    }
    if (this.#unansweredSince < 0) this.#unansweredSince = now;
    if (now - this.#unansweredSince < SILENCE_MS) return;
    // Again after the next step.
    this.#unansweredSince += SILENCE_STEP_MS;
    const bps = Math.max(LEAST_BPS, SILENCE_KEPT * this.estimateBps);
    this.estimateBps = Math.min(this.estimateBps, bps);
    this.#delay.set(this.estimateBps, now);
  }

  /**
   * Takes the feedback at `at` of `length` bytes, padding removed. False when it is malformed; what
   * came before the fault counts.
   */
  handleFeedback(bytes: Uint8Array, at: number, length: number, now: Millis): boolean {
    const reference = readTwccReference(bytes, at, length);
    if (reference < 0) return false;
    this.#now = now;
    this.#clock.begin(reference, now);
    this.#ticks = 0;
    this.#acknowledged = 0;
    this.#lost = 0;
    this.#probedBps = -1;
    this.#probeWasFull = false;
    const wellFormed = decodeTwcc(bytes, at, length, this.#visit);
    if (this.#acknowledged > 0) {
      this.hasFeedback = true;
      this.#unansweredSince = -1;
      this.#update(now);
    }
    return wellFormed;
  }

  /**
   * What padding may bring the sent rate to, bits per second: while a queue stands, only as much as
   * keeps reports coming.
   */
  get paddingBps(): number {
    const { minBps } = this.#settings;
    return this.#queue.standingMs() > FULL_QUEUE_MS ? minBps : this.estimateBps;
  }

  /** For statistics: how long packets wait on the way, milliseconds. */
  queueMs(): Millis {
    return this.#queue.standingMs();
  }

  /** Losses while a queue stands are those of a queue that is full, however short. */
  #overflows(queueMs: Millis): boolean {
    return queueMs > OVERFLOW_QUEUE_MS && this.#simpleLoss.share > this.#settings.lowLoss;
  }

  #ackedBps(isOver: boolean, now: Millis): number {
    if (isOver || this.#lastAckedBps < 0 || now - this.#ackedAt >= ACKED_MS) {
      this.#ackedAt = now;
      this.#lastAckedBps = this.#acked.bps();
    }
    return this.#lastAckedBps;
  }

  #start(now: Millis): void {
    this.#plan.handleStart(this.estimateBps, now);
    this.#beginBurst(now);
  }

  #status(seq: number, received: boolean, deltaTicks: number): void {
    // Also of packets that are not found: later ones count from it.
    if (received) this.#ticks += deltaTicks;
    const { history } = this;
    const report = history.report(seq, received);
    switch (report) {
      case Report.lost:
        this.#lost++;
        this.#loss.add(history.sentAt, history.sizeBytes, true);
        return;
      case Report.late:
        this.#loss.addLate(history.sizeBytes);
        this.#arrived(this.#clock.arrival(this.#ticks));
        return;
      case Report.received:
        this.#loss.add(history.sentAt, history.sizeBytes, false);
        this.#arrived(this.#clock.arrival(this.#ticks));
        return;
      default:
        return;
    }
  }

  #arrived(arrival: Millis): void {
    const { sentAt, sizeBytes, cluster } = this.history;
    this.#acknowledged++;
    if (sentAt > this.#newestSent) this.#newestSent = sentAt;
    if (cluster !== 0) {
      const probed = this.#probes.add(cluster, sentAt, arrival, sizeBytes);
      if (probed >= 0) {
        this.#probedBps = probed;
        this.#probeWasFull = this.#probes.isFull;
      }
    }
    this.#acked.add(sentAt, arrival, sizeBytes);
    this.#queue.add(sentAt, arrival);
    if (!this.#groups.add(sentAt, arrival, this.#now)) return;
    if (this.#now - this.#lastGroupAt > STREAM_TIMEOUT_MS) this.#trend.reset();
    this.#lastGroupAt = this.#now;
    this.#trend.add(this.#groups.sendDeltaMs, this.#groups.arrivalDeltaMs, arrival);
  }

  #update(now: Millis): void {
    this.#idle.update(this.estimateBps, this.history.bytes, now);
    const queueMs = this.#queue.standingMs();
    this.#simpleLoss.update(this.#acknowledged, this.#lost, this.estimateBps, now);
    const usage = this.#overflows(queueMs) ? Usage.over : this.#trend.state;
    const acked = this.#ackedBps(usage === Usage.over, now);
    if (usage === Usage.over) {
      this.#lastOveruseAt = now;
      this.#plan.cancel();
    }
    if (usage !== Usage.over && this.#probedBps >= 0) this.#takeProbe(acked, queueMs, now);
    else {
      const matters = usage === Usage.over || queueMs > CLEAR_QUEUE_MS;
      const recent = matters ? this.#acked.recentBps() : -1;
      this.#delay.update(usage, queueMs, acked, recent, matters && this.#acked.isDraining, now);
    }
    if (this.#delay.queueIsLasting) this.#queue.rebase();
    this.#combine(acked, now);
    this.#planProbes(usage === Usage.normal && queueMs < CLEAR_QUEUE_MS, now);
  }

  /**
   * A probe raises the estimate. At the start it may lower it too, for nothing better is known; later
   * it takes two that agree, for packets that were held up together look like a fast way.
   */
  #takeProbe(ackedBps: number, queueMs: Millis, now: Millis): void {
    const { lowLoss } = this.#settings;
    const isLimited = this.estimateBps < this.#delay.bps || this.#loss.lossRatio > lowLoss;
    if (isLimited && this.#loss.isClean && this.#probedBps > this.estimateBps) {
      // Losses that are over limit the estimate, and so much came through.
      this.#loss.forget();
      this.#delay.set(this.#probedBps, now);
      return;
    }
    if (!this.#delay.capacity.isKnown) {
      const floor = this.#probeWasFull ? 0.85 * Math.max(ackedBps, 0) : this.#delay.bps;
      this.#delay.set(Math.max(this.#probedBps, floor), now);
      return;
    }
    // Into a queue that stands nothing can be probed.
    if (this.#probedBps <= this.#delay.bps || queueMs > MAX_PROBED_QUEUE_MS) return;
    if (now - this.#firstProbedAt > CONFIRM_MS) {
      this.#firstProbedAt = now;
      this.#firstProbedBps = this.#probedBps;
      this.#needsProof = true;
      return;
    }
    this.#firstProbedAt = Number.NEGATIVE_INFINITY;
    this.#delay.set(
      Math.max(Math.min(this.#firstProbedBps, this.#probedBps), this.#delay.bps),
      now,
    );
  }

  #combine(ackedBps: number, now: Millis): void {
    const { maxBps, minBps } = this.#settings;
    const delayBps = Math.min(maxBps, this.#delay.bps);
    const proof = this.#idle.isLimited ? -1 : ackedBps;
    const byLoss = this.#loss.update(delayBps, proof, now);
    const bps = this.#loss.isReady ? byLoss : Math.min(delayBps, this.#simpleLoss.limitBps);
    this.estimateBps = Math.max(minBps, Math.min(maxBps, bps));
  }

  #planProbes(isClear: boolean, now: Millis): void {
    this.#plan.handleEstimate(this.estimateBps, now);
    const lossState = this.#loss.isClean ? "delayBased" : this.#loss.state;
    if (lossState === "decreasing" || this.#probeWasFull) this.#plan.cancel();
    if (this.#needsProof) this.#plan.confirm(PROOF_SCALE * this.#firstProbedBps, now);
    else if (isClear && now - this.#lastOveruseAt > CLEAR_MS) {
      const cap =
        lossState === "increasing"
          ? PROBE_CAP_IN_LOSS * this.estimateBps
          : Number.POSITIVE_INFINITY;
      this.#plan.handleClear(this.#wantedBps, cap, this.#idle.isLimited, now);
    }
    this.#needsProof = false;
    if (this.#burst.cluster === 0) this.#beginBurst(now);
  }

  /** One at a time: what the one before showed decides whether the next is sent. */
  #beginBurst(now: Millis): void {
    const bps = this.#plan.take();
    if (bps === 0) return;
    this.#burst.begin(bps, now);
    this.#probes.begin(this.#burst.cluster, this.#burst.packets, this.#burst.bytes);
  }
}
