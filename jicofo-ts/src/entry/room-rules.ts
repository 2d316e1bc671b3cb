/** Which rooms can be conferences: none of the breweries, nor anything near one. */

/** What the configuration says of rooms. */
export interface RoomSettings {
  /** Bare JIDs of all breweries that are configured, joined or not. */
  readonly breweries: readonly string[];
  /** MUC service of conferences; absent where none is configured. */
  readonly service: string | undefined;
  /** Services that are for conferences whatever else is there. */
  readonly usualServices: readonly string[];
}

/** Why a room is no conference's; for the log and the asker. */
export type RoomFault =
  | "a brewery"
  | "beside a brewery"
  | "outside jicofo.xmpp.client.conference-muc-jid";

/** Judges a room by its bare JID. `breakoutDomain`: of the breakout rooms' component, once known. */
export type JudgeRoom = (room: string, breakoutDomain: string | undefined) => RoomFault | undefined;

/**
 * Upstream opens a conference in any room. In a brewery the focus would then invite the bridges, and
 * leave it when they are gone; so no room of such a service is taken, unless conferences live there
 * too, and where the service of conferences is configured, rooms of no other.
 */
export function roomRules({ breweries, service, usualServices }: RoomSettings): JudgeRoom {
  const closed = new Set(breweries.map(skeleton));
  const open = new Set(usualServices.map(skeleton));
  const beside = new Set([...closed].map(domainOf).filter((domain) => !open.has(domain)));
  return (room, breakoutDomain) => {
    const bones = skeleton(room);
    const domain = domainOf(bones);
    if (closed.has(bones)) return "a brewery";
    if (beside.has(domain)) return "beside a brewery";
    if (service === undefined || open.has(domain)) return undefined;
    if (breakoutDomain !== undefined && domain === skeleton(breakoutDomain)) return undefined;
    return "outside jicofo.xmpp.client.conference-muc-jid";
  };
}

function domainOf(bones: string): string {
  return bones.slice(bones.lastIndexOf("@") + 1);
}

/**
 * An address as servers may see it (stringprep, RFC 3491): invisible characters, other dots, case and
 * a last dot are nothing to them, though two texts that differ so are two addresses to us.
 */
function skeleton(address: string): string {
  return address
    .normalize("NFKC")
    .replace(/\p{Default_Ignorable_Code_Point}/gu, "")
    .replace(/[\u3002\uff0e\uff61]/g, ".")
    .toUpperCase()
    .toLowerCase()
    .normalize("NFKC")
    .replace(/\.+$/, "");
}
