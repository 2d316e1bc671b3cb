/**
 * Sources as JSON in `<json-message xmlns='http://jitsi.org/jitmeet'>`, focus to client only:
 * spec xmpp-wire A6, "Compact JSON".
 *
 *   {"sources":{OWNER:[[video source…],[video group…],[audio source…],[audio group…]]}}
 *   source = {"s":ssrc, "n":name?, "m":msid?, "v":"d"?}     group = ["f"|"s", ssrc, …]
 */
import { err, ok, type Result } from "../runtime/result.ts";
import type { Source, SourceGroup } from "./media.ts";
import { fault, type StanzaFault } from "./stanza-error.ts";

/** Sources of one kind with their groups. */
export interface MediaSources {
  readonly sources: readonly Source[];
  readonly groups: readonly SourceGroup[];
}

/** Sources of one endpoint. */
export interface EndpointSources {
  readonly audio: MediaSources;
  readonly video: MediaSources;
}

/** Owner (endpoint id, or `jvb`) to sources. */
export type CompactSources = ReadonlyMap<string, EndpointSources>;

const semanticsOf: Readonly<Record<string, string>> = { f: "FID", s: "SIM" };

/** Lists of an endpoint as text: in a large conference the same go to everybody. */
const encoded = new WeakMap<EndpointSources, string>();

/**
 * The JSON text. The first three lists are always there, as upstream writes them; groups other than
 * FID and SIM are left out. Written owner by owner, so that owners like `12345678` keep their place.
 */
export function encodeCompactSources(sources: CompactSources): string {
  const owners: string[] = [];
  for (const [owner, endpoint] of sources) {
    let lists = encoded.get(endpoint);
    if (lists === undefined) {
      lists = encodeLists(endpoint);
      encoded.set(endpoint, lists);
    }
    owners.push(`${JSON.stringify(owner)}:${lists}`);
  }
  return `{"sources":{${owners.join(",")}}}`;
}

function encodeLists({ audio, video }: EndpointSources): string {
  const lists: unknown[][] = [
    video.sources.map(encodeSource),
    video.groups.flatMap(encodeGroup),
    audio.sources.map(encodeSource),
  ];
  const audioGroups = audio.groups.flatMap(encodeGroup);
  if (audioGroups.length > 0) lists.push(audioGroups);
  return JSON.stringify(lists);
}

function encodeSource(source: Source): unknown {
  return {
    s: source.ssrc,
    n: source.name,
    m: source.msid,
    v: source.videoType === "desktop" ? "d" : undefined,
  };
}

function encodeGroup(group: SourceGroup): unknown[] {
  switch (group.semantics.toUpperCase()) {
    case "FID":
      return [["f", ...group.ssrcs]];
    case "SIM":
      return [["s", ...group.ssrcs]];
    default:
      return [];
  }
}

/** Reads the JSON text; `undefined` when it is a json-message about something else. */
export function parseCompactSources(text: string): Result<CompactSources | undefined, StanzaFault> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return err(fault("json-message is not JSON"));
  }
  if (!isRecord(json)) return err(fault("json-message is not an object"));
  const owners = json["sources"];
  if (owners === undefined) return ok(undefined);
  if (!isRecord(owners)) return err(fault("sources is not an object"));
  const found = new Map<string, EndpointSources>();
  for (const [owner, lists] of Object.entries(owners)) {
    if (!Array.isArray(lists)) return err(fault("sources of an owner are not a list"));
    const [videoSources, videoGroups, audioSources, audioGroups] = lists as unknown[];
    const video = parseMedia(videoSources, videoGroups, owner);
    const audio = parseMedia(audioSources, audioGroups, owner);
    if (video === undefined || audio === undefined) return err(fault("malformed source or group"));
    found.set(owner, { audio, video });
  }
  return ok(found);
}

function parseMedia(sources: unknown, groups: unknown, owner: string): MediaSources | undefined {
  const readSources: Source[] = [];
  for (const item of listOf(sources)) {
    const source = parseSource(item, owner);
    if (source === undefined) return undefined;
    readSources.push(source);
  }
  const readGroups: SourceGroup[] = [];
  for (const item of listOf(groups)) {
    if (!Array.isArray(item)) return undefined;
    const [kind, ...ssrcs] = item as unknown[];
    const semantics = typeof kind === "string" ? semanticsOf[kind] : undefined;
    if (typeof semantics !== "string" || !ssrcs.every(isSsrc)) return undefined;
    readGroups.push({ semantics, ssrcs });
  }
  return { sources: readSources, groups: readGroups };
}

function parseSource(item: unknown, owner: string): Source | undefined {
  if (!isRecord(item) || !isSsrc(item["s"])) return undefined;
  return {
    ssrc: item["s"],
    name: textOrNothing(item["n"]),
    msid: textOrNothing(item["m"]),
    videoType: item["v"] === "d" ? "desktop" : undefined,
    rid: undefined,
    owner,
  };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function textOrNothing(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function isSsrc(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
