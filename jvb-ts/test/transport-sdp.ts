/** Test kit: SDP of a data channel offered by an endpoint transport, and waiting. */
import { realRuntime } from "#shared/runtime/real-runtime";
import type { IceTransport } from "#shared/stanza/media";

/** The bridge's description as an offer. */
export function offerSdp(description: IceTransport): string {
  const candidates = description.candidates.map(
    (c) =>
      `a=candidate:${c.foundation} 1 udp ${c.priority} ${c.ip} ${c.port} typ ${c.type} generation 0`,
  );
  return [
    "v=0",
    "o=- 1 2 IN IP4 0.0.0.0",
    "s=-",
    "t=0 0",
    "a=group:BUNDLE 0",
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
    "c=IN IP4 0.0.0.0",
    "a=mid:0",
    `a=ice-ufrag:${description.ufrag}`,
    `a=ice-pwd:${description.pwd}`,
    `a=fingerprint:sha-256 ${description.fingerprints[0]?.value}`,
    "a=setup:actpass",
    "a=sctp-port:5000",
    "a=max-message-size:262144",
    ...candidates,
    "",
  ].join("\r\n");
}

/** The first transport of an SDP, without candidates, as the client library signals it. */
export function remoteOf(sdp: string, iceGeneration?: number): IceTransport {
  const field = (name: string) => new RegExp(`a=${name}:(.*)`).exec(sdp)?.[1]?.trim();
  const [hash = "", value = ""] = (field("fingerprint") ?? "").split(" ");
  return {
    ufrag: field("ice-ufrag"),
    pwd: field("ice-pwd"),
    iceGeneration,
    rtcpMux: true,
    fingerprints: [{ hash, value, setup: "active", cryptex: undefined }],
    candidates: [],
    webSockets: [],
  };
}

/** Polls until `check` holds. */
export async function until(what: string, check: () => boolean | Promise<boolean>, ms = 8000) {
  const end = realRuntime.clock.now() + ms;
  while (!(await check())) {
    if (realRuntime.clock.now() > end) throw new Error(`not in time: ${what}`);
    await new Promise<void>((resolve) => realRuntime.timers.after(20, resolve));
  }
}
