import { exportCounters } from "../export/export-counters.ts";

/** Totals that conferences count, by upstream's metric name (jvb-control 6.6). */
export const conferenceCounters = [
  ...exportCounters,
  "conferences_created",
  "conferences_completed",
  "conference_seconds",
  "endpoints",
  "visitors",
  "endpoints_no_message_transport_after_delay",
  "data_channel_messages_received",
  "data_channel_messages_sent",
  "colibri_web_socket_messages_received",
  "colibri_web_socket_messages_sent",
  "rejected_data_channels",
  "data_channel_slowed",
  "data_channel_flooded",
  "dtls_handshakes_delayed",
  "taken_ssrcs_refused",
  "ice_succeeded",
  "ice_succeeded_relayed",
  "ice_failed",
  "ice_restarts_started",
  "ice_restarts_rejected",
  "ice_restarts_not_established",
  "ice_restarts_agent_creation_failed",
  "ice_restarts_succeeded",
  "ice_restarts_superseded",
  "ice_restarts_failed",
  "endpoints_ice_failed",
  "endpoints_dtls_failed",
  "endpoints_disconnected",
  "endpoints_reconnected",
  "colibri_queue_exceptions",
] as const;
export type ConferenceCounter = (typeof conferenceCounters)[number];

/** Zero for every counter. */
export function zeroCounters(): Record<ConferenceCounter, number> {
  return Object.fromEntries(conferenceCounters.map((name) => [name, 0])) as Record<
    ConferenceCounter,
    number
  >;
}
