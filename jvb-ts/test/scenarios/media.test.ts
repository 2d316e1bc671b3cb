/** Packets through the whole bridge, and what signalling does to them. */
import { expect } from "chai";
import type { Client } from "./client.ts";
import { audioSource, endpointRequest, modify, transportRequest } from "./requests.ts";
import { Stage } from "./stage.ts";
import { isRtp, talk } from "./talk.ts";

async function pair(stage: Stage): Promise<[Client, Client]> {
  const a = await stage.join("aaaa1111");
  const b = await stage.join("bbbb2222");
  const sources = [audioSource("aaaa1111", 1001)];
  await stage.ask(modify({ endpoints: [endpointRequest("aaaa1111", { sources })] }));
  return [a, b];
}

describe("media", () => {
  it("reaches the others, not the sender, and is counted", async () => {
    const stage = new Stage();
    const [a, b] = await pair(stage);
    const got = await talk(stage, a, b, 1001, 20);
    expect(got.length).to.equal(20);
    expect(new DataView(got[0]?.buffer ?? new ArrayBuffer(12)).getUint32(8)).to.equal(1001);
    expect(a.media.filter(isRtp).length).to.equal(0);
    const stats = await stage.stats();
    expect(stats["total_packets_received"]).to.be.at.least(20);
    expect(stats["total_packets_sent"]).to.be.at.least(20);
  });

  it("makes the talker the dominant speaker, and tells everybody", async () => {
    const stage = new Stage();
    const [a, b] = await pair(stage);
    await talk(stage, a, b, 1001, 100);
    const events = b.messages.filter((text) => text.includes("DominantSpeakerEndpointChangeEvent"));
    expect(events.at(-1)).to.equal(
      '{"colibriClass":"DominantSpeakerEndpointChangeEvent","dominantSpeakerEndpoint":"aaaa1111","previousSpeakers":[],"silence":false}',
    );
  });

  it("B-033 stops at a force-mute and goes on when it is lifted", async () => {
    const stage = new Stage();
    const [a, b] = await pair(stage);
    const mute = (audio: boolean) =>
      stage.ask(
        modify({
          endpoints: [endpointRequest("aaaa1111", { forceMute: { audio, video: false } })],
        }),
      );
    expect((await talk(stage, a, b, 1001, 10)).length).to.equal(10);
    await mute(true);
    expect((await talk(stage, a, b, 1001, 10)).length).to.equal(0);
    await mute(false);
    expect((await talk(stage, a, b, 1001, 10)).length).to.be.greaterThan(0);
  });

  it("stops when the source is taken away", async () => {
    const stage = new Stage();
    const [a, b] = await pair(stage);
    expect((await talk(stage, a, b, 1001, 10)).length).to.equal(10);
    await stage.ask(modify({ endpoints: [endpointRequest("aaaa1111", { sources: [] })] }));
    expect((await talk(stage, a, b, 1001, 10)).length).to.equal(0);
  });

  it("goes on during an ICE restart in place", async () => {
    const stage = new Stage();
    const [a, b] = await pair(stage);
    const transport = transportRequest({ iceRestart: true });
    const restarted = await stage.ask(
      modify({ endpoints: [endpointRequest("aaaa1111", { transport })] }),
    );
    const description = restarted.ok ? restarted.modified.endpoints[0]?.transport?.ice : undefined;
    expect(description?.iceGeneration).to.equal(1);
    expect(description?.fingerprints[0]?.setup).to.equal("passive");
    expect((await talk(stage, a, b, 1001, 10)).length).to.equal(10);
    expect(await stage.stats()).to.include({ total_ice_succeeded: 2 });
  });

  it("junk on the port harms nobody", async () => {
    const stage = new Stage();
    const [a, b] = await pair(stage);
    for (let length = 0; length < 200; length++) {
      const bytes = stage.runtime.random.bytes(length);
      a.sendMedia(bytes);
      stage.toBridge({ ip: "203.0.113.9", port: 5 }, bytes);
    }
    await stage.run(100);
    expect((await talk(stage, a, b, 1001, 10)).length).to.equal(10);
    expect(stage.log.messages("error")).to.deep.equal([]);
  });
});
