import { expect } from "chai";
import { VirtualRuntime } from "#shared/testing/virtual-runtime";
import { createMetrics } from "./metrics.ts";

/** `/metrics` of upstream as JSON (transcript 09a), without the Jingle counters of first use. */
const upstream = `version conferences_created_total conferences_seconds endpoint_seconds
participants_total participants_no_start_muted_rmd_total participants_moved_total
bridges_removed_total participants_ice_failed_total participants_restart_requested_total
largest_conference participants_current visitors_current conferences conferences_with_visitors
participants_pairs jibri_sip_failures_total jibri_recording_failures_total
jibri_live_streaming_failures_total jibri_no_instance_failures_total jibri_live_streaming_active
jibri_recording_active jibri_sip_active jigasi_sip_count jigasi_sip_in_graceful_shutdown_count
jigasi_transcriber_count jigasi_iq_handler_rejected_requests_total
jigasi_iq_handler_accepted_requests_total jigasi_iq_handler_retries_total
jigasi_iq_handler_instance_errors_total jigasi_iq_handler_instance_timeouts_total
conference_requests_total conference_requests_new_total bridge_selector_lost_bridges_total
bridge_selector_bridge_count bridge_selector_bridge_count_operational
bridge_selector_bridge_count_in_shutdown bridge_selector_bridge_version_count
load_redistributor_endpoints_moved_total bridge_selection_rate_limited_total jibri_instances
jibri_instances_available sip_jibri_instances sip_jibri_instances_available threads
xmpp_disconnects_total`.split(/\s+/);

describe("createMetrics", () => {
  const make = () => createMetrics(new VirtualRuntime().clock, "1.1.x");

  it("has every metric of upstream from the start", () => {
    const names = Object.keys(make().registry.json());
    expect(upstream.filter((name) => !names.includes(name))).to.deep.equal([]);
  });

  it("counts by name, makes Jingle counters on first use and adds to accumulating gauges", () => {
    const metrics = make();
    metrics.count("participants");
    metrics.count("jingle_session_initiate_sent", 2);
    metrics.count("endpoint_seconds", 1.5);
    metrics.count("bridge_restart_requests", 1, { jvb: "jvb1" });
    const json = metrics.registry.json();
    expect(json["participants_total"]).to.equal(1);
    expect(json["jingle_session_initiate_sent_total"]).to.equal(2);
    expect(json["endpoint_seconds"]).to.equal(1.5);
    expect(metrics.registry.prometheus()).to.match(
      /jitsi_jicofo_bridge_restart_requests_total\{jvb="jvb1",?\} 1/,
    );
  });
});
