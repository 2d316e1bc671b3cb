import { expect } from "chai";
import {
  AUDIO_LEVEL,
  audioSource,
  EngineFixture,
  H264,
  OPUS,
  TRANSPORT_CC,
  VP8,
  videoSource,
  vp8Payload,
} from "./engine-fixture.ts";

const starts = [0, 1, 0x7fff, 0xfffe, 0xffff];

function call(): EngineFixture {
  const fixture = new EngineFixture();
  fixture.join("a", 1, [audioSource("a-a0", 11), videoSource("a-v0", [21, 22, 23])]);
  fixture.join("b", 2, [audioSource("b-a0", 31), videoSource("b-v0", [41, 42, 43])]);
  fixture.take();
  return fixture;
}

describe("media engine: audio", () => {
  for (const start of starts) {
    it(`forwards every packet to everyone else, with the level alone (M-050, M-053), from ${start}`, () => {
      const fixture = call();
      fixture.join("c", 3);
      fixture.take();
      for (let i = 0; i < 5; i++) {
        fixture.receive(1, {
          pt: OPUS,
          seq: start + i,
          ssrc: 11,
          timestamp: 960 * i,
          extensions: [
            [AUDIO_LEVEL, [0x80 | 30]],
            [TRANSPORT_CC, [0, i]],
            [9, [1, 2, 3]],
          ],
          payload: [i, i, i],
        });
      }
      const out = fixture.takeRtp();
      expect(out.filter((one) => one.session === 1)).to.have.length(0);
      for (const session of [2, 3]) {
        const mine = out.filter((one) => one.session === session);
        expect(mine.map((one) => one.seq)).to.deep.equal(
          [0, 1, 2, 3, 4].map((i) => (start + i) & 0xffff),
        );
        expect(mine.map((one) => one.payload[0])).to.deep.equal([0, 1, 2, 3, 4]);
        // Only the audio level survives; audio is not tagged.
        expect([...mine[0]!.extensions]).to.deep.equal([[AUDIO_LEVEL, [0x80 | 30]]]);
        expect(mine[0]!.ssrc).to.equal(11);
      }
    });
  }

  it("lets four silent packets pass and hides the rest (M-036)", () => {
    const fixture = call();
    for (let i = 0; i < 10; i++)
      fixture.receive(1, { pt: OPUS, seq: i, ssrc: 11, extensions: [[AUDIO_LEVEL, [127]]] });
    fixture.receive(1, { pt: OPUS, seq: 10, ssrc: 11, extensions: [[AUDIO_LEVEL, [20]]] });
    expect(fixture.takeRtp(2).map((one) => one.seq)).to.deep.equal([0, 1, 2, 3, 4]);
  });

  it("forwards nothing of an unsignaled SSRC (M-160), payload type (M-027) or session", () => {
    const fixture = call();
    fixture.receive(1, { pt: OPUS, seq: 1, ssrc: 99 });
    fixture.receive(1, { pt: 55, seq: 1, ssrc: 11 });
    fixture.receive(77, { pt: OPUS, seq: 1, ssrc: 11 });
    expect(fixture.takeRtp()).to.have.length(0);
    const { drops } = fixture.engine.endpoint("c", "a")!.snapshot(0);
    expect([drops.unknownSsrc, drops.unsignaledPayloadType]).to.deep.equal([1, 1]);
    expect(fixture.engine.totals(0).unknownSessionPackets).to.equal(1);
  });

  it("sends nothing to an endpoint whose transport is not up", () => {
    const fixture = call();
    fixture.engine.endpoint("c", "b")!.setTransportUp(false);
    fixture.receive(1, { pt: OPUS, seq: 1, ssrc: 11 });
    expect(fixture.takeRtp()).to.have.length(0);
  });

  it("forwards nothing while force-muted and leaves no gap (M-037)", () => {
    const fixture = call();
    const a = fixture.engine.endpoint("c", "a")!;
    fixture.receive(1, { pt: OPUS, seq: 1, ssrc: 11 });
    a.setForceMute(true, false);
    for (let seq = 2; seq < 20; seq++) fixture.receive(1, { pt: OPUS, seq, ssrc: 11 });
    a.setForceMute(false, false);
    fixture.receive(1, { pt: OPUS, seq: 20, ssrc: 11 });
    expect(fixture.takeRtp(2).map((one) => one.seq)).to.deep.equal([1, 2]);
  });
});

describe("media engine: video", () => {
  it("says when the rest of a frame that somebody gets is still to come", () => {
    const fixture = call();
    const { engine } = fixture;
    engine.endpoint("c", "b")!.setReceiverConstraints({ defaultConstraints: { maxHeight: 180 } });
    fixture.tick();
    const said: boolean[] = [];
    const endBatch = engine.endBatch.bind(engine);
    engine.endBatch = (now) => {
      said.push(engine.isMidFrame);
      endBatch(now);
    };
    const send = (seq: number, ssrc: number, marker: boolean): void =>
      fixture.receive(1, {
        pt: VP8,
        ssrc,
        seq,
        timestamp: 3000,
        marker,
        payload: vp8Payload({ pictureId: 1, tl0: 1, tid: 0, keyframe: seq === 1, height: 180 }),
      });
    send(1, 21, false);
    send(2, 21, true);
    // Nobody gets this encoding, and a sound has no rest.
    send(7, 23, false);
    fixture.receive(1, { pt: OPUS, seq: 1, ssrc: 11 });
    expect(said).to.deep.equal([true, false, false, false]);
    expect(engine.isMidFrame).to.equal(false);
  });

  it("sends no video before constraints, then the allowed layer from a key frame on", () => {
    const fixture = call();
    const b = fixture.engine.endpoint("c", "b")!;
    const send = (pictureId: number, keyframe: boolean) => {
      for (let eid = 0; eid < 3; eid++)
        fixture.receive(1, {
          pt: VP8,
          seq: 1000 * eid + pictureId,
          ssrc: 21 + eid,
          timestamp: 3000 * pictureId,
          marker: true,
          payload: vp8Payload({ pictureId, tl0: pictureId, tid: 0, keyframe, height: 180 << eid }),
        });
    };
    send(1, true);
    expect(fixture.takeRtp(2)).to.have.length(0);
    b.setReceiverConstraints({ lastN: -1, defaultConstraints: { maxHeight: 720 } });
    fixture.tick();
    send(2, false);
    const rtcp = fixture.takeRtcp(1);
    expect(rtcp.some((one) => one[1] === 206 && (one[0]! & 31) === 1)).to.equal(true);
    fixture.now += 40;
    send(3, true);
    const first = fixture.takeRtp(2);
    // The low key frame comes first, the higher ones take over at once.
    expect(first.map((one) => one.ssrc)).to.deep.equal([21, 21, 21]);
    expect(first.map((one) => one.seq)).to.deep.equal([2, 3, 4]);
    expect(first[0]!.timestamp).to.equal(3001);
    expect(first[0]!.extensions.get(TRANSPORT_CC)).to.deep.equal([0, 1]);
    fixture.now += 33;
    send(4, false);
    const next = fixture.takeRtp(2);
    expect(next.map((one) => one.seq)).to.deep.equal([5]);
  });

  it("announces forwarded sources (M-159) and sender constraints", () => {
    const fixture = call();
    fixture.events();
    fixture.engine.endpoint("c", "b")!.setReceiverConstraints({ lastN: -1 });
    fixture.tick();
    expect(fixture.events()).to.deep.equal([
      {
        kind: "forwardedSourcesChanged",
        conference: "c",
        endpoint: "b",
        sources: ["a-v0"],
      },
      {
        kind: "senderSourceConstraints",
        conference: "c",
        endpoint: "a",
        sourceName: "a-v0",
        maxHeight: 180,
      },
    ]);
  });

  it("forwards H264 at once with its own numbers (M-078)", () => {
    const fixture = call();
    fixture.engine.endpoint("c", "a")!.setSources([videoSource("a-v0", [21])]);
    fixture.engine.endpoint("c", "b")!.setReceiverConstraints({ lastN: -1 });
    fixture.tick();
    fixture.take();
    for (let i = 0; i < 3; i++)
      fixture.receive(1, { pt: H264, seq: 500 + i, ssrc: 21, timestamp: 7000, payload: [0x41, i] });
    const out = fixture.takeRtp(2);
    expect(out.map((one) => [one.seq, one.timestamp, one.ssrc])).to.deep.equal([
      [500, 7000, 21],
      [501, 7000, 21],
      [502, 7000, 21],
    ]);
  });
});
