/** A sender stops a layer, or only seems to: what receivers of that layer see meanwhile. */
import { expect } from "chai";
import { buildRtp, readRtp, VP8, videoSource, vp8Payload } from "../../src/cc/engine-fixture.ts";
import type { Client } from "./client.ts";
import { creation, endpointRequest, modify } from "./requests.ts";
import { Stage } from "./stage.ts";

const LAYERS = [21, 22, 23];
/** From a request's arrival to the encoder's next frame being a key frame. */
const ENCODER_MS = 30;
const STEP_MS = 5;

/** A camera or screen that sends simulcast and obeys key frame requests. */
class Sender {
  readonly client: Client;
  readonly active = [true, true, true];
  fps = 30;
  /** What happens on the way: gets each packet, true lets it pass. */
  passes: (eid: number) => boolean = () => true;
  keyframeRequests = 0;
  frames = 0;
  #dueMs = 0;
  #nowMs = 0;
  #keyframeAt = 0;
  readonly #seq = [100, 200, 65_000];
  #read = 0;

  constructor(client: Client) {
    this.client = client;
  }

  /** A layer that begins does so with a key frame, and its siblings with it. */
  begin(eid: number): void {
    this.active[eid] = true;
    this.#keyframeAt = this.#nowMs;
  }

  step(): void {
    this.#nowMs += STEP_MS;
    for (; this.#read < this.client.media.length; this.#read++) {
      const bytes = this.client.media[this.#read];
      if (bytes?.[1] !== 206 || (bytes[0] ?? 0) !== 0x81) continue;
      this.keyframeRequests++;
      this.#keyframeAt = Math.min(this.#keyframeAt, this.#nowMs + ENCODER_MS);
    }
    if (this.#nowMs < this.#dueMs) return;
    this.#dueMs += 1000 / this.fps;
    const keyframe = this.#nowMs >= this.#keyframeAt;
    if (keyframe) this.#keyframeAt = Number.POSITIVE_INFINITY;
    this.frames++;
    for (const [eid, ssrc] of LAYERS.entries())
      if (this.active[eid]) this.#send(eid, ssrc, keyframe);
  }

  #send(eid: number, ssrc: number, keyframe: boolean): void {
    const packets = 1 + eid;
    for (let i = 0; i < packets; i++) {
      const seq = (this.#seq[eid] ?? 0) & 0xffff;
      this.#seq[eid] = seq + 1;
      if (!this.passes(eid)) continue;
      const bytes = buildRtp({
        pt: VP8,
        seq,
        ssrc,
        timestamp: eid * 77_777 + Math.round(this.#nowMs * 90),
        marker: i === packets - 1,
        payload: vp8Payload({
          pictureId: this.frames & 0x7fff,
          tl0: this.frames & 0xff,
          tid: 0,
          start: i === 0,
          keyframe,
          height: 180 << eid,
          fill: 100 * (eid + 1),
        }),
      });
      this.client.sendMedia(bytes);
    }
  }
}

/** What one receiver got: times and layers. */
class Picture {
  readonly client: Client;
  longestGapMs = 0;
  layers = new Set<number>();
  last = -1;
  #sinceMs = 0;
  #read: number;

  constructor(client: Client) {
    this.client = client;
    this.#read = client.media.length;
  }

  step(): void {
    this.#sinceMs += STEP_MS;
    for (; this.#read < this.client.media.length; this.#read++) {
      const bytes = this.client.media[this.#read];
      if (bytes === undefined || ((bytes[1] ?? 0) & 0x7f) !== VP8) continue;
      const { payload } = readRtp({ session: 0, isRtcp: false, bytes });
      this.last = Math.floor(payload.length / 100) - 1;
      this.layers.add(this.last);
      this.longestGapMs = Math.max(this.longestGapMs, this.#sinceMs);
      this.#sinceMs = 0;
    }
  }

  forget(): void {
    this.longestGapMs = 0;
    this.layers.clear();
  }
}

const videoMedia = {
  type: "video" as const,
  payloadTypes: [
    {
      id: VP8,
      name: "VP8",
      clockrate: 90_000,
      channels: 1,
      parameters: [],
      rtcpFeedback: [{ type: "nack", subtype: "pli" }],
    },
  ],
  headerExtensions: [],
  extmapAllowMixed: true,
};

function wants(client: Client, maxHeight: number): void {
  client.say({
    kind: "ReceiverVideoConstraints",
    lastN: -1,
    selectedSources: undefined,
    onStageSources: undefined,
    defaultConstraints: { maxHeight, maxFrameRate: -1 },
    constraints: undefined,
    assumedBandwidthBps: undefined,
  });
}

class Call {
  readonly stage = new Stage();
  sender!: Sender;
  pictures: Picture[] = [];

  /** One sender, whose lowest `layers` come, and one receiver for each height. */
  async start(
    heights: readonly number[],
    { fps = 30, screen = false, layers = 3 } = {},
  ): Promise<this> {
    const media = [...creation("x").media, videoMedia];
    const from = await this.stage.join("aaaa1111", { media });
    for (const [i, height] of heights.entries()) {
      const client = await this.stage.join(`bbbb${1000 + i}`, { media });
      wants(client, height);
      this.pictures.push(new Picture(client));
    }
    const sources = [videoSource("aaaa1111-v0", LAYERS, false)];
    await this.stage.ask(modify({ endpoints: [endpointRequest("aaaa1111", { sources })] }));
    if (screen)
      from.say({
        kind: "SourceVideoTypeMessage",
        sourceName: "aaaa1111-v0",
        videoType: "DESKTOP",
        endpointId: undefined,
      });
    this.sender = new Sender(from);
    this.sender.fps = fps;
    this.sender.active.fill(false, layers);
    await this.run(12_000);
    for (const picture of this.pictures) picture.forget();
    this.sender.keyframeRequests = 0;
    return this;
  }

  async run(ms: number): Promise<void> {
    for (let t = 0; t < ms; t += STEP_MS) await this.#step();
  }

  /** Until so many more were sent and have arrived. */
  async runFrames(count: number): Promise<void> {
    const end = this.sender.frames + count;
    while (this.sender.frames < end) await this.#step();
    await this.#step();
  }

  async #step(): Promise<void> {
    this.sender.step();
    await this.stage.run(STEP_MS);
    for (const picture of this.pictures) picture.step();
  }
}

describe("a layer that stops", () => {
  for (const fps of [30, 24, 15, 12, 10]) {
    it(`at ${fps} frames per second leaves no gap of 500 ms`, async function () {
      const call = await new Call().start([720, 360], { fps });
      const [large, middle] = call.pictures;
      expect([large?.last, middle?.last]).to.deep.equal([2, 1]);
      call.sender.active[2] = false;
      await call.run(1500);
      this.test!.title += `: ${large?.longestGapMs} ms`;
      expect(large?.last).to.equal(1);
      expect(large?.longestGapMs).to.be.below(500);
      // Who never had it sees one key frame more, and no gap.
      expect(middle?.longestGapMs).to.be.at.most(1000 / fps + 2 * STEP_MS);
      call.sender.active[2] = true;
      await call.run(1500);
      expect(large?.last).to.equal(2);
    });
  }

  for (const fps of [30, 15, 10]) {
    for (const frames of [1, 2, 5]) {
      it(`after its first ${frames} frames at ${fps} per second leaves no gap of 500 ms`, async function () {
        const call = await new Call().start([720], { fps, layers: 1 });
        const [picture] = call.pictures;
        expect(picture?.last).to.equal(0);
        call.sender.begin(1);
        await call.runFrames(frames);
        expect(picture?.last).to.equal(1);
        call.sender.active[1] = false;
        await call.run(1500);
        this.test!.title += `: ${picture?.longestGapMs} ms`;
        expect(picture?.last).to.equal(0);
        expect(picture?.longestGapMs).to.be.below(500);
      });
    }
  }

  it("takes the one below with it when both stop", async function () {
    const call = await new Call().start([720, 360]);
    call.sender.active[2] = false;
    call.sender.active[1] = false;
    await call.run(1500);
    const gaps = call.pictures.map((picture) => picture.longestGapMs);
    this.test!.title += `: ${gaps.join(" and ")} ms`;
    expect(call.pictures.map((picture) => picture.last)).to.deep.equal([0, 0]);
    expect(Math.max(...gaps)).to.be.below(500);
  });

  for (const laterMs of [50, 200, 350]) {
    it(`takes the one below with it ${laterMs} ms later`, async function () {
      const call = await new Call().start([720, 360], { fps: 15 });
      call.sender.active[2] = false;
      await call.run(laterMs);
      call.sender.active[1] = false;
      await call.run(1500);
      const gaps = call.pictures.map((picture) => picture.longestGapMs);
      this.test!.title += `: ${gaps.join(" and ")} ms`;
      expect(call.pictures.map((picture) => picture.last)).to.deep.equal([0, 0]);
      expect(Math.max(...gaps)).to.be.below(500);
    });
  }

  it("after it faltered some times leaves no gap of 500 ms either", async function () {
    const call = await new Call().start([720]);
    for (let i = 0; i < 4; i++) {
      call.sender.active[2] = false;
      await call.run(700);
      call.sender.active[2] = true;
      await call.run(9000);
    }
    expect(call.pictures[0]?.last).to.equal(2);
    call.sender.active[2] = false;
    await call.run(1500);
    this.test!.title += `: ${call.pictures[0]?.longestGapMs} ms`;
    expect(call.pictures[0]?.longestGapMs).to.be.below(500);
    expect(call.pictures[0]?.last).to.equal(1);
  });

  it("leaves the picture to one that faltered, when that is all that comes", async function () {
    const call = await new Call().start([720]);
    for (let i = 0; i < 6; i++) {
      call.sender.active[0] = call.sender.active[1] = i % 2 === 0;
      call.sender.active[2] = i % 2 === 1;
      await call.run(900);
    }
    this.test!.title += `: ${call.pictures[0]?.longestGapMs} ms`;
    expect(call.pictures[0]?.longestGapMs).to.be.below(500);
  });

  it("below one that goes on leaves no gap of 500 ms either", async function () {
    const call = await new Call().start([180]);
    const [small] = call.pictures;
    expect(small?.last).to.equal(0);
    call.sender.active[0] = false;
    await call.run(1500);
    this.test!.title += `: ${small?.longestGapMs} ms`;
    expect(small?.last).to.equal(1);
    expect(small?.longestGapMs).to.be.below(500);
  });

  it("is noticed in a conference of forty as soon", async function () {
    this.timeout(20_000);
    const call = await new Call().start(new Array<number>(39).fill(720));
    call.sender.active[2] = false;
    await call.run(1000);
    const gap = Math.max(...call.pictures.map((picture) => picture.longestGapMs));
    this.test!.title += `: ${gap} ms`;
    expect(gap).to.be.below(500);
    expect(call.sender.keyframeRequests).to.be.at.most(2);
  });

  it("stays away quietly: one request for a key frame, one more when it comes back", async () => {
    const call = await new Call().start([720]);
    call.sender.active[2] = false;
    await call.run(5000);
    expect(call.sender.keyframeRequests).to.equal(1);
    call.sender.active[2] = true;
    await call.run(5000);
    expect(call.sender.keyframeRequests).to.equal(2);
  });
});

describe("a layer that only seems to stop", () => {
  for (const fps of [5, 4, 2, 1]) {
    it(`a screen at ${fps} frames per second stays in its layer`, async () => {
      const call = await new Call().start([720], { fps, screen: true });
      await call.run(15_000);
      expect([...(call.pictures[0]?.layers ?? [])]).to.deep.equal([2]);
      expect(call.sender.keyframeRequests).to.equal(0);
    });
  }

  it("a screen that changes now and then stays in its layer", async () => {
    const call = await new Call().start([720], { fps: 5, screen: true });
    for (const fps of [30, 1, 15, 2, 30, 0.5, 5, 30]) {
      call.sender.fps = fps;
      await call.run(3000);
    }
    expect([...(call.pictures[0]?.layers ?? [])]).to.deep.equal([2]);
    expect(call.sender.keyframeRequests).to.equal(0);
  });

  for (const [what, hits] of [
    ["all layers", () => true],
    ["the layer alone", (eid: number) => eid === 2],
  ] as const) {
    it(`200 ms of loss on ${what} switch nothing`, async () => {
      const call = await new Call().start([720]);
      for (let i = 0; i < 10; i++) {
        call.sender.passes = (eid) => !hits(eid);
        await call.run(200);
        call.sender.passes = () => true;
        await call.run(700);
      }
      expect([...(call.pictures[0]?.layers ?? [])]).to.deep.equal([2]);
      expect(call.sender.keyframeRequests).to.equal(0);
    });
  }

  it("an encoder that leaves out frames for 400 ms again and again is not shown until it stops that", async () => {
    const call = await new Call().start([720]);
    for (let i = 0; i < 20; i++) {
      call.sender.active[2] = false;
      await call.run(400);
      call.sender.active[2] = true;
      await call.run(1600);
    }
    expect(call.sender.keyframeRequests).to.be.at.most(4);
    expect(call.pictures[0]?.longestGapMs).to.be.below(500);
    expect(call.pictures[0]?.last).to.equal(1);
    await call.run(9000);
    expect(call.pictures[0]?.last).to.equal(2);
  });
});
