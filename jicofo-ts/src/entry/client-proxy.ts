import type { Unsubscribe, XmppConnection } from "#shared/xmpp/connection";
import { attr, xml } from "#shared/xmpp/xml";

/**
 * Keeps us known to mod_client_proxy, which forwards requests only to sessions that it has seen
 * presence of (spec xmpp-wire C1). It is told after each login, and whenever it asks for our
 * presence: it does so when it is loaded, and then knows nobody. Where there is no such module
 * nobody minds. What is returned ends it.
 */
export function keepKnown(connection: XmppConnection, proxy: string): Unsubscribe {
  const tell = () => connection.send(xml("presence", { to: proxy }));
  const noStates = connection.onState(({ state }) => {
    if (state === "online") tell();
  });
  const noStanzas = connection.onStanza((stanza) => {
    const asks = stanza.name === "presence" && attr(stanza, "type") === "subscribe";
    if (!asks || attr(stanza, "from") !== proxy) return;
    connection.send(xml("presence", { to: proxy, type: "subscribed" }));
    tell();
  });
  if (connection.state === "online") tell();
  return () => {
    noStates();
    noStanzas();
  };
}
