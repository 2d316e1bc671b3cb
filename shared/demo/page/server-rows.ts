/** What the servers' view reads out of the focus' `/debug`, without a page. */

export type Json = Record<string, unknown>;

export const object = (value: unknown): Json =>
  typeof value === "object" && value !== null ? (value as Json) : {};
export const text = (value: unknown): string =>
  value === undefined || value === null ? "–" : String(value);

/** A word about a state, and how it is coloured. */
export interface StateWord {
  readonly word: string;
  readonly kind: "ok" | "warn" | "bad";
}

/** A bridge as the focus' selector judges it: the worst that it says first. */
export function bridgeState(record: Json): StateWord {
  if (record["operational"] !== true) return { word: "not operational", kind: "bad" };
  if (record["shutting-down"] === true || record["graceful-shutdown"] === true)
    return { word: "shutting down", kind: "warn" };
  if (record["drain"] === true) return { word: "drained", kind: "warn" };
  if (record["failing-ice"] === true) return { word: "ICE fails", kind: "bad" };
  if (record["overloaded"] === true) return { word: "overloaded", kind: "warn" };
  return { word: "operational", kind: "ok" };
}

/** Somebody in a room. */
export interface Person {
  readonly room: string;
  readonly id: string;
  readonly role: string;
  /** Of the Jingle session, or why there is none. */
  readonly session: string;
  readonly bridge: string;
  readonly ssrcs: string;
}

/** Everybody of `/debug/conferences-full`, those too whom the focus has not invited. */
export function people(conferences: unknown): Person[] {
  return Object.entries(object(conferences)).flatMap(([room, value]) => {
    const conference = object(value);
    const members = object(object(conference["chat_room"])["members"]);
    const invited = object(conference["participants"]);
    const allocated = object(object(conference["colibri_session_manager"])["participants"]);
    const ids = [...new Set([...Object.keys(invited), ...Object.keys(members)])];
    return ids.map((id): Person => {
      const session = object(object(invited[id])["jingle_session"]);
      const { sources } = object(object(conference["conference_sources"])[id]);
      const none = ids.length === 1 ? "alone, no session yet" : "no session yet";
      return {
        room,
        id,
        role: text(object(members[id])["role"]),
        session: session["state"] === undefined ? none : text(session["state"]),
        bridge: text(object(allocated[id])["bridge"]),
        ssrcs: Array.isArray(sources) ? String(sources.length) : "0",
      };
    });
  });
}
