/** Who gets past the entry where authentication is on (spec jicofo 2.3 steps 5 and 6, 2.4). */
import { err, ok, type Result } from "#shared/runtime/result";
import type { Clock } from "#shared/runtime/runtime";
import { domainOf, parseJid } from "#shared/xmpp/jid";
import { NS } from "#shared/xmpp/namespaces";
import type { Authority, Denial, Session } from "../authentication/authority.ts";
import type { Focus } from "../focus/door.ts";
import type { ConferenceRequest, RequestFault } from "../focus/request.ts";

/** What the gate decides by. */
export interface GateOptions {
  readonly authority: Authority;
  readonly focus: Focus;
  readonly clock: Clock;
  /** Address of the component whose rooms need no authentication, once it is known. */
  readonly breakoutDomain: () => string | undefined;
}

/** Lets a request through, with the sender's session if there is one, or refuses it. */
export type Gate = (request: ConferenceRequest) => Result<Session | undefined, RequestFault>;

/** A gate in front of `focus`; members that turn out to be authenticated are told to it. */
export function createGate({ authority, focus, clock, breakoutDomain }: GateOptions): Gate {
  return ({ room, from: sender, sessionId, machineUid }) => {
    const domain = parseJid(room);
    if (domain !== undefined && domainOf(domain) === breakoutDomain()) return ok(undefined);
    const from = sender === undefined ? undefined : parseJid(sender);
    const known = authority.isAuthenticated(from);
    const session = authority.authenticate({ room, from, sessionId, machineUid }, clock.now());
    if (!session.ok) return err(denials[session.error]);
    const authenticated = authority.isAuthenticated(from);
    if (authenticated && !known && from !== undefined) focus.memberAuthenticated(from);
    // Guests wait until somebody else has opened the room.
    if (!authenticated && !focus.has(room) && !focus.hasBreakouts(room)) return err(notAuthorized);
    return session;
  };
}

const notAuthorized: RequestFault = {
  type: "auth",
  condition: "not-authorized",
  text: "not authorized user domain",
  application: undefined,
};

/** The refusal of a session that does not exist (any more): a client then asks without it. */
export const invalidSession: RequestFault = {
  type: "modify",
  condition: "not-acceptable",
  text: "invalid session",
  application: { name: "session-invalid", ns: NS.focus },
};

const denials: Readonly<Record<Denial, RequestFault>> = {
  "unknown session": invalidSession,
  "other machine": {
    ...invalidSession,
    text: "machine UID mismatch or empty",
    application: undefined,
  },
  "no machine": {
    ...invalidSession,
    text: "Missing mandatory attribute 'machine-uid'",
    application: undefined,
  },
};
