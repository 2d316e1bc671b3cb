/** Answers to IQs (RFC 6120 §8.2.3): addressed back, with the id byte for byte (A1.6). */
import { attr, type Element, xml } from "../xmpp/xml.ts";
import { buildStanzaError, type StanzaError } from "./stanza-error.ts";

/** The result for a request, with its payload if any. */
export function iqResult(request: Element, payload?: Element): Element {
  return iqAnswer(request, "result", payload);
}

/** The error for a request. */
export function iqError(request: Element, error: StanzaError): Element {
  return iqAnswer(request, "error", buildStanzaError(error));
}

/** A new request; `request()` of the connection gives it an id. */
export function iqRequest(type: "get" | "set", to: string | undefined, payload: Element): Element {
  return xml("iq", { type, to }, payload);
}

/** An answer of that type with that child, if any. */
export function iqAnswer(request: Element, type: "result" | "error", child?: Element): Element {
  const to = attr(request, "from");
  return xml("iq", { type, id: attr(request, "id"), to, from: attr(request, "to") }, child);
}
