/** Stanza errors (RFC 6120 §8.3): one defined condition, optional text, optional own condition. */
import { NS } from "../xmpp/namespaces.ts";
import { attr, childOf, type Element, elementsOf, namespaceOf, textOf, xml } from "../xmpp/xml.ts";

/** `type` of a stanza error. */
export type StanzaErrorType = "cancel" | "continue" | "modify" | "auth" | "wait";

/** The defined conditions, each with the error type RFC 6120 recommends. */
export const stanzaConditions = {
  "bad-request": "modify",
  conflict: "cancel",
  "feature-not-implemented": "cancel",
  forbidden: "auth",
  gone: "cancel",
  "internal-server-error": "cancel",
  "item-not-found": "cancel",
  "jid-malformed": "modify",
  "not-acceptable": "modify",
  "not-allowed": "cancel",
  "not-authorized": "auth",
  "policy-violation": "modify",
  "recipient-unavailable": "wait",
  redirect: "modify",
  "registration-required": "auth",
  "remote-server-not-found": "cancel",
  "remote-server-timeout": "wait",
  "resource-constraint": "wait",
  "service-unavailable": "cancel",
  "subscription-required": "auth",
  "undefined-condition": "cancel",
  "unexpected-request": "wait",
} as const satisfies Record<string, StanzaErrorType>;

/** A defined condition of `urn:ietf:params:xml:ns:xmpp-stanzas`. */
export type StanzaCondition = keyof typeof stanzaConditions;

/** A refusal as data. */
export interface StanzaError {
  readonly condition: StanzaCondition;
  readonly type: StanzaErrorType;
  readonly text: string | undefined;
  /** Application-specific condition, such as `<error xmlns='jitsi:colibri2' reason=…/>`. */
  readonly application: Element | undefined;
}

/** Why something a peer sent cannot be used; becomes `bad-request` unless the reader says otherwise. */
export interface StanzaFault {
  readonly condition: StanzaCondition;
  readonly text: string;
}

/** A fault of that condition (default `bad-request`). */
export function fault(text: string, condition: StanzaCondition = "bad-request"): StanzaFault {
  return { condition, text };
}

/** An error with the condition's usual type. */
export function stanzaError(
  condition: StanzaCondition,
  text?: string,
  application?: Element,
  type: StanzaErrorType = stanzaConditions[condition],
): StanzaError {
  return { condition, type, text, application };
}

/** `<error>`, the defined condition first because clients look only there (A1.8). */
export function buildStanzaError(error: StanzaError): Element {
  return xml(
    "error",
    { type: error.type },
    xml(error.condition, { xmlns: NS.stanzas }),
    error.text === undefined ? undefined : xml("text", { xmlns: NS.stanzas }, error.text),
    error.application,
  );
}

/** Reads `<error>` out of a stanza of type error; what is missing becomes `undefined-condition`. */
export function parseStanzaError(stanza: Element): StanzaError {
  const error = childOf(stanza, "error");
  if (error === undefined) return stanzaError("undefined-condition");
  let condition: StanzaCondition = "undefined-condition";
  let text: string | undefined;
  let application: Element | undefined;
  for (const child of elementsOf(error)) {
    const ns = namespaceOf(child);
    // COMPAT(jicofo|jvb): upstream's <text> has no namespace of its own (jvb-control 1.7).
    if (child.name === "text" && (ns === NS.stanzas || ns === namespaceOf(error)))
      text ??= textOf(child);
    else if (ns !== NS.stanzas) application ??= child;
    else if (isCondition(child.name)) condition = child.name;
  }
  const type = attr(error, "type");
  return { condition, type: isType(type) ? type : stanzaConditions[condition], text, application };
}

/** Whether that is the name of a defined condition. */
export function isCondition(name: string): name is StanzaCondition {
  return Object.hasOwn(stanzaConditions, name);
}

function isType(type: string | undefined): type is StanzaErrorType {
  return (
    type === "cancel" ||
    type === "continue" ||
    type === "modify" ||
    type === "auth" ||
    type === "wait"
  );
}
