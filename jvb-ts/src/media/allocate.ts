/**
 * Runs bandwidth allocation for all receivers of a conference and applies what came out: projection
 * targets, forwarded sets, constraints for senders (spec jvb-media 10.6, 10.7). Allocates memory:
 * it runs on changes and every 5 s, not per packet.
 */
import type { Millis } from "#shared/runtime/runtime";
import { availableBandwidthBps } from "./bandwidth-estimate.ts";
import { collectKeyframe } from "./keyframe-requests.ts";
import type { ConferenceState, EndpointState, VideoSource } from "./media-state.ts";
import { VideoLeg } from "./media-state.ts";
import type { PathContext } from "./path-context.ts";
import { encodingOf } from "./projection.ts";
import { leaveSlot, mapVideo } from "./ssrc-rewriting.ts";

/** Conferences up to this size reallocate with the very packet that changes a layer. */
const SMALL_CONFERENCE = 10;
/** In larger ones a layer change waits until this long per endpoint has passed since the last. */
const SPACING_MS_PER_ENDPOINT = 2;
/** Reallocations on routine share their wake-ups: each looks at every conference of the worker. */
const ROUTINE_SLOT_MS = 100;
/** Ended streams that a receiver's numbering is remembered of. */
const MAX_ENDED_LEGS = 1024;

/**
 * A packet showed that layers changed: reallocates before it is decided upon (spec 10.6). The cost
 * grows with the square of the conference, so large ones wait a little and do it once for many.
 */
export function layersChanged(ctx: PathContext, conference: ConferenceState, now: Millis): void {
  const size = conference.endpoints.length;
  const allowedAt = conference.lastAllocationAt + SPACING_MS_PER_ENDPOINT * size;
  if (size <= SMALL_CONFERENCE || now >= allowedAt) reallocate(ctx, conference, now);
  else if (allowedAt < conference.nextAllocationAt) conference.nextAllocationAt = allowedAt;
}

/**
 * An encoding of `source` stopped: receivers of it go to the next lower one that comes, without
 * waiting for the reallocation that follows, and the owner is asked for the key frame at once. Runs
 * once per stop and costs little however large the conference is.
 */
export function fallFromStopped(ctx: PathContext, source: VideoSource, now: Millis): void {
  let needsKeyframe = false;
  for (const leg of source.legs) {
    const target = encodingOf(leg.targetIndex);
    if (target < 0 || source.encodings[target]?.pulse.running !== false) continue;
    if (leg.projection.currentEncoding === target) needsKeyframe = true;
    let lower = target - 1;
    while (lower >= 0 && topLayer(source, lower, now) < 0) lower--;
    if (lower >= 0) leg.setTarget(topLayer(source, lower, now));
  }
  if (needsKeyframe) collectKeyframe(ctx, source, now);
}

/** Index of the highest layer of encoding `eid` that has a bitrate, -1 none. */
function topLayer(source: VideoSource, eid: number, now: Millis): number {
  const encoding = source.encodings[eid]!;
  let top = -1;
  for (const layer of encoding.layers) if (encoding.bitrate(layer.tid, now) > 0) top = layer.index;
  return top;
}

/** Reallocates for every receiver of the conference. */
export function reallocate(ctx: PathContext, conference: ConferenceState, now: Millis): void {
  conference.allocationDirty = false;
  conference.receiversDirty = false;
  conference.lastAllocationAt = now;
  const next = now + ctx.options.maxTimeBetweenCalculationsMs;
  conference.nextAllocationAt = Math.ceil(next / ROUTINE_SLOT_MS) * ROUTINE_SLOT_MS;
  conference.ordered = sourcesInOrder(conference);
  conference.views = conference.ordered.map(({ view }) => view);
  for (const view of conference.views) view.forget();
  fillViews(conference, now);
  for (const receiver of conference.endpoints) allocateFor(ctx, receiver, now);
  announceConstraints(ctx, conference);
}

/** Reallocates for those receivers whose own settings or estimate changed. */
export function reallocateReceivers(
  ctx: PathContext,
  conference: ConferenceState,
  now: Millis,
): void {
  conference.receiversDirty = false;
  fillViews(conference, now);
  for (let i = 0; i < conference.endpoints.length; i++) {
    const receiver = conference.endpoints[i]!;
    if (receiver.allocationDirty) allocateFor(ctx, receiver, now);
  }
  announceConstraints(ctx, conference);
}

/** Endpoints in speech order, those with available video first, each with its sources. */
function sourcesInOrder(conference: ConferenceState): readonly VideoSource[] {
  const byId = new Map(conference.endpoints.map((endpoint) => [endpoint.id, endpoint]));
  const hasVideo = (id: string) =>
    byId.get(id)?.videoSources.some((source) => source.isEnabled()) === true;
  return conference.speech.order(hasVideo).flatMap((id) => byId.get(id)?.videoSources ?? []);
}

function fillViews(conference: ConferenceState, now: Millis): void {
  for (let i = 0; i < conference.views.length; i++) conference.views[i]!.fill(now);
}

function allocateFor(ctx: PathContext, receiver: EndpointState, now: Millis): void {
  const { ordered, views } = receiver.conference;
  receiver.allocationDirty = false;
  const allocation = ctx.cc.policy.allocate(
    {
      settings: receiver.settings,
      sources: views,
      receiverId: receiver.id,
      bridgeLastN: ctx.bridgeLastN,
      availableBps: availableBandwidthBps(receiver, ctx.options, now),
    },
    ctx.options,
  );
  receiver.oversending = allocation.oversending;
  receiver.targetBps = allocation.targetBps;
  receiver.idealBps = allocation.idealBps;
  const { allocated } = receiver;
  allocated.length = 0;
  for (let row = 0; row < allocation.count; row++) {
    const source = ordered[allocation.source[row]!]!;
    const leg = receiver.legs.get(source) ?? addLeg(ctx, receiver, source);
    allocated.push(leg);
    leg.idealIndex = allocation.idealIndex[row]!;
    leg.suspended = allocation.suspended[row] === 1;
    const maxHeight = allocation.maxHeight[row]!;
    if (maxHeight !== leg.maxHeight) source.constraintsChanged = true;
    leg.maxHeight = maxHeight;
  }
  mapVideo(ctx, receiver);
  for (let row = 0; row < allocation.count; row++) {
    const leg = allocated[row]!;
    leg.setTarget(isKnown(leg) ? allocation.targetIndex[row]! : -1);
  }
  if (allocation.count === 0 && receiver.forwardedCount < 0) return;
  if (updateForwarded(receiver)) announceForwarded(ctx, receiver);
}

/** The receiver knows an SSRC for it. */
function isKnown(leg: VideoLeg): boolean {
  return leg.receiver.videoSlots === undefined || leg.slot !== undefined;
}

/** Notes what is forwarded; true when the set is another one than before. */
function updateForwarded(receiver: EndpointState): boolean {
  const { allocated } = receiver;
  let count = 0;
  let isNew = false;
  for (let i = 0; i < allocated.length; i++) {
    const leg = allocated[i]!;
    const forwarded = leg.targetIndex >= 0;
    if (forwarded) count++;
    if (forwarded && !leg.forwarded) isNew = true;
    leg.forwarded = forwarded;
  }
  // Sources that are gone were counted before.
  const changed = isNew || count !== receiver.forwardedCount;
  receiver.forwardedCount = count;
  return changed;
}

/** Names of the sources forwarded to a receiver, by priority. */
export function forwardedNames(receiver: EndpointState): readonly string[] {
  const legs = receiver.allocated.filter(({ forwarded }) => forwarded);
  return legs.map(({ source }) => source.name);
}

function announceForwarded(ctx: PathContext, receiver: EndpointState): void {
  ctx.events.push({
    kind: "forwardedSourcesChanged",
    conference: receiver.conference.id,
    endpoint: receiver.id,
    sources: forwardedNames(receiver),
  });
}

function addLeg(ctx: PathContext, receiver: EndpointState, source: VideoSource): VideoLeg {
  const ended = receiver.endedLegs.get(source.primarySsrc);
  const projection = ctx.cc.createProjection(ended?.end);
  const leg = new VideoLeg(source, receiver, projection, ctx.options.keyframeMaxRequests);
  if (ended !== undefined) leg.rtxSeq = ended.rtxSeq;
  receiver.legs.set(source, leg);
  if (receiver.videoSlots === undefined) receiver.legBySsrc.set(source.primarySsrc, leg);
  source.legs.push(leg);
  source.constraintsChanged = true;
  return leg;
}

/** Forgets the leg of a receiver or a source that is going away. */
export function removeLeg(leg: VideoLeg): void {
  leg.setTarget(-1);
  if (leg.receiver.videoSlots === undefined) rememberEnd(leg);
  else leaveSlot(leg);
  leg.source.constraintsChanged = true;
  const place = leg.receiver.allocated.indexOf(leg);
  if (place >= 0) leg.receiver.allocated.splice(place, 1);
  leg.receiver.legs.delete(leg.source);
  if (leg.receiver.legBySsrc.get(leg.source.primarySsrc) === leg)
    leg.receiver.legBySsrc.delete(leg.source.primarySsrc);
  const at = leg.source.legs.indexOf(leg);
  if (at >= 0) leg.source.legs.splice(at, 1);
}

/**
 * A source that comes back under its SSRC (a shared screen) goes on behind what was sent: numbers
 * used before would be dropped as replays, and may not be encrypted twice.
 */
function rememberEnd(leg: VideoLeg): void {
  const end = leg.projection.streamEnd();
  if (end === undefined) return;
  const { endedLegs } = leg.receiver;
  const ssrc = leg.source.primarySsrc;
  endedLegs.delete(ssrc);
  endedLegs.set(ssrc, { end, rtxSeq: leg.rtxSeq });
  for (const oldest of endedLegs.keys()) {
    if (endedLegs.size <= MAX_ENDED_LEGS) break;
    endedLegs.delete(oldest);
  }
}

/** Highest constraint over receivers, -1 (unlimited) above all. */
export function highestConstraint(legs: readonly { readonly maxHeight: number }[]): number {
  let highest = 0;
  for (const leg of legs) {
    if (leg.maxHeight < 0) return -1;
    if (leg.maxHeight > highest) highest = leg.maxHeight;
  }
  return highest;
}

function announceConstraints(ctx: PathContext, conference: ConferenceState): void {
  const { ordered } = conference;
  for (let i = 0; i < ordered.length; i++) {
    const source = ordered[i]!;
    if (!source.constraintsChanged) continue;
    source.constraintsChanged = false;
    const maxHeight = highestConstraint(source.legs);
    // Nothing is said about a source before somebody could receive it.
    if (source.announcedMaxHeight === undefined && source.legs.length === 0) continue;
    if (maxHeight === source.announcedMaxHeight) continue;
    source.announcedMaxHeight = maxHeight;
    announce(ctx, source);
  }
}

/** Puts the constraint of one source into the events, if one was computed. */
export function announce(ctx: PathContext, source: VideoSource): void {
  if (source.announcedMaxHeight === undefined) return;
  ctx.events.push({
    kind: "senderSourceConstraints",
    conference: source.owner.conference.id,
    endpoint: source.owner.id,
    sourceName: source.name,
    maxHeight: source.announcedMaxHeight,
  });
}
