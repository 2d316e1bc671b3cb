/** `<conference-modified>` and the errors of COLIBRI2: spec xmpp-wire A9, jvb-control 2.2 to 2.5. */
import { ok, type Result } from "../runtime/result.ts";
import { NS } from "../xmpp/namespaces.ts";
import { attr, boolAttr, childOf, type Element, elementsOf, xml } from "../xmpp/xml.ts";
import type {
  ColibriEndpointReply,
  ColibriError,
  ColibriErrorReason,
  ConferenceModified,
} from "./colibri2.ts";
import {
  buildColibriSources,
  buildTransport,
  parseColibriSources,
  parseEach,
  parseTransport,
  requiredAttr,
} from "./colibri2-parts.ts";
import { iqAnswer } from "./iq.ts";
import {
  buildStanzaError,
  isCondition,
  parseStanzaError,
  type StanzaFault,
} from "./stanza-error.ts";

/** Reads the payload of a result. */
export function parseConferenceModified(el: Element): Result<ConferenceModified, StanzaFault> {
  const endpoints = parseEach(el, "endpoint", parseReply);
  if (!endpoints.ok) return endpoints;
  const relays = parseEach(el, "relay", parseReply);
  if (!relays.ok) return relays;
  const sources = parseColibriSources(el);
  if (!sources.ok) return sources;
  return ok({ endpoints: endpoints.value, relays: relays.value, sources: sources.value });
}

function parseReply(el: Element): Result<ColibriEndpointReply, StanzaFault> {
  const id = requiredAttr(el, "id");
  if (!id.ok) return id;
  const transport = parseTransport(el);
  if (!transport.ok) return transport;
  return ok({ id: id.value, expire: boolAttr(el, "expire"), transport: transport.value });
}

/** `<conference-modified>` */
export function buildConferenceModified(reply: ConferenceModified): Element {
  return xml(
    "conference-modified",
    { xmlns: NS.colibri2 },
    reply.endpoints.map((endpoint) => buildReply("endpoint", endpoint)),
    reply.relays.map((relay) => buildReply("relay", relay)),
    reply.sources && buildColibriSources(reply.sources),
  );
}

function buildReply(name: string, reply: ColibriEndpointReply): Element {
  return xml(
    name,
    { id: reply.id, expire: reply.expire ? true : undefined },
    reply.transport && buildTransport(reply.transport),
  );
}

/** Reads the error out of an IQ of type error. */
export function parseColibriError(iq: Element): ColibriError {
  const { condition, type, text } = parseStanzaError(iq);
  const error = childOf(iq, "error");
  const own = error && childOf(error, "error", NS.colibri2);
  const endpoint = error && childOf(error, "endpoint", NS.colibri2);
  return {
    condition,
    type: type === "continue" ? "cancel" : type,
    reason: own && parseReason(attr(own, "reason")),
    text,
    endpointId: endpoint && attr(endpoint, "id"),
  };
}

const reasons: readonly ColibriErrorReason[] = [
  "conference_not_found",
  "conference_already_exists",
  "feature_not_implemented",
  "graceful_shutdown",
  "unknown_endpoint",
  "unspecified",
];

/** Any case; missing or unknown reads as `unspecified`. */
function parseReason(text: string | undefined): ColibriErrorReason {
  return reasons.find((reason) => reason === text?.toLowerCase()) ?? "unspecified";
}

/**
 * The error answer to a request. Upstream repeats the request's root after `<error>`, without its
 * children (jvb-control 1.7); so do we.
 */
export function colibriErrorReply(request: Element, error: ColibriError): Element {
  const reply = iqAnswer(request, "error", buildColibriError(error));
  const payload = elementsOf(request)[0];
  if (payload !== undefined) reply.append(xml(payload.name, payload.attrs));
  return reply;
}

/** `<error>` alone, as it would stand in the IQ. */
export function buildColibriError(error: ColibriError): Element {
  const condition = isCondition(error.condition) ? error.condition : "undefined-condition";
  const el = buildStanzaError({
    condition,
    type: error.type,
    text: error.text,
    application: error.reason && xml("error", { xmlns: NS.colibri2, reason: error.reason }),
  });
  if (error.endpointId !== undefined) {
    el.append(xml("endpoint", { xmlns: NS.colibri2, id: error.endpointId }));
  }
  return el;
}
