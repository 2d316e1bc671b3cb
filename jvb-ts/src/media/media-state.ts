/**
 * The graph of objects the packet path walks: conferences, their endpoints, received streams,
 * sources and the legs from a source to a receiver. Objects are made when something is signaled or
 * a stream starts, never per packet; behaviour beyond keeping each object consistent lives in
 * `receive.ts`, `parse-video.ts`, `forward.ts`, `rtcp-in.ts`, `feedback.ts` and `allocate.ts`.
 *
 * One file, because these classes refer to each other. SSRCs are signed 32-bit integers.
 */
import type { Millis } from "#shared/runtime/runtime";
import { BandwidthEstimator } from "../bandwidth/bandwidth-estimator.ts";
import { PaddingPlan } from "../bandwidth/padding-plan.ts";
import type { BandwidthSettings } from "../bandwidth/settings.ts";
import type { AllocationSettings } from "./allocation-port.ts";
import type { AudioTap } from "./audio-tap.ts";
import { DuplicateWindow } from "./duplicate-window.ts";
import type { Layer } from "./encoding-layers.ts";
import { EncodingLayers } from "./encoding-layers.ts";
import { EncodingPulse } from "./encoding-pulse.ts";
import { FrameHistory } from "./frame-history.ts";
import { HeaderExtensionIds } from "./header-extension-ids.ts";
import { LossWindow } from "./loss-window.ts";
import type { AudioSubscription, VideoType } from "./media-engine.ts";
import { NackGenerator } from "./nack-generator.ts";
import { PacketStore } from "./packet-store.ts";
import { PayloadTypes } from "./payload-types.ts";
import type { Projection, StreamEnd } from "./projection.ts";
import { RateSampler } from "./rate-sampler.ts";
import { ReceiveEstimate } from "./receive-estimate.ts";
import { ReceiveStats } from "./receive-stats.ts";
import { RedHistory } from "./red-history.ts";
import { HistoryRewriter, PlainRewriter } from "./resumable-rewriter.ts";
import { SenderReportLog } from "./sender-report-log.ts";
import { SentLog } from "./sent-log.ts";
import type { AudioSlotStream, VideoSlotStream } from "./slot-streams.ts";
import { SourceView } from "./source-view.ts";
import type { SpeechActivity } from "./speech-activity.ts";
import type { SsrcSlot, SsrcSlots } from "./ssrc-slots.ts";
import { StructureHistory } from "./structure-history.ts";
import { TransportCcReceiver } from "./transport-cc-receiver.ts";
import type { FormId } from "./video-packet.ts";

const TRACE_BPS = 1;

export class Encoding {
  readonly eid: number;
  /** Signed 32 bits. */
  readonly ssrc: number;
  /** SSRC of its RTX stream (signed 32 bits); `hasRtx` says whether there is one. */
  rtxSsrc: number;
  hasRtx: boolean;
  readonly model: EncodingLayers;
  /** The received stream, once packets came. */
  stream: RxStream | undefined = undefined;
  readonly pulse = new EncodingPulse();
  /** By spatial layer, from the first packet of a second one on. */
  readonly spatialPulses: EncodingPulse[] = [];

  constructor(eid: number, ssrc: number, rtxSsrc: number | undefined) {
    this.eid = eid;
    this.ssrc = ssrc;
    this.rtxSsrc = rtxSsrc ?? 0;
    this.hasRtx = rtxSsrc !== undefined;
    this.model = new EncodingLayers(eid);
  }

  /** By ascending index. */
  get layers(): readonly Layer[] {
    return this.model.all;
  }

  /** Whether packets of the encoding, and of this spatial layer of it, come. */
  runs(layer: Layer): boolean {
    return this.pulse.running && this.spatialPulses[layer.sid]?.running !== false;
  }

  /**
   * Bits per second of a layer with those it depends on, 0 when it does not come. One that is slower
   * than the window of the rates (a screen nobody touches) keeps a trace, for it may go on any time.
   */
  bitrate(layer: Layer, now: Millis): number {
    return this.runs(layer) ? Math.max(this.model.bitrate(layer, now), TRACE_BPS) : 0;
  }

  /** Another codec: what packets told about layers holds no more. */
  forgetLayers(): void {
    this.model.reset();
    this.spatialPulses.length = 0;
  }
}

export class VideoSource {
  readonly name: string;
  readonly owner: EndpointState;
  readonly encodings: readonly Encoding[];
  videoType: VideoType;
  /** One per receiver that ever had it in an allocation. */
  readonly legs: VideoLeg[] = [];
  /** Legs whose target is a layer. */
  activeLegs = 0;
  /** A key frame request to the owner is collected. */
  keyframeRequested = false;
  /** When the owner was asked last, and the length of the interval it opened. */
  lastKeyframeRequest: Millis = Number.NEGATIVE_INFINITY;
  /** Codec and form that its packets were parsed as last, -1 before the first. */
  codec = -1;
  form = -1;
  /** The same for allocation, filled before it runs. */
  readonly view: SourceView<Layer>;
  /** A constraint of some receiver changed since the owner was told. */
  constraintsChanged = false;
  /** Last constraint told to the owner, undefined before the first. */
  announcedMaxHeight: number | undefined = undefined;

  constructor(
    name: string,
    owner: EndpointState,
    encodings: readonly Encoding[],
    videoType: VideoType,
  ) {
    this.name = name;
    this.owner = owner;
    this.encodings = encodings;
    this.videoType = videoType;
    this.view = new SourceView(this);
  }

  /** SSRC under which receivers get it: the lowest encoding's. */
  get primarySsrc(): number {
    return this.encodings[0]!.ssrc;
  }

  isEnabled(): boolean {
    return this.videoType !== "DISABLED" && this.videoType !== "NONE";
  }
}

/** One signaled audio SSRC and what each receiver was sent of it. */
export class AudioSource {
  readonly name: string;
  readonly owner: EndpointState;
  /** Signed 32 bits. */
  readonly ssrc: number;
  readonly synthetic: boolean;
  /** By the receiver's slot in its conference: packets and octets sent (for SRs, spec 8.2). */
  packets = new Int32Array(8);
  octets = new Float64Array(8);
  /** By slot: 1 when the receiver's subscription excludes this source. */
  unwanted = new Uint8Array(8);
  /** By slot: the receiver's SSRC slot that it had last, with SSRC rewriting. */
  readonly slots: (SsrcSlot<AudioSlotStream> | undefined)[] = [];
  /** Some subscription names it explicitly (it then escapes the loudest filter). */
  explicitlyWanted = false;

  constructor(name: string, owner: EndpointState, ssrc: number, synthetic: boolean) {
    this.name = name;
    this.owner = owner;
    this.ssrc = ssrc;
    this.synthetic = synthetic;
  }

  /** Makes room for receiver slots below `count`. */
  reserve(count: number): void {
    while (this.slots.length < count) this.slots.push(undefined);
    if (count <= this.packets.length) return;
    const size = Math.max(count, this.packets.length * 2);
    this.packets = grow(new Int32Array(size), this.packets);
    this.octets = grow(new Float64Array(size), this.octets);
    this.unwanted = grow(new Uint8Array(size), this.unwanted);
  }

  /** A receiver took or left `slot`. */
  clearSlot(slot: number): void {
    this.packets[slot] = 0;
    this.octets[slot] = 0;
    this.unwanted[slot] = 0;
    this.slots[slot] = undefined;
  }
}

function grow<T extends { set(source: T): void }>(larger: T, old: T): T {
  larger.set(old);
  return larger;
}

/** One video source on its way to one receiver. */
export class VideoLeg {
  readonly source: VideoSource;
  readonly receiver: EndpointState;
  projection: Projection;
  /** SSRCs under which the receiver gets it (signed 32 bits); its slot with SSRC rewriting. */
  sentSsrc: number;
  sentRtxSsrc: number;
  slot: SsrcSlot<VideoSlotStream> | undefined = undefined;
  /** By the last allocation it should have one. */
  wantsSlot = false;
  /** What went out under its SSRC beyond `packets` and `octets`. */
  packetsBefore = 0;
  octetsBefore = 0;
  /** Layer indices by the last allocation. */
  targetIndex = -1;
  idealIndex = -1;
  /** Effective constraint by the last allocation: -1 unlimited, 0 nothing. */
  maxHeight = 0;
  /** No target although its lowest layer flows: by the last allocation. */
  suspended = false;
  /** Counted in the receiver's forwarded set. */
  forwarded = false;
  packets = 0;
  /** RTP packets whole, header included (spec 8.2). */
  octets = 0;
  retransmissions = 0;
  /** Next number of the RTX stream toward the receiver (spec 8.4: from 1). */
  rtxSeq = 1;
  readonly rate = new RateSampler();
  /** Key frame requests on behalf of this receiver: the last ones, newest at `requestCount - 1`. */
  readonly keyframeRequests: Float64Array;
  keyframeRequestCount = 0;
  #log: SentLog | undefined = undefined;

  constructor(
    source: VideoSource,
    receiver: EndpointState,
    projection: Projection,
    maxRequests: number,
  ) {
    this.source = source;
    this.receiver = receiver;
    this.projection = projection;
    this.sentSsrc = source.primarySsrc;
    this.sentRtxSsrc = source.encodings[0]!.rtxSsrc;
    this.keyframeRequests = new Float64Array(Math.max(1, maxRequests)).fill(-1e12);
  }

  /** Made with the first packet: most pairs of a large conference never exchange video. */
  get log(): SentLog {
    this.#log ??= new SentLog();
    return this.#log;
  }

  /** Whether the receiver knows an SSRC for what is sent of it in RTX form. */
  get hasRtx(): boolean {
    return this.slot !== undefined || this.source.encodings[0]!.hasRtx;
  }

  /** Goes on with another projection, under another SSRC. */
  restart(projection: Projection): void {
    this.projection = projection;
    this.#log = undefined;
    projection.setTarget(this.targetIndex);
  }

  setTarget(index: number): void {
    if (index === this.targetIndex) return;
    if (this.targetIndex < 0) this.source.activeLegs++;
    else if (index < 0) this.source.activeLegs--;
    this.targetIndex = index;
    this.projection.setTarget(index);
  }
}

/** Receive state of one SSRC of one endpoint. */
export class RxStream {
  readonly owner: EndpointState;
  /** Signed 32 bits. */
  readonly ssrc: number;
  readonly stats = new ReceiveStats();
  audio: AudioSource | undefined = undefined;
  /** The source and encoding whose media (or RTX, when `isRtx`) this SSRC carries. */
  video: VideoSource | undefined = undefined;
  encoding: Encoding | undefined = undefined;
  isRtx = false;
  duplicates = 0;
  discarded = 0;
  keyframes = 0;
  height = 0;
  nackedPackets = 0;
  /** Listed among the streams with outstanding NACKs. */
  inNackList = false;
  codecName = "";
  readonly rate = new RateSampler();
  readonly packetRate = new RateSampler();
  readonly plainRewriter = new PlainRewriter();
  #historyRewriter: HistoryRewriter | undefined = undefined;
  #duplicateWindow: DuplicateWindow | undefined = undefined;
  #nack: NackGenerator | undefined = undefined;
  #store: PacketStore | undefined = undefined;
  #frames: FrameHistory | undefined = undefined;
  #redHistory: RedHistory | undefined = undefined;
  /** Index of the newest frame of histories that were given up. */
  #lastFrame = -1;
  #structures: StructureHistory | undefined = undefined;
  /** Spatial layers by the last VP9 scalability structure, 0 unknown. */
  spatialLayers = 0;

  constructor(owner: EndpointState, ssrc: number) {
    this.owner = owner;
    this.ssrc = ssrc;
  }

  get duplicateWindow(): DuplicateWindow {
    this.#duplicateWindow ??= new DuplicateWindow();
    return this.#duplicateWindow;
  }

  get nack(): NackGenerator {
    this.#nack ??= new NackGenerator();
    return this.#nack;
  }

  get store(): PacketStore {
    this.#store ??= new PacketStore();
    return this.#store;
  }

  /** The store, unless nothing was ever kept. */
  get existingStore(): PacketStore | undefined {
    return this.#store;
  }

  get redHistory(): RedHistory {
    this.#redHistory ??= new RedHistory();
    return this.#redHistory;
  }

  /** Frames of packets of one form. */
  frames(form: FormId): FrameHistory {
    this.#frames ??= new FrameHistory(form, this.#lastFrame);
    return this.#frames;
  }

  /** Template structures of dependency descriptors. */
  get structures(): StructureHistory {
    this.#structures ??= new StructureHistory();
    return this.#structures;
  }

  /** Renumbers a video packet; identity until something was discarded (spec 1.7). */
  renumber(seq: number, accept: boolean): number {
    if (this.#historyRewriter === undefined) {
      if (accept) return seq;
      this.#historyRewriter = new HistoryRewriter();
    }
    return this.#historyRewriter.rewrite(seq, accept);
  }

  /** A new codec numbers pictures anew. */
  forgetFrames(): void {
    this.#lastFrame = Math.max(this.#lastFrame, this.#frames?.latest ?? -1);
    this.#frames = undefined;
    this.spatialLayers = 0;
  }
}

/** Why packets went no further; see `DropCounts`. */
export class Drops {
  malformed = 0;
  unsignaledPayloadType = 0;
  unknownSsrc = 0;
  duplicate = 0;
  late = 0;
  paddingOnly = 0;
  muted = 0;
  silence = 0;
  notLoudest = 0;
  badRtx = 0;
  badCodec = 0;
  malformedRtcp = 0;
}

/** Streams kept per endpoint at most; the oldest unsignaled one goes first (spec M-015). */
const MAX_STREAMS = 1024;

export class EndpointState {
  readonly conference: ConferenceState;
  readonly id: string;
  readonly session: number;
  readonly visitor: boolean;
  /** Dense number within the conference, reused after it left. */
  readonly slot: number;
  readonly payloadTypes = new PayloadTypes();
  readonly extensions = new HeaderExtensionIds();
  transportUp = false;
  muteAudio = false;
  muteVideo = false;
  /** Tags its outgoing video with transport-wide numbers (id and feedback negotiated). */
  sendsTransportCc = false;
  /** What its way to us carries; present while it is told that by REMB (see `handleNegotiated`). */
  receiveEstimate: ReceiveEstimate | undefined = undefined;
  readonly padding = new PaddingPlan();
  /** Listed among those with a probe on its way, and with padding to be sent. */
  probeListed = false;
  paddingListed = false;
  /** Of the packets that are nothing but padding; -1 before the first. */
  paddingSeq = -1;
  paddingTimestamp = 0;
  /** Packets and bytes sent to probe the way or to fill it. */
  probePackets = 0;
  probeBytes = 0;
  readonly transportCc = new TransportCcReceiver();
  /** Listed among those with transport-cc feedback due. */
  feedbackListed = false;
  /** By SSRC, in order of first packet. */
  readonly streams = new Map<number, RxStream>();
  readonly audioSources = new Map<number, AudioSource>();
  /** In signaled order. */
  videoSources: VideoSource[] = [];
  readonly encodingBySsrc = new Map<number, Encoding>();
  readonly sourceBySsrc = new Map<number, VideoSource>();
  readonly encodingByRtx = new Map<number, Encoding>();
  /** Types told for sources that were not there yet. */
  readonly pendingVideoTypes = new Map<string, VideoType>();
  /** What it receives. */
  readonly legs = new Map<VideoSource, VideoLeg>();
  readonly legBySsrc = new Map<number, VideoLeg>();
  /** Where streams stood whose source went away, by primary SSRC, oldest first. */
  readonly endedLegs = new Map<number, { readonly end: StreamEnd; readonly rtxSeq: number }>();
  /** Present with SSRC rewriting. */
  videoSlots: SsrcSlots<VideoSlotStream> | undefined = undefined;
  audioSlots: SsrcSlots<AudioSlotStream> | undefined = undefined;
  settings: AllocationSettings;
  gotConstraints = false;
  audioSubscription: AudioSubscription | undefined = undefined;
  /** What it gets, by priority of the last allocation. */
  readonly allocated: VideoLeg[] = [];
  /** How many of them are forwarded, -1 before the first allocation with a source. */
  forwardedCount = -1;
  /** Something that only its own allocation looks at changed. */
  allocationDirty = false;
  oversending = false;
  /** Bits per second of the layers it was allocated, and of those it would get without a limit. */
  targetBps = 0;
  idealBps = 0;
  /** See `bandwidth-estimate.ts`: the newest estimate, and the one that allocation goes by. */
  estimatedBps = Number.POSITIVE_INFINITY;
  usedEstimateBps = Number.POSITIVE_INFINITY;
  /** When it was sent video first, -1 never. */
  firstVideoAt: Millis = -1;
  /** Silent packets in a row, over all its SSRCs. */
  silentPackets = 0;
  /** -1 before the first measurement. */
  rttMs = -1;
  readonly senderReports = new SenderReportLog();
  lastActivity: Millis = -1;
  /** A count of report slots: small integers cost no memory to compare, times do. */
  nextReportSlot = 0;
  firCommandSeq = 0;
  keyframesReceived = 0;
  layeringChanges = 0;
  nacksReceived = 0;
  nacksSent = 0;
  plisReceived = 0;
  plisSent = 0;
  retransmissionsSent = 0;
  videoStreamMillis = 0;
  packetsReceived = 0;
  bytesReceived = 0;
  packetsSent = 0;
  bytesSent = 0;
  /** Loss of what it sends and of what it is sent, from transport-cc and report blocks. */
  readonly incomingLoss = new LossWindow();
  readonly outgoingLoss = new LossWindow();
  readonly drops = new Drops();
  readonly rates = {
    bytesReceived: new RateSampler(),
    bytesSent: new RateSampler(),
    packetsReceived: new RateSampler(),
    packetsSent: new RateSampler(),
  };
  removed = false;
  readonly #bandwidthSettings: BandwidthSettings;
  #bandwidth: BandwidthEstimator | undefined = undefined;

  constructor(
    conference: ConferenceState,
    id: string,
    session: number,
    visitor: boolean,
    slot: number,
    settings: AllocationSettings,
    bandwidth: BandwidthSettings,
  ) {
    this.#bandwidthSettings = bandwidth;
    this.conference = conference;
    this.id = id;
    this.session = session;
    this.visitor = visitor;
    this.slot = slot;
    this.settings = settings;
  }

  /**
   * Numbers the video it is sent and knows what became of it, where `sendsTransportCc`. Made with the
   * first packet of that: an endpoint that only talks needs none.
   */
  get bandwidth(): BandwidthEstimator {
    this.#bandwidth ??= new BandwidthEstimator(this.#bandwidthSettings);
    return this.#bandwidth;
  }

  /** The same, unless nothing was ever numbered. */
  get existingBandwidth(): BandwidthEstimator | undefined {
    return this.#bandwidth;
  }

  /** Payload types or extensions changed: which feedback about the way holds in each direction. */
  handleNegotiated(): void {
    const { hasTransportCc, hasRemb } = this.payloadTypes;
    this.sendsTransportCc = hasTransportCc && this.extensions.transportCc > 0;
    if (!hasRemb || hasTransportCc || this.extensions.absSendTime === 0) {
      this.receiveEstimate = undefined;
      return;
    }
    const { minBps, maxBps } = this.#bandwidthSettings;
    this.receiveEstimate ??= new ReceiveEstimate(minBps, maxBps);
  }

  /** The stream of `ssrc`, made with its first packet. */
  stream(ssrc: number): RxStream {
    return this.streams.get(ssrc) ?? this.#addStream(ssrc);
  }

  /** Connects a stream with what is signaled about its SSRC. */
  bind(stream: RxStream): void {
    stream.audio = this.audioSources.get(stream.ssrc);
    const rtx = this.encodingByRtx.get(stream.ssrc);
    stream.isRtx = rtx !== undefined;
    const encoding = rtx ?? this.encodingBySsrc.get(stream.ssrc);
    // A source that was taken away and comes back numbers its pictures anew.
    if (encoding !== stream.encoding) stream.forgetFrames();
    stream.encoding = encoding;
    stream.video =
      stream.encoding === undefined ? undefined : this.sourceBySsrc.get(stream.encoding.ssrc);
    if (stream.encoding !== undefined && !stream.isRtx) stream.encoding.stream = stream;
  }

  #addStream(ssrc: number): RxStream {
    if (this.streams.size >= MAX_STREAMS) {
      for (const old of this.streams.values()) {
        if (old.audio !== undefined || old.encoding !== undefined) continue;
        this.streams.delete(old.ssrc);
        break;
      }
    }
    const stream = new RxStream(this, ssrc);
    this.bind(stream);
    this.streams.set(ssrc, stream);
    return stream;
  }
}

export class ConferenceState {
  readonly id: string;
  readonly audioSsrc: number;
  readonly videoSsrc: number;
  /** In order of joining. */
  endpoints: EndpointState[] = [];
  /** Slots below this have been used. */
  slotCount = 0;
  readonly freeSlots: number[] = [];
  /** Audio sources by their SSRC. */
  readonly audioBySsrc = new Map<number, AudioSource>();
  /** Video sources by the SSRC of each encoding and of its RTX. */
  readonly videoBySsrc = new Map<number, VideoSource>();
  readonly speech: SpeechActivity;
  /** Who hears all audio besides; most conferences have nobody. */
  tap: AudioTap | undefined = undefined;
  /** Names of synthetic sources that went away, the newest last. */
  readonly removedSynthetic: string[] = [];
  /** Something that allocation looks at changed. */
  allocationDirty = false;
  /** Something changed that only one receiver's allocation looks at. */
  receiversDirty = false;
  /** Video sources in the order of allocation, by the last one of all receivers. */
  ordered: readonly VideoSource[] = [];
  views: readonly SourceView<Layer>[] = [];
  lastAllocationAt: Millis = Number.NEGATIVE_INFINITY;
  nextAllocationAt: Millis = Number.POSITIVE_INFINITY;
  /** A pre-emptive key frame for the new speaker: its source and when. */
  preemptive: VideoSource | undefined = undefined;
  preemptiveAt: Millis = Number.POSITIVE_INFINITY;

  constructor(id: string, audioSsrc: number, videoSsrc: number, speech: SpeechActivity) {
    this.id = id;
    this.audioSsrc = audioSsrc;
    this.videoSsrc = videoSsrc;
    this.speech = speech;
  }
}
