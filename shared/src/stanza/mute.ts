/** `<mute xmlns='http://jitsi.org/jitmeet/{audio|video|desktop}'>`: spec xmpp-wire A14. */
import { err, ok, type Result } from "../runtime/result.ts";
import { type Jid, parseJid } from "../xmpp/jid.ts";
import { NS } from "../xmpp/namespaces.ts";
import { attr, type Element, namespaceOf, textOf, xml } from "../xmpp/xml.ts";
import { fault, type StanzaFault } from "./stanza-error.ts";

/** What is muted. */
export type MuteMedia = "audio" | "video" | "desktop";

/** A wish to mute or unmute. */
export interface Mute {
  readonly media: MuteMedia;
  /** Target, an occupant JID; absent towards the target itself. */
  readonly jid: Jid | undefined;
  /** Who asked, an occupant JID; only towards the target. */
  readonly actor: Jid | undefined;
  readonly mute: boolean;
}

/** The namespace of each kind, for `handleIq`. */
export const muteNamespaces: Readonly<Record<MuteMedia, string>> = {
  audio: NS.muteAudio,
  video: NS.muteVideo,
  desktop: NS.muteDesktop,
};

/** Reads `<mute>`; the text must be `true` or `false`. */
export function parseMute(el: Element): Result<Mute, StanzaFault> {
  const ns = namespaceOf(el);
  const media = (["audio", "video", "desktop"] as const).find((m) => muteNamespaces[m] === ns);
  if (media === undefined) return err(fault("mute of an unknown kind"));
  const text = textOf(el).trim().toLowerCase();
  if (text !== "true" && text !== "false") return err(fault("mute without true or false"));
  const jid = attr(el, "jid");
  const actor = attr(el, "actor");
  const target = jid === undefined ? undefined : parseJid(jid);
  if (jid !== undefined && target === undefined) return err(fault("mute jid"));
  return ok({
    media,
    jid: target,
    actor: actor === undefined ? undefined : parseJid(actor),
    mute: text === "true",
  });
}

/** `<mute>` */
export function buildMute(mute: Mute): Element {
  const attrs = { xmlns: muteNamespaces[mute.media], jid: mute.jid, actor: mute.actor };
  return xml("mute", attrs, String(mute.mute));
}
