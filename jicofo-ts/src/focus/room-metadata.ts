/** What the room_metadata component says of a room (spec jicofo 3.6). */
import { shapeFault } from "#shared/bridge-channel/json-shape";
import { parseJsonMessage } from "#shared/stanza/json-message";
import { type BareJid, parseBareJid } from "#shared/xmpp/jid";
import { NS } from "#shared/xmpp/namespaces";
import { attr, childOf, childText, type Element } from "#shared/xmpp/xml";

/** As much of it as is acted upon. */
export interface RoomMetadata {
  readonly room: BareJid;
  /** `undefined`: nothing is said of it, what was said before still counts. */
  readonly startMuted: { readonly audio: boolean; readonly video: boolean } | undefined;
}

/** Reads a message; whatever it is not, is `undefined` and to be ignored. */
export function parseRoomMetadata(message: Element): RoomMetadata | undefined {
  const type = attr(message, "type") ?? "normal";
  const element = childOf(message, "json-message", NS.jitmeet);
  if (type !== "normal" || element === undefined) return undefined;
  const room = parseBareJid(attr(element, "room") ?? "");
  const text = childText(message, "json-message", NS.jitmeet) ?? "";
  const json = shapeFault(text) === undefined ? parseJsonMessage(message) : undefined;
  if (room === undefined || json?.type.toLowerCase() !== "room_metadata") return undefined;
  const metadata = fieldsOf(json.body["metadata"]);
  if (metadata === undefined) return undefined;
  const startMuted = fieldsOf(metadata["startMuted"]);
  return {
    room,
    startMuted: startMuted && {
      audio: startMuted["audio"] === true,
      video: startMuted["video"] === true,
    },
  };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? { ...value }
    : undefined;
}
