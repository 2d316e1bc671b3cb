/** `/stats` (spec jicofo 10.4, transcript 09a): one object of current figures and totals. */
import type { Bridge } from "../bridge/bridge.ts";
import type { BridgeRegistry } from "../bridge/registry.ts";
import type { FocusFigures } from "../focus/door.ts";
import { actionName } from "../jingle/action-name.ts";
import type { HealthReport } from "./health-checker.ts";
import type { FocusMetrics } from "./metrics.ts";

/** What the figures are made of. */
export interface StatsSources {
  readonly figures: FocusFigures;
  readonly bridges: readonly Bridge[];
  readonly metrics: FocusMetrics;
  readonly version: string;
  readonly jigasiConfigured: boolean;
  /** Threads of this process. */
  readonly threads: number;
  /** Absent: health checks are off. */
  readonly health: HealthReport | undefined;
}

/** Lower bounds of the buckets of conference sizes; the last bucket has no upper bound. */
const bounds = [0, 1, 2, 3, 5, 10, 20, 50, 100, 200, 300, 400, 500] as const;

export function statsObject(sources: StatsSources): Record<string, unknown> {
  const { figures, metrics, version, health } = sources;
  const total = (name: keyof FocusMetrics["counter"]) => metrics.counter[name].get();
  const now = (name: keyof FocusMetrics["gauge"]) => metrics.gauge[name].get();
  return {
    total_participants: total("participants"),
    total_conferences_created: total("conferences_created"),
    conferences: figures.conferences,
    conferences_with_visitors: 0,
    bridge_failures: {
      participants_moved: total("participants_moved"),
      bridges_removed: total("bridges_removed"),
    },
    participant_notifications: {
      ice_failed: total("participants_ice_failed"),
      request_restart: total("participants_restart_requested"),
    },
    largest_conference: figures.largestConference,
    participants: figures.participants,
    visitors: 0,
    conference_sizes: sizesObject(figures.sizes),
    endpoint_pairs: figures.pairs,
    jibri: {
      total_sip_call_failures: total("jibri_sip_failures"),
      total_live_streaming_failures: total("jibri_live_streaming_failures"),
      total_recording_failures: total("jibri_recording_failures"),
      live_streaming_active: now("jibri_live_streaming_active"),
      recording_active: now("jibri_recording_active"),
      sip_call_active: now("jibri_sip_active"),
    },
    queues: {},
    bridge_selector: bridgesObject(sources.bridges, total("bridge_selector_lost_bridges")),
    jibri_detector: { count: now("jibri_instances"), available: now("jibri_instances_available") },
    sip_jibri_detector: {
      count: now("sip_jibri_instances"),
      available: now("sip_jibri_instances_available"),
    },
    ...jigasiObjects(sources),
    threads: sources.threads,
    jingle: {
      sent: actionCounts(figures.jingleSent),
      received: actionCounts(figures.jingleReceived),
    },
    version,
    ...(health ? healthObjects(health) : {}),
  };
}

/** Brings every gauge up to date that is not counted as it changes. */
export function updateGauges(
  metrics: FocusMetrics,
  figures: FocusFigures,
  bridges: BridgeRegistry,
  now: number,
  threads: number,
): void {
  const { gauge, bridgeGauge, counter } = metrics;
  gauge.conferences.set(figures.conferences);
  gauge.largest_conference.set(figures.largestConference);
  gauge.participants_current.set(figures.participants);
  gauge.participants_pairs.set(figures.pairs);
  gauge.threads.set(threads);
  const all = bridges.bridges(now);
  const { bridge_count, operational_bridge_count, in_shutdown_bridge_count, bridge_version_count } =
    bridgesObject(all, 0);
  gauge.bridge_selector_bridge_count.set(bridge_count);
  gauge.bridge_selector_bridge_count_operational.set(operational_bridge_count);
  gauge.bridge_selector_bridge_count_in_shutdown.set(in_shutdown_bridge_count);
  gauge.bridge_selector_bridge_version_count.set(bridge_version_count);
  for (const { nick, endpoints, failingIce } of all) {
    bridgeGauge.bridge_endpoints.set(endpoints, [nick]);
    bridgeGauge.bridge_failing_ice.set(failingIce ? 1 : 0, [nick]);
  }
  raise(counter.bridge_selector_lost_bridges, bridges.lost);
  raise(counter.bridge_selection_rate_limited, bridges.rateLimited);
}

function raise(counter: FocusMetrics["counter"]["participants"], to: number): void {
  counter.add(Math.max(0, to - counter.get()));
}

function bridgesObject(bridges: readonly Bridge[], lost: number) {
  return {
    bridge_count: bridges.length,
    operational_bridge_count: bridges.filter((one) => one.operational).length,
    in_shutdown_bridge_count: bridges.filter((one) => one.gracefulShutdown).length,
    lost_bridges: lost,
    bridge_version_count: new Set(bridges.map((one) => one.fullVersion)).size,
  };
}

/** COMPAT(jicofo): shape of a Java bucket statistic. */
function sizesObject(counted: readonly number[]): Record<string, unknown> {
  const totalValue = counted.reduce((sum, size) => sum + size, 0);
  const buckets: Record<string, number> = {};
  bounds.forEach((low, at) => {
    const high = bounds[at + 1];
    buckets[`${low}_to_${high ?? "max"}`] = counted.filter(
      (size) => size >= low && (high === undefined || size < high),
    ).length;
  });
  return {
    average: counted.length === 0 ? 0 : totalValue / counted.length,
    max: Math.max(0, ...counted),
    min: 0,
    total_value: totalValue,
    total_count: counted.length,
    discarded: 0,
    buckets: { ...buckets, p99_upper_bound: -1, p999_upper_bound: -1 },
  };
}

function jigasiObjects({ metrics, jigasiConfigured }: StatsSources): Record<string, unknown> {
  if (!jigasiConfigured) return { jigasi: {} };
  const total = (name: keyof FocusMetrics["counter"]) => metrics.counter[name].get();
  return {
    jigasi_detector: {
      sip_count: metrics.gauge.jigasi_sip_count.get(),
      sip_in_graceful_shutdown_count: metrics.gauge.jigasi_sip_in_graceful_shutdown_count.get(),
      transcriber_count: metrics.gauge.jigasi_transcriber_count.get(),
    },
    jigasi: {
      rejected_requests: total("jigasi_iq_handler_rejected_requests"),
      accepted_requests: total("jigasi_iq_handler_accepted_requests"),
      retries: total("jigasi_iq_handler_retries"),
      instance_errors: total("jigasi_iq_handler_instance_errors"),
      instance_timeout: total("jigasi_iq_handler_instance_timeouts"),
      requests_failed_no_instance: 0,
      requests_failed_xmpp_not_connected: 0,
    },
  };
}

/** Upstream's constants: `session-initiate` is SESSION_INITIATE, `source-add` SOURCEADD. */
function actionCounts(counts: ReadonlyMap<string, number>): Record<string, number> {
  const named: Record<string, number> = {};
  for (const [action, count] of counts) named[actionName(action).toUpperCase()] = count;
  return named;
}

function healthObjects(health: HealthReport): Record<string, unknown> {
  return {
    slow_health_check: health.slow,
    healthy: health.success,
    health: {
      success: health.success,
      hardFailure: health.hardFailure,
      responseCode: health.responseCode,
      sticky: false,
      message: health.message,
    },
  };
}
