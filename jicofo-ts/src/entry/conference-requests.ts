import type { Logger } from "#shared/logging/logger";
import { pii } from "#shared/logging/pii";
import { ok, type Result } from "#shared/runtime/result";
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
    metrics.counter.conference_requests.inc();
    if (!known) metrics.counter.conference_requests_new.inc();
    const asked = { room, from: from === undefined ? "http" : pii(from), new: !known };
    let session: Session | undefined;
    if (gate !== undefined) {
      const admitted = gate(request);
      if (!admitted.ok) {
        log.info("Refused a conference request", { ...asked, why: admitted.error.text });
        return admitted;
      }
      session = admitted.value;
    }
    log.info("Conference request", asked);
    const answer = await focus.request(request);
    if (!answer.ok || session === undefined) return answer;
    return ok({ ...answer.value, sessionId: session.id, identity: session.identity });
  };
}
