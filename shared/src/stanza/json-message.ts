/** `<json-message xmlns='http://jitsi.org/jitmeet'>`: JSON in XML, spec xmpp-wire A1.10. */
import { NS } from "../xmpp/namespaces.ts";
import { childText, type Element } from "../xmpp/xml.ts";

/** A JSON object with a type, as services send it in messages. */
export interface JsonMessage {
  readonly type: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** The usable JSON message in a stanza; anything else is `undefined` and to be dropped. */
export function parseJsonMessage(stanza: Element): JsonMessage | undefined {
  const text = childText(stanza, "json-message", NS.jitmeet);
  if (text === undefined) return undefined;
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body !== "object" || body === null || !("type" in body)) return undefined;
    const type = body.type;
    return typeof type === "string" && type !== "" ? { type, body: { ...body } } : undefined;
  } catch {
    return undefined;
  }
}
