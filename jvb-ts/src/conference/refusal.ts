/** Refusals of COLIBRI2 requests (jvb-control 2.10). */
import type { ColibriError } from "#shared/stanza/colibri2";

/** A refusal with the `type` that RFC 6120 8.3.3 gives its condition. */
export function refusal(
  condition: string,
  text: string,
  reason?: ColibriError["reason"],
  endpointId?: string,
): ColibriError {
  const type = condition === "bad-request" ? "modify" : "cancel";
  return { condition, type, reason, text, endpointId };
}
