/** The conference request as an IQ: `conference` to `focus@auth.DOMAIN/RESOURCE` (spec jicofo 2.1). */
import { err, ok, type Result } from "#shared/runtime/result";
import { buildConferenceResponse, parseConferenceRequest } from "#shared/stanza/conference-request";
import { iqError, iqResult } from "#shared/stanza/iq";
import {
  fault,
  isCondition,
  type StanzaError,
  type StanzaFault,
  stanzaError,
} from "#shared/stanza/stanza-error";
import type { XmppConnection } from "#shared/xmpp/connection";
import {
  type BareJid,
  bareOf,
  type Jid,
  parseBareJid,
  parseJid,
  resourceOf,
} from "#shared/xmpp/jid";
import { NS } from "#shared/xmpp/namespaces";
import { attr, type Element, xml } from "#shared/xmpp/xml";
import type { ConferenceRequest, RequestFault } from "../focus/request.ts";
import type { AskForConference } from "./conference-requests.ts";

/** A request whose room is known to be an address. */
export type ParsedRequest = ConferenceRequest & { readonly room: BareJid };

/** Reads a `conference` payload sent by `from`. Empty attributes count as absent. */
export function parseConference(payload: Element, from: Jid): Result<ParsedRequest, StanzaFault> {
  if ((attr(payload, "room") ?? "") === "") return err(fault("No 'room' specified."));
  const parsed = parseConferenceRequest(payload);
  if (!parsed.ok) return parsed;
  const { room, properties } = parsed.value;
  return ok({
    room,
    from,
    sessionId: parsed.value.sessionId || undefined,
    machineUid: parsed.value.machineUid || undefined,
    token: parsed.value.token || undefined,
    properties,
  });
}

/**
 * Who really asks: mod_client_proxy puts the client's full JID into the resource of its own address
 * (spec jicofo 1.7), which has no local part. Anything else, or a resource that is no JID, is taken
 * as it is.
 */
export function realSender(from: Jid, clientProxy: string | undefined): Jid {
  if (clientProxy === undefined || bareOf(from) !== clientProxy) return from;
  const resource = resourceOf(from);
  return (resource === undefined ? undefined : parseJid(resource)) ?? from;
}

/** Answers conference requests on `connection`; every request gets an answer. */
export function handleConferenceIq(
  connection: XmppConnection,
  ask: AskForConference,
  clientProxy: string | undefined,
): void {
  connection.handleIq({ type: "set", name: "conference", ns: NS.focus }, async (request) => {
    const from = realSender(request.from, clientProxy);
    const parsed = parseConference(request.payload, from);
    if (!parsed.ok)
      return iqError(request.iq, stanzaError(parsed.error.condition, parsed.error.text));
    const { room } = parsed.value;
    const answer = await ask(parsed.value);
    if (!answer.ok) return iqError(request.iq, refusal(answer.error));
    const focusJid = parseBareJid(answer.value.focusJid);
    return iqResult(request.iq, buildConferenceResponse({ ...answer.value, room, focusJid }));
  });
}

/** A refusal as a stanza error. */
export function refusal({ condition, type, text, application }: RequestFault): StanzaError {
  return stanzaError(
    isCondition(condition) ? condition : "undefined-condition",
    text,
    application && xml(application.name, { xmlns: application.ns }),
    type,
  );
}
