/** VP9 and AV1 through the engine's door: layers, allocation, forwarding, repetition. */
import { expect } from "chai";
import { writeNack } from "#shared/rtp/rtcp-build";
import type { HeaderExtension } from "#shared/stanza/media";
import { DependencyDescriptor } from "../media/dependency-descriptor.ts";
import type { MediaEngineOptions } from "../media/engine-options.ts";
import { layerIndex } from "../media/projection.ts";
import { StructureHistory } from "../media/structure-history.ts";
import { VideoPacket } from "../media/video-packet.ts";
import type { RtpFields } from "./engine-fixture.ts";
import {
  AV1,
  EngineFixture,
  readRtp,
  VP9,
  videoExtensions,
  videoSource,
  videoTypes,
} from "./engine-fixture.ts";
import type { EncoderOptions, TestPacket } from "./projection-fixture.ts";
import { TestEncoder } from "./projection-fixture.ts";

const DESCRIPTOR = 11;
const VLA = 12;
const AV1_RTX = 42;
const payloadTypes = { VP8: 100, VP9, AV1, H264: 107 } as const;
const extension = (id: number, uri: string): HeaderExtension => ({ id, uri, senders: undefined });
const descriptorUri =
  "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
const allocationUri = "http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00";
const extensions = [
  ...videoExtensions,
  extension(DESCRIPTOR, descriptorUri),
  extension(VLA, allocationUri),
];

/** a sends one source, b receives up to `maxHeight`. */
class Call {
  readonly fixture: EngineFixture;
  readonly codec: EncoderOptions["codec"];

  constructor(
    codec: EncoderOptions["codec"],
    ssrcs: readonly number[],
    maxHeight = 720,
    options: Partial<MediaEngineOptions> = {},
  ) {
    this.codec = codec;
    this.fixture = new EngineFixture(options);
    this.fixture.join("a", 1, [videoSource("a-v0", ssrcs)]);
    this.fixture.join("b", 2);
    for (const id of ["a", "b"])
      this.fixture.engine.endpoint("c", id)!.setHeaderExtensions("video", extensions);
    this.constrain(maxHeight);
  }

  constrain(maxHeight: number): void {
    this.fixture.engine
      .endpoint("c", "b")!
      .setReceiverConstraints({ lastN: -1, defaultConstraints: { maxHeight } });
    this.fixture.tick();
    this.fixture.take();
  }

  /** What b gets of these packets. */
  send(packets: readonly TestPacket[], more: readonly (readonly [number, number[]])[] = []) {
    for (const { eid, seq, timestamp, marker, payload, descriptor } of packets) {
      const elements: (readonly [number, readonly number[]])[] = [...more];
      if (descriptor !== undefined) elements.push([DESCRIPTOR, descriptor]);
      const pt = payloadTypes[this.codec];
      const common = { pt, seq, timestamp, marker, payload, extensions: elements };
      this.fixture.receive(1, { ...common, ssrc: 21 + eid });
    }
    return this.fixture.takeRtp(2);
  }

  get target(): number {
    return this.#sending?.targetIndex ?? -1;
  }

  get projection(): string {
    return this.#sending?.projection ?? "";
  }

  get #sending() {
    return this.fixture.engine.endpoint("c", "b")!.snapshot(this.fixture.now).sending[0];
  }
}

const encoder = (codec: EncoderOptions["codec"], options: Partial<EncoderOptions> = {}) =>
  new TestEncoder({ codec, ...options });

const sidOfVp9 = (one: RtpFields) => (one.payload[3]! >> 1) & 7;

describe("VP9 through the engine", () => {
  it("three spatial layers on one SSRC of three: the others have no layers any more (M-040)", () => {
    const call = new Call("VP9", [21, 22, 23]);
    const out = call.send(encoder("VP9", { spatial: 3 }).picture(true));
    expect(out.map(sidOfVp9)).to.deep.equal([0, 1, 2]);
    expect(call.target).to.equal(layerIndex(0, 2, 2));
    expect(call.projection).to.equal("VP9");
    call.constrain(360);
    expect(call.target).to.equal(layerIndex(0, 1, 2));
    call.constrain(180);
    expect(call.target).to.equal(layerIndex(0, 0, 2));
  });

  it("simulcast: each encoding has its own layers, and the wanted one flows", () => {
    const call = new Call("VP9", [21, 22, 23]);
    const encoders = [0, 1, 2].map((eid) => encoder("VP9", { eid, seq: 100 * eid }));
    for (const one of encoders) call.send(one.picture(true));
    expect(call.target >> 6).to.equal(2);
    const flows = (): number[] => encoders.map((one) => call.send(one.picture()).length);
    expect(flows()).to.deep.equal([0, 0, 1]);
    call.constrain(180);
    for (const one of encoders) call.send(one.picture(true));
    expect(flows()).to.deep.equal([1, 0, 0]);
  });

  it("flexible mode: a temporal layer is allocated with its first packet (M-041)", () => {
    const call = new Call("VP9", [21]);
    const source = encoder("VP9", { spatial: 2, flexible: true });
    call.send(source.picture(true));
    expect(call.target).to.equal(layerIndex(0, 1, 0));
    call.send(source.picture());
    expect(call.target).to.equal(layerIndex(0, 1, 2));
  });

  it("without layers it passes whole (M-088)", () => {
    const call = new Call("VP9", [21]);
    const payloads = Array.from({ length: 10 }, (_, i) => [i === 0 ? 0x8c : 0xcc, 0x80, i, 1, 2]);
    const out = payloads.flatMap((payload, i) => {
      call.fixture.receive(1, {
        pt: VP9,
        seq: 10 + i,
        ssrc: 21,
        timestamp: 3000 * i,
        marker: true,
        payload,
      });
      return call.fixture.takeRtp(2);
    });
    expect(out.map((one) => one.payload)).to.deep.equal(payloads);
    expect(out.map((one) => one.seq)).to.deep.equal(payloads.map((_, i) => 2 + i));
  });

  it("a spatial layer that stops: receivers are at the next one within 500 ms, by a key frame if need be", () => {
    for (const keyOnly of [false, true]) {
      const call = new Call("VP9", [21]);
      const { fixture } = call;
      const source = encoder("VP9", { spatial: 3, keyOnly, temporal: 1 });
      call.send(source.picture(true));
      let longest = 0;
      let since = 0;
      let wantsKey = false;
      const run = (ms: number, sids: number) => {
        for (let t = 0; t < ms; t += 40) {
          fixture.advance(40);
          since += 40;
          const packets = source.picture(wantsKey).filter(({ frame }) => frame.sid < sids);
          wantsKey = false;
          for (const { eid, seq, timestamp, marker, payload } of packets)
            fixture.receive(1, { pt: VP9, seq, timestamp, marker, payload, ssrc: 21 + eid });
          for (const one of fixture.take()) {
            if (one.isRtcp && one.session === 1 && one.bytes[1] === 206) wantsKey = true;
            if (one.isRtcp || one.session !== 2) continue;
            const sid = sidOfVp9(readRtp(one));
            if (sid < sids - 1) continue;
            longest = Math.max(longest, since);
            since = 0;
          }
        }
      };
      run(2000, 3);
      expect(longest).to.equal(40);
      expect(call.target).to.equal(layerIndex(0, 2, 0));
      run(2000, 2);
      expect(call.target, `${keyOnly}`).to.equal(layerIndex(0, 1, 0));
      expect(since, `${keyOnly}`).to.be.below(100);
      expect(longest, `${keyOnly}`).to.be.below(550);
    }
  });

  it("goes on behind VP8 and AV1 of the same source (M-046)", () => {
    const call = new Call("VP9", [21]);
    const seqs: number[] = [];
    const times: number[] = [];
    const take = (out: readonly RtpFields[]) => {
      for (const one of out) {
        seqs.push(one.seq);
        times.push(one.timestamp);
      }
    };
    take(call.send(encoder("VP9").picture(true)));
    const second = new Call("AV1", [21]);
    expect(second.send(encoder("AV1").picture(true))).to.have.length(1);
    const { fixture } = call;
    for (const [i, codec] of (["VP8", "AV1", "VP9", "AV1"] as const).entries()) {
      const options = { seq: 2000 + 10 * i, timestamp: 900_000 + 9000 * i, pictureId: 300 };
      for (const packet of encoder(codec, options).picture(true)) {
        fixture.receive(1, {
          pt: payloadTypes[codec],
          seq: packet.seq,
          ssrc: 21,
          timestamp: packet.timestamp,
          payload: packet.payload,
          ...(packet.descriptor === undefined
            ? {}
            : { extensions: [[DESCRIPTOR, packet.descriptor]] }),
        });
      }
      take(fixture.takeRtp(2));
    }
    expect(seqs).to.deep.equal([2, 3, 4, 5, 6]);
    for (let i = 1; i < times.length; i++) expect(times[i]).to.be.greaterThan(times[i - 1]!);
  });
});

/** Reads the descriptors of what goes out, as a receiver would. */
class DescriptorReader {
  readonly packet = new VideoPacket();
  readonly descriptor = new DependencyDescriptor();
  readonly #history = new StructureHistory();

  read(one: RtpFields, id = DESCRIPTOR): boolean {
    this.packet.reset();
    const element = Uint8Array.from(one.extensions.get(id) ?? []);
    const { packet, descriptor } = this;
    if (!descriptor.parse(this.#history, one.seq, element, 0, element.length)) return false;
    packet.describe(descriptor);
    return true;
  }
}

describe("AV1 through the engine", () => {
  it("three by three layers on one SSRC: the allocation chooses decode targets (M-091)", () => {
    const call = new Call("AV1", [21, 22, 23]);
    const source = encoder("AV1", { spatial: 3, perFrame: 2 });
    const reader = new DescriptorReader();
    expect(call.send(source.picture(true))).to.have.length(6);
    expect([call.target, call.projection]).to.deep.equal([8, "AV1"]);
    call.constrain(360);
    expect(call.target).to.equal(5);
    // From the next picture on that decode target 5 can begin with.
    for (let i = 0; i < 3; i++) call.send(source.picture());
    const out = call.send(source.picture());
    expect(out.map((one) => [one.marker, reader.read(one)])).to.deep.equal([
      [false, true],
      [false, true],
      [false, true],
      [true, true],
    ]);
  });

  it("the receiver can read the structure, its decode targets and frame numbers (M-093)", () => {
    const call = new Call("AV1", [21], 180);
    const source = encoder("AV1", { spatial: 3 });
    const reader = new DescriptorReader();
    const numbers: number[] = [];
    for (let i = 0; i < 8; i++) {
      for (const one of call.send(source.picture(i === 0))) {
        expect(reader.read(one)).to.equal(true);
        expect(reader.descriptor.hasFrame).to.equal(true);
        expect([reader.packet.sid, one.marker]).to.deep.equal([0, true]);
        if (i === 0) {
          expect(reader.descriptor.hasStructure).to.equal(true);
          expect(reader.descriptor.activeTargets).to.equal(0b111);
        }
        numbers.push(reader.packet.pictureId);
      }
    }
    expect(numbers).to.deep.equal(Array.from({ length: 8 }, (_, i) => 100 + 3 * i));
  });

  it("what is repeated is what went out, as it is and as RTX (M-094)", () => {
    for (const withRtx of [false, true]) {
      const call = new Call("AV1", [21, 22, 23], 180);
      const { fixture } = call;
      const rtx = { id: AV1_RTX, name: "rtx", clockrate: 90_000, channels: 1, rtcpFeedback: [] };
      const types = withRtx
        ? [...videoTypes, { ...rtx, parameters: [{ name: "apt", value: String(AV1) }] }]
        : videoTypes;
      for (const id of ["a", "b"])
        fixture.engine.endpoint("c", id)!.setPayloadTypes("video", types);
      const low = encoder("AV1", { idOffset: 3, spatial: 2, perFrame: 2 });
      const high = encoder("AV1", { eid: 1, seq: 500, pictureId: 7 });
      call.send(low.picture(true));
      call.constrain(720);
      call.send([...low.picture(), ...high.picture()]);
      const sent = call.send([...low.picture(true), ...high.picture(true), ...high.picture()]);
      expect(sent.length).to.be.greaterThan(2);
      const seqs = Uint16Array.from(sent, (one) => one.seq);
      const bytes = new Uint8Array(100);
      fixture.now += 1000;
      fixture.receiveBytes(2, bytes.slice(0, writeNack(bytes, 0, 1, 21, seqs, seqs.length, 100)));
      const again = fixture.takeRtp(2);
      expect(again.map((one) => one.extensions.get(DESCRIPTOR))).to.deep.equal(
        sent.map((one) => one.extensions.get(DESCRIPTOR)),
      );
      expect(again.map((one) => one.marker)).to.deep.equal(sent.map((one) => one.marker));
      expect(again.map((one) => one.pt)).to.deep.equal(sent.map(() => (withRtx ? AV1_RTX : AV1)));
    }
  });

  it("H.264 and VP8 without a temporal layer are followed by their descriptors, too", () => {
    for (const [pt, payload, name] of [
      [payloadTypes.H264, [0x41, 1, 2], "H264"],
      [payloadTypes.VP8, [0x80, 0x80, 0x81, 5, 0x11, 1, 2], "VP8"],
    ] as const) {
      const call = new Call("AV1", [21], 180);
      const { fixture } = call;
      const source = encoder("AV1", { spatial: 2 });
      const passed: number[] = [];
      for (let i = 0; i < 5; i++) {
        for (const { seq, timestamp, descriptor, frame } of source.picture(i === 0)) {
          const extension = [DESCRIPTOR, descriptor!] as const;
          fixture.receive(1, { pt, seq, timestamp, payload, ssrc: 21, extensions: [extension] });
          const out = fixture.takeRtp(2);
          expect(out.map((one) => one.payload)).to.deep.equal(out.map(() => [...payload]));
          if (out.length > 0) passed.push(frame.sid);
        }
      }
      expect(passed).to.deep.equal([0, 0, 0, 0, 0]);
      expect(call.projection).to.equal(name);
    }
  });

  it("elements go out under the receiver's ids, and not at all where it has none", () => {
    const call = new Call("AV1", [21]);
    const b = call.fixture.engine.endpoint("c", "b")!;
    const source = encoder("AV1");
    b.setHeaderExtensions("video", [...videoExtensions, extension(14, descriptorUri)]);
    const [first] = call.send(source.picture(true));
    expect([...first!.extensions.keys()]).to.have.members([14, 5]);
    expect(new DescriptorReader().read(first!, 14)).to.equal(true);
    b.setHeaderExtensions("video", [...videoExtensions, extension(200, descriptorUri)]);
    const [second] = call.send(source.picture());
    expect([...second!.extensions.keys()]).to.have.members([200, 5]);
    b.setHeaderExtensions("video", []);
    b.setHeaderExtensions("audio", []);
    call.send(source.picture());
    const bare = call.fixture;
    for (const { seq, timestamp, payload, descriptor } of source.picture())
      bare.receive(1, {
        pt: AV1,
        seq,
        timestamp,
        payload,
        ssrc: 21,
        extensions: [[DESCRIPTOR, descriptor!]],
      });
    const [last] = bare.take().filter((one) => !one.isRtcp && one.session === 2);
    expect(last!.bytes[0]).to.equal(0x80);
  });

  it("malformed descriptors are dropped, and the stream goes on (M-183)", () => {
    const call = new Call("AV1", [21]);
    const source = encoder("AV1");
    call.send(source.picture(true));
    for (const length of [1, 2])
      expect(
        call.send(
          source.picture().map((one) => ({ ...one, descriptor: one.descriptor!.slice(0, length) })),
        ),
      ).to.deep.equal([]);
    expect(call.fixture.engine.endpoint("c", "a")!.snapshot(0).drops.badCodec).to.equal(2);
    expect(call.send(source.picture(true))).to.have.length(1);
  });

  it("bitrates that the sender tells are allocated by, when so configured", () => {
    const layers: [number, number[]] = [VLA, [0x01, 0x80, 0x50, 0x78, 0xc8, 0x01]];
    for (const useVlaTargetBitrate of [false, true]) {
      const call = new Call("VP9", [21], 720, {
        useVlaTargetBitrate,
        assumedBandwidthLimitBps: 1_000_000,
      });
      call.fixture.engine
        .endpoint("c", "b")!
        .setReceiverConstraints({ assumedBandwidthBps: 130_000 });
      const source = encoder("VP9");
      call.send(source.picture(true), [layers]);
      for (let i = 0; i < 150; i++) {
        call.fixture.advance(40);
        call.send(source.picture(), [layers]);
      }
      expect(call.target).to.equal(useVlaTargetBitrate ? 1 : 2);
    }
  });
});
