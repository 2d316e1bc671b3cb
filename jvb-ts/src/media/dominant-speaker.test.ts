import { expect } from "chai";
import {
  DECISION_INTERVAL_MS,
  DominantSpeaker,
  IMMEDIATE_SCORES,
  LONG_SCORES,
  MEDIUM_SCORES,
} from "./dominant-speaker.ts";
import { defaultEngineOptions } from "./engine-options.ts";
import { SpeechActivity } from "./speech-activity.ts";

describe("dominant speaker", () => {
  it("scores as tabulated in spec 11.3", () => {
    expect(IMMEDIATE_SCORES[0]).to.equal(1e-10);
    expect(IMMEDIATE_SCORES[1]).to.equal(1e-10);
    expect(IMMEDIATE_SCORES[8]).to.be.closeTo(4.638, 0.001);
    expect(IMMEDIATE_SCORES[9]).to.be.closeTo(4.83, 0.001);
    expect(IMMEDIATE_SCORES[12]).to.be.closeTo(3.162, 0.001);
    expect(MEDIUM_SCORES[1]).to.be.closeTo(18.97, 0.01);
    expect(MEDIUM_SCORES[5]).to.be.closeTo(113.4, 0.1);
    expect(LONG_SCORES[1]).to.be.closeTo(38.52, 0.01);
    expect(LONG_SCORES[2]).to.be.closeTo(87.03, 0.01);
  });

  it("makes a single speaker dominant even when silent (M-166)", () => {
    const speaker = new DominantSpeaker();
    speaker.addLevel("a", 0, 0);
    expect(speaker.decide(300)).to.equal(true);
    expect(speaker.dominant).to.equal("a");
  });

  /** Loud packets of b (20 ms each) until b takes over, deciding after each packet. */
  function packetsUntilTakeover(quiet: (i: number) => number): number {
    const speaker = new DominantSpeaker();
    let now = 0;
    speaker.addLevel("a", 30, now);
    speaker.decide(now);
    for (let i = 0; i < 100; i++, now += 20) {
      speaker.addLevel("a", quiet(i - 100), now);
      speaker.addLevel("b", 30, now);
    }
    for (let i = 0; i < 200; i++, now += 20) {
      speaker.addLevel("a", quiet(i), now);
      speaker.addLevel("b", 90, now);
      speaker.decide(now);
      if (speaker.dominant === "b") return i + 1;
    }
    return -1;
  }

  it("switches after 5 loud packets out of silence (M-165)", () => {
    expect(packetsUntilTakeover(() => 30)).to.equal(5);
  });
  it("takes over after 26 loud packets from one who stops (M-165)", () => {
    expect(packetsUntilTakeover((i) => (i < 0 ? 90 : 30))).to.equal(26);
  });
  it("does not switch while both speak (M-165)", () => {
    expect(packetsUntilTakeover(() => 90)).to.equal(-1);
  });
});

describe("speech activity", () => {
  function speak(activity: SpeechActivity, id: string, from: number): number {
    let now = from;
    for (; now < from + 1500; now += 20) {
      activity.addLevel(id, now < from + 400 ? 30 : 90, now);
      activity.handleTimeout(now);
    }
    return now + DECISION_INTERVAL_MS;
  }

  it("orders by recency and by available video (M-163, B-123)", () => {
    const activity = new SpeechActivity(defaultEngineOptions);
    for (const id of ["a", "b", "c", "d"]) activity.addMember(id);
    let now = 0;
    for (const id of ["b", "c", "a"]) now = speak(activity, id, now);
    expect(activity.recentSpeakers()).to.deep.equal(["a", "c", "b"]);
    expect(activity.order(() => true)).to.deep.equal(["a", "c", "b", "d"]);
    expect(activity.order((id) => id !== "a")).to.deep.equal(["c", "b", "d", "a"]);
    expect(activity.dominant).to.equal("a");
    activity.removeMember("a");
    expect(activity.recentSpeakers()).to.deep.equal(["c", "b"]);
  });

  it("exposes only so many recent speakers (M-164, B-122)", () => {
    const activity = new SpeechActivity({ ...defaultEngineOptions, recentSpeakersCount: 2 });
    for (const id of ["a", "b", "c", "d"]) activity.addMember(id);
    let now = 0;
    for (const id of ["a", "b", "a", "c", "b", "d"]) now = speak(activity, id, now);
    expect(activity.recentSpeakers()).to.deep.equal(["d", "b", "c"]);
    activity.removeMember("b");
    expect(activity.recentSpeakers()).to.deep.equal(["d", "c", "a"]);
  });

  it("stops deciding 15 s after the last level", () => {
    const activity = new SpeechActivity(defaultEngineOptions);
    activity.addMember("a");
    activity.addLevel("a", 90, 0);
    let now = 0;
    let decisions = 0;
    while (Number.isFinite(activity.nextDecisionAt)) {
      now = activity.nextDecisionAt;
      activity.handleTimeout(now);
      decisions++;
    }
    expect(now).to.be.within(15_000, 15_600);
    expect(decisions).to.equal(51);
  });

  it("routes only the loudest and the dominant when so configured (M-167)", () => {
    const options = { ...defaultEngineOptions, routeLoudestOnly: true };
    const activity = new SpeechActivity(options);
    const ids = ["a", "b", "c", "d", "e"];
    for (const id of ids) activity.addMember(id);
    const passed = new Map(ids.map((id) => [id, 0]));
    for (let now = 0; now < 4000; now += 20) {
      for (const [i, id] of ids.entries()) {
        const level = now < 400 ? 20 : 60 + 10 * i;
        const dropped = activity.addLevel(id, level, now);
        if (now > 2000 && !dropped) passed.set(id, passed.get(id)! + 1);
      }
      activity.handleTimeout(now);
    }
    expect(passed.get("a") === 0 || activity.dominant === "a").to.equal(true);
    expect(passed.get("b") === 0 || activity.dominant === "b").to.equal(true);
    for (const id of ["c", "d", "e"]) expect(passed.get(id), id).to.equal(99);
  });

  it("detects silence when enabled", () => {
    const options = { ...defaultEngineOptions, enableSilenceDetection: true };
    const activity = new SpeechActivity(options);
    activity.addMember("a");
    let now = speak(activity, "a", 0);
    expect(activity.silence).to.equal(false);
    for (const end = now + 5000; now < end; now += 20) {
      activity.addLevel("a", 10, now);
      activity.handleTimeout(now);
    }
    expect(activity.silence).to.equal(true);
  });
});
