/** `<x xmlns='http://jabber.org/protocol/muc#user'>` (XEP-0045 §15.5.2) and muc#admin, muc#owner. */
import { type Jid, parseJid } from "../xmpp/jid.ts";
import { NS } from "../xmpp/namespaces.ts";
import { attr, childOf, childrenOf, childText, type Element, intAttr, xml } from "../xmpp/xml.ts";
import { buildForm } from "./data-form.ts";

/** MUC roles. */
export type MucRole = "moderator" | "participant" | "visitor" | "none";

/** MUC affiliations. */
export type MucAffiliation = "owner" | "admin" | "member" | "outcast" | "none";

/** What a room adds to a presence or message. */
export interface MucUser {
  readonly role: MucRole;
  readonly affiliation: MucAffiliation;
  readonly realJid: Jid | undefined;
  /** `<reason>` of the item, or of `<destroy>`. */
  readonly reason: string | undefined;
  readonly codes: readonly number[];
  /** The room is no more; `jid` names its successor. */
  readonly destroyed: { readonly jid: string | undefined } | undefined;
}

const roles: readonly MucRole[] = ["moderator", "participant", "visitor"];
const affiliations: readonly MucAffiliation[] = ["owner", "admin", "member", "outcast"];

/** Reads what the room added; a stanza without it reads as nobody in particular. */
export function parseMucUser(stanza: Element): MucUser {
  const x = childOf(stanza, "x", NS.mucUser);
  const item = x && childOf(x, "item");
  const destroy = x && childOf(x, "destroy");
  const jid = item && attr(item, "jid");
  const role = item && attr(item, "role");
  const affiliation = item && attr(item, "affiliation");
  return {
    role: roles.find((known) => known === role) ?? "none",
    affiliation: affiliations.find((known) => known === affiliation) ?? "none",
    realJid: jid === undefined ? undefined : parseJid(jid),
    reason: (destroy && childText(destroy, "reason")) ?? (item && childText(item, "reason")),
    codes:
      x === undefined ? [] : childrenOf(x, "status").flatMap((el) => intAttr(el, "code") ?? []),
    destroyed: destroy && { jid: attr(destroy, "jid") },
  };
}

/** Payload that changes an affiliation. */
export function buildSetAffiliation(jid: Jid, affiliation: MucAffiliation): Element {
  return xml("query", { xmlns: NS.mucAdmin }, xml("item", { affiliation, jid }));
}

/** Payload that changes a role; `none` removes the occupant. */
export function buildSetRole(nick: string, role: MucRole, reason?: string): Element {
  return xml(
    "query",
    { xmlns: NS.mucAdmin },
    xml("item", { nick, role }, reason === undefined ? undefined : xml("reason", {}, reason)),
  );
}

/** Payload that asks for the owner form. */
export function buildConfigQuery(): Element {
  return xml("query", { xmlns: NS.mucOwner });
}

/** Payload that submits the owner form; FORM_TYPE is added. */
export function buildConfigSubmit(
  fields: Readonly<Record<string, string | readonly string[]>>,
): Element {
  const all = new Map<string, readonly string[]>([["FORM_TYPE", [NS.mucRoomConfig]]]);
  for (const [name, value] of Object.entries(fields)) {
    all.set(name, typeof value === "string" ? [value] : value);
  }
  return xml("query", { xmlns: NS.mucOwner }, buildForm({ type: "submit", fields: all }));
}
