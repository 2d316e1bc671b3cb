/** What the focus says of itself to others: presence, capabilities, disco#info (spec jicofo 1.5). */
import type { XmppConnection } from "#shared/xmpp/connection";
import { answerDisco, answerVersion } from "#shared/xmpp/disco";
import { NS } from "#shared/xmpp/namespaces";
import { type Element, xml } from "#shared/xmpp/xml";

/**
 * Sends presence after each login and answers disco#info and version on that connection. Returns
 * the maker of `<c>` for presence in rooms.
 */
export function describeOurselves(
  connection: XmppConnection,
  version: string,
  os: string,
): () => Element {
  const { caps } = answerDisco(connection, {
    node: "http://jitsi.org/jicofo",
    identities: [{ category: "client", type: "pc", name: "jicofo" }],
    features: [
      NS.muc,
      NS.ping,
      NS.version,
      NS.jingle,
      // Clients may end a session to have a new one.
      "https://jitsi.org/meet/jicofo/terminate-restart",
    ],
  });
  answerVersion(connection, { name: "Jicofo", version, os });
  connection.onState(({ state, resumed }) => {
    if (state !== "online" || resumed) return;
    connection.send(xml("presence", {}, xml("priority", {}, "0"), caps()));
  });
  return caps;
}

/** Answers disco#info and version on the component stream, where clients find us by our domain. */
export function describeComponent(connection: XmppConnection, version: string, os: string): void {
  answerDisco(connection, {
    node: "http://jitsi.org/jicofo",
    identities: [{ category: "component", type: "generic", name: "jicofo" }],
    features: [NS.ping, NS.version, NS.focus],
  });
  answerVersion(connection, { name: "Jicofo", version, os });
}
