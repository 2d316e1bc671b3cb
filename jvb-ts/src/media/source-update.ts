/** Applies signaled sources to an endpoint, keeping what stays (spec jvb-media 5.2). */
import type { ColibriMediaSource } from "#shared/stanza/colibri2";
import { removeLeg } from "./allocate.ts";
import type { EndpointState } from "./media-state.ts";
import { AudioSource, Encoding, VideoSource } from "./media-state.ts";
import { invalidateAllocation } from "./path-context.ts";
import type { AudioPlan, VideoPlan } from "./source-factory.ts";
import { planSources } from "./source-factory.ts";

/** Sources of one kind that an endpoint may have; the focus allows fewer. */
const MAX_SOURCES = 50;

/**
 * Replaces all sources of `endpoint`. SSRCs that belong to somebody else stay his, and what is
 * beyond the limit is left out: the focus refuses both, so here they only must do no harm.
 * Returns the SSRCs that belong to somebody else.
 */
export function updateSources(
  endpoint: EndpointState,
  sources: readonly ColibriMediaSource[],
): readonly number[] {
  const plan = planSources(sources);
  const taken = new Set<number>();
  const mine = (ssrc: number | undefined): boolean => {
    if (ssrc === undefined || !isTaken(endpoint, ssrc)) return true;
    taken.add(ssrc);
    return false;
  };
  const audio = plan.audio.filter(({ ssrc }) => mine(ssrc));
  const video = plan.video.filter(({ encodings }) =>
    encodings.every(({ ssrc, rtx }) => mine(ssrc) && mine(rtx)),
  );
  updateAudio(endpoint, audio.slice(0, MAX_SOURCES));
  updateVideo(endpoint, video.slice(0, MAX_SOURCES));
  for (const stream of endpoint.streams.values()) endpoint.bind(stream);
  invalidateAllocation(endpoint.conference);
  return [...taken];
}

/** Somebody else in the conference sends with that SSRC. */
function isTaken(endpoint: EndpointState, ssrc: number): boolean {
  const { conference } = endpoint;
  const owner = (conference.videoBySsrc.get(ssrc) ?? conference.audioBySsrc.get(ssrc))?.owner;
  return owner !== undefined && owner !== endpoint;
}

function updateAudio(endpoint: EndpointState, plans: readonly AudioPlan[]): void {
  const wanted = new Set(plans.map((plan) => plan.ssrc));
  for (const source of endpoint.audioSources.values())
    if (!wanted.has(source.ssrc)) dropAudioSource(endpoint, source);
  for (const plan of plans) {
    if (endpoint.audioSources.get(plan.ssrc)?.name === plan.name) continue;
    const source = new AudioSource(plan.name, endpoint, plan.ssrc, plan.synthetic);
    source.reserve(endpoint.conference.slotCount);
    endpoint.audioSources.set(plan.ssrc, source);
    endpoint.conference.audioBySsrc.set(plan.ssrc, source);
    for (const receiver of endpoint.conference.endpoints) applySubscription(receiver, source);
    markExplicit(source);
  }
}

/** Works out whether one receiver wants one audio source (spec 11.4). */
export function applySubscription(receiver: EndpointState, source: AudioSource): void {
  source.reserve(receiver.slot + 1);
  const subscription = receiver.audioSubscription;
  const wanted =
    subscription === undefined
      ? !source.synthetic
      : !subscription.exclude.includes(source.name) &&
        (subscription.include.includes(source.name) || (subscription.all && !source.synthetic));
  source.unwanted[receiver.slot] = wanted ? 0 : 1;
}

/** Notes whether any subscription names the source: it then escapes the loudest filter. */
export function markExplicit(source: AudioSource): void {
  source.explicitlyWanted = source.owner.conference.endpoints.some(
    (receiver) =>
      receiver.audioSubscription?.include.includes(source.name) === true &&
      !receiver.audioSubscription.exclude.includes(source.name),
  );
}

function updateVideo(endpoint: EndpointState, plans: readonly VideoPlan[]): void {
  const old = new Map(endpoint.videoSources.map((source) => [source.primarySsrc, source]));
  const next: VideoSource[] = [];
  for (const plan of plans) {
    const existing = old.get(plan.encodings[0]!.ssrc);
    if (existing !== undefined && isSame(existing, plan)) {
      old.delete(existing.primarySsrc);
      next.push(existing);
      continue;
    }
    next.push(buildSource(endpoint, plan));
  }
  for (const gone of old.values()) dropSource(endpoint, gone);
  endpoint.videoSources = next;
  index(endpoint);
}

function isSame(source: VideoSource, plan: VideoPlan): boolean {
  return (
    source.name === plan.name &&
    source.encodings.length === plan.encodings.length &&
    source.encodings.every((encoding, i) => {
      const wanted = plan.encodings[i]!;
      return (
        encoding.ssrc === wanted.ssrc &&
        encoding.hasRtx === (wanted.rtx !== undefined) &&
        (!encoding.hasRtx || encoding.rtxSsrc === wanted.rtx)
      );
    })
  );
}

function buildSource(endpoint: EndpointState, plan: VideoPlan): VideoSource {
  const encodings = plan.encodings.map((one, eid) => new Encoding(eid, one.ssrc, one.rtx));
  const told = endpoint.pendingVideoTypes.get(plan.name);
  return new VideoSource(plan.name, endpoint, encodings, told ?? plan.videoType);
}

/** Takes an audio source out of the conference. */
export function dropAudioSource(endpoint: EndpointState, source: AudioSource): void {
  endpoint.audioSources.delete(source.ssrc);
  const { audioBySsrc } = endpoint.conference;
  if (audioBySsrc.get(source.ssrc)?.owner === endpoint) audioBySsrc.delete(source.ssrc);
  if (!source.synthetic) return;
  const { removedSynthetic } = endpoint.conference;
  removedSynthetic.push(source.name);
  if (removedSynthetic.length > MAX_SOURCES) removedSynthetic.shift();
}

/** Takes a video source out of the conference. */
export function dropSource(endpoint: EndpointState, source: VideoSource): void {
  for (const leg of [...source.legs]) removeLeg(leg);
  const { videoBySsrc } = endpoint.conference;
  for (const encoding of source.encodings) {
    if (videoBySsrc.get(encoding.ssrc) === source) videoBySsrc.delete(encoding.ssrc);
    if (encoding.hasRtx && videoBySsrc.get(encoding.rtxSsrc) === source)
      videoBySsrc.delete(encoding.rtxSsrc);
  }
}

function index(endpoint: EndpointState): void {
  endpoint.encodingBySsrc.clear();
  endpoint.sourceBySsrc.clear();
  endpoint.encodingByRtx.clear();
  for (const source of endpoint.videoSources) {
    for (const encoding of source.encodings) {
      endpoint.encodingBySsrc.set(encoding.ssrc, encoding);
      endpoint.sourceBySsrc.set(encoding.ssrc, source);
      endpoint.conference.videoBySsrc.set(encoding.ssrc, source);
      if (!encoding.hasRtx) continue;
      endpoint.encodingByRtx.set(encoding.rtxSsrc, encoding);
      endpoint.conference.videoBySsrc.set(encoding.rtxSsrc, source);
    }
  }
}
