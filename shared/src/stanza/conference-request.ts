/**
 * `<conference xmlns='http://jitsi.org/protocol/focus'>`, by which clients ask the focus for a
 * conference, and its answer: spec xmpp-wire A11, jicofo 2.1.
 */
import { err, ok, type Result } from "../runtime/result.ts";
import { type BareJid, parseBareJid } from "../xmpp/jid.ts";
import { NS } from "../xmpp/namespaces.ts";
import { attr, childrenOf, type Element, xml } from "../xmpp/xml.ts";
import { fault, type StanzaFault } from "./stanza-error.ts";

/** What a client asks. */
export interface ConferenceRequest {
  readonly room: BareJid;
  readonly sessionId: string | undefined;
  readonly machineUid: string | undefined;
  readonly identity: string | undefined;
  readonly token: string | undefined;
  readonly properties: ReadonlyMap<string, string>;
}

/** What the focus answers. */
export interface ConferenceResponse {
  readonly room: BareJid;
  readonly ready: boolean;
  /** Bare JID of the focus's account. */
  readonly focusJid: BareJid | undefined;
  readonly sessionId: string | undefined;
  readonly machineUid?: string | undefined;
  readonly identity: string | undefined;
  readonly vnode: string | undefined;
  readonly properties: ReadonlyMap<string, string>;
}

/** Reads a request. The room must be a bare JID with a local part. */
export function parseConferenceRequest(el: Element): Result<ConferenceRequest, StanzaFault> {
  const room = parseRoom(attr(el, "room"));
  if (room === undefined) return err(fault("room is not an address"));
  return ok({
    room,
    sessionId: attr(el, "session-id"),
    machineUid: attr(el, "machine-uid"),
    identity: attr(el, "identity"),
    token: attr(el, "token"),
    properties: parseProperties(el),
  });
}

/** A room address: `local@domain`; the last `@` counts, so a local part with `@` is refused. */
export function parseRoom(text: string | undefined): BareJid | undefined {
  const jid = text === undefined ? undefined : parseBareJid(text);
  return jid?.includes("@") === true ? jid : undefined;
}

function parseProperties(el: Element): Map<string, string> {
  const properties = new Map<string, string>();
  for (const child of childrenOf(el, "property", NS.focus)) {
    const name = attr(child, "name");
    const value = attr(child, "value");
    if (name !== undefined && value !== undefined) properties.set(name, value);
  }
  return properties;
}

/** `<conference>` as a client sends it. */
export function buildConferenceRequest(request: ConferenceRequest): Element {
  return xml(
    "conference",
    {
      xmlns: NS.focus,
      room: request.room,
      "session-id": request.sessionId,
      "machine-uid": request.machineUid,
      identity: request.identity,
      token: request.token,
    },
    buildProperties(request.properties),
  );
}

/** `<conference>` as the focus answers it. */
export function buildConferenceResponse(response: ConferenceResponse): Element {
  return xml(
    "conference",
    {
      xmlns: NS.focus,
      room: response.room,
      ready: response.ready,
      focusjid: response.focusJid,
      "session-id": response.sessionId,
      "machine-uid": response.machineUid,
      identity: response.identity,
      vnode: response.vnode,
    },
    buildProperties(response.properties),
  );
}

/** Reads an answer. */
export function parseConferenceResponse(el: Element): Result<ConferenceResponse, StanzaFault> {
  const room = parseRoom(attr(el, "room"));
  if (room === undefined) return err(fault("room is not an address"));
  const focusJid = attr(el, "focusjid");
  return ok({
    room,
    ready: attr(el, "ready") === "true",
    focusJid: focusJid === undefined ? undefined : parseBareJid(focusJid),
    sessionId: attr(el, "session-id"),
    machineUid: attr(el, "machine-uid"),
    identity: attr(el, "identity"),
    vnode: attr(el, "vnode"),
    properties: parseProperties(el),
  });
}

function buildProperties(properties: ReadonlyMap<string, string>): Element[] {
  return [...properties].map(([name, value]) => xml("property", { name, value }));
}
