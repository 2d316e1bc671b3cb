/** Upstream's metrics of the focus (spec jicofo 10.2): one table, checked by name against what is counted. */

import type { Counter, Gauge } from "#shared/metrics/registry";
import { MetricsRegistry } from "#shared/metrics/registry";
import type { Clock } from "#shared/runtime/runtime";

/** Every counter, without prefix and `_total`. */
const counters = {
  conference_requests: "Conference requests received.",
  conference_requests_new: "Conference requests received for rooms without a conference.",
  conference_requests_refused:
    "Conference requests refused: too many, not logged in, or for a room that is no conference's.",
  conference_rooms_refused:
    "Conference requests for rooms that are no conference's: breweries and other services.",
  conferences_created: "Conferences created since the start.",
  participants: "Participants invited since the start.",
  participants_no_start_muted_rmd:
    "Participants whose client does not take start-muted from room metadata.",
  participants_moved: "Participants moved away from a bridge that failed.",
  bridges_removed: "Times a bridge was taken out of a conference because it failed.",
  participants_ice_failed: "Participants that reported an ICE failure.",
  participants_restart_requested: "Restarts that participants asked for by session-terminate.",
  ice_restarts_requested: "ICE restarts asked for within a session.",
  ice_restarts_relayed: "ICE restarts whose new bridge transport was sent to the client.",
  ice_restarts_not_needed: "ICE restarts to which the bridge answered without a new transport.",
  ice_restarts_failed: "ICE restarts that the bridge refused.",
  bridge_selection_rate_limited:
    "Selections in which a conference had reached its growth limit on a bridge.",
  bridge_selector_lost_bridges: "Bridges that left without announcing it.",
  load_redistributor_endpoints_moved: "Endpoints moved away from bridges under stress.",
  jingle_requests_refused: "Jingle requests refused: not theirs, of what is over, or too many.",
  mute_requests_refused: "Mute requests refused.",
  jibri_sip_failures: "SIP calls of recorders that failed.",
  jibri_recording_failures: "Recordings that failed.",
  jibri_live_streaming_failures: "Live streams that failed.",
  jibri_no_instance_failures: "Requests for which no recorder was free.",
  jigasi_iq_handler_rejected_requests: "Dial requests refused.",
  jigasi_iq_handler_accepted_requests: "Dial requests accepted.",
  jigasi_iq_handler_retries: "Dial requests tried again with another gateway.",
  jigasi_iq_handler_instance_errors: "Errors that gateways answered.",
  jigasi_iq_handler_instance_timeouts: "Dial requests that gateways did not answer.",
  xmpp_disconnects: "Times an XMPP connection was lost.",
  xmpp_late_replies: "Answers to requests over XMPP that came after they had been given up.",
} as const;

/** Counters by bridge nick. */
const bridgeCounters = {
  bridge_restart_requests: "Restarts that endpoints of a bridge asked for.",
  bridge_endpoints_moved: "Endpoints moved away from a bridge under stress.",
} as const;

/** Every gauge without labels. */
const gauges = {
  conferences: "Conferences now, those of health checks left out.",
  conferences_with_visitors: "Conferences with at least one visitor.",
  largest_conference: "Participants of the largest conference.",
  participants_current: "Participants now, visitors included.",
  visitors_current: "Visitors now.",
  participants_pairs: "Sum over conferences of the square of their participants.",
  conferences_seconds: "Duration of all conferences that ended, in seconds.",
  endpoint_seconds: "Duration of all participants that left, in seconds.",
  threads: "Threads of this process.",
  healthy: "Whether the last health check passed.",
  bridge_selector_bridge_count: "Bridges in the brewery.",
  bridge_selector_bridge_count_operational: "Bridges that may be selected.",
  bridge_selector_bridge_count_in_shutdown: "Bridges in graceful shutdown.",
  bridge_selector_bridge_version_count: "Different versions among the bridges.",
  jibri_instances: "Recorders in the brewery.",
  jibri_instances_available: "Recorders that are free.",
  sip_jibri_instances: "SIP recorders in the brewery.",
  sip_jibri_instances_available: "SIP recorders that are free.",
  jibri_live_streaming_active: "Live streams now.",
  jibri_recording_active: "Recordings now.",
  jibri_sip_active: "SIP calls of recorders now.",
  jigasi_sip_count: "Gateways that can dial.",
  jigasi_sip_in_graceful_shutdown_count: "Gateways that can dial and are in graceful shutdown.",
  jigasi_transcriber_count: "Gateways that can transcribe.",
} as const;

/** Gauges by bridge nick. */
const bridgeGauges = {
  bridge_endpoints: "Endpoints of this focus on a bridge.",
  bridge_failing_ice: "Whether a bridge is avoided because its endpoints restart too often.",
} as const;

export type CounterName = keyof typeof counters;
export type GaugeName = keyof typeof gauges;

/** All metrics of the focus by name. */
export interface FocusMetrics {
  readonly registry: MetricsRegistry;
  readonly counter: Readonly<Record<CounterName, Counter>>;
  readonly gauge: Readonly<Record<GaugeName, Gauge>>;
  readonly bridgeCounter: Readonly<Record<keyof typeof bridgeCounters, Counter>>;
  readonly bridgeGauge: Readonly<Record<keyof typeof bridgeGauges, Gauge>>;
  /**
   * Counts under a name that the focus uses: a counter of the table, an accumulating gauge, or
   * `jingle_<action>_sent|received`, which is made on its first use. `labels.jvb`: nick of a bridge.
   */
  count(name: string, by?: number, labels?: Readonly<Record<string, string>>): void;
}

/** Makes every metric, so that all are there from the first scrape. */
export function createMetrics(clock: Clock, version: string): FocusMetrics {
  const registry = new MetricsRegistry({ prefix: "jitsi_jicofo", clock });
  registry.info("version", "Version of the focus.", version);
  const make = <N extends string, M>(
    table: Readonly<Record<N, string>>,
    one: (name: N, help: string) => M,
  ) =>
    Object.fromEntries(
      (Object.entries(table) as [N, string][]).map(([name, help]) => [name, one(name, help)]),
    ) as Record<N, M>;
  const counter = make(counters, (name, help) => registry.counter(name, { help }));
  const gauge = make(gauges, (name, help) =>
    registry.gauge(name, { help, initial: name === "healthy" ? 1 : 0 }),
  );
  const labels = ["jvb"];
  const bridgeCounter = make(bridgeCounters, (name, help) =>
    registry.counter(name, { help, labels }),
  );
  const bridgeGauge = make(bridgeGauges, (name, help) => registry.gauge(name, { help, labels }));
  const byName = new Map<string, { add(by: number, labels?: readonly string[]): void }>([
    ...Object.entries(counter),
    ...Object.entries(gauge),
    ...Object.entries(bridgeCounter),
  ]);
  return {
    registry,
    counter,
    gauge,
    bridgeCounter,
    bridgeGauge,
    count: (name, by = 1, given) => {
      let metric = byName.get(name);
      if (metric === undefined) {
        metric = registry.counter(name, { help: `Times ${name.replaceAll("_", " ")}.` });
        byName.set(name, metric);
      }
      const jvb = given?.["jvb"];
      metric.add(by, jvb === undefined ? undefined : [jvb]);
    },
  };
}
