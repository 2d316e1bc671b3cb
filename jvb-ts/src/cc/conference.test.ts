import { expect } from "chai";
import type { MediaEvent } from "../media/media-engine.ts";
import {
  AUDIO_LEVEL,
  audioSource,
  EngineFixture,
  OPUS,
  VP8,
  videoSource,
  vp8Payload,
} from "./engine-fixture.ts";

const ids = ["a", "b", "d"];

/** Endpoints with audio and one-encoding video; SSRCs 10·session and 10·session + 1. */
function call(count = 3): EngineFixture {
  const fixture = new EngineFixture();
  for (const [i, id] of ids.slice(0, count).entries()) {
    const session = i + 1;
    fixture.join(id, session, [
      audioSource(`${id}-a0`, 10 * session),
      videoSource(`${id}-v0`, [10 * session + 1]),
    ]);
  }
  fixture.tick();
  fixture.take();
  fixture.events();
  return fixture;
}

function speak(fixture: EngineFixture, session: number, ms: number, level: number): void {
  for (let t = 0; t < ms; t += 20) {
    fixture.receive(session, {
      pt: OPUS,
      seq: (fixture.now / 20) & 0xffff,
      ssrc: 10 * session,
      extensions: [[AUDIO_LEVEL, [0x80 | level]]],
    });
    fixture.advance(20);
  }
}

const ofKind = <K extends MediaEvent["kind"]>(events: readonly MediaEvent[], kind: K) =>
  events.filter((one): one is Extract<MediaEvent, { kind: K }> => one.kind === kind);

describe("conference: speakers", () => {
  it("announces the dominant speaker and the previous ones", () => {
    const fixture = call();
    speak(fixture, 1, 400, 100);
    expect(ofKind(fixture.events(), "dominantSpeakerChanged")).to.deep.equal([
      {
        kind: "dominantSpeakerChanged",
        conference: "c",
        endpoint: "a",
        previousSpeakers: [],
        silence: false,
      },
    ]);
    speak(fixture, 2, 400, 100);
    speak(fixture, 2, 1000, 30);
    const [change] = ofKind(fixture.events(), "dominantSpeakerChanged");
    expect([change?.endpoint, change?.previousSpeakers]).to.deep.equal(["b", ["a"]]);
    expect(fixture.engine.speechOrder("c")).to.deep.equal(["b", "a", "d"]);
    fixture.engine.endpoint("c", "b")!.remove();
    fixture.tick();
    expect(fixture.engine.recentSpeakers("c")).to.deep.equal(["a"]);
    expect(fixture.engine.totals(0).dominantSpeakerChanges).to.equal(2);
  });

  it("asks the new speaker for a key frame when somebody has a camera on stage (M-132)", () => {
    for (const staged of [true, false]) {
      const fixture = call();
      const onStageSources = staged ? ["a-v0"] : [];
      fixture.engine.endpoint("c", "d")!.setReceiverConstraints({ onStageSources });
      fixture.tick();
      fixture.take();
      speak(fixture, 1, 400, 100);
      fixture.take();
      speak(fixture, 2, 400, 100);
      speak(fixture, 2, 1000, 30);
      const plis = fixture.takeRtcp(2).filter((one) => one[1] === 206);
      expect(plis).to.have.length(staged ? 1 : 0);
      const totals = fixture.engine.totals(0);
      const changes = totals.preemptiveKeyframesSent + totals.preemptiveKeyframesSuppressed;
      expect(changes).to.equal(2);
    }
  });
});

describe("conference: who gets what", () => {
  it("last-n 1 follows the dominant speaker", () => {
    const fixture = call();
    const d = fixture.engine.endpoint("c", "d")!;
    d.setReceiverConstraints({ lastN: 1, defaultConstraints: { maxHeight: 720 } });
    fixture.tick();
    expect(d.forwardedSources()).to.deep.equal(["a-v0"]);
    speak(fixture, 1, 400, 100);
    speak(fixture, 2, 400, 100);
    speak(fixture, 2, 1000, 30);
    expect(d.forwardedSources()).to.deep.equal(["b-v0"]);
    d.setLastN(0);
    fixture.tick();
    expect(d.forwardedSources()).to.deep.equal([]);
  });

  it("an endpoint that turns its camera off gives its place away", () => {
    const fixture = call();
    const d = fixture.engine.endpoint("c", "d")!;
    d.setReceiverConstraints({ lastN: 1, defaultConstraints: { maxHeight: 720 } });
    fixture.tick();
    fixture.engine.endpoint("c", "a")!.setVideoType("a-v0", "NONE");
    fixture.tick();
    expect(d.forwardedSources()).to.deep.equal(["b-v0"]);
    fixture.engine.setBridgeLastN(0);
    fixture.tick();
    expect(d.forwardedSources()).to.deep.equal([]);
  });

  it("the sender is told the highest constraint, unlimited above all (M-155, B-109)", () => {
    const fixture = call();
    const [b, d] = ["b", "d"].map((id) => fixture.engine.endpoint("c", id)!);
    const told = (): number[] => {
      fixture.tick();
      return ofKind(fixture.events(), "senderSourceConstraints")
        .filter((one) => one.sourceName === "a-v0")
        .map((one) => one.maxHeight);
    };
    b!.setReceiverConstraints({ defaultConstraints: { maxHeight: 180 } });
    expect(told()).to.deep.equal([180]);
    d!.setReceiverConstraints({ defaultConstraints: { maxHeight: 720 } });
    expect(told()).to.deep.equal([720]);
    b!.setReceiverConstraints({ defaultConstraints: { maxHeight: -1 } });
    expect(told()).to.deep.equal([-1]);
    d!.remove();
    expect(told()).to.deep.equal([]);
    b!.setReceiverConstraints({ defaultConstraints: { maxHeight: 0 } });
    expect(told()).to.deep.equal([0]);
    fixture.engine.endpoint("c", "a")!.resendSenderConstraints();
    expect(told()).to.deep.equal([0]);
  });

  it("audio subscriptions (M-161, M-162, B-116)", () => {
    const fixture = call();
    const d = fixture.engine.endpoint("c", "d")!;
    let seq = 0;
    const heard = (): number[] => {
      seq++;
      for (const session of [1, 2]) fixture.receive(session, { pt: OPUS, seq, ssrc: 10 * session });
      return fixture.takeRtp(3).map((one) => one.ssrc);
    };
    expect(heard()).to.deep.equal([10, 20]);
    d.setAudioSubscription({ all: false, include: [], exclude: [] });
    expect(heard()).to.deep.equal([]);
    d.setAudioSubscription({ all: false, include: ["b-a0"], exclude: [] });
    expect(heard()).to.deep.equal([20]);
    d.setAudioSubscription({ all: true, include: ["b-a0"], exclude: ["b-a0"] });
    expect(heard()).to.deep.equal([10]);
    fixture.engine.endpoint("c", "b")!.setSources([audioSource("b-a1", 20)]);
    expect(heard()).to.deep.equal([10, 20]);
  });

  it("an injected source comes to those who name it, its owner among them (M-161)", () => {
    const fixture = call();
    const injected = { ...audioSource("a-a1", 15), synthetic: true };
    fixture.engine.endpoint("c", "a")!.setSources([audioSource("a-a0", 10), injected]);
    const heard = (seq: number): number[] => {
      fixture.receive(1, { pt: OPUS, seq, ssrc: 15 });
      return fixture.takeRtp().map(({ session }) => session);
    };
    expect(heard(1)).to.deep.equal([]);
    for (const id of ["a", "d"]) {
      const all = { all: true, include: ["a-a1"], exclude: [] };
      fixture.engine.endpoint("c", id)!.setAudioSubscription(all);
    }
    expect(heard(2)).to.deep.equal([1, 3]);
  });

  it("rewriting for one receiver never shows at another (M-182)", () => {
    const fixture = call();
    fixture.engine.endpoint("c", "a")!.setSources([videoSource("a-v0", [11, 12])]);
    const [b, d] = ["b", "d"].map((id) => fixture.engine.endpoint("c", id)!);
    b!.setReceiverConstraints({ defaultConstraints: { maxHeight: 360 } });
    fixture.tick();
    const send = (i: number, keyframe: boolean): void => {
      for (const eid of [0, 1])
        fixture.receive(1, {
          pt: VP8,
          ssrc: 11 + eid,
          seq: 100 * eid + i,
          timestamp: 3000 * i,
          marker: true,
          payload: vp8Payload({
            pictureId: 50 * eid + i,
            tl0: i,
            tid: 0,
            keyframe,
            height: 180 << eid,
          }),
        });
    };
    send(1, true);
    send(2, false);
    d!.setReceiverConstraints({ defaultConstraints: { maxHeight: 180 } });
    fixture.tick();
    send(3, false);
    fixture.advance(400);
    send(4, true);
    send(5, false);
    const out = fixture.takeRtp();
    const of = (session: number) =>
      out.filter((one) => one.session === session).map((one) => one.seq);
    // At each pair of key frames the low one comes through before the high one takes over.
    expect(of(2)).to.deep.equal([2, 3, 4, 5, 6, 7, 8]);
    expect(of(3)).to.deep.equal([2, 3]);
  });

  it("an encoding that stops is left for a lower one within 2 s", () => {
    const fixture = call();
    fixture.engine.endpoint("c", "a")!.setSources([videoSource("a-v0", [11, 12])]);
    const b = fixture.engine.endpoint("c", "b")!;
    b.setReceiverConstraints({ defaultConstraints: { maxHeight: 360 } });
    fixture.tick();
    const current = () => b.snapshot(0).sending.find((one) => one.ownerId === "a")?.currentEncoding;
    for (let i = 0; i < 150; i++) {
      const both = i < 60;
      const asked = fixture.takeRtcp(1).some((one) => one[1] === 206);
      for (const eid of both ? [0, 1] : [0])
        fixture.receive(1, {
          pt: VP8,
          ssrc: 11 + eid,
          seq: 500 * eid + i,
          timestamp: 3000 * i,
          marker: true,
          payload: vp8Payload({
            pictureId: i,
            tl0: i,
            tid: 0,
            keyframe: i === 0 || asked,
            height: 180 << eid,
          }),
        });
      if (i === 59) expect(current()).to.equal(1);
      fixture.advance(33);
    }
    expect(current()).to.equal(0);
  });

  it("a returning endpoint with the same session number starts afresh", () => {
    const fixture = call();
    fixture.receive(1, { pt: OPUS, seq: 1, ssrc: 10 });
    fixture.engine.endpoint("c", "a")!.remove();
    fixture.receive(1, { pt: OPUS, seq: 2, ssrc: 10 });
    fixture.take();
    expect(fixture.engine.endpoint("c", "a")).to.equal(undefined);
    fixture.join("a", 1, [audioSource("a-a0", 10)]);
    fixture.take();
    fixture.receive(1, { pt: OPUS, seq: 3, ssrc: 10 });
    expect(fixture.takeRtp().map((one) => [one.session, one.seq])).to.deep.equal([
      [2, 3],
      [3, 3],
    ]);
    expect(fixture.engine.totals(0).packetsReceived).to.equal(2);
    fixture.engine.removeConference("c");
    expect(fixture.engine.pollTimeout() ?? 0).to.be.at.least(0);
    fixture.tick();
    expect(fixture.engine.pollTimeout()).to.equal(undefined);
  });
});

describe("conference: invariants under random operations", () => {
  for (let seed = 1; seed <= 10; seed++) {
    it(`seed ${seed}`, () => {
      let random = seed;
      const next = (bound: number): number => {
        random = (Math.imul(random, 1_103_515_245) + 12_345) & 0x7fffffff;
        return (random >> 8) % bound;
      };
      const fixture = new EngineFixture();
      const present = new Map<number, string>();
      for (let step = 0; step < 400; step++) {
        const session = 1 + next(6);
        const id = `e${session}`;
        const endpoint = fixture.engine.endpoint("c", id);
        switch (next(8)) {
          case 0:
            if (endpoint !== undefined) break;
            fixture.join(id, session, [
              audioSource(`${id}-a0`, 10 * session),
              videoSource(`${id}-v0`, [100 * session, 100 * session + 1]),
            ]);
            present.set(session, id);
            break;
          case 1:
            if (next(3) === 0) {
              endpoint?.remove();
              present.delete(session);
            }
            break;
          case 2:
            endpoint?.setReceiverConstraints({
              lastN: next(5) - 1,
              onStageSources: [`e${1 + next(6)}-v0`],
              defaultConstraints: { maxHeight: [-1, 0, 180, 720][next(4)]! },
            });
            break;
          case 3:
            endpoint?.setVideoType(`${id}-v0`, next(2) === 0 ? "NONE" : "CAMERA");
            break;
          case 4:
            endpoint?.setSources(
              next(2) === 0 ? [] : [videoSource(`${id}-v0`, [100 * session + next(2)])],
            );
            break;
          case 5:
            endpoint?.setTransportUp(next(4) !== 0);
            break;
          default:
            for (let i = 0; i < 5; i++) {
              fixture.receive(session, {
                pt: VP8,
                ssrc: 100 * session + next(2),
                seq: (step * 5 + i) & 0xffff,
                timestamp: 3000 * step,
                payload: vp8Payload({
                  pictureId: step,
                  tl0: step & 0xff,
                  tid: 0,
                  keyframe: next(3) === 0,
                }),
              });
              fixture.receive(session, {
                pt: OPUS,
                ssrc: 10 * session,
                seq: step,
                extensions: [[AUDIO_LEVEL, [next(128)]]],
              });
            }
        }
        fixture.advance(next(200));
        for (const sent of fixture.take()) {
          const to = present.get(sent.session);
          expect(to, "sent to an endpoint that is here").to.not.equal(undefined);
          expect(sent.bytes.length).to.be.greaterThan(7);
        }
        for (const event of fixture.events())
          if (event.kind === "forwardedSourcesChanged")
            expect(event.sources).to.not.include(`${event.endpoint}-v0`);
        for (const [, here] of present) {
          const snapshot = fixture.engine.endpoint("c", here)!.snapshot(fixture.now);
          const owners = new Set(snapshot.sending.map((one) => one.ownerId));
          expect(owners.has(here)).to.equal(false);
          for (const owner of owners) expect([...present.values()]).to.include(owner);
        }
      }
    });
  }
});
