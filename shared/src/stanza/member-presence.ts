/** What a focus reads from a member's presence: spec xmpp-wire A12, jicofo 3.4. */
import { NS } from "../xmpp/namespaces.ts";
import { attr, childOf, childrenOf, childText, type Element } from "../xmpp/xml.ts";
import { parseSourceInfo, type SourceInfo } from "./source-info.ts";

/** Presence children of a member; `undefined` is "not there" (or not readable). */
export interface MemberPresence {
  readonly sourceInfo: ReadonlyMap<string, SourceInfo> | undefined;
  /** There, but not JSON of the right shape: the previous state stays. */
  readonly sourceInfoInvalid: boolean;
  /** Legacy, used only without SourceInfo; `undefined` means muted. */
  readonly audioMuted: boolean | undefined;
  readonly videoMuted: boolean | undefined;
  readonly region: string | undefined;
  readonly statsId: string | undefined;
  /** Lower case, in order of preference, `vp8` always among them. */
  readonly videoCodecs: readonly string[] | undefined;
  readonly diarize: boolean;
  /** `features/feature@var`; `undefined` without the element. */
  readonly features: readonly string[] | undefined;
  readonly nick: string | undefined;
  /** Text of `<status>`; `switch_room` marks a move to a breakout room. */
  readonly status: string | undefined;
  readonly caps: EntityCaps | undefined;
}

/** `<c xmlns='http://jabber.org/protocol/caps'>` (XEP-0115). */
export interface EntityCaps {
  readonly node: string;
  readonly ver: string;
  readonly hash: string;
}

/** Reads a presence; nothing in it can fail. */
export function parseMemberPresence(presence: Element): MemberPresence {
  const info = childText(presence, "SourceInfo");
  const sourceInfo = info === undefined ? undefined : parseSourceInfo(info);
  const features = childOf(presence, "features");
  return {
    sourceInfo: sourceInfo?.ok === true ? sourceInfo.value : undefined,
    sourceInfoInvalid: sourceInfo?.ok === false,
    audioMuted: flagText(presence, "audiomuted"),
    videoMuted: flagText(presence, "videomuted"),
    region: childText(presence, "jitsi_participant_region"),
    statsId: childText(presence, "stats-id"),
    videoCodecs: parseCodecs(presence),
    diarize: flagText(presence, "jitsi_participant_diarize") === true,
    features:
      features && childrenOf(features, "feature").flatMap((feature) => attr(feature, "var") ?? []),
    nick: childText(presence, "nick", NS.nick),
    status: childText(presence, "status"),
    caps: parseEntityCaps(presence),
  };
}

function flagText(presence: Element, name: string): boolean | undefined {
  const text = childText(presence, name);
  return text === undefined ? undefined : text.trim().toLowerCase() === "true";
}

function parseCodecs(presence: Element): string[] | undefined {
  const text =
    childText(presence, "jitsi_participant_codecList") ??
    childText(presence, "jitsi_participant_codecType");
  if (text === undefined) return undefined;
  const codecs = text
    .toLowerCase()
    .split(",")
    .filter((codec) => codec !== "");
  return codecs.includes("vp8") ? codecs : [...codecs, "vp8"];
}

/** Capabilities in a presence; `undefined` without node or ver. */
export function parseEntityCaps(presence: Element): EntityCaps | undefined {
  const el = childOf(presence, "c", NS.caps);
  const node = el && attr(el, "node");
  const ver = el && attr(el, "ver");
  if (el === undefined || node === undefined || ver === undefined) return undefined;
  return { node, ver, hash: attr(el, "hash") ?? "" };
}
