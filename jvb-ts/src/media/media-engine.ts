/**
 * The public door of the packet path: one `MediaEngine` per media worker, for all conferences of
 * that worker. `cc/create-media-engine.ts` builds it.
 *
 * Inputs: rows of a received slab (`handleRtpRow`, `handleRtcpRow`), control changes (methods of
 * the handles), time (`handleTimeout`). Outputs: packets in the `TxSlab` (handed to the sender
 * when it is full and by `endBatch`), events (`pollEvent`, drain until `undefined`), and the next
 * deadline (`pollTimeout`). It owns no timer and no socket and never throws on what a peer sent.
 * Its own bugs are thrown by the methods that concern one conference; those that do the work of
 * all (`endBatch`, `requestKeyframes`, `handleTimeout`) do the rest of it and tell by an event.
 *
 * Contract: after a batch of rows call `endBatch(now)`. After control changes call
 * `handleTimeout(now)` once (changes mark what must be recomputed; `pollTimeout` then returns 0).
 * After either, drain `pollEvent` and arm one timer for `pollTimeout`. All `now` are
 * `Clock.now()` milliseconds.
 */
import type { AudioSourceMapping, VideoSourceMapping } from "#shared/bridge-channel/messages";
import type { Millis } from "#shared/runtime/runtime";
import type { ColibriMediaSource } from "#shared/stanza/colibri2";
import type {
  HeaderExtension,
  MediaType,
  PayloadParameter,
  PayloadType,
} from "#shared/stanza/media";
import type { AudioTap, Injected } from "./audio-tap.ts";
import type { EndpointSnapshot, EngineTotals } from "./media-statistics.ts";
import type { RxSlab, TxSlab } from "./slab.ts";

/** Video types of bridge messages (`SourceVideoTypeMessage`), in upper case. */
export type VideoType = "CAMERA" | "DESKTOP" | "DESKTOP_HIGH_FPS" | "DISABLED" | "NONE";

/** `maxHeight` in pixels: -1 unlimited, 0 nothing. `maxFrameRate` matters only when 0. */
export interface VideoConstraint {
  readonly maxHeight: number;
  readonly maxFrameRate?: number | undefined;
}

/** Fields of `ReceiverVideoConstraints`; absent fields keep their previous value (spec 10.1). */
export interface ReceiverConstraints {
  readonly lastN?: number | undefined;
  readonly selectedSources?: readonly string[] | undefined;
  readonly onStageSources?: readonly string[] | undefined;
  readonly defaultConstraints?: VideoConstraint | undefined;
  readonly constraints?: Readonly<Record<string, VideoConstraint>> | undefined;
  readonly assumedBandwidthBps?: number | undefined;
}

/** `ReceiverAudioSubscription` in its resolved form: exclude beats include beats all (spec 11.4). */
export interface AudioSubscription {
  readonly all: boolean;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/** What the engine tells the control plane, in order. */
export type MediaEvent =
  | {
      readonly kind: "dominantSpeakerChanged";
      readonly conference: string;
      /** `undefined` when the conference has no speaker any more. */
      readonly endpoint: string | undefined;
      /** Most recent first, without the dominant speaker. */
      readonly previousSpeakers: readonly string[];
      readonly silence: boolean;
    }
  | {
      /** The set of sources forwarded to one receiver changed (`ForwardedSources`). */
      readonly kind: "forwardedSourcesChanged";
      readonly conference: string;
      readonly endpoint: string;
      /** Source names by allocation priority. */
      readonly sources: readonly string[];
    }
  | {
      /** `SenderSourceConstraints` for the owner of a source: -1 unlimited, 0 nobody wants it. */
      readonly kind: "senderSourceConstraints";
      readonly conference: string;
      readonly endpoint: string;
      readonly sourceName: string;
      readonly maxHeight: number;
    }
  | {
      /** Sources that a receiver gets under its SSRCs from now on (`VideoSourcesMap`). */
      readonly kind: "videoSourcesMapped";
      readonly conference: string;
      readonly endpoint: string;
      readonly mappings: readonly VideoSourceMapping[];
    }
  | {
      readonly kind: "audioSourcesMapped";
      readonly conference: string;
      readonly endpoint: string;
      readonly mappings: readonly AudioSourceMapping[];
    }
  | BrokenConference;

/** A bug of ours in a step that no call led to: the conference must be removed. */
export interface BrokenConference {
  readonly kind: "broken";
  /** Empty when the bug belongs to no conference. */
  readonly conference: string;
  readonly cause: unknown;
}

/** One endpoint of one conference. Obtained from `MediaEngine.addEndpoint`, dead after `remove`. */
export interface MediaEndpoint {
  readonly conferenceId: string;
  readonly id: string;
  /** Number of `PacketIo.openSession`. */
  readonly session: number;
  /** Payload types by kind of media; RTX, feedback and codecs are derived from them. */
  setPayloadTypes(type: MediaType, payloadTypes: readonly PayloadType[]): void;
  /** Extension ids of one kind of media; ids of both kinds are merged. */
  setHeaderExtensions(type: MediaType, extensions: readonly HeaderExtension[]): void;
  /**
   * Replaces all sources of the endpoint; what stays keeps its state. Returns the SSRCs that were
   * left out because they belong to another endpoint.
   */
  setSources(sources: readonly ColibriMediaSource[]): readonly number[];
  setForceMute(audio: boolean, video: boolean): void;
  /** A type for a source that does not exist yet is kept until it appears. */
  setVideoType(sourceName: string, type: VideoType): void;
  setReceiverConstraints(constraints: ReceiverConstraints): void;
  /** `LastNChangedEvent` and colibri's initial last-n: -1 unlimited. */
  setLastN(lastN: number): void;
  setAudioSubscription(subscription: AudioSubscription): void;
  /** True once SRTP keys are installed: nothing is sent to the endpoint before. */
  setTransportUp(up: boolean): void;
  /** Current sender constraints of its sources again, as events (a bridge channel connected). */
  resendSenderConstraints(): void;
  /** Arrival of the last authenticated RTP or RTCP packet, or `undefined`. */
  lastActivity(): Millis | undefined;
  /** Names of sources forwarded to this endpoint, by allocation priority. */
  forwardedSources(): readonly string[];
  /** Bits per second that the way to it is estimated to carry, infinite before anything is known. */
  estimatedBandwidthBps(): number;
  /** With SSRC rewriting: all that is mapped now (a bridge channel connected). */
  sourceMappings(): {
    readonly video: readonly VideoSourceMapping[];
    readonly audio: readonly AudioSourceMapping[];
  };
  /** Items (fmtp) of one of its payload types. */
  payloadParameters(payloadType: number): readonly PayloadParameter[];
  /** Names of the sources that this endpoint has on stage, selected or constrained above zero. */
  wantsSourceOf(endpointId: string): boolean;
  snapshot(now: Millis): EndpointSnapshot;
  remove(): void;
}

export interface AddEndpoint {
  readonly id: string;
  readonly session: number;
  /** Visitors send nothing that counts for speaker detection and receive as others. */
  readonly visitor?: boolean;
  /** It gets sources under SSRCs of its own, of which it is told (capability `ssrc-rewriting`). */
  readonly rewritesSsrcs?: boolean;
  /** And with a mid on each packet (`rtp-mid-demux`). */
  readonly stampsMid?: boolean;
}

/** SSRCs the bridge itself uses in one conference (sources `jvb-a0` and `jvb-v0`). */
export interface ConferenceSsrcs {
  readonly audio: number;
  readonly video: number;
}

export interface MediaEngine {
  /** The slab this engine writes; nobody else may, its last slot holds the packet at hand. */
  readonly tx: TxSlab;
  /** Adds a conference and draws the SSRCs the bridge uses in it. */
  addConference(id: string): ConferenceSsrcs;
  removeConference(id: string): void;
  /** The conference must exist, the endpoint must not. */
  addEndpoint(conferenceId: string, endpoint: AddEndpoint): MediaEndpoint;
  endpoint(conferenceId: string, endpointId: string): MediaEndpoint | undefined;

  /** One row of kind RTP and status ok. Unknown sessions are counted, nothing else. */
  handleRtpRow(slab: RxSlab, row: number, now: Millis): void;
  /** One row of kind RTCP and status ok. */
  handleRtcpRow(slab: RxSlab, row: number, now: Millis): void;
  /**
   * The last video packet handled since `endBatch` went to somebody and was not the last of its
   * frame: the rest is on its way, and sent together they cost less (decision 0013).
   */
  readonly isMidFrame: boolean;
  /** Writes collected feedback and sends what the slab holds. */
  endBatch(now: Millis): void;

  /** Asks every sender of video for a key frame: packets of all of them were left out. */
  requestKeyframes(now: Millis): void;

  /** Does what is due, then sends what the slab holds. */
  handleTimeout(now: Millis): void;
  /** When `handleTimeout` must be called next; 0 means at once, `undefined` never. */
  pollTimeout(): Millis | undefined;
  pollEvent(): MediaEvent | undefined;

  /** `tap` hears all Opus of a conference from now on; undefined: nobody does. */
  setAudioTap(conferenceId: string, tap: AudioTap | undefined): void;
  /**
   * Sends one Opus frame as a synthetic source of the conference to those who subscribed to it. Call
   * `handleTimeout` or `endBatch` after it.
   */
  injectOpus(
    conferenceId: string,
    source: string,
    payload: Uint8Array,
    seq: number,
    timestamp: number,
    now: Millis,
  ): Injected;

  /** Bridge-wide last-n (configuration, load reducer): -1 unlimited. */
  setBridgeLastN(lastN: number): void;
  /** Recent order of speakers, the dominant first. */
  dominantSpeaker(conferenceId: string): string | undefined;
  /** The dominant and previous speakers as `DominantSpeakerEndpointChangeEvent` lists them. */
  recentSpeakers(conferenceId: string): readonly string[];
  /** Endpoints in speech order: those with video first, most recent speaker first. */
  speechOrder(conferenceId: string): readonly string[];
  /** Sums over all endpoints, those that left included. */
  totals(now: Millis): EngineTotals;
}
