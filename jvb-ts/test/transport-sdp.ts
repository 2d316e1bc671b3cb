/** Test kit: SDP of a data channel offered by an endpoint transport, and waiting. */
import sdp from "sdp-transform";
import type { IceTransport } from "#shared/stanza/media";

/** The bridge's description as an offer. */
export function offerSdp(description: IceTransport): string {
  const [fingerprint] = description.fingerprints;
  if (fingerprint === undefined) throw new Error("the bridge described no fingerprint");
  return sdp.write({
    version: 0,
    origin: {
      username: "-",
      sessionId: "1",
      sessionVersion: 2,
      netType: "IN",
      ipVer: 4,
      address: "0.0.0.0",
    },
    name: "-",
    timing: { start: 0, stop: 0 },
    groups: [{ type: "BUNDLE", mids: "0" }],
    media: [
      {
        type: "application",
        port: 9,
        protocol: "UDP/DTLS/SCTP",
        payloads: "webrtc-datachannel",
        connection: { version: 4, ip: "0.0.0.0" },
        mid: "0",
        ...(description.ufrag === undefined ? {} : { iceUfrag: description.ufrag }),
        ...(description.pwd === undefined ? {} : { icePwd: description.pwd }),
        fingerprint: { type: fingerprint.hash, hash: fingerprint.value },
        setup: "actpass",
        sctpPort: 5000,
        maxMessageSize: 262_144,
        candidates: description.candidates.map((candidate) => ({
          foundation: candidate.foundation,
          component: 1,
          transport: "udp",
          priority: candidate.priority,
          ip: candidate.ip,
          port: candidate.port,
          type: candidate.type,
        })),
        rtp: [],
        fmtp: [],
      },
    ],
  });
}

/** The first transport of an SDP, without candidates, as the client library signals it. */
export function remoteOf(text: string, iceGeneration?: number): IceTransport {
  const [media] = sdp.parse(text).media;
  const fingerprint = media?.fingerprint ?? { type: "", hash: "" };
  return {
    ufrag: media?.iceUfrag,
    pwd: media?.icePwd,
    iceGeneration,
    rtcpMux: true,
    fingerprints: [
      { hash: fingerprint.type, value: fingerprint.hash, setup: "active", cryptex: undefined },
    ],
    candidates: [],
    webSockets: [],
  };
}
