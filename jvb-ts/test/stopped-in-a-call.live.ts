/** The program told to stop while two participants talk: real ICE, DTLS and SRTP. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { until } from "#shared/testing/until";
import { BridgeUnderFire } from "./bridge-under-fire.ts";
import { type Invited, join, opusPacket } from "./live-participant.ts";

describe("a bridge that is stopped in a call", function () {
  this.timeout(30_000);
  let bridge = new BridgeUnderFire();
  let pair: readonly Invited[] = [];
  let talk: NodeJS.Timeout | undefined;

  beforeEach(async () => {
    bridge = new BridgeUnderFire();
    await bridge.start("videobridge.shutdown.shutting-down-delay = 500 ms");
    pair = [await join(bridge, "cccc1000", 1001), await join(bridge, "cccc1001", 2002)];
    let seq = 1;
    talk = setInterval(() => {
      seq++;
      for (const { client, ssrc } of pair) {
        client.sendRaw(client.protect(opusPacket(ssrc, seq), "rtp"));
      }
    }, 20);
    await until("both are heard", () => pair.every(({ client }) => client.rtp.length > 10));
  });
  afterEach(async () => {
    clearInterval(talk);
    for (const { client } of pair) client.close();
    await bridge.stop();
  });

  it("R23 SIGTERM: channels closed, gone within 5 s", async () => {
    const closed = Promise.all(
      bridge.sockets.map((socket) => new Promise((resolve) => socket.once("close", resolve))),
    );
    const started = performance.now();
    bridge.program.kill("SIGTERM");
    expect(await bridge.program.ended).to.equal(143);
    expect(performance.now() - started).to.be.below(5000);
    expect(await closed).to.deep.equal([1001, 1001]);
    const heard = pair.map(({ client }) => client.rtp.length);
    await sleep(100);
    expect(pair.map(({ client }) => client.rtp.length)).to.deep.equal(heard);
    expect(bridge.output).not.to.match(/SEVERE|Bug/);
  });

  it("R23 SIGTERM twice: gone within 5 s, with the same status", async () => {
    const started = performance.now();
    bridge.program.kill("SIGTERM");
    await sleep(5);
    bridge.program.kill("SIGTERM");
    expect(await bridge.program.ended).to.equal(143);
    expect(performance.now() - started).to.be.below(5000);
    expect(bridge.output).not.to.match(/SEVERE|Bug/);
  });

  it("R23 forced over HTTP: gone within 5 s after the delay that is configured", async () => {
    const started = performance.now();
    const asked = await fetch(`${bridge.base}/colibri/shutdown`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ "graceful-shutdown": "false" }),
    });
    expect(asked.status).to.equal(200);
    expect(await bridge.program.ended).to.equal(0);
    expect(performance.now() - started).to.be.within(500, 5500);
  });
});
