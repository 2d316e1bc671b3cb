/** Answers to IQs (RFC 6120 §8.2.3): addressed back, with the id byte for byte (A1.6). */
import { attr, type Element, xml } from "../xmpp/xml.ts";
import { buildStanzaError, type StanzaError } from "./stanza-error.ts";

/** The result for a request, with its payload if any. */
export function iqResult(request: Element, payload?: Element): Element {
  return xml("iq", answerAttributes(request, "result"), payload);
}

/** The error for a request. */
export function iqError(request: Element, error: StanzaError): Element {
  return xml("iq", answerAttributes(request, "error"), buildStanzaError(error));
}

/** A new request; `request()` of the connection gives it an id. */
export function iqRequest(type: "get" | "set", to: string | undefined, payload: Element): Element {
  return xml("iq", { type, to }, payload);
}

function answerAttributes(request: Element, type: "result" | "error") {
  return { type, id: attr(request, "id"), to: attr(request, "from"), from: attr(request, "to") };
}
