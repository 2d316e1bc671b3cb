import { NS } from "#shared/xmpp/namespaces";
import { xml } from "#shared/xmpp/xml";
import { parseRoomMetadata } from "./room-metadata.ts";

const utf8 = new TextDecoder();

/** Any text as the JSON of a message from the component. */
export const targets: Record<string, (input: Uint8Array) => void> = {
  "room-metadata": (input) => {
    const json = xml("json-message", { xmlns: NS.jitmeet, room: "r@x" }, utf8.decode(input));
    parseRoomMetadata(xml("message", {}, json));
  },
};

export const seeds: Record<string, Uint8Array[]> = {
  "room-metadata": [
    new TextEncoder().encode(
      '{"type":"room_metadata","metadata":{"startMuted":{"audio":true},"visitors":{"live":true}}}',
    ),
  ],
};
