/** Members of a room as their presence shows them (spec jicofo 3.4, wire A12). */
import { type EntityCaps, parseMemberPresence } from "#shared/stanza/member-presence";
import type { SourceInfo } from "#shared/stanza/source-info";
import { domainOf, type Jid } from "#shared/xmpp/jid";
import type { Occupant } from "#shared/xmpp/muc";

/** Rank of a member; owners and moderators may mute others. */
export type MemberRole = "OWNER" | "MODERATOR" | "PARTICIPANT" | "VISITOR";

/** What the focus keeps of a member. */
export interface Member {
  /** Nick in the room: the endpoint id. */
  readonly nick: string;
  readonly occupantJid: string;
  readonly realJid: Jid | undefined;
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
  readonly caps: EntityCaps | undefined;
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
  const shown = parseMemberPresence(occupant.presence);
  const claimed = roleOf(occupant.affiliation, occupant.role);
  const keepRole =
    previous !== undefined && (previous.role === "VISITOR") !== (claimed === "VISITOR");
  const role = keepRole ? previous.role : claimed;
  const realJid = occupant.realJid ?? previous?.realJid;
  const trusted = realJid !== undefined && trustedDomains.includes(domainOf(realJid));
  const features = new Set(trusted ? shown.features : []);
  const sourceInfo = shown.sourceInfoInvalid ? previous?.sourceInfo : shown.sourceInfo;
  const hasInfo = shown.sourceInfo !== undefined || shown.sourceInfoInvalid;
  const muted = (media: "audio" | "video"): boolean => {
    if (!hasInfo) return (media === "audio" ? shown.audioMuted : shown.videoMuted) ?? true;
    for (const info of sourceInfo?.values() ?? []) {
      if (info.mediaType === media && !info.muted) return false;
    }
    return true;
  };
  const fixedCodecs = role === "VISITOR" ? previous?.videoCodecs : undefined;
  return {
    nick: occupant.nick,
    occupantJid: occupant.occupantJid,
    realJid,
    role,
    region: shown.region ?? previous?.region,
    statsId: shown.statsId ?? previous?.statsId,
    diarize: shown.diarize,
    videoCodecs: fixedCodecs ?? shown.videoCodecs,
    isJibri: features.has("http://jitsi.org/protocol/jibri"),
    isJigasi: features.has("http://jitsi.org/protocol/jigasi"),
    isTranscriber: features.has("http://jitsi.org/protocol/transcriber"),
    audioMuted: muted("audio"),
    videoMuted: muted("video"),
    sourceInfo,
    caps: shown.caps ?? previous?.caps,
  };
}
