/** A bridge in the brewery: tells its load every 5 s and grants every COLIBRI2 request at once. */
import { realRuntime } from "#shared/runtime/real-runtime";
import { buildColibriStats } from "#shared/stanza/colibri-stats";
import type { ColibriEndpointReply, ColibriMediaSource } from "#shared/stanza/colibri2";
import { buildConferenceModified, colibriErrorReply } from "#shared/stanza/colibri2-reply";
import { parseConferenceModify } from "#shared/stanza/colibri2-request";
import { emptyTransport } from "#shared/stanza/ice-udp";
import { iqResult } from "#shared/stanza/iq";
import { recordingLogger } from "#shared/testing/recording-logger";
import { createXmppClient } from "#shared/xmpp/client";
import type { XmppConnection } from "#shared/xmpp/connection";
import { NS } from "#shared/xmpp/namespaces";
import { type Element, xml } from "#shared/xmpp/xml";

/** Names of everything that upstream's bridge tells of itself, so that presence has its true size. */
const quietStats =
  "incoming_loss outgoing_loss overall_loss endpoints_with_high_outgoing_loss tcc_unmatched_feedback local_active_endpoints bit_rate_download bit_rate_upload packet_rate_download packet_rate_upload rtt_aggregate num_eps_oversending octo_conferences inactive_conferences p2p_conferences receive_only_endpoints inactive_endpoints octo_endpoints endpoints_sending_audio endpoints_sending_video largest_conference octo_receive_bitrate octo_receive_packet_rate octo_send_bitrate octo_send_packet_rate endpoints_with_suspended_sources total_conferences_created total_conferences_completed total_conference_seconds total_participants total_visitors num_eps_no_msg_transport_after_delay total_relays num_relays_no_msg_transport_after_delay total_keyframes_received total_layering_changes_received total_video_stream_milliseconds_received visitors total_data_channel_messages_received total_data_channel_messages_sent total_colibri_web_socket_messages_received total_colibri_web_socket_messages_sent total_bytes_received endpoints_ice_failed dtls_failed_endpoints relays_ice_failed dtls_failed_relays total_bytes_sent total_packets_received total_packets_sent total_bytes_received_octo total_bytes_sent_octo total_packets_received_octo total_packets_sent_octo total_dominant_speaker_changes preemptive_kfr_sent preemptive_kfr_suppressed total_ice_failed total_ice_succeeded total_ice_succeeded_relayed".split(
    " ",
  );

const statsEveryMs = 5_000;

function feedbackSource(type: "audio" | "video", ssrc: number): ColibriMediaSource {
  const name = `jvb-${type[0]}0`;
  return {
    type,
    id: name,
    synthetic: false,
    sources: [
      { ssrc, name, msid: undefined, videoType: undefined, rid: undefined, owner: undefined },
    ],
    groups: [],
  };
}

export class SimulatedBridge {
  readonly #nick: string;
  readonly #authDomain: string;
  readonly #connection: XmppConnection;
  /** Endpoints by conference. */
  readonly #meetings = new Map<string, Set<string>>();
  #timer: NodeJS.Timeout | undefined;
  /** Requests that it refused: none in a good run. */
  refused = 0;

  constructor(port: number, authDomain: string, nick: string) {
    this.#nick = nick;
    this.#authDomain = authDomain;
    this.#connection = createXmppClient(
      {
        name: nick,
        host: "127.0.0.1",
        port,
        domain: authDomain,
        username: "jvb",
        password: "jvb",
        resource: nick,
        security: "disabled",
        disableCertificateVerification: false,
      },
      realRuntime,
      recordingLogger(),
    );
    this.#connection.handleIq({ type: "get", name: "healthcheck", ns: NS.healthcheck }, ({ iq }) =>
      iqResult(iq),
    );
    this.#connection.handleIq(
      { type: "get", name: "conference-modify", ns: NS.colibri2 },
      ({ iq, payload }) => this.#modify(iq, payload),
    );
  }

  start(): void {
    this.#connection.onState(({ state }) => {
      if (state === "online") this.#say(true);
    });
    this.#connection.start();
    this.#timer = setInterval(() => this.#say(false), statsEveryMs);
  }

  /** Conferences on it now. */
  get conferences(): number {
    return this.#meetings.size;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#connection.stop();
  }

  #say(joins: boolean): void {
    let endpoints = 0;
    for (const meeting of this.#meetings.values()) endpoints += meeting.size;
    const stats: [string, string | number][] = quietStats.map((name) => [name, 0]);
    stats.push(
      ["stress_level", (0.05 + endpoints / 10_000).toFixed(4)],
      ["conferences", this.#meetings.size],
      ["endpoints", endpoints],
      ["participants", endpoints],
      ["local_endpoints", endpoints],
      ["average_participant_stress", "0.01"],
      ["threads", 38],
      ["graceful_shutdown", "false"],
      ["shutting_down", "false"],
      ["drain", "false"],
      ["healthy", "true"],
      ["relay_id", this.#nick],
      ["version", "2.3.SNAPSHOT"],
      ["region", "region1"],
    );
    const to = `jvbbrewery@internal.${this.#authDomain}/${this.#nick}`;
    this.#connection.send(
      xml(
        "presence",
        { to },
        joins ? xml("x", { xmlns: NS.muc }) : undefined,
        buildColibriStats(stats),
      ),
    );
  }

  #modify(iq: Element, payload: Element): Element {
    const parsed = parseConferenceModify(payload);
    const modify = parsed.ok ? parsed.value : undefined;
    const meetingId = modify?.meetingId ?? "";
    if (modify?.expire === true) {
      this.#meetings.delete(meetingId);
      return iqResult(iq, xml("conference-modified", { xmlns: NS.colibri2 }));
    }
    if (modify?.create === true) this.#meetings.set(meetingId, new Set());
    const meeting = this.#meetings.get(meetingId);
    if (modify === undefined || meeting === undefined) {
      this.refused++;
      return colibriErrorReply(iq, {
        condition: "item-not-found",
        type: "cancel",
        reason: "conference_not_found",
        text: undefined,
        endpointId: undefined,
      });
    }
    const endpoints = modify.endpoints.map(({ id, create, expire }): ColibriEndpointReply => {
      if (expire) meeting.delete(id);
      else meeting.add(id);
      return { id, expire, transport: create ? this.#transport(meetingId, id) : undefined };
    });
    // As upstream's bridge, which forgets a conference with its last endpoint.
    if (meeting.size === 0) this.#meetings.delete(meetingId);
    const sources = [feedbackSource("audio", 1_001), feedbackSource("video", 1_002)];
    return iqResult(iq, buildConferenceModified({ endpoints, relays: [], sources }));
  }

  #transport(meetingId: string, id: string): ColibriEndpointReply["transport"] {
    const channel = `ws://127.0.0.1:9090/colibri-ws/${this.#nick}/${meetingId.slice(0, 8)}/${id}`;
    return {
      iceControlling: false,
      useUniquePort: false,
      iceRestart: false,
      sctp: undefined,
      ice: {
        ...emptyTransport,
        ufrag: `c26q0${id}`,
        pwd: "6v1n3cgv6kcb1dgsdfe28mb5r8",
        rtcpMux: true,
        fingerprints: [
          {
            hash: "sha-256",
            setup: "actpass",
            value:
              "F6:EB:03:2B:62:9B:C0:F6:F1:2D:10:0B:09:CA:B0:DF:3E:4F:57:0E:4F:51:0E:9A:27:20:72:DB:D1:1C:48:66",
            cryptex: undefined,
          },
        ],
        webSockets: [`${channel}?pwd=6AbOkkw8mV5pV4UWz6ryknWO`],
        candidates: [
          {
            component: 1,
            foundation: "1",
            generation: 0,
            id: "56286f5a7fa7beee0cc1a935",
            network: 0,
            ip: "10.77.0.1",
            port: 10_000,
            priority: 2_130_706_431,
            protocol: "udp",
            type: "host",
            relAddr: undefined,
            relPort: undefined,
            tcpType: undefined,
          },
        ],
      },
    };
  }
}
