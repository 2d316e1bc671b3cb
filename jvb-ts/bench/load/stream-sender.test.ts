import { expect } from "chai";
import { RtpHeader, readUint16 } from "#shared/rtp/rtp-header";
import type { TxSlab } from "../../src/media/slab.ts";
import { OPUS, RTX, VP8 } from "./negotiated-media.ts";
import { PayloadStamps } from "./payload.ts";
import { RtpOutput } from "./rtp-output.ts";
import { StreamSender } from "./stream-sender.ts";
import { endOfDescriptor, FRAMES_PER_SECOND } from "./vp8-camera.ts";
import { planOf, type Workload } from "./workload.ts";

const workload: Workload = {
  ...{ name: "test", about: "", conferences: 1, people: 2, speakers: 2, cameras: 2 },
  wantedHeight: 360,
};

function newSender() {
  const plan = planOf(workload, 1);
  const sent: Uint8Array[] = [];
  const output = new RtpOutput({
    send: (slab: TxSlab) => {
      for (let row = 0; row < slab.count; row++) {
        const at = slab.offset[row]!;
        sent.push(slab.bytes.slice(at, at + slab.length[row]!));
      }
      slab.count = 0;
      return 0;
    },
  });
  const stamps = new PayloadStamps(1);
  const counted: string[] = [];
  const sender = new StreamSender({
    ...{ plan: plan.participants[0]!, firstStream: 0, session: 0, seed: 5, output, stamps },
    onSent: (stream, index, scheduled) => counted.push(`${stream} ${index} ${scheduled}`),
  });
  return {
    plan,
    sender,
    counted,
    /** Packets since the last call, as their receivers read them. */
    take() {
      output.flush();
      return sent.splice(0).map((bytes) => {
        const header = new RtpHeader();
        expect(header.parse(bytes, 0, bytes.length)).to.equal(true);
        const buffer = Buffer.from(bytes);
        const view = new DataView(buffer.buffer, buffer.byteOffset);
        const start = header.payloadOffset + (header.payloadType === RTX ? 2 : 0);
        const end = header.payloadOffset + header.payloadLength;
        const body = header.payloadType === OPUS ? start : endOfDescriptor(bytes, start, end);
        expect(stamps.read(buffer, view, body, end)).to.equal(true);
        const { stream, index, scheduled } = stamps;
        return { header, bytes, start, stream, index, scheduled };
      });
    },
  };
}

describe("StreamSender", () => {
  it("sends audio that is told apart, each packet 20 ms after the last", () => {
    const { plan, sender, counted, take } = newSender();
    for (let turn = 0; turn < 3; turn++) sender.sendAudio(turn * 20, turn, 0, 2);
    const packets = take();
    expect(packets.map(({ stream, index, scheduled }) => [stream, index, scheduled])).to.deep.equal(
      [0, 1, 2].map((index) => [0, index, index * 20]),
    );
    expect(counted).to.deep.equal(["0 0 0", "0 1 20", "0 2 40"]);
    const [first, second] = packets;
    expect(first!.header.ssrc).to.equal(plan.participants[0]!.audioSsrc);
    expect((second!.header.seq - first!.header.seq) & 0xffff).to.equal(1);
    expect((second!.header.timestamp - first!.header.timestamp) | 0).to.equal(960);
    // Element 1: speech, at a level.
    expect(first!.bytes[16]).to.equal(0x10);
    expect(first!.bytes[17]! & 0x80).to.equal(0x80);
  });

  it("sends the frames of all encodings, numbered across the transport", () => {
    const { sender, take } = newSender();
    for (let frame = 0; frame < 3; frame++)
      for (let which = 0; which < 3; which++)
        sender.sendFrame(which, (frame * 1000) / FRAMES_PER_SECOND + which);
    const packets = take();
    const numbers = packets.map(({ bytes }) => readUint16(bytes, 21));
    expect(numbers).to.deep.equal(packets.map((_, at) => at));
    for (const stream of [1, 2, 3]) {
      const own = packets.filter((packet) => packet.stream === stream);
      expect(own.filter(({ header }) => header.marker)).to.have.length(3);
      expect(new Set(own.map(({ header }) => header.timestamp)).size).to.equal(3);
    }
  });

  it("sends again what it is asked for, as long as it has it", () => {
    const { plan, sender, take } = newSender();
    sender.sendFrame(0, 0);
    sender.sendFrame(1, 0);
    const asked = take().find(({ stream }) => stream === 2)!;
    const { ssrc } = plan.participants[0]!.encodings[1]!;
    expect(sender.resend(ssrc, asked.header.seq)).to.equal(true);
    const [again] = take();
    expect(again!.header).to.include({
      payloadType: RTX,
      ssrc: plan.participants[0]!.rtxSsrcs[1],
      timestamp: asked.header.timestamp,
    });
    expect(readUint16(again!.bytes, again!.start - 2)).to.equal(asked.header.seq);
    expect([again!.stream, again!.index]).to.deep.equal([2, asked.index]);
    expect(asked.header.payloadType).to.equal(VP8);
    expect(sender.resend(ssrc, (asked.header.seq + 1000) & 0xffff)).to.equal(false);
    expect(sender.resend(12345, asked.header.seq)).to.equal(false);
  });
});
