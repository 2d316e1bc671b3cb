/** Allocation inside the engine: estimates, who is reallocated when, what is told. */
import { expect } from "chai";
import type { Random } from "#shared/runtime/runtime";
import { reallocate, reallocateReceivers } from "../../media/allocate.ts";
import { estimatedBandwidthBps, setEstimatedBandwidth } from "../../media/bandwidth-estimate.ts";
import type { MediaEngineOptions } from "../../media/engine-options.ts";
import { defaultEngineOptions } from "../../media/engine-options.ts";
import { ConferenceState, EndpointState } from "../../media/media-state.ts";
import { PathContext } from "../../media/path-context.ts";
import { updateSources } from "../../media/source-update.ts";
import { SpeechActivity } from "../../media/speech-activity.ts";
import { VideoPacket } from "../../media/video-packet.ts";
import { audioTypes, videoSource, videoTypes } from "../engine-fixture.ts";
import { SourceProjection } from "../source-projection.ts";
import { BandwidthAllocator } from "./bandwidth-allocator.ts";
import { applyConstraints, initialSettings } from "./settings.ts";

const KBPS = [50, 50, 50, 120, 120, 260, 500, 500, 1000];

/** A conference whose senders send at given rates to one receiver, without packets. */
class Rig {
  readonly conference: ConferenceState;
  readonly ctx: PathContext;
  readonly receiver: EndpointState;
  readonly #packet = new VideoPacket();
  now = 10_000;
  runs = 0;

  constructor(senders: number, part: Partial<MediaEngineOptions> = {}, withRtx = true) {
    const options = { ...defaultEngineOptions, ...part };
    const allocator = new BandwidthAllocator();
    let next = 7;
    const random: Random = {
      bytes: (n) => new Uint8Array(n),
      int: () => next++,
      float: () => 0,
    };
    this.ctx = new PathContext(
      options,
      {
        policy: {
          initialSettings,
          applyConstraints,
          allocate: (input, given) => {
            this.runs++;
            return allocator.allocate(input, given);
          },
        },
        createProjection: (after) => new SourceProjection(after),
      },
      { send: () => 0 },
      random,
    );
    this.conference = new ConferenceState("c", 1, 2, new SpeechActivity(options));
    this.receiver = this.#join("r", 0);
    const types = withRtx ? videoTypes : videoTypes.filter(({ name }) => name !== "rtx");
    this.receiver.payloadTypes.set("audio", audioTypes);
    this.receiver.payloadTypes.set("video", types);
    for (let i = 0; i < senders; i++) {
      const sender = this.#join(`s${i}`, i + 1);
      const ssrc = 10_000 * (i + 1);
      updateSources(sender, [videoSource(`s${i}-v0`, [ssrc, ssrc + 1, ssrc + 2])]);
    }
  }

  #join(id: string, slot: number): EndpointState {
    const settings = initialSettings(this.ctx.options);
    const endpoint = new EndpointState(
      this.conference,
      id,
      slot,
      false,
      slot,
      settings,
      this.ctx.options.bandwidth,
    );
    this.conference.endpoints.push(endpoint);
    this.conference.speech.addMember(id);
    return endpoint;
  }

  /** A second of every sender's layers, `scale` times as much as usual. */
  flow(scale: (layer: number) => number = () => 1): void {
    for (let ms = 0; ms < 1000; ms += 100) {
      this.now += 100;
      for (const sender of this.conference.endpoints.slice(1)) {
        for (const encoding of sender.videoSources[0]!.encodings) {
          encoding.pulse.trust(this.now);
          for (let tid = 0; tid < 3; tid++) {
            const kbps = KBPS[3 * encoding.eid + tid]! * scale(3 * encoding.eid + tid);
            this.#packet.tid = tid;
            encoding.model.count(this.#packet, kbps * 100, false, this.now);
          }
        }
      }
    }
  }

  constrain(onStage: readonly string[], stageHeight: number, others: number): void {
    const { options } = this.ctx;
    const message = {
      onStageSources: onStage,
      constraints: Object.fromEntries(onStage.map((name) => [name, { maxHeight: stageHeight }])),
      defaultConstraints: { maxHeight: others },
    };
    this.receiver.settings = applyConstraints(this.receiver.settings, message, true, options);
    reallocate(this.ctx, this.conference, this.now);
  }

  estimate(bps: number): void {
    setEstimatedBandwidth(this.receiver, bps, this.ctx.options);
    if (this.conference.receiversDirty) reallocateReceivers(this.ctx, this.conference, this.now);
  }

  targets(): number[] {
    return this.receiver.allocated.map((leg) => leg.targetIndex);
  }
}

describe("allocation by the estimate", () => {
  it("nothing limits before the first estimate, then it does", () => {
    const rig = new Rig(1);
    rig.flow();
    rig.constrain(["s0-v0"], 720, 180);
    expect(estimatedBandwidthBps(rig.receiver)).to.equal(Number.POSITIVE_INFINITY);
    expect(rig.targets()).to.deep.equal([130]);
    rig.estimate(600_000);
    expect(estimatedBandwidthBps(rig.receiver)).to.equal(600_000);
    expect(rig.targets()).to.deep.equal([66]);
    expect(rig.receiver.targetBps).to.be.lessThan(600_000);
    expect(rig.receiver.idealBps).to.be.greaterThan(1_500_000);
  });
  it("changes up to the threshold are ignored, larger ones reallocate (M-151)", () => {
    const rig = new Rig(1);
    rig.flow();
    rig.constrain(["s0-v0"], 720, 180);
    rig.estimate(1_000_000);
    const { runs } = rig;
    rig.estimate(1_140_000);
    rig.estimate(870_000);
    expect(rig.runs).to.equal(runs);
    expect(rig.receiver.usedEstimateBps).to.equal(1_000_000);
    rig.estimate(1_160_000);
    expect(rig.runs).to.equal(runs + 1);
    // The next change counts from there.
    rig.estimate(1_000_000);
    expect(rig.runs).to.equal(runs + 1);
  });
  it("an estimate reallocates its receiver alone", () => {
    const rig = new Rig(5);
    rig.flow();
    rig.constrain([], 0, 180);
    const { runs } = rig;
    rig.estimate(100_000);
    expect(rig.runs).to.equal(runs + 1);
  });
  it("a receiver without RTX gets everything, whatever is estimated (M-156)", () => {
    const rig = new Rig(1, {}, false);
    rig.flow();
    rig.constrain(["s0-v0"], 720, 180);
    rig.estimate(100_000);
    expect(rig.targets()).to.deep.equal([130]);
  });
  it("trust-bwe off and the first period after the first video lift the limit", () => {
    const careless = new Rig(1, { trustBwe: false });
    careless.flow();
    careless.constrain(["s0-v0"], 720, 180);
    careless.estimate(100_000);
    expect(careless.targets()).to.deep.equal([130]);

    const patient = new Rig(1, { initialIgnoreBwePeriodMs: 2000 });
    patient.flow();
    patient.constrain(["s0-v0"], 720, 180);
    patient.estimate(100_000);
    expect(patient.targets()).to.deep.equal([130]);
    patient.receiver.firstVideoAt = patient.now;
    patient.flow();
    patient.flow();
    reallocate(patient.ctx, patient.conference, patient.now);
    expect(patient.targets()[0]).to.be.lessThan(64);
  });
  it("an assumed bandwidth outranks the estimate", () => {
    const rig = new Rig(1, { assumedBandwidthLimitBps: 10_000_000 });
    rig.flow();
    rig.constrain(["s0-v0"], 720, 180);
    rig.estimate(100_000);
    const { options } = rig.ctx;
    const message = { assumedBandwidthBps: 5_000_000 };
    rig.receiver.settings = applyConstraints(rig.receiver.settings, message, false, options);
    reallocate(rig.ctx, rig.conference, rig.now);
    expect(rig.targets()).to.deep.equal([130]);
  });
});

describe("stability of allocation (B8)", () => {
  /** Changes that a viewer sees while a noisy estimate climbs from 0 to 6 Mbps in a minute. */
  function visibleChanges(seed: number, threshold: number): number {
    const rig = new Rig(6, { bweChangeThreshold: threshold });
    rig.flow();
    rig.constrain(["s0-v0"], 720, 180);
    let state = seed;
    const noise = () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return state / 0x1_0000_0000 - 0.5;
    };
    const encodings = () =>
      rig.receiver.allocated.map((leg) => (leg.targetIndex < 0 ? -1 : leg.targetIndex >> 6)).join();
    let changes = 0;
    rig.estimate(10_000);
    let shown = encodings();
    for (let second = 0; second < 60; second++) {
      // Rates of the senders waver, and so does the estimate, five times a second.
      rig.flow(() => 1 + 0.1 * noise());
      if (second % 5 === 0) reallocate(rig.ctx, rig.conference, rig.now);
      for (let i = 0; i < 5; i++) {
        const ramp = 10_000 + 100_000 * (second + i / 5);
        rig.estimate(ramp * (1 + 0.08 * noise()));
        const now = encodings();
        if (now !== shown) changes++;
        shown = now;
      }
    }
    expect(rig.receiver.allocated.every((leg) => leg.targetIndex === leg.idealIndex)).to.equal(
      true,
    );
    return changes;
  }
  for (const seed of [1, 2, 3, 4, 5])
    it(`a recorded ramp gives fewer than 20 visible changes, seed ${seed}`, () => {
      expect(visibleChanges(seed, 0.15)).to.be.within(2, 19);
    });
});
