// A second independent peer against an endpoint transport: werift's ICE, DTLS and SCTP on loopback.
// Run: mocha … jvb-ts/test/transport-werift.live.ts (needs the built addon).
import { expect } from "chai";
import { RTCPeerConnection } from "werift";
import { realRuntime } from "#shared/runtime/real-runtime";
import { until } from "#shared/testing/until";
import { LiveBridge } from "./live-bridge.ts";
import { offerSdp, remoteOf } from "./transport-sdp.ts";

describe("werift on an endpoint transport", function () {
  this.timeout(20_000);
  // werift sends INIT only as the offering (ICE-controlling) side, and a bridge waits for INIT.
  it("connects and carries texts, werift controlling", async () => {
    const bridge = new LiveBridge();
    const transport = bridge.open(false);
    const peer = new RTCPeerConnection({
      iceServers: [],
      iceAdditionalHostAddresses: ["127.0.0.1"],
    });
    const channel = peer.createDataChannel("JVB data channel", {
      protocol: "http://jitsi.org/protocols/colibri",
    });
    const got: string[] = [];
    channel.onMessage.subscribe((data) => {
      got.push(String(data));
    });
    await peer.setLocalDescription(await peer.createOffer());
    const answer = offerSdp(transport.describe()).replace("actpass", "passive");
    await peer.setRemoteDescription({ type: "answer", sdp: answer });
    transport.setRemote(remoteOf(peer.localDescription?.sdp ?? ""), realRuntime.clock.now());
    bridge.flush(transport);
    await until("channel", () => transport.channelReady, 15_000);
    channel.send(Buffer.from("x").toString());
    const long = "y".repeat(20_000);
    transport.sendChannel(long, realRuntime.clock.now());
    bridge.flush(transport);
    await until("text at werift", () => got.includes(long));
    await until("text at the bridge", () =>
      bridge.events(transport).some((e) => e.kind === "channelMessage" && e.text === "x"),
    );
    expect(transport.iceConnected).to.equal(true);
    await peer.close();
    bridge.close();
  });
});
