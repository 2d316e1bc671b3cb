import { parseRoom } from "../stanza/conference-request.ts";
import { bareOf, parseBareJid, parseJid, resourceOf } from "./jid.ts";

/** Any text is an address or none; an address reads the same again. */
export const targets: Record<string, (input: Uint8Array) => void> = {
  jid: (input) => {
    const text = new TextDecoder().decode(input);
    const jid = parseJid(text);
    if (jid !== undefined) {
      if (parseJid(jid) !== jid) throw new Error(`reads differently again: ${jid}`);
      const bare = bareOf(jid);
      if (parseBareJid(bare) !== bare) throw new Error(`its bare address does not: ${bare}`);
      resourceOf(jid);
    }
    const room = parseRoom(text);
    if (room !== undefined && parseBareJid(room) !== room) throw new Error(`no room: ${room}`);
  },
};

export const seeds: Record<string, Uint8Array[]> = {
  jid: ["Room@Conference.Example.com/Nick é", "a.b", "x@y/z@w/v", "[::1]/r", "ß@ﬀ.x/\u200b"].map(
    (text) => new TextEncoder().encode(text),
  ),
};
