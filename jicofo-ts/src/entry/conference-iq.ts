/**
 * The conference request as an IQ (`conference`, spec jicofo 2.1, xmpp-wire A11): payload to
 * request, response to payload.
 */
import { err, ok, type Result } from "#shared/runtime/result";
import { fault, type StanzaFault } from "#shared/stanza/stanza-error";
import { domainOf, type Jid, parseBareJid, parseJid, resourceOf } from "#shared/xmpp/jid";
import { NS } from "#shared/xmpp/namespaces";
import { attr, childrenOf, type Element, xml } from "#shared/xmpp/xml";
import type { ConferenceRequest, ConferenceResponse } from "../focus/request.ts";

/** Reads a `conference` payload sent by `from`. */
export function parseConference(
  payload: Element,
  from: string | undefined,
): Result<ConferenceRequest, StanzaFault> {
  const text = given(payload, "room");
  if (text === undefined) return err(fault("No 'room' specified."));
  const room = parseRoom(text);
  if (room === undefined) return err(fault("The room is not a room's address.", "jid-malformed"));
  const properties = new Map<string, string>();
  for (const property of childrenOf(payload, "property")) {
    const name = attr(property, "name");
    const value = attr(property, "value");
    if (name !== undefined && value !== undefined) properties.set(name, value);
  }
  return ok({
    room,
    from,
    sessionId: given(payload, "session-id"),
    machineUid: given(payload, "machine-uid"),
    token: given(payload, "token"),
    properties,
  });
}

/** Bare JID of a room, normalised; `undefined` when the text is none. */
export function parseRoom(text: string): string | undefined {
  const room = parseBareJid(text);
  return room?.includes("@") ? room : undefined;
}

/** The payload of the answer. */
export function buildConference(response: ConferenceResponse): Element {
  const { room, sessionId, identity, vnode } = response;
  return xml(
    "conference",
    {
      xmlns: NS.focus,
      room,
      focusjid: response.focusJid,
      "session-id": sessionId,
      identity,
      vnode,
      ready: response.ready,
    },
    Array.from(response.properties, ([name, value]) => xml("property", { name, value })),
  );
}

/**
 * Who really asks: mod_client_proxy puts the client's full JID into the resource of its own address
 * (spec jicofo 1.7). Anything else, or a resource that is no JID, is taken as it is.
 */
export function realSender(from: Jid, clientProxy: string | undefined): Jid {
  if (clientProxy === undefined || domainOf(from) !== clientProxy) return from;
  const resource = resourceOf(from);
  return (resource === undefined ? undefined : parseJid(resource)) ?? from;
}

/** An attribute; the empty text counts as absent. */
function given(el: Element, name: string): string | undefined {
  const value = attr(el, name);
  return value === "" ? undefined : value;
}
