/** Members of a room as their presence shows them (spec jicofo 3.4, wire A12). */

import { domainOf } from "#shared/xmpp/jid";
import type { Occupant } from "#shared/xmpp/muc";
import { NS } from "#shared/xmpp/namespaces";
import { attr, childOf, childrenOf, childText } from "#shared/xmpp/xml";

/** Rank of a member; owners and moderators may mute others. */
export type MemberRole = "OWNER" | "MODERATOR" | "PARTICIPANT" | "VISITOR";

/** One entry of `SourceInfo`. */
export interface SourceInfo {
  readonly muted: boolean;
  readonly media: "audio" | "video" | undefined;
  readonly videoType: "camera" | "desktop" | undefined;
}

/** What the focus keeps of a member. */
export interface Member {
  /** Nick in the room: the endpoint id. */
  readonly nick: string;
  readonly occupantJid: string;
  readonly realJid: string | undefined;
  readonly role: MemberRole;
  readonly region: string | undefined;
  readonly statsId: string | undefined;
  readonly diarize: boolean;
  /** Lower case, in the member's order, `vp8` always among them. */
  readonly videoCodecs: readonly string[] | undefined;
  readonly isJibri: boolean;
  readonly isJigasi: boolean;
  readonly isTranscriber: boolean;
  readonly audioMuted: boolean;
  readonly videoMuted: boolean;
  readonly sourceInfo: ReadonlyMap<string, SourceInfo> | undefined;
  /** `<c>` of its presence. */
  readonly caps: { readonly node: string; readonly ver: string } | undefined;
}

/** Whether the member may mute others. */
export function hasModeratorRights(member: Member): boolean {
  return member.role === "OWNER" || member.role === "MODERATOR";
}

/** Rank by affiliation first, then by role. */
export function roleOf(affiliation: string, role: string): MemberRole {
  if (affiliation === "owner") return "OWNER";
  if (affiliation === "admin" || role === "moderator") return "MODERATOR";
  return role === "participant" ? "PARTICIPANT" : "VISITOR";
}

/**
 * Reads a member out of its latest presence. `previous` is what was known: some values survive a
 * presence that lacks them, and a member never changes between visitor and non-visitor.
 * @param trustedDomains domains whose members are believed to be Jibri, Jigasi or transcriber
 */
export function readMember(
  occupant: Occupant,
  previous: Member | undefined,
  trustedDomains: readonly string[],
): Member {
  const { presence } = occupant;
  const claimed = roleOf(occupant.affiliation, occupant.role);
  const keepRole =
    previous !== undefined && (previous.role === "VISITOR") !== (claimed === "VISITOR");
  const trusted =
    occupant.realJid !== undefined && trustedDomains.includes(domainOf(occupant.realJid));
  const features = new Set<string>();
  const list = trusted ? childOf(presence, "features") : undefined;
  for (const feature of list === undefined ? [] : childrenOf(list, "feature")) {
    const name = attr(feature, "var");
    if (name !== undefined) features.add(name);
  }
  const infoText = childText(presence, "SourceInfo");
  const sourceInfo =
    infoText === undefined ? undefined : (parseSourceInfo(infoText) ?? previous?.sourceInfo);
  const caps = childOf(presence, "c", NS.caps);
  const node = caps && attr(caps, "node");
  const ver = caps && attr(caps, "ver");
  const codecs =
    claimed === "VISITOR" && previous?.videoCodecs !== undefined
      ? previous.videoCodecs
      : readCodecs(
          childText(presence, "jitsi_participant_codecList"),
          childText(presence, "jitsi_participant_codecType"),
        );
  const muted = (media: "audio" | "video"): boolean => {
    if (infoText === undefined) return childText(presence, `${media}muted`) !== "false";
    for (const info of sourceInfo?.values() ?? []) {
      if (info.media === media && !info.muted) return false;
    }
    return true;
  };
  return {
    nick: occupant.nick,
    occupantJid: occupant.occupantJid,
    realJid: occupant.realJid ?? previous?.realJid,
    role: keepRole ? previous.role : claimed,
    region: childText(presence, "jitsi_participant_region") ?? previous?.region,
    statsId: childText(presence, "stats-id") ?? previous?.statsId,
    diarize: childText(presence, "jitsi_participant_diarize") === "true",
    videoCodecs: codecs,
    isJibri: features.has("http://jitsi.org/protocol/jibri"),
    isJigasi: features.has("http://jitsi.org/protocol/jigasi"),
    isTranscriber: features.has("http://jitsi.org/protocol/transcriber"),
    audioMuted: muted("audio"),
    videoMuted: muted("video"),
    sourceInfo,
    caps: node !== undefined && ver !== undefined ? { node, ver } : previous?.caps,
  };
}

function readCodecs(list: string | undefined, single: string | undefined): string[] | undefined {
  const text = list ?? single;
  if (text === undefined) return undefined;
  const codecs = (list === undefined ? [text] : text.split(",")).map((codec) =>
    codec.toLowerCase(),
  );
  return codecs.includes("vp8") ? codecs : [...codecs, "vp8"];
}

/**
 * Reads the JSON of `SourceInfo`; `undefined` when it is no object of objects. Without an explicit
 * media type the letter after the first `-` of the name tells it.
 */
export function parseSourceInfo(text: string): ReadonlyMap<string, SourceInfo> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(value)) return undefined;
  const infos = new Map<string, SourceInfo>();
  for (const [name, entry] of Object.entries(value)) {
    if (!isRecord(entry)) return undefined;
    const muted = entry["muted"];
    const mediaType = entry["mediaType"];
    const videoType = entry["videoType"];
    const letter = name.charAt(name.indexOf("-") + 1);
    const named =
      name.includes("-") && letter === "a"
        ? "audio"
        : name.includes("-") && letter === "v"
          ? "video"
          : undefined;
    infos.set(name, {
      muted: typeof muted === "boolean" ? muted : true,
      media: mediaType === "audio" || mediaType === "video" ? mediaType : named,
      videoType: videoType === "camera" || videoType === "desktop" ? videoType : undefined,
    });
  }
  return infos;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
