/** Items of the media checklist (spec jvb-media 15) that no other test shows, by their ids. */
import { expect } from "chai";
import {
  writeNack,
  writeReceiverReportHeader,
  writeRemb,
  writeSdesCname,
} from "#shared/rtp/rtcp-build";
import { readInt32 } from "#shared/rtp/rtp-header";
import type { HeaderExtension } from "#shared/stanza/media";
import { buildDescriptor, scalableStructure } from "../media/descriptor-fixture.ts";
import type { MediaEngineOptions } from "../media/engine-options.ts";
import { Kind } from "../media/slab.ts";
import {
  AV1,
  audioSource,
  audioTypes,
  buildRtp,
  EngineFixture,
  OPUS,
  RED,
  redType,
  TRANSPORT_CC,
  VP8,
  VP9,
  videoExtensions,
  videoSource,
  vp8Payload,
} from "./engine-fixture.ts";

const ORIENTATION = 6;
const CONTENT_TYPE = 7;
const DESCRIPTOR = 11;
const VLA = 12;

function call(options: Partial<MediaEngineOptions> = {}): EngineFixture {
  const fixture = new EngineFixture(options);
  fixture.join("a", 1, [audioSource("a-a0", 11), videoSource("a-v0", [21, 22, 23])]);
  fixture.join("b", 2);
  fixture.engine
    .endpoint("c", "b")!
    .setReceiverConstraints({ lastN: -1, defaultConstraints: { maxHeight: 720 } });
  fixture.tick();
  fixture.take();
  return fixture;
}

let at = 0;
/** One single-packet frame of encoding `eid`. */
function video(
  fixture: EngineFixture,
  eid: number,
  frame: { readonly keyframe?: boolean; readonly height?: number; readonly bytes?: number } = {},
): void {
  at++;
  const pictureId = at & 0x7fff;
  const keyframe = frame.keyframe === true;
  const height = frame.height ?? 180 << eid;
  fixture.receive(1, {
    pt: VP8,
    seq: at & 0xffff,
    ssrc: 21 + eid,
    timestamp: 3000 * at,
    marker: true,
    payload: vp8Payload({
      pictureId,
      tl0: at & 0xff,
      tid: 0,
      keyframe,
      height,
      fill: frame.bytes ?? 0,
    }),
  });
}

const target = (fixture: EngineFixture): number => {
  const index =
    fixture.engine.endpoint("c", "b")!.snapshot(fixture.now).sending[0]?.targetIndex ?? -1;
  return index < 0 ? -1 : index >> 6;
};

const extension = (id: number, uri: string): HeaderExtension => ({ id, uri, senders: undefined });

describe("media checklist: ingress", () => {
  it("an unsignaled payload type gets no report either (M-027)", () => {
    const fixture = call();
    fixture.receive(1, { pt: 55, seq: 1, ssrc: 11 });
    fixture.advance(600);
    expect(fixture.take()).to.deep.equal([]);
  });

  it("video of an SSRC in no source is reported on and goes nowhere (M-028)", () => {
    const fixture = call();
    fixture.receive(1, {
      pt: VP8,
      seq: 1,
      ssrc: 99,
      payload: vp8Payload({ pictureId: 1, tl0: 1, tid: 0, keyframe: true }),
    });
    expect(fixture.takeRtp(2)).to.deep.equal([]);
    fixture.advance(600);
    const reports = fixture.takeRtcp(1).filter((one) => one[1] === 201);
    expect(reports.map((one) => readInt32(one, 8))).to.deep.equal([99]);
  });

  it("audio counts as sent from 5 packets a second on, video from 1 (M-038)", () => {
    for (const [audioPps, videoPps, expected] of [
      [4, 0, [false, false]],
      [5, 0, [true, false]],
      [50, 1, [true, true]],
    ] as const) {
      const fixture = call();
      let seq = 0;
      for (let ms = 0; ms < 8000; ms += 20) {
        if (ms % Math.floor(1000 / audioPps) < 20)
          fixture.receive(1, { pt: OPUS, seq: seq++, ssrc: 11 });
        if (videoPps > 0 && ms % Math.floor(1000 / videoPps) < 20) video(fixture, 0);
        fixture.advance(20);
      }
      const { sendingAudio, sendingVideo } = fixture.engine
        .endpoint("c", "a")!
        .snapshot(fixture.now);
      expect([sendingAudio, sendingVideo], `${audioPps}`).to.deep.equal(expected);
    }
  });

  it("a key frame tells the height of its encoding (M-039)", () => {
    const fixture = call();
    const b = fixture.engine.endpoint("c", "b")!;
    b.setReceiverConstraints({ defaultConstraints: { maxHeight: 360 } });
    for (const eid of [0, 1]) video(fixture, eid, { keyframe: true });
    expect(target(fixture)).to.equal(1);
    video(fixture, 1, { keyframe: true, height: 720 });
    expect(target(fixture)).to.equal(0);
    const { receiving } = fixture.engine.endpoint("c", "a")!.snapshot(fixture.now);
    expect(receiving.map((one) => one.height)).to.deep.equal([180, 720]);
  });

  it("an update that keeps the SSRCs keeps bitrates, and says nothing when nothing changed (M-048)", () => {
    const fixture = call();
    for (const eid of [0, 1, 2]) video(fixture, eid, { keyframe: true });
    expect(target(fixture)).to.equal(2);
    fixture.events();
    const a = fixture.engine.endpoint("c", "a")!;
    for (let i = 0; i < 2; i++)
      a.setSources([audioSource("a-a0", 11), videoSource("a-v0", [21, 22, 23])]);
    fixture.tick();
    expect(target(fixture)).to.equal(2);
    expect(fixture.events()).to.deep.equal([]);
    a.setSources([videoSource("a-v0", [21, 22, 23]), videoSource("a-v1", [31])]);
    fixture.tick();
    expect(target(fixture)).to.equal(2);
  });

  it("truncated descriptors are dropped, and the stream goes on (M-183)", () => {
    for (const [pt, whole] of [
      [VP8, vp8Payload({ pictureId: 9, tl0: 9, tid: 0 }).slice(0, 6)],
      [VP9, [0xaf, 0x81, 0x02, 0x20, 0x01, 0x18, 0x01]],
      [AV1, []],
    ] as const) {
      const fixture = call();
      video(fixture, 0, { keyframe: true });
      fixture.take();
      for (let length = 1; length < whole.length; length++) {
        at++;
        fixture.receive(1, {
          pt,
          seq: at & 0xffff,
          ssrc: 21,
          timestamp: 3000 * at,
          payload: whole.slice(0, length),
        });
      }
      fixture.take();
      video(fixture, 0, { keyframe: true });
      expect(fixture.takeRtp(2), `${pt}`).to.have.length(1);
    }
  });
});

describe("media checklist: header extensions on egress", () => {
  const all = [
    ...videoExtensions,
    extension(ORIENTATION, "urn:3gpp:video-orientation"),
    extension(CONTENT_TYPE, "http://www.webrtc.org/experiments/rtp-hdrext/video-content-type"),
    extension(
      DESCRIPTOR,
      "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
    ),
    extension(VLA, "http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00"),
  ];
  const withAll = (): EngineFixture => {
    const fixture = call();
    for (const id of ["a", "b"])
      fixture.engine.endpoint("c", id)!.setHeaderExtensions("video", all);
    return fixture;
  };
  const structure = scalableStructure(1, 3, false);
  const descriptor = buildDescriptor({ templateId: 0, frameNumber: 1, structure });
  const sent: readonly (readonly [number, readonly number[]])[] = [
    [ORIENTATION, [3]],
    [CONTENT_TYPE, [1]],
    [DESCRIPTOR, descriptor],
    [VLA, [0]],
  ];

  it("orientation stays, content type and layer allocation go, the descriptor stays with AV1 (M-054)", () => {
    const fixture = withAll();
    const keyframe = vp8Payload({ pictureId: 1, tl0: 1, tid: 0, keyframe: true });
    fixture.receive(1, { pt: VP8, seq: 1, ssrc: 21, extensions: sent, payload: keyframe });
    const ids = (one: { extensions: ReadonlyMap<number, unknown> }) => [...one.extensions.keys()];
    expect(fixture.takeRtp(2).map(ids)).to.deep.equal([[ORIENTATION, TRANSPORT_CC]]);
    const av1 = [0x18, 0x0a, 1, 0];
    fixture.receive(1, { pt: AV1, seq: 2, ssrc: 21, extensions: sent, payload: av1, timestamp: 9 });
    expect(fixture.takeRtp(2).map(ids)).to.deep.equal([[ORIENTATION, DESCRIPTOR, TRANSPORT_CC]]);
  });

  /** Form and bytes of the extension block of the only packet sent to b. */
  const block = (fixture: EngineFixture): { profile: number; bytes: number } | undefined => {
    const packets = fixture.take().filter((one) => !one.isRtcp && one.session === 2);
    expect(packets).to.have.length(1);
    const { bytes } = packets[0]!;
    if ((bytes[0]! & 0x10) === 0) return undefined;
    return {
      profile: (bytes[12]! << 8) | bytes[13]!,
      bytes: 4 + 4 * ((bytes[14]! << 8) | bytes[15]!),
    };
  };
  /** An AV1 packet with a two-byte block holding a descriptor of `length` bytes. */
  function av1(length: number): Uint8Array {
    const padding = new Array<number>(length - descriptor.length).fill(0);
    const elements = [DESCRIPTOR, length, ...descriptor, ...padding];
    while (elements.length % 4 !== 0) elements.push(0);
    const header = buildRtp({ pt: AV1, seq: 1, ssrc: 21, payload: [] });
    const head = [0x10, 0, 0, elements.length / 4];
    header[0] = 0x90;
    return Uint8Array.of(...header, ...head, ...elements, 0x18, 0x0a, 1, 0);
  }
  const noTcc = (fixture: EngineFixture) => {
    const b = fixture.engine.endpoint("c", "b")!;
    b.setHeaderExtensions("audio", []);
    b.setHeaderExtensions(
      "video",
      all.filter((one) => one.id > TRANSPORT_CC),
    );
  };

  it("34 bytes take the two-byte form, two added bytes keep the one-byte form, id 99 does not (M-055)", () => {
    let fixture = withAll();
    noTcc(fixture);
    fixture.receiveBytes(1, av1(34), Kind.rtp);
    expect(block(fixture)).to.deep.equal({ profile: 0x1000, bytes: 4 + 36 });
    fixture = withAll();
    fixture.receiveBytes(1, av1(34), Kind.rtp);
    expect(block(fixture)).to.deep.equal({ profile: 0x1000, bytes: 4 + 40 });
    const keyframe = vp8Payload({ pictureId: 1, tl0: 1, tid: 0, keyframe: true });
    const packet = { pt: VP8, seq: 1, ssrc: 21, payload: keyframe };
    fixture = withAll();
    fixture.receive(1, { ...packet, extensions: [[ORIENTATION, [3]]] });
    expect(block(fixture)).to.deep.equal({ profile: 0xbede, bytes: 4 + 8 });
    fixture = withAll();
    fixture.receive(1, packet);
    expect(block(fixture)).to.deep.equal({ profile: 0xbede, bytes: 4 + 4 });
    fixture = withAll();
    noTcc(fixture);
    fixture.engine
      .endpoint("c", "b")!
      .setHeaderExtensions("video", [
        extension(99, all.find((one) => one.id === TRANSPORT_CC)!.uri),
      ]);
    fixture.receive(1, packet);
    expect(block(fixture)).to.deep.equal({ profile: 0x1000, bytes: 4 + 4 });
  });

  it("without anything left the bit is cleared and the header is twelve bytes (M-056)", () => {
    const fixture = withAll();
    noTcc(fixture);
    fixture.receive(1, {
      pt: VP8,
      seq: 1,
      ssrc: 21,
      extensions: [[CONTENT_TYPE, [1]]],
      payload: vp8Payload({ pictureId: 1, tl0: 1, tid: 0, keyframe: true }),
    });
    const [packet] = fixture.take().filter((one) => !one.isRtcp && one.session === 2);
    expect(packet?.bytes[0]).to.equal(0x80);
    expect(packet?.bytes.length).to.equal(12 + 16);
  });
});

describe("media checklist: projection", () => {
  const plain = (id: "none" | "short", frame: number) => {
    // X, then I with seven bits or neither; S, an ordinary frame or a key frame.
    const descriptor = id === "none" ? [0x10] : [0x90, 0xa0, frame & 0x7f, 0];
    const keyframe = [0x10, 0, 0, 0x9d, 1, 0x2a, 0x40, 1, 180, 0];
    return [...descriptor, ...(frame === 0 ? keyframe : [0x11, 0, 0, frame])];
  };
  for (const [id, name] of [
    ["none", "VP8 without a picture id goes through the generic projection, whole (M-075)"],
    ["short", "a picture id of seven bits is left as it is (M-076)"],
  ] as const)
    it(name, () => {
      const fixture = new EngineFixture();
      fixture.join("a", 1, [videoSource("a-v0", [21])]);
      fixture
        .join("b", 2)
        .setReceiverConstraints({ lastN: -1, defaultConstraints: { maxHeight: 720 } });
      fixture.tick();
      const frames = Array.from({ length: 20 }, (_, i) => plain(id, i));
      for (const [i, payload] of frames.entries())
        fixture.receive(1, {
          pt: VP8,
          seq: 100 + i,
          ssrc: 21,
          timestamp: 3000 * i,
          marker: true,
          payload,
        });
      const out = fixture.takeRtp(2);
      expect(out.map((one) => one.payload)).to.deep.equal(frames);
      expect(out.map((one) => one.seq - out[0]!.seq)).to.deep.equal(frames.map((_, i) => i));
      const { projection } = fixture.engine.endpoint("c", "b")!.snapshot(0).sending[0]!;
      expect(projection).to.equal(id === "none" ? "generic VP8" : "VP8");
    });
});

describe("media checklist: RTCP", () => {
  it("reports, descriptions, goodbyes and feedback end here (M-118)", () => {
    const fixture = call();
    fixture.join("d", 3);
    fixture.receive(1, { pt: OPUS, seq: 1, ssrc: 11 });
    fixture.take();
    const bytes = new Uint8Array(200);
    const parts: readonly ((p: number) => number)[] = [
      (p) => {
        writeReceiverReportHeader(bytes, p, 11, 0);
        return 8;
      },
      (p) => writeSdesCname(bytes, p, 11, "someone"),
      (p) => {
        bytes.set([0x81, 203, 0, 1, 0, 0, 0, 11], p);
        return 8;
      },
      (p) => writeRemb(bytes, p, 11, 1_000_000, [21]),
      (p) => writeNack(bytes, p, 11, 21, Uint16Array.of(1), 1, 100),
      (p) => {
        bytes.set([0x80, 207, 0, 1, 0, 0, 0, 11], p);
        return 8;
      },
      (p) => {
        bytes.set(
          [0x8f, 205, 0, 5, 0, 0, 0, 11, 0, 0, 0, 21, 0, 1, 0, 1, 0, 0, 0, 0, 0x20, 1, 0, 0],
          p,
        );
        return 24;
      },
    ];
    for (const part of parts) {
      bytes.fill(0);
      fixture.receiveBytes(1, bytes.slice(0, part(0)));
    }
    const others = fixture.take().filter((one) => one.session !== 1);
    expect(others).to.deep.equal([]);
    // The goodbye ended nothing.
    fixture.receive(1, { pt: OPUS, seq: 2, ssrc: 11 });
    expect(fixture.takeRtp(2)).to.have.length(1);
  });
});

describe("media checklist: allocation", () => {
  it("a higher encoding is allocated with its first packet (M-153)", () => {
    const fixture = call();
    for (const eid of [0, 1, 2]) {
      video(fixture, eid, { keyframe: true });
      expect(target(fixture)).to.equal(eid);
    }
  });

  it("the drift of bitrates alone is noticed within 5 s (M-152)", () => {
    const fixture = call({ assumedBandwidthLimitBps: 400_000 });
    fixture.engine.endpoint("c", "b")!.setReceiverConstraints({ assumedBandwidthBps: 400_000 });
    fixture.tick();
    const run = (ms: number, bytes: number) => {
      for (let t = 0; t < ms; t += 40) {
        for (const eid of [0, 1]) video(fixture, eid, { keyframe: t === 0, bytes: bytes * eid });
        fixture.advance(40);
      }
    };
    run(6000, 1000);
    expect(target(fixture)).to.equal(1);
    run(5100, 1400);
    run(1000, 2 * 1400);
    const before = fixture.now;
    while (target(fixture) === 1 && fixture.now < before + 10_000) run(40, 3000);
    expect(fixture.now - before).to.be.below(5100);
  });
});

describe("media checklist: audio", () => {
  it("RED with three blocks is read whole, numbers and times going back (M-169)", () => {
    for (const seq of [1000, 1, 0]) {
      const fixture = call({ redPolicy: "STRIP" });
      fixture.engine.endpoint("c", "a")!.setPayloadTypes("audio", [...audioTypes, redType]);
      const red = (fill: number, lengths: readonly number[]) => {
        const heads = lengths.flatMap((length, i) => {
          const offset = 960 * (lengths.length - i);
          return [0x80 | OPUS, offset >> 6, ((offset & 63) << 2) | (length >> 8), length & 255];
        });
        const blocks = lengths.flatMap((length) => new Array<number>(length).fill(fill + length));
        return [...heads, OPUS, ...blocks, ...new Array<number>(62).fill(fill)];
      };
      const timestamp = (seq * 960) >>> 0;
      const send = (back: number, payload: number[]) =>
        fixture.receive(1, {
          pt: RED,
          seq: (seq - back) & 0xffff,
          ssrc: 11,
          timestamp: (timestamp - 960 * back) >>> 0,
          payload,
        });
      send(3, red(1, []));
      send(0, red(100, [20, 30]));
      expect(
        fixture.takeRtp(2).map((one) => [one.pt, one.seq, one.timestamp, one.payload.length]),
      ).to.deep.equal(
        [
          [3, 62],
          [2, 20],
          [1, 30],
          [0, 62],
        ].map(([back, length]) => [
          OPUS,
          (seq - back!) & 0xffff,
          (timestamp - 960 * back!) >>> 0,
          length,
        ]),
      );
    }
  });

  it("malformed RED to one who has none is dropped, and the stream goes on (M-170)", () => {
    const fixture = call();
    fixture.engine.endpoint("c", "a")!.setPayloadTypes("audio", [...audioTypes, redType]);
    fixture.receive(1, { pt: RED, seq: 1, ssrc: 11, payload: [OPUS, 1, 2] });
    for (const [i, payload] of [[0xef], [0xef, 0xff, 0xff, 0xff], [0xef, 0, 9]].entries())
      fixture.receive(1, { pt: RED, seq: 2 + i, ssrc: 11, payload });
    fixture.receive(1, { pt: RED, seq: 5, ssrc: 11, payload: [OPUS, 3, 4] });
    expect(fixture.takeRtp(2).map((one) => [one.seq, one.payload])).to.deep.equal([
      [1, [1, 2]],
      [5, [3, 4]],
    ]);
  });
});
