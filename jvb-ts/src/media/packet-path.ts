/** The engine behind `MediaEngine`: dispatch of packets, life of conferences, time. */
import { Bug } from "#shared/runtime/bug";
import type { Millis, Random } from "#shared/runtime/runtime";
import { reallocate, reallocateReceivers, removeLeg } from "./allocate.ts";
import type { AudioTap, Injected } from "./audio-tap.ts";
import { EndpointHandle } from "./endpoint-handle.ts";
import type { MediaEngineOptions } from "./engine-options.ts";
import { dropCollected, REPORT_INTERVAL_MS, writeCollected, writeReports } from "./feedback.ts";
import { forwardAudio, forwardVideo } from "./forward.ts";
import { injectOpus } from "./inject-audio.ts";
import { collectKeyframe } from "./keyframe-requests.ts";
import type {
  AddEndpoint,
  ConferenceSsrcs,
  MediaEndpoint,
  MediaEngine,
  MediaEvent,
} from "./media-engine.ts";
import { ConferenceState, EndpointState } from "./media-state.ts";
import type { EngineTotals } from "./media-statistics.ts";
import type { PacketIo } from "./packet-io.ts";
import type { CongestionControl } from "./path-context.ts";
import { invalidateAllocation, PathContext } from "./path-context.ts";
import { listPadding, nextProbeAt, sendPadding, sendProbes } from "./probing.ts";
import { receiveRtp } from "./receive.ts";
import { receiveRtcp } from "./rtcp-in.ts";
import type { RxSlab, TxSlab } from "./slab.ts";
import { AudioSlotStream, VideoSlotStream } from "./slot-streams.ts";
import { applySubscription, dropAudioSource, dropSource, markExplicit } from "./source-update.ts";
import { SpeechActivity } from "./speech-activity.ts";
import { SsrcSlots } from "./ssrc-slots.ts";
import { addEndpointTotals, emptyTotals } from "./totals.ts";

const NEVER = Number.POSITIVE_INFINITY;
/** Reports of many endpoints share their wake-ups: each looks at every conference, with cold caches. */
const REPORT_SLOT_MS = 100;
const LAST_SLOT = 0x3fff_ffff;

export class PacketPath implements MediaEngine {
  readonly #ctx: PathContext;
  readonly #conferences = new Map<string, ConferenceState>();
  /** The same for the loops of each turn: iterators of maps are garbage. */
  #all: readonly ConferenceState[] = [];
  readonly #handles = new Map<EndpointState, EndpointHandle>();
  /** By session number. */
  readonly #bySession: (EndpointState | undefined)[] = [];
  /** What endpoints that left had counted. */
  readonly #departed = emptyTotals();
  #unknownSession = 0;
  #isMidFrame = false;
  #nextDeadline: Millis = NEVER;
  #eventsTaken = 0;

  constructor(
    options: MediaEngineOptions,
    cc: CongestionControl,
    sender: Pick<PacketIo, "send">,
    random: Random,
  ) {
    this.#ctx = new PathContext(options, cc, sender, random);
  }

  get tx(): TxSlab {
    return this.#ctx.tx;
  }

  addConference(id: string): ConferenceSsrcs {
    const audio = this.#ctx.drawSsrc();
    const video = this.#ctx.drawSsrc();
    const speech = new SpeechActivity(this.#ctx.options);
    this.#conferences.set(id, new ConferenceState(id, audio | 0, video | 0, speech));
    this.#all = [...this.#conferences.values()];
    return { audio, video };
  }

  removeConference(id: string): void {
    const conference = this.#conferences.get(id);
    if (conference === undefined) return;
    // A bug in it must not keep it here.
    this.#conferences.delete(id);
    this.#all = [...this.#conferences.values()];
    this.#nextDeadline = 0;
    for (const endpoint of conference.endpoints) this.#release(endpoint);
    for (const endpoint of [...conference.endpoints]) this.#remove(endpoint);
  }

  addEndpoint(conferenceId: string, endpoint: AddEndpoint): MediaEndpoint {
    const conference = this.#conferences.get(conferenceId);
    if (conference === undefined) throw new Bug(`no conference ${conferenceId}`);
    if (conference.endpoints.some((other) => other.id === endpoint.id))
      throw new Bug(`endpoint ${endpoint.id} exists`);
    const { options, cc } = this.#ctx;
    const state = new EndpointState(
      conference,
      endpoint.id,
      endpoint.session,
      endpoint.visitor === true,
      conference.freeSlots.pop() ?? conference.slotCount++,
      cc.policy.initialSettings(options),
      options.bandwidth,
    );
    if (endpoint.rewritesSsrcs === true) this.#giveSlots(state, endpoint.stampsMid === true);
    conference.endpoints.push(state);
    conference.speech.addMember(endpoint.id);
    for (const owner of conference.endpoints) {
      for (const source of owner.audioSources.values()) {
        source.reserve(conference.slotCount);
        source.clearSlot(state.slot);
        applySubscription(state, source);
      }
    }
    this.#bySession[endpoint.session] = state;
    invalidateAllocation(conference);
    this.#nextDeadline = 0;
    const handle = new EndpointHandle(this.#ctx, state, (gone) => this.#remove(gone));
    this.#handles.set(state, handle);
    return handle;
  }

  endpoint(conferenceId: string, endpointId: string): MediaEndpoint | undefined {
    const conference = this.#conferences.get(conferenceId);
    const state = conference?.endpoints.find((endpoint) => endpoint.id === endpointId);
    return state === undefined ? undefined : this.#handles.get(state);
  }

  handleRtpRow(slab: RxSlab, row: number, now: Millis): void {
    const endpoint = this.#bySession[slab.session[row]!];
    if (endpoint === undefined) {
      this.#unknownSession++;
      return;
    }
    const ctx = this.#ctx;
    ctx.useSlab(slab);
    const { offset, length, arrival } = slab;
    const stream = receiveRtp(ctx, endpoint, offset[row]!, length[row]!, arrival[row]!, now);
    if (stream === undefined) return;
    if (stream.audio !== undefined) {
      forwardAudio(ctx, endpoint, stream, now);
      return;
    }
    forwardVideo(ctx, endpoint, stream, now);
    this.#isMidFrame = !ctx.header.marker && ctx.tx.count > 0;
  }

  handleRtcpRow(slab: RxSlab, row: number, now: Millis): void {
    const endpoint = this.#bySession[slab.session[row]!];
    if (endpoint === undefined) {
      this.#unknownSession++;
      return;
    }
    this.#ctx.useSlab(slab);
    const { offset, length, arrival } = slab;
    receiveRtcp(this.#ctx, endpoint, offset[row]!, length[row]!, arrival[row]!, now);
  }

  get isMidFrame(): boolean {
    return this.#isMidFrame;
  }

  endBatch(now: Millis): void {
    this.#isMidFrame = false;
    this.#finish(now);
  }

  requestKeyframes(now: Millis): void {
    for (const { endpoints } of this.#conferences.values()) {
      for (const { videoSources } of endpoints) {
        for (const source of videoSources) collectKeyframe(this.#ctx, source, now);
      }
    }
    this.#finish(now);
  }

  handleTimeout(now: Millis): void {
    this.#probe(now);
    // Probes and padding come often, and the rest looks at every conference.
    if (now >= this.#conferencesDueAt()) this.#tickConferences(now);
    this.#finish(now);
  }

  #tickConferences(now: Millis): void {
    for (const conference of this.#all) {
      try {
        this.#tickConference(conference, now);
      } catch (cause) {
        this.#broken(conference, cause);
      }
    }
    this.#nextDeadline = this.#computeDeadline();
  }

  /** Sends what is due of probes and padding. */
  #probe(now: Millis): void {
    const ctx = this.#ctx;
    try {
      if (ctx.egress.probing.count > 0) sendProbes(ctx, now);
      if (now >= ctx.nextPaddingAt) sendPadding(ctx, now);
    } catch (cause) {
      const conference = this.#ctx.writing?.conference;
      this.#broken(conference, cause);
      dropCollected(ctx, conference);
    }
  }

  pollTimeout(): Millis | undefined {
    const { nextNackAt, nextPaddingAt, egress } = this.#ctx;
    const probeAt = egress.probing.count > 0 ? nextProbeAt(this.#ctx) : NEVER;
    const own = Math.min(nextNackAt, nextPaddingAt, probeAt);
    const deadline = Math.min(this.#conferencesDueAt(), own);
    return deadline === NEVER ? undefined : deadline;
  }

  #conferencesDueAt(): Millis {
    for (const conference of this.#all) {
      if (conference.allocationDirty || conference.receiversDirty) return 0;
      if (conference.endpoints.length === 0) continue;
      // Packets may have brought these forward since the deadline was computed.
      const { nextAllocationAt } = conference;
      const { nextDecisionAt } = conference.speech;
      this.#nextDeadline = Math.min(this.#nextDeadline, nextAllocationAt, nextDecisionAt);
    }
    return this.#nextDeadline;
  }

  pollEvent(): MediaEvent | undefined {
    const { events } = this.#ctx;
    const event = events[this.#eventsTaken];
    if (event !== undefined) {
      this.#eventsTaken++;
      return event;
    }
    if (this.#eventsTaken > 0) {
      events.length = 0;
      this.#eventsTaken = 0;
    }
    return undefined;
  }

  setAudioTap(conferenceId: string, tap: AudioTap | undefined): void {
    const conference = this.#conferences.get(conferenceId);
    if (conference !== undefined) conference.tap = tap;
  }

  injectOpus(
    conferenceId: string,
    source: string,
    payload: Uint8Array,
    seq: number,
    timestamp: number,
    now: Millis,
  ): Injected {
    const conference = this.#conferences.get(conferenceId);
    if (conference === undefined) return "unknownSource";
    return injectOpus(this.#ctx, conference, source, payload, seq, timestamp, now);
  }

  setBridgeLastN(lastN: number): void {
    this.#ctx.bridgeLastN = lastN;
    for (const conference of this.#all) invalidateAllocation(conference);
  }

  dominantSpeaker(conferenceId: string): string | undefined {
    return this.#conferences.get(conferenceId)?.speech.dominant;
  }

  recentSpeakers(conferenceId: string): readonly string[] {
    return this.#conferences.get(conferenceId)?.speech.recentSpeakers() ?? [];
  }

  speechOrder(conferenceId: string): readonly string[] {
    const conference = this.#conferences.get(conferenceId);
    if (conference === undefined) return [];
    return conference.speech.order(
      (id) =>
        conference.endpoints
          .find((endpoint) => endpoint.id === id)
          ?.videoSources.some((source) => source.isEnabled()) === true,
    );
  }

  totals(_now: Millis): EngineTotals {
    const sum = { ...this.#departed };
    for (const conference of this.#all) {
      sum.dominantSpeakerChanges += conference.speech.changes;
      for (const endpoint of conference.endpoints) addEndpointTotals(sum, endpoint);
    }
    sum.unknownSessionPackets += this.#unknownSession;
    sum.packetsNotSent += this.#ctx.egress.notSent;
    sum.preemptiveKeyframesSent += this.#ctx.preemptiveSent;
    sum.preemptiveKeyframesSuppressed += this.#ctx.preemptiveSuppressed;
    return sum;
  }

  /** Makes the SSRC slots of a receiver whose SSRCs are rewritten. */
  #giveSlots(endpoint: EndpointState, stampsMid: boolean): void {
    const { videoSsrcLimit, audioSsrcLimit } = this.#ctx.options;
    const drawSsrc = (): number => this.#drawUnused(endpoint);
    endpoint.videoSlots = new SsrcSlots({
      limit: videoSsrcLimit,
      midPrefix: stampsMid ? "v" : undefined,
      hasRtx: true,
      createStream: () => new VideoSlotStream(),
      drawSsrc,
    });
    endpoint.audioSlots = new SsrcSlots({
      limit: audioSsrcLimit,
      midPrefix: stampsMid ? "a" : undefined,
      hasRtx: false,
      createStream: () => new AudioSlotStream(),
      drawSsrc,
    });
  }

  /** An SSRC that nobody in the conference and nothing toward the endpoint has; signed. */
  #drawUnused(endpoint: EndpointState): number {
    const { conference, videoSlots, audioSlots } = endpoint;
    for (;;) {
      const ssrc = this.#ctx.drawSsrc() | 0;
      if (ssrc === conference.audioSsrc || ssrc === conference.videoSsrc) continue;
      if (conference.audioBySsrc.has(ssrc) || conference.videoBySsrc.has(ssrc)) continue;
      if (videoSlots?.has(ssrc) !== true && audioSlots?.has(ssrc) !== true) return ssrc;
    }
  }

  #remove(endpoint: EndpointState): void {
    const { conference } = endpoint;
    this.#release(endpoint);
    addEndpointTotals(this.#departed, endpoint);
    for (const source of endpoint.audioSources.values()) dropAudioSource(endpoint, source);
    for (const source of endpoint.videoSources) dropSource(endpoint, source);
    for (const leg of [...endpoint.legs.values()]) removeLeg(leg);
    conference.endpoints = conference.endpoints.filter((other) => other !== endpoint);
    conference.freeSlots.push(endpoint.slot);
    for (const owner of conference.endpoints) {
      owner.videoSlots?.dropOwner(endpoint.id);
      owner.audioSlots?.dropOwner(endpoint.id);
      for (const source of owner.audioSources.values()) {
        source.clearSlot(endpoint.slot);
        if (endpoint.audioSubscription !== undefined) markExplicit(source);
      }
    }
    if (conference.preemptive?.owner === endpoint) conference.preemptive = undefined;
    if (conference.endpoints.length === 0) {
      this.#departed.dominantSpeakerChanges += conference.speech.changes;
      conference.speech.changes = 0;
    }
    conference.speech.removeMember(endpoint.id);
    invalidateAllocation(conference);
  }

  /** Nothing comes from it or goes to it any more. */
  #release(endpoint: EndpointState): void {
    endpoint.removed = true;
    endpoint.transportUp = false;
    if (this.#bySession[endpoint.session] === endpoint)
      this.#bySession[endpoint.session] = undefined;
    this.#handles.delete(endpoint);
  }

  /** Writes what was collected and sends it. */
  #finish(now: Millis): void {
    const { egress } = this.#ctx;
    try {
      writeCollected(this.#ctx, now);
      egress.flush();
    } catch (cause) {
      this.#finishWithout(cause, now);
    }
    if (egress.senderFault === undefined) return;
    this.#broken(undefined, egress.senderFault);
    egress.senderFault = undefined;
  }

  /** Leaves out the conference that broke it, and writes what is left. */
  #finishWithout(cause: unknown, now: Millis): void {
    const conference = this.#ctx.writing?.conference;
    this.#broken(conference, cause);
    dropCollected(this.#ctx, conference);
    this.#finish(now);
  }

  #broken(conference: ConferenceState | undefined, cause: unknown): void {
    this.#ctx.events.push({ kind: "broken", conference: conference?.id ?? "", cause });
  }

  #tickConference(conference: ConferenceState, now: Millis): void {
    if (conference.speech.handleTimeout(now)) this.#speakerChanged(conference, now);
    if (now >= conference.preemptiveAt) this.#sendPreemptive(conference, now);
    if (conference.allocationDirty || now >= conference.nextAllocationAt)
      reallocate(this.#ctx, conference, now);
    else if (conference.receiversDirty) reallocateReceivers(this.#ctx, conference, now);
    const slot = Math.floor(now / REPORT_SLOT_MS);
    for (let i = 0; i < conference.endpoints.length; i++) {
      const endpoint = conference.endpoints[i]!;
      if (slot < endpoint.nextReportSlot) continue;
      writeReports(this.#ctx, endpoint, now);
      sampleRates(endpoint, now);
      listPadding(this.#ctx, endpoint, now);
      endpoint.nextReportSlot = slot + REPORT_INTERVAL_MS / REPORT_SLOT_MS;
    }
  }

  #speakerChanged(conference: ConferenceState, now: Millis): void {
    const { speech } = conference;
    const recent = speech.recentSpeakers();
    this.#ctx.events.push({
      kind: "dominantSpeakerChanged",
      conference: conference.id,
      endpoint: speech.dominant,
      previousSpeakers: recent.slice(1),
      silence: speech.silence,
    });
    invalidateAllocation(conference);
    this.#planPreemptive(conference, now);
  }

  /** A key frame of the new speaker before stage views switch to it (spec 8.5). */
  #planPreemptive(conference: ConferenceState, now: Millis): void {
    if (conference.endpoints.length <= 2) return;
    const speaker = conference.endpoints.find((one) => one.id === conference.speech.dominant);
    const source = speaker?.videoSources.find((one) => one.isEnabled());
    if (speaker === undefined || source === undefined) return;
    let slowest = -1;
    let staged = false;
    for (const receiver of conference.endpoints) {
      if (receiver === speaker) continue;
      slowest = Math.max(slowest, receiver.rttMs);
      if (hasCameraOnStage(receiver)) staged = true;
    }
    if (!staged) {
      this.#ctx.preemptiveSuppressed++;
      return;
    }
    const lead = Math.max(0, slowest) - Math.max(0, speaker.rttMs) + 10;
    conference.preemptive = source;
    conference.preemptiveAt = now + Math.max(0, lead);
  }

  #sendPreemptive(conference: ConferenceState, now: Millis): void {
    conference.preemptiveAt = NEVER;
    const source = conference.preemptive;
    conference.preemptive = undefined;
    if (source === undefined) return;
    this.#ctx.preemptiveSent++;
    collectKeyframe(this.#ctx, source, now);
  }

  #computeDeadline(): Millis {
    let next = NEVER;
    let slot = LAST_SLOT;
    for (const conference of this.#all) {
      if (conference.endpoints.length === 0) continue;
      next = Math.min(
        next,
        conference.nextAllocationAt,
        conference.speech.nextDecisionAt,
        conference.preemptiveAt,
      );
      // By index: this runs for every timer, and iterators are garbage there.
      for (let i = 0; i < conference.endpoints.length; i++) {
        const { nextReportSlot } = conference.endpoints[i]!;
        if (nextReportSlot < slot) slot = nextReportSlot;
      }
    }
    if (slot < LAST_SLOT) next = Math.min(next, slot * REPORT_SLOT_MS);
    return next;
  }
}

function hasCameraOnStage(receiver: EndpointState): boolean {
  const { onStageSources } = receiver.settings;
  for (const source of receiver.legs.keys())
    if (source.videoType === "CAMERA" && onStageSources.includes(source.name)) return true;
  return false;
}

function sampleRates(endpoint: EndpointState, now: Millis): void {
  const { rates } = endpoint;
  rates.bytesReceived.sample(endpoint.bytesReceived, now);
  rates.bytesSent.sample(endpoint.bytesSent, now);
  rates.packetsReceived.sample(endpoint.packetsReceived, now);
  rates.packetsSent.sample(endpoint.packetsSent, now);
  endpoint.incomingLoss.tick(now);
  endpoint.outgoingLoss.tick(now);
  for (const stream of endpoint.streams.values()) {
    stream.rate.sample(stream.stats.bytes, now);
    stream.packetRate.sample(stream.stats.packets, now);
    if (stream.encoding !== undefined && !stream.isRtx && stream.packetRate.perSecond >= 1)
      endpoint.videoStreamMillis += REPORT_INTERVAL_MS;
  }
  endpoint.existingBandwidth?.handleTimeout(now);
  for (const leg of endpoint.legs.values()) leg.rate.sample(leg.octets, now);
}
