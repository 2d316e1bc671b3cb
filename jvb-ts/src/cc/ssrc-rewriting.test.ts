/** SSRC rewriting and MID demultiplexing through the engine (spec jvb-media 7.7, 7.8). */
import { expect } from "chai";
import { writeFir, writeNack, writePli, writeSenderReport } from "#shared/rtp/rtcp-build";
import { readInt32 } from "#shared/rtp/rtp-header";
import type { MediaEngineOptions } from "../media/engine-options.ts";
import type { MediaEndpoint, MediaEvent } from "../media/media-engine.ts";
import type { PacketSpec, RtpFields } from "./engine-fixture.ts";
import {
  AUDIO_LEVEL,
  audioExtensions,
  audioSource,
  EngineFixture,
  H264,
  MID,
  midExtension,
  OPUS,
  VP8,
  VP8_RTX,
  videoExtensions,
  videoSource,
  vp8Payload,
} from "./engine-fixture.ts";

const RECEIVER = 900;

/** A fixture with one receiver `r` whose SSRCs are rewritten. */
function rewriting(
  options: Partial<MediaEngineOptions> = {},
  more: { readonly stampsMid?: boolean } = {},
): { readonly fixture: EngineFixture; readonly receiver: MediaEndpoint } {
  const fixture = new EngineFixture(options);
  const receiver = fixture.join("r", RECEIVER, [], "c", { rewritesSsrcs: true, ...more });
  receiver.setHeaderExtensions("audio", [...audioExtensions, midExtension]);
  receiver.setHeaderExtensions("video", [...videoExtensions, midExtension]);
  return { fixture, receiver };
}

/** A sender that gets nothing: the tests look at one receiver. */
function sender(fixture: EngineFixture, session: number, video: readonly number[] = []): string {
  const id = `s${session}`;
  const sources = [audioSource(`${id}-a0`, 10_000 + session)];
  const all = video.length === 0 ? sources : [...sources, videoSource(`${id}-v0`, video)];
  fixture.join(id, session, all);
  return id;
}

function opus(session: number, seq: number, timestamp = seq * 960): PacketSpec {
  const extensions = [[AUDIO_LEVEL, [30]]] as const;
  return { pt: OPUS, ssrc: 10_000 + session, seq: seq & 0xffff, timestamp, extensions };
}

function vp8(ssrc: number, i: number, keyframe = false): PacketSpec {
  return {
    pt: VP8,
    ssrc,
    seq: i & 0xffff,
    timestamp: 3000 * i,
    marker: true,
    payload: [...vp8Payload({ pictureId: i & 0x7fff, tl0: i & 0xff, tid: 0, keyframe }), i & 0xff],
  };
}

type Mapped = Extract<MediaEvent, { kind: "videoSourcesMapped" | "audioSourcesMapped" }>;

function mapped(fixture: EngineFixture): Mapped[] {
  return fixture
    .events()
    .filter(
      (event): event is Mapped =>
        event.kind === "videoSourcesMapped" || event.kind === "audioSourcesMapped",
    );
}

const mappings = (fixture: EngineFixture) => mapped(fixture).flatMap((event) => event.mappings);
const pictureId = ({ payload }: RtpFields) => ((payload[2]! & 0x7f) << 8) | payload[3]!;
const tl0 = ({ payload }: RtpFields) => payload[4]!;
const midOf = ({ extensions }: RtpFields) => Buffer.from(extensions.get(MID) ?? []).toString();

function ask(receiver: MediaEndpoint, fixture: EngineFixture, names: readonly string[]): void {
  const constraints = Object.fromEntries(names.map((name) => [name, { maxHeight: 720 }]));
  receiver.setReceiverConstraints({ constraints, defaultConstraints: { maxHeight: 0 } });
  fixture.tick();
}

describe("SSRC rewriting: audio", () => {
  for (const start of [0, 0x7ff0, 0xfff8])
    it(`200 sources take turns in 50 SSRCs without a seam (M-097), from ${start}`, () => {
      const { fixture } = rewriting();
      for (let i = 1; i <= 200; i++) {
        sender(fixture, i);
        fixture.engine.endpoint("c", `s${i}`)!.setTransportUp(false);
      }
      fixture.take();
      const last = new Map<number, RtpFields>();
      for (let round = 0; round < 6; round++) {
        for (let i = 1; i <= 200; i++) {
          fixture.receive(i, opus(i, start + round));
          const [packet, ...rest] = fixture.takeRtp(RECEIVER);
          expect(rest).to.deep.equal([]);
          const before = last.get(packet!.ssrc);
          if (before !== undefined) {
            expect(packet!.seq).to.equal((before.seq + 1) & 0xffff);
            expect(packet!.timestamp).to.equal((before.timestamp + 960) >>> 0);
          }
          last.set(packet!.ssrc, packet!);
        }
      }
      expect(last.size).to.equal(50);
    });

  it("a new source takes the eldest's SSRC and mid, and only that is told (M-098, B-114)", () => {
    const { fixture } = rewriting({ audioSsrcLimit: 2 }, { stampsMid: true });
    for (const i of [1, 2, 3]) sender(fixture, i);
    fixture.tick();
    fixture.take();
    fixture.events();
    const told = [1, 2, 3].map((i) => {
      fixture.receive(i, opus(i, 100));
      return mapped(fixture);
    });
    const list = told.map((events) => events.map((event) => event.mappings));
    expect(list.map((events) => events.length)).to.deep.equal([1, 1, 1]);
    const each = list.map(([one]) => one![0]!);
    expect(each.map(({ source, owner, mid }) => [source, owner, mid])).to.deep.equal([
      ["s1-a0", "s1", "a0"],
      ["s2-a0", "s2", "a1"],
      ["s3-a0", "s3", "a0"],
    ]);
    expect(each[2]!.ssrc).to.equal(each[0]!.ssrc);
    expect(each[1]!.ssrc).to.not.equal(each[0]!.ssrc);
    const packets = fixture.takeRtp(RECEIVER);
    expect(packets.map(({ ssrc }) => ssrc)).to.deep.equal(each.map(({ ssrc }) => ssrc));
    expect(packets.map(midOf)).to.deep.equal(["a0", "a1", "a0"]);
    // The one used last stays.
    fixture.receive(2, opus(2, 101));
    fixture.receive(1, opus(1, 101));
    expect(mappings(fixture).map(({ source, mid }) => [source, mid])).to.deep.equal([
      ["s1-a0", "a0"],
    ]);
  });

  it("time goes on over a pause as the clock does", () => {
    const { fixture } = rewriting({ audioSsrcLimit: 1 });
    for (const i of [1, 2]) sender(fixture, i);
    fixture.receive(1, opus(1, 100));
    fixture.now += 5000;
    fixture.receive(2, opus(2, 7000));
    const [first, second] = fixture.takeRtp(RECEIVER);
    expect(second!.seq).to.equal((first!.seq + 1) & 0xffff);
    expect(second!.timestamp - first!.timestamp).to.equal(5000 * 48);
  });

  it("a packet from before a source began has no number, later ones keep their distance", () => {
    const { fixture } = rewriting({ audioSsrcLimit: 1 });
    for (const i of [1, 2]) sender(fixture, i);
    fixture.receive(1, opus(1, 100));
    fixture.receive(2, opus(2, 500));
    fixture.receive(2, opus(2, 499));
    fixture.receive(2, opus(2, 502));
    fixture.receive(2, opus(2, 501));
    const seqs = fixture.takeRtp(RECEIVER).map(({ seq }) => seq);
    expect(seqs).to.deep.equal([100, 101, 103, 102]);
  });

  it("others get sources under their own SSRCs", () => {
    const { fixture } = rewriting();
    sender(fixture, 1);
    sender(fixture, 2);
    fixture.take();
    fixture.receive(1, opus(1, 100));
    expect(fixture.takeRtp(2).map(({ ssrc }) => ssrc)).to.deep.equal([10_001]);
  });

  it("reports of a mapped source carry its SSRC and time, of another nothing (M-104)", () => {
    const { fixture } = rewriting({ audioSsrcLimit: 1 });
    for (const i of [1, 2]) sender(fixture, i);
    fixture.receive(1, opus(1, 100));
    fixture.receive(2, opus(2, 300));
    const [, second] = fixture.takeRtp(RECEIVER);
    const report = (i: number, timestamp: number) => {
      const bytes = new Uint8Array(28);
      writeSenderReport(bytes, 0, 10_000 + i, 111, 222, timestamp, 9, 9);
      fixture.receiveBytes(i, bytes);
      return fixture.takeRtcp(RECEIVER);
    };
    expect(report(1, 100 * 960)).to.deep.equal([]);
    const [sent] = report(2, 300 * 960);
    expect(readInt32(sent!, 4) >>> 0).to.equal(second!.ssrc);
    expect(readInt32(sent!, 16) >>> 0).to.equal(second!.timestamp);
    // Both packets went out on it.
    expect(readInt32(sent!, 20)).to.equal(2);
  });

  it("who leaves takes his slot along", () => {
    const { fixture, receiver } = rewriting();
    for (const i of [1, 2]) {
      sender(fixture, i);
      fixture.receive(i, opus(i, 100));
    }
    fixture.engine.endpoint("c", "s1")!.remove();
    fixture.tick();
    expect(receiver.sourceMappings().audio.map(({ source }) => source)).to.deep.equal(["s2-a0"]);
    sender(fixture, 1);
    fixture.events();
    fixture.receive(1, opus(1, 5));
    expect(mappings(fixture).map(({ source }) => source)).to.deep.equal(["s1-a0"]);
  });
});

describe("SSRC rewriting: video", () => {
  it("maps before the first packet, and sends nothing of what is not mapped (M-099)", () => {
    const { fixture, receiver } = rewriting({ videoSsrcLimit: 1 });
    sender(fixture, 1, [1100]);
    sender(fixture, 2, [1200]);
    fixture.tick();
    fixture.events();
    ask(receiver, fixture, ["s1-v0"]);
    // Before any constraint the first source had been given the place already.
    const [one, ...others] = receiver.sourceMappings().video;
    expect(others).to.deep.equal([]);
    expect(one!.source).to.equal("s1-v0");
    expect(one!.rtx).to.not.equal(one!.ssrc);
    expect(one!.videoType).to.equal("CAMERA");
    for (let i = 10; i < 13; i++) {
      fixture.receive(1, vp8(1100, i, i === 10));
      fixture.receive(2, vp8(1200, i, i === 10));
    }
    const packets = fixture.takeRtp(RECEIVER);
    expect(packets.map(({ ssrc, seq }) => [ssrc, seq])).to.deep.equal([
      [one!.ssrc, 2],
      [one!.ssrc, 3],
      [one!.ssrc, 4],
    ]);
  });

  it("nothing flows without slots (M-099)", () => {
    const { fixture, receiver } = rewriting({ videoSsrcLimit: -1, audioSsrcLimit: 0 });
    sender(fixture, 1, [1100]);
    ask(receiver, fixture, ["s1-v0"]);
    fixture.receive(1, vp8(1100, 10, true));
    fixture.receive(1, opus(1, 10));
    expect(fixture.takeRtp(RECEIVER)).to.deep.equal([]);
    expect(receiver.forwardedSources()).to.deep.equal([]);
    expect(receiver.sourceMappings()).to.deep.equal({ video: [], audio: [] });
  });

  it("after a change of source nothing flows before a key frame, then everything goes on (M-100)", () => {
    const { fixture, receiver } = rewriting({ videoSsrcLimit: 1 });
    sender(fixture, 1, [1100]);
    sender(fixture, 2, [1200]);
    ask(receiver, fixture, ["s1-v0"]);
    for (let i = 10; i < 13; i++) fixture.receive(1, vp8(1100, i, i === 10));
    const before = fixture.takeRtp(RECEIVER).at(-1)!;
    fixture.events();
    ask(receiver, fixture, ["s2-v0"]);
    expect(mappings(fixture).map(({ source, ssrc }) => [source, ssrc])).to.deep.equal([
      ["s2-v0", before.ssrc],
    ]);
    fixture.now += 330;
    fixture.receive(2, vp8(1200, 700));
    expect(fixture.takeRtp(RECEIVER)).to.deep.equal([]);
    fixture.receive(2, vp8(1200, 701, true));
    fixture.receive(2, vp8(1200, 702));
    const after = fixture.takeRtp(RECEIVER);
    expect(after.map(({ ssrc }) => ssrc)).to.deep.equal([before.ssrc, before.ssrc]);
    expect(after.map(({ seq }) => seq)).to.deep.equal([before.seq + 1, before.seq + 2]);
    expect(after.map(pictureId)).to.deep.equal([pictureId(before) + 1, pictureId(before) + 2]);
    expect(after.map(tl0)).to.deep.equal([tl0(before) + 1, tl0(before) + 2]);
    // Ten frames of 30 per second passed.
    expect(after[0]!.timestamp - before.timestamp).to.equal(10 * 3000);
    expect(after[1]!.timestamp - after[0]!.timestamp).to.equal(3000);
  });

  it("a change to H264 waits for a key frame too", () => {
    const { fixture, receiver } = rewriting({ videoSsrcLimit: 1 });
    sender(fixture, 1, [1100]);
    sender(fixture, 2, [1200]);
    ask(receiver, fixture, ["s1-v0"]);
    fixture.receive(1, vp8(1100, 10, true));
    const [before] = fixture.takeRtp(RECEIVER);
    ask(receiver, fixture, ["s2-v0"]);
    const nal = (seq: number, type: number): PacketSpec => ({
      pt: H264,
      ssrc: 1200,
      seq,
      timestamp: 3000 * seq,
      marker: true,
      payload: [type, 1, 2, 3],
    });
    fixture.receive(2, nal(50, 0x41));
    expect(fixture.takeRtp(RECEIVER)).to.deep.equal([]);
    fixture.receive(2, nal(51, 0x65));
    expect(fixture.takeRtp(RECEIVER).map(({ seq }) => seq)).to.deep.equal([before!.seq + 1]);
  });

  it("what last-n leaves out is mapped as well while there is room (M-101)", () => {
    const { fixture, receiver } = rewriting({ videoSsrcLimit: 3 });
    for (let i = 1; i <= 4; i++) sender(fixture, i, [1000 + 100 * i]);
    fixture.engine.endpoint("c", "s2")!.setVideoType("s2-v0", "NONE");
    receiver.setReceiverConstraints({ lastN: 1, defaultConstraints: { maxHeight: 180 } });
    fixture.tick();
    const names = receiver.sourceMappings().video.map(({ source }) => source);
    expect(names.sort()).to.deep.equal(["s1-v0", "s3-v0", "s4-v0"]);
    for (let i = 1; i <= 4; i++) fixture.receive(i, vp8(1000 + 100 * i, 10, true));
    expect(fixture.takeRtp(RECEIVER)).to.have.length(1);
    fixture.events();
    // Nothing is said while the same sources are mapped.
    receiver.setLastN(2);
    fixture.tick();
    expect(mapped(fixture)).to.deep.equal([]);
  });

  it("key frame requests name the source's own SSRC; unused ones mean nothing (M-102)", () => {
    const { fixture, receiver } = rewriting({ videoSsrcLimit: 1, keyframeMinIntervalMs: 0 });
    sender(fixture, 1, [1100, 1101, 1102]);
    ask(receiver, fixture, ["s1-v0"]);
    const { ssrc } = receiver.sourceMappings().video[0]!;
    fixture.receive(1, vp8(1100, 10, true));
    fixture.advance(3000);
    const asks = (bytes: Uint8Array) => {
      fixture.advance(3000);
      fixture.take();
      fixture.receiveBytes(RECEIVER, bytes);
      return fixture.takeRtcp(1).map((rtcp) => [rtcp[1], readInt32(rtcp, 8)]);
    };
    const pli = (media: number) => {
      const bytes = new Uint8Array(12);
      writePli(bytes, 0, 1, media);
      return bytes;
    };
    expect(asks(pli(ssrc))).to.deep.equal([[206, 1100]]);
    const fir = new Uint8Array(20);
    writeFir(fir, 0, 1, ssrc, 1);
    expect(asks(fir)).to.deep.equal([[206, 1100]]);
    expect(asks(pli(1100))).to.deep.equal([]);
    expect(asks(pli(1102))).to.deep.equal([]);
    expect(asks(pli(12_345))).to.deep.equal([]);
  });

  it("lists everything for a channel that opened again (M-103)", () => {
    const { fixture, receiver } = rewriting({}, { stampsMid: true });
    for (const i of [1, 2]) {
      sender(fixture, i, [1000 + 100 * i]);
      fixture.receive(i, opus(i, 100));
    }
    const { video, audio } = receiver.sourceMappings();
    expect(video.map(({ source, owner, mid }) => [source, owner, mid])).to.deep.equal([
      ["s1-v0", "s1", "v0"],
      ["s2-v0", "s2", "v1"],
    ]);
    expect(audio.map(({ source, mid }) => [source, mid])).to.deep.equal([
      ["s1-a0", "a0"],
      ["s2-a0", "a1"],
    ]);
    const ssrcs = [...video.flatMap(({ ssrc, rtx }) => [ssrc, rtx]), ...audio.map((a) => a.ssrc)];
    expect(new Set(ssrcs).size).to.equal(6);
  });

  it("repeats what was lost in RTX form on the announced SSRC (M-105)", () => {
    const { fixture, receiver } = rewriting({ videoSsrcLimit: 1 }, { stampsMid: true });
    sender(fixture, 1, [1100]);
    sender(fixture, 2, [1200]);
    ask(receiver, fixture, ["s1-v0"]);
    for (let i = 10; i < 13; i++) fixture.receive(1, vp8(1100, i, i === 10));
    fixture.take();
    const [mapping] = receiver.sourceMappings().video;
    const nack = (seq: number) => {
      const bytes = new Uint8Array(16);
      writeNack(bytes, 0, 1, mapping!.ssrc, Uint16Array.of(seq), 1, 16);
      fixture.receiveBytes(RECEIVER, bytes);
      return fixture.takeRtp(RECEIVER);
    };
    const [repeated] = nack(3);
    expect([repeated!.ssrc, repeated!.pt, repeated!.seq]).to.deep.equal([mapping!.rtx, VP8_RTX, 1]);
    expect(repeated!.payload.slice(0, 2)).to.deep.equal([0, 3]);
    expect(midOf(repeated!)).to.equal("v0");
    // Under another source the numbers of RTX go on, and what was before is not repeated.
    ask(receiver, fixture, ["s2-v0"]);
    fixture.receive(2, vp8(1200, 90, true));
    fixture.take();
    expect(nack(3)).to.deep.equal([]);
    expect(nack(5).map(({ ssrc, seq }) => [ssrc, seq])).to.deep.equal([[mapping!.rtx, 2]]);
  });

  it("every packet of a slot has its mid; who did not ask for it gets none (M-059)", () => {
    for (const stampsMid of [true, false]) {
      const { fixture, receiver } = rewriting({}, { stampsMid });
      sender(fixture, 1, [1100]);
      ask(receiver, fixture, ["s1-v0"]);
      fixture.receive(1, vp8(1100, 10, true));
      fixture.receive(1, opus(1, 100));
      const mids = fixture.takeRtp(RECEIVER).map(midOf);
      expect(mids).to.deep.equal(stampsMid ? ["v0", "a0"] : ["", ""]);
    }
  });

  it("counts of a report go on over a change of source (M-104)", () => {
    const { fixture, receiver } = rewriting({ videoSsrcLimit: 1 });
    sender(fixture, 1, [1100]);
    sender(fixture, 2, [1200]);
    const report = (session: number, ssrc: number, timestamp: number) => {
      const bytes = new Uint8Array(28);
      writeSenderReport(bytes, 0, ssrc, 111, 222, timestamp, 9, 9);
      fixture.take();
      fixture.receiveBytes(session, bytes);
      return fixture.takeRtcp(RECEIVER);
    };
    ask(receiver, fixture, ["s1-v0"]);
    for (let i = 10; i < 13; i++) fixture.receive(1, vp8(1100, i, i === 10));
    ask(receiver, fixture, ["s2-v0"]);
    fixture.receive(2, vp8(1200, 90, true));
    const [packet] = fixture.takeRtp(RECEIVER).slice(-1);
    expect(report(1, 1100, 3000 * 12)).to.deep.equal([]);
    const [sent] = report(2, 1200, 3000 * 90);
    expect(readInt32(sent!, 4) >>> 0).to.equal(packet!.ssrc);
    expect(readInt32(sent!, 16) >>> 0).to.equal(packet!.timestamp);
    expect(readInt32(sent!, 20)).to.equal(4);
  });

  it("a source that stops and comes back keeps its SSRC, and goes on there", () => {
    const { fixture, receiver } = rewriting();
    sender(fixture, 1, [1100]);
    ask(receiver, fixture, ["s1-v0"]);
    fixture.receive(1, vp8(1100, 10, true));
    const [before] = fixture.takeRtp(RECEIVER);
    const endpoint = fixture.engine.endpoint("c", "s1")!;
    endpoint.setSources([audioSource("s1-a0", 10_001)]);
    fixture.tick();
    fixture.events();
    endpoint.setSources([audioSource("s1-a0", 10_001), videoSource("s1-v0", [1100])]);
    fixture.tick();
    expect(mapped(fixture)).to.deep.equal([]);
    fixture.receive(1, vp8(1100, 11, true));
    const [after] = fixture.takeRtp(RECEIVER);
    expect([after!.ssrc, after!.seq]).to.deep.equal([before!.ssrc, before!.seq + 1]);
  });
});

describe("SSRC rewriting under random operations", () => {
  for (const seed of [1, 2, 3, 4, 5, 6])
    it(`no number twice, no gap, no packet before its mapping, seed ${seed}`, () => {
      let state = seed * 7919;
      const next = (n: number) => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
        return (state >> 8) % n;
      };
      const { fixture, receiver } = rewriting({ videoSsrcLimit: 3, audioSsrcLimit: 3 });
      const clock = new Map<number, number>();
      const count = (ssrc: number) => {
        const i = (clock.get(ssrc) ?? next(60_000)) + 1;
        clock.set(ssrc, i);
        return i;
      };
      const present = new Map<number, boolean>();
      const told = new Set<number>();
      const lastSeq = new Map<number, number>();
      for (let step = 0; step < 1500; step++) {
        const session = 1 + next(8);
        switch (present.has(session) ? next(12) : 0) {
          case 0:
            if (present.has(session)) fixture.engine.endpoint("c", `s${session}`)!.remove();
            else sender(fixture, session, [1000 + session]);
            if (!present.delete(session)) present.set(session, true);
            fixture.tick();
            break;
          case 1:
            ask(
              receiver,
              fixture,
              [1, 2, 3, 4, 5, 6, 7, 8].filter(() => next(3) === 0).map((i) => `s${i}-v0`),
            );
            break;
          default:
            for (let i = 0; i < 3; i++) {
              const ssrc = 1000 + session;
              fixture.receive(session, vp8(ssrc, count(ssrc), next(3) === 0));
              fixture.receive(session, opus(session, count(10_000 + session)));
            }
        }
        for (const { ssrc } of mappings(fixture)) told.add(ssrc);
        // The fixture refuses other bytes under a number used before.
        for (const packet of fixture.takeRtp(RECEIVER)) {
          expect(told.has(packet.ssrc), "a packet of an SSRC that was told").to.equal(true);
          const before = lastSeq.get(packet.ssrc);
          if (before !== undefined) expect(packet.seq).to.equal((before + 1) & 0xffff);
          lastSeq.set(packet.ssrc, packet.seq);
        }
        fixture.advance(next(60));
      }
      const { video, audio } = receiver.sourceMappings();
      expect(Math.max(video.length, audio.length)).to.be.at.most(3);
      expect(lastSeq.size).to.be.greaterThan(3);
    });
});
