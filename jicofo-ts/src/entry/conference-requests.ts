import type { Logger } from "#shared/logging/logger";
import { pii } from "#shared/logging/pii";
import { err, ok, type Result } from "#shared/runtime/result";
import type { Session } from "../authentication/authority.ts";
import type { Focus } from "../focus/door.ts";
import type { ConferenceRequest, ConferenceResponse, RequestFault } from "../focus/request.ts";
import type { Gate } from "./gate.ts";
import type { FocusMetrics } from "./metrics.ts";

/** What both entries do with a request they could read. Never rejects. */
export type AskForConference = (
  request: ConferenceRequest,
) => Promise<Result<ConferenceResponse, RequestFault>>;

/**
 * Counts a request, says so in the log and hands it to the focus. `gate`: absent where anybody may
 * create rooms.
 */
export function conferenceRequests(
  focus: Focus,
  metrics: FocusMetrics,
  log: Logger,
  gate?: Gate,
): AskForConference {
  return async (request) => {
    const { room, from } = request;
    const known = focus.has(room);
    const { verdict, loud } = focus.admit(request);
    metrics.counter.conference_requests.inc();
    if (!known) metrics.counter.conference_requests_new.inc();
    const asked = { room, from: from === undefined ? "http" : pii(from), new: !known };
    if (verdict === "refused") return err(tooMany);
    let session: Session | undefined;
    if (gate !== undefined) {
      const admitted = gate(request);
      if (!admitted.ok) {
        log[loud ? "info" : "debug"]("Refused a conference request", {
          ...asked,
          why: admitted.error.text,
        });
        return admitted;
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
