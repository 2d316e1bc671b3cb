/** Structural rules of one COLIBRI2 request, checked before anything changes (jvb-control 2.4). */
import type { ColibriEndpoint, ColibriError, ConferenceModify } from "#shared/stanza/colibri2";
import { refusal } from "./refusal.ts";

function changesMedia(endpoint: ColibriEndpoint): boolean {
  return (
    endpoint.create ||
    endpoint.media.length > 0 ||
    endpoint.transport !== undefined ||
    endpoint.sources !== undefined
  );
}

function unsupported(text: string): ColibriError {
  return refusal("feature-not-implemented", text, "feature_not_implemented");
}

/** Why the request as a whole is refused, or undefined. */
export function structuralFault(request: ConferenceModify): ColibriError | undefined {
  const { endpoints, relays } = request;
  if (endpoints.length > 0 && relays.length > 0) {
    return unsupported("Using both 'relay' and 'endpoint' in a request");
  }
  if (endpoints.length > 1 && endpoints.some(changesMedia)) {
    return unsupported(
      "Creating or updating media, sources or transport for more than one endpoint in a request.",
    );
  }
  // Upstream refuses several relays always; the focus may expire several at once.
  if (relays.length > 1 && !relays.every((relay) => relay.expire)) {
    return unsupported("Updating more than one 'relay' in a request.");
  }
  return undefined;
}

/** Whether unknown ids are echoed without error: nothing in the request needs the endpoint. */
export function toleratesUnknownIds(request: ConferenceModify): boolean {
  return !request.endpoints.some(changesMedia) && request.relays.every((relay) => relay.expire);
}
