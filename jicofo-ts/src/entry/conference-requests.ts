import type { Logger } from "#shared/logging/logger";
import { pii } from "#shared/logging/pii";
import type { Result } from "#shared/runtime/result";
import type { Focus } from "../focus/door.ts";
import type { ConferenceRequest, ConferenceResponse, RequestFault } from "../focus/request.ts";
import type { FocusMetrics } from "./metrics.ts";

/** What both entries do with a request they could read. Never rejects. */
export type AskForConference = (
  request: ConferenceRequest,
) => Promise<Result<ConferenceResponse, RequestFault>>;

/** Counts a request, says so in the log and hands it to the focus. */
export function conferenceRequests(
  focus: Focus,
  metrics: FocusMetrics,
  log: Logger,
): AskForConference {
  return (request) => {
    const { room, from } = request;
    const known = focus.has(room);
    metrics.counter.conference_requests.inc();
    if (!known) metrics.counter.conference_requests_new.inc();
    log.info("Conference request", {
      room,
      from: from === undefined ? "http" : pii(from),
      new: !known,
    });
    return focus.request(request);
  };
}
