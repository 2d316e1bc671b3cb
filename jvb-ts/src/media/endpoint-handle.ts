/** The control plane's handle of one endpoint: changes state and marks what must be recomputed. */
import type { Millis } from "#shared/runtime/runtime";
import type { ColibriMediaSource } from "#shared/stanza/colibri2";
import type {
  HeaderExtension,
  MediaType,
  PayloadParameter,
  PayloadType,
} from "#shared/stanza/media";
import { announce, forwardedNames } from "./allocate.ts";
import { estimatedBandwidthBps } from "./bandwidth-estimate.ts";
import type {
  AudioSubscription,
  MediaEndpoint,
  ReceiverConstraints,
  VideoType,
} from "./media-engine.ts";
import type { EndpointState } from "./media-state.ts";
import type { EndpointSnapshot } from "./media-statistics.ts";
import type { PathContext } from "./path-context.ts";
import { invalidateAllocation, invalidateReceiver } from "./path-context.ts";
import { snapshotOf } from "./snapshot.ts";
import { applySubscription, markExplicit, updateSources } from "./source-update.ts";
import { allMappings } from "./ssrc-rewriting.ts";

/** Types remembered for sources that are not there yet: far more than an endpoint ever has. */
const MAX_PENDING_TYPES = 64;

export class EndpointHandle implements MediaEndpoint {
  readonly #ctx: PathContext;
  readonly #state: EndpointState;
  readonly #onRemove: (state: EndpointState) => void;

  constructor(ctx: PathContext, state: EndpointState, onRemove: (state: EndpointState) => void) {
    this.#ctx = ctx;
    this.#state = state;
    this.#onRemove = onRemove;
  }

  get conferenceId(): string {
    return this.#state.conference.id;
  }

  get id(): string {
    return this.#state.id;
  }

  get session(): number {
    return this.#state.session;
  }

  setPayloadTypes(type: MediaType, payloadTypes: readonly PayloadType[]): void {
    this.#state.payloadTypes.set(type, payloadTypes);
    this.#state.handleNegotiated();
  }

  setHeaderExtensions(type: MediaType, extensions: readonly HeaderExtension[]): void {
    this.#state.extensions.set(type, extensions);
    this.#state.handleNegotiated();
  }

  setSources(sources: readonly ColibriMediaSource[]): readonly number[] {
    return updateSources(this.#state, sources);
  }

  setForceMute(audio: boolean, video: boolean): void {
    this.#state.muteAudio = audio;
    this.#state.muteVideo = video;
  }

  setVideoType(sourceName: string, type: VideoType): void {
    const state = this.#state;
    const { pendingVideoTypes } = state;
    if (pendingVideoTypes.has(sourceName) || pendingVideoTypes.size < MAX_PENDING_TYPES)
      pendingVideoTypes.set(sourceName, type);
    for (const source of state.videoSources) {
      if (source.name !== sourceName || source.videoType === type) continue;
      source.videoType = type;
      invalidateAllocation(state.conference);
    }
  }

  setReceiverConstraints(constraints: ReceiverConstraints): void {
    const state = this.#state;
    const isFirst = !state.gotConstraints;
    state.gotConstraints = true;
    this.#setSettings(constraints, isFirst);
  }

  setLastN(lastN: number): void {
    this.#setSettings({ lastN }, false);
  }

  setAudioSubscription(subscription: AudioSubscription): void {
    this.#state.audioSubscription = subscription;
    for (const owner of this.#state.conference.endpoints) {
      for (const source of owner.audioSources.values()) {
        applySubscription(this.#state, source);
        markExplicit(source);
      }
    }
  }

  setTransportUp(up: boolean): void {
    this.#state.transportUp = up;
  }

  resendSenderConstraints(): void {
    for (const source of this.#state.videoSources) announce(this.#ctx, source);
  }

  lastActivity(): Millis | undefined {
    const at = this.#state.lastActivity;
    return at < 0 ? undefined : at;
  }

  forwardedSources(): readonly string[] {
    return forwardedNames(this.#state);
  }

  estimatedBandwidthBps(): number {
    return estimatedBandwidthBps(this.#state);
  }

  sourceMappings(): ReturnType<MediaEndpoint["sourceMappings"]> {
    return allMappings(this.#state);
  }

  payloadParameters(payloadType: number): readonly PayloadParameter[] {
    return this.#state.payloadTypes.parametersOf(payloadType);
  }

  wantsSourceOf(endpointId: string): boolean {
    const state = this.#state;
    const owner = state.conference.endpoints.find((endpoint) => endpoint.id === endpointId);
    if (owner === undefined) return false;
    const { onStageSources, selectedSources } = state.settings;
    return owner.videoSources.some(
      (source) =>
        onStageSources.includes(source.name) ||
        selectedSources.includes(source.name) ||
        (state.legs.get(source)?.maxHeight ?? 0) !== 0,
    );
  }

  snapshot(now: Millis): EndpointSnapshot {
    return snapshotOf(this.#state, now);
  }

  remove(): void {
    if (!this.#state.removed) this.#onRemove(this.#state);
  }

  #setSettings(constraints: ReceiverConstraints, isFirst: boolean): void {
    const state = this.#state;
    const { policy } = this.#ctx.cc;
    const { options } = this.#ctx;
    const settings = policy.applyConstraints(state.settings, constraints, isFirst, options);
    if (settings === state.settings) return;
    state.settings = settings;
    invalidateReceiver(state);
  }
}
