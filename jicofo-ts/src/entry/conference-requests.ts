import type { Logger } from "#shared/logging/logger";
import { pii } from "#shared/logging/pii";
import { err, ok, type Result } from "#shared/runtime/result";
import type { Clock } from "#shared/runtime/runtime";
import { bareOf, parseJid } from "#shared/xmpp/jid";
import type { Session } from "../authentication/authority.ts";
import type { Focus } from "../focus/door.ts";
import type { ConferenceRequest, ConferenceResponse, RequestFault } from "../focus/request.ts";
import type { Gate } from "./gate.ts";
import type { FocusMetrics } from "./metrics.ts";
import { QuietLines } from "./quiet-lines.ts";
import type { RoomFault } from "./room-rules.ts";

/** What both entries do with a request they could read. Never rejects. */
export type AskForConference = (
  request: ConferenceRequest,
) => Promise<Result<ConferenceResponse, RequestFault>>;

/** What requests are handled with. */
export interface RequestPorts {
  readonly focus: Focus;
  readonly metrics: FocusMetrics;
  readonly log: Logger;
  readonly clock: Clock;
  /** Why a room is no conference's; absent: every room may be one. */
  readonly judgeRoom?: (room: string) => RoomFault | undefined;
  /** Absent where anybody may create rooms. */
  readonly gate?: Gate | undefined;
}

/** Guests wait for the host by asking every few seconds: each is named this often. */
const complaintInterval = 600_000;

/** Counts a request, says so in the log and hands it to the focus. */
export function conferenceRequests(ports: RequestPorts): AskForConference {
  const { focus, metrics, log, clock, judgeRoom, gate } = ports;
  const complaints = new QuietLines(complaintInterval);
  const refuse = (fault: RequestFault): Result<never, RequestFault> => {
    metrics.counter.conference_requests_refused.inc();
    return err(fault);
  };
  return async (request) => {
    const { room, from } = request;
    const known = focus.has(room);
    const { verdict, loud } = focus.admit(request);
    metrics.counter.conference_requests.inc();
    if (!known) metrics.counter.conference_requests_new.inc();
    const asked = { room, from: from === undefined ? "http" : pii(from), new: !known };
    if (verdict === "refused") return refuse(tooMany);
    const complain = (level: "info" | "warn", subject: string, why: string | undefined): void => {
      const unsaid = complaints.due(`${senderOf(request)} ${subject}`, clock.now());
      const address = request.origin?.address;
      log[loud && unsaid !== undefined ? level : "debug"]("Refused a conference request", {
        ...asked,
        address: address === undefined ? undefined : pii(address),
        why,
        unsaid: unsaid || undefined,
      });
    };
    const roomFault = judgeRoom?.(room);
    if (roomFault !== undefined) {
      metrics.counter.conference_rooms_refused.inc();
      // Once for all rooms: they are made up, as many as somebody likes.
      complain("warn", "", `the room is ${roomFault}`);
      return refuse(notForConferences);
    }
    let session: Session | undefined;
    if (gate !== undefined) {
      const admitted = gate(request);
      if (!admitted.ok) {
        complain("info", room, admitted.error.text);
        return refuse(admitted.error);
      }
      session = admitted.value;
    }
    // The protocol has no "wait" but this: clients ask again after 1, 2, 4 … s (spec jicofo 2.3).
    if (verdict === "later") return ok(named(focus.notReady(room), session));
    const identity = session && pii(session.identity);
    log[loud ? "info" : "debug"]("Conference request", { ...asked, identity });
    const answer = await focus.request(request);
    return answer.ok ? ok(named(answer.value, session)) : answer;
  };
}

/** Who asks, whatever its resource. */
function senderOf({ from, origin }: ConferenceRequest): string {
  if (from === undefined) return origin?.address ?? "http";
  const jid = parseJid(from);
  return jid === undefined ? from : bareOf(jid);
}

/** The response, saying whose session that is. */
function named(response: ConferenceResponse, session: Session | undefined): ConferenceResponse {
  if (session === undefined) return response;
  return { ...response, sessionId: session.id, identity: session.identity };
}

const tooMany: RequestFault = {
  type: "wait",
  condition: "resource-constraint",
  text: "too many requests",
  application: undefined,
};

/** Says nothing of what the room is. */
const notForConferences: RequestFault = {
  type: "cancel",
  condition: "not-allowed",
  text: "this room is not for conferences",
  application: undefined,
};
