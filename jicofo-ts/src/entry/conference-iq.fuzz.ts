import { parseJid } from "#shared/xmpp/jid";
import { NS } from "#shared/xmpp/namespaces";
import { xml } from "#shared/xmpp/xml";
import { parseConference, realSender } from "./conference-iq.ts";

/** Attributes of a conference request and addresses that come through a proxy. */
export const targets: Record<string, (input: Uint8Array) => void> = {
  conferenceIq: (input) => {
    const [room = "", session, name, value] = new TextDecoder().decode(input).split("\n");
    const from = parseJid(`focus.example.com/${room}`);
    if (!from) return;
    const payload = xml(
      "conference",
      { xmlns: NS.focus, room, "session-id": session },
      xml("property", { name, value }),
    );
    parseConference(payload, realSender(from, "focus.example.com"));
  },
};

export const seeds: Record<string, Uint8Array[]> = {
  conferenceIq: ["r@conference.example.com\ns\nvisitor\ntrue", "u@example.com/a/b@c"].map((text) =>
    new TextEncoder().encode(text),
  ),
};
