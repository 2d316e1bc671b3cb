/** Where to log in, and logging out: `login-url` and `logout` (spec jicofo 2.5, wire A11). */
import type { Logger } from "#shared/logging/logger";
import { pii } from "#shared/logging/pii";
import { iqError, iqResult } from "#shared/stanza/iq";
import { stanzaError } from "#shared/stanza/stanza-error";
import type { XmppConnection } from "#shared/xmpp/connection";
import { NS } from "#shared/xmpp/namespaces";
import { attr, type Element, xml } from "#shared/xmpp/xml";
import type { Authority } from "../authentication/authority.ts";
import { refusal } from "./conference-iq.ts";
import { invalidSession } from "./gate.ts";

/**
 * Answers both on `connection`. Neither depends on who asks: the login address is the same for all,
 * and a session's id is what its owner alone knows.
 */
export function handleAuthenticationIqs(
  connection: XmppConnection,
  authority: Authority,
  log: Logger,
): void {
  connection.handleIq({ type: "get", name: "login-url", ns: NS.focus }, async ({ iq, payload }) =>
    answerLoginUrl(iq, payload, authority),
  );
  connection.handleIq({ type: "set", name: "logout", ns: NS.focus }, async ({ iq, payload }) => {
    const sessionId = attr(payload, "session-id") ?? "";
    const identity = authority.logout(sessionId);
    if (identity === undefined) return iqError(iq, refusal(invalidSession));
    log.info("Logged out", { identity: pii(identity) });
    return iqResult(iq, xml("logout", { xmlns: NS.focus }));
  });
}

/** The answer to a `login-url` question. */
export function answerLoginUrl(iq: Element, payload: Element, authority: Authority): Element {
  const room = attr(payload, "room") ?? "";
  if (room === "") return iqError(iq, stanzaError("not-acceptable", "No 'room' specified."));
  if ((attr(payload, "machine-uid") ?? "").trim() === "")
    return iqError(iq, stanzaError("bad-request", "missing mandatory attribute 'machine-uid'"));
  const url = authority.loginUrl(room);
  const encoded = url === undefined ? undefined : formEncoded(url);
  return iqResult(iq, xml("login-url", { xmlns: NS.focus, url: encoded }));
}

/** `application/x-www-form-urlencoded`, in which clients expect the address. */
function formEncoded(text: string): string {
  return new URLSearchParams([["", text]]).toString().slice(1);
}
