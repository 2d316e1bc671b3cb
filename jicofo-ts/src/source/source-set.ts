/**
 * The sources of one endpoint as plain data, and what is computed from them without knowing of
 * others: simulcast stripping, filtering, differences, Jingle's and COLIBRI2's forms (spec jicofo 4.5).
 */
import { err, ok, type Result } from "#shared/runtime/result";
import type { ColibriMediaSource } from "#shared/stanza/colibri2";
import type { EndpointSources, MediaSources } from "#shared/stanza/jingle";
import type { Source, SourceGroup } from "#shared/stanza/media";

/** Kinds of media that have sources. */
export type SourceMedia = "audio" | "video";

/** One SSRC of an endpoint. */
export interface EndpointSource {
  /** As the peer sent it; validation wants 1..2^32-1. */
  readonly ssrc: number;
  readonly media: SourceMedia;
  readonly name: string | undefined;
  readonly msid: string | undefined;
  readonly videoType: "camera" | "desktop" | undefined;
}

/** SSRCs of one endpoint that belong together. */
export interface EndpointGroup {
  readonly semantics: "SIM" | "FID";
  readonly media: SourceMedia;
  readonly ssrcs: readonly number[];
}

/** All sources of one endpoint, in the order in which they were signalled. */
export interface SourceSet {
  readonly sources: readonly EndpointSource[];
  readonly groups: readonly EndpointGroup[];
}

/** No sources at all. */
export const emptySet: SourceSet = { sources: [], groups: [] };

/** Owner of the bridge's own feedback sources. */
export const bridgeOwner = "jvb";

export function isEmpty(set: SourceSet): boolean {
  return set.sources.length === 0 && set.groups.length === 0;
}

/** Whether the set has sources of that kind. */
export function hasMedia(set: SourceSet, media: SourceMedia): boolean {
  return set.sources.some((source) => source.media === media);
}

/** Identity of a group, for comparison. */
export function groupKey(group: EndpointGroup): string {
  return `${group.media} ${group.semantics} ${group.ssrcs.join(" ")}`;
}

function sourceKey(source: EndpointSource): string {
  return JSON.stringify([
    source.ssrc,
    source.media,
    source.name,
    source.msid,
    source.videoType === "desktop",
  ]);
}

/** One content's worth of what a peer signalled. */
export interface SignalledContent {
  readonly media: string;
  readonly sources: readonly Source[];
  readonly groups: readonly SourceGroup[];
}

/**
 * Turns signalled contents into a set. Kinds of media other than audio and video have no sources.
 * The error is a text for the peer (`bad-request`): a group semantics other than SIM and FID.
 */
export function setFromContents(contents: readonly SignalledContent[]): Result<SourceSet, string> {
  const sources: EndpointSource[] = [];
  const groups: EndpointGroup[] = [];
  for (const content of contents) {
    if (content.media !== "audio" && content.media !== "video") continue;
    const media = content.media;
    for (const { ssrc, name, msid, videoType } of content.sources) {
      sources.push({
        ssrc,
        media,
        name,
        msid,
        videoType: media === "video" ? (videoType ?? "camera") : undefined,
      });
    }
    for (const group of content.groups) {
      const semantics = group.semantics.toUpperCase();
      if (semantics !== "SIM" && semantics !== "FID") {
        return err(`Unsupported ssrc-group semantics: ${group.semantics}.`);
      }
      groups.push({ semantics, media, ssrcs: group.ssrcs });
    }
  }
  return ok({ sources, groups });
}

/** The bridge's feedback sources; it sends no msid, clients want one (spec jicofo 4.5). */
export function setFromFeedback(media: readonly ColibriMediaSource[]): SourceSet {
  const sources: EndpointSource[] = [];
  for (const entry of [...media].sort((a, b) =>
    a.type === b.type ? 0 : a.type === "video" ? -1 : 1,
  )) {
    if (entry.type !== "audio" && entry.type !== "video") continue;
    for (const source of entry.sources) {
      sources.push({
        ssrc: source.ssrc,
        media: entry.type,
        name: source.name ?? entry.id,
        msid: `mixedmslabel mixedlabel${entry.type}0`,
        videoType: undefined,
      });
    }
  }
  return { sources, groups: [] };
}

/** Only sources and groups of the given kinds. */
export function filterMedia(set: SourceSet, audio: boolean, video: boolean): SourceSet {
  if (audio && video) return set;
  const keep = (media: SourceMedia): boolean => (media === "audio" ? audio : video);
  return {
    sources: set.sources.filter((source) => keep(source.media)),
    groups: set.groups.filter((group) => keep(group.media)),
  };
}

const stripped = new WeakMap<SourceSet, SourceSet>();

/**
 * Reduces each simulcast group to its first encoding: the group goes, the other encodings go, and
 * so do the FID groups of those with their retransmission SSRCs. Remembered per set.
 */
export function stripSimulcast(set: SourceSet): SourceSet {
  const known = stripped.get(set);
  if (known !== undefined) return known;
  const sim = set.groups.filter((group) => group.semantics === "SIM");
  let result = set;
  if (sim.length > 0) {
    const drop = new Set(sim.flatMap((group) => group.ssrcs.slice(1)));
    const groups: EndpointGroup[] = [];
    for (const group of set.groups) {
      if (group.semantics === "SIM") continue;
      const primary = group.ssrcs[0];
      if (primary !== undefined && drop.has(primary)) {
        for (const ssrc of group.ssrcs) drop.add(ssrc);
      } else {
        groups.push(group);
      }
    }
    result = { sources: set.sources.filter((source) => !drop.has(source.ssrc)), groups };
  }
  stripped.set(set, result);
  return result;
}

/** What of `set` is not in `other`, by value. */
export function subtract(set: SourceSet, other: SourceSet): SourceSet {
  if (set === other) return emptySet;
  if (isEmpty(other)) return set;
  if (isEmpty(set)) return emptySet;
  const sources = new Set(other.sources.map(sourceKey));
  const groups = new Set(other.groups.map(groupKey));
  return {
    sources: set.sources.filter((source) => !sources.has(sourceKey(source))),
    groups: set.groups.filter((group) => !groups.has(groupKey(group))),
  };
}

/** The set in COLIBRI2's form: one `media-source` per source name, without msid (spec jicofo 5.1). */
export function colibriSources(endpoint: string, set: SourceSet): ColibriMediaSource[] {
  const named = new Map<string, EndpointSource[]>();
  const nameOf = (source: EndpointSource): string =>
    source.name ?? `${endpoint}-${source.media === "audio" ? "a" : "v"}0`;
  for (const media of ["audio", "video"] as const) {
    for (const source of set.sources) {
      if (source.media !== media) continue;
      const name = nameOf(source);
      const list = named.get(name);
      if (list === undefined) named.set(name, [source]);
      else list.push(source);
    }
  }
  return [...named].map(([id, sources]) => {
    const ssrcs = new Set(sources.map((source) => source.ssrc));
    return {
      type: sources[0]?.media ?? "video",
      id,
      synthetic: false,
      sources: sources.map((source) => ({
        ssrc: source.ssrc,
        name: source.name,
        msid: undefined,
        videoType: source.videoType,
        rid: undefined,
        owner: undefined,
      })),
      groups: set.groups
        .filter((group) => group.ssrcs.some((ssrc) => ssrcs.has(ssrc)))
        .map(({ semantics, ssrcs: members }) => ({ semantics, ssrcs: members })),
    };
  });
}

const inJingleForm = new WeakMap<SourceSet, { owner: string; sources: EndpointSources }>();

/** The set in Jingle's form, by kind of media and with its owner (spec jicofo 4.5). Remembered per set. */
export function jingleSources(owner: string, set: SourceSet): EndpointSources {
  const known = inJingleForm.get(set);
  if (known?.owner === owner) return known.sources;
  const sources = {
    audio: mediaSources(owner, set, "audio"),
    video: mediaSources(owner, set, "video"),
  };
  inJingleForm.set(set, { owner, sources });
  return sources;
}

function mediaSources(owner: string, set: SourceSet, media: SourceMedia): MediaSources {
  return {
    sources: set.sources
      .filter((source) => source.media === media)
      .map(({ ssrc, name, msid, videoType }) => ({
        ssrc,
        name,
        msid,
        videoType,
        rid: undefined,
        owner,
      })),
    groups: set.groups
      .filter((group) => group.media === media)
      .map(({ semantics, ssrcs }) => ({ semantics, ssrcs })),
  };
}
