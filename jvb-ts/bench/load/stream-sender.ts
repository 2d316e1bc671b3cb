/** What one participant sends: audio and the encodings of its camera, with sender reports. */
import { writeSdesCname, writeSenderReport } from "#shared/rtp/rtcp-build";
import { writeUint16 } from "#shared/rtp/rtp-header";
import { Kind } from "../../src/media/slab.ts";
import { ABS_SEND_TIME, AUDIO_LEVEL, OPUS, RTX, TRANSPORT_CC, VP8 } from "./negotiated-media.ts";
import type { PayloadStamps } from "./payload.ts";
import { EXTENSIONS_AT, HEADER_BYTES, type RtpOutput } from "./rtp-output.ts";
import { seeded } from "./seeded.ts";
import { SentPackets } from "./sent-packets.ts";
import { packetBytes, Vp8Camera, writeVp8Header } from "./vp8-camera.ts";
import { AUDIO_PAYLOAD, type ParticipantPlan } from "./workload.ts";

/** Turns of the floor: who speaks loudest changes each 5 s. */
const FLOOR_TURNS = 250;
/** Seconds since 1900 at which the load's time begins; any will do. */
const NTP_EPOCH = 3_900_000_000;

/** One SSRC; `stream` is its number in the plan. */
interface OwnStream {
  readonly ssrc: number;
  readonly stream: number;
  seq: number;
  timestamp: number;
  index: number;
  packets: number;
  octets: number;
  /** Of video: what may be asked for again, and under which SSRC it goes out then. */
  readonly history: SentPackets | undefined;
  readonly rtxSsrc: number;
  rtxSeq: number;
}

/** Called for each packet before it leaves. */
export type OnSent = (stream: number, index: number, scheduled: number) => void;

export class StreamSender {
  readonly camera: Vp8Camera | undefined;
  readonly #plan: ParticipantPlan;
  readonly #session: number;
  readonly #output: RtpOutput;
  readonly #stamps: PayloadStamps;
  readonly #onSent: OnSent;
  readonly #audio: OwnStream | undefined;
  readonly #video: readonly OwnStream[];
  #transportSeq = 0;

  /**
   * @param firstStream number of its first stream in the plan
   */
  constructor(options: {
    readonly plan: ParticipantPlan;
    readonly firstStream: number;
    readonly session: number;
    readonly seed: number;
    readonly output: RtpOutput;
    readonly stamps: PayloadStamps;
    readonly onSent: OnSent;
  }) {
    const { plan, firstStream, seed } = options;
    this.#plan = plan;
    this.#session = options.session;
    this.#output = options.output;
    this.#stamps = options.stamps;
    this.#onSent = options.onSent;
    const random = seeded(seed);
    let stream = firstStream;
    const own = (ssrc: number, rtxSsrc?: number): OwnStream => ({
      ssrc,
      stream: stream++,
      seq: Math.floor(random() * 0x8000),
      timestamp: Math.floor(random() * 0x7fff_ffff),
      index: 0,
      packets: 0,
      octets: 0,
      history: rtxSsrc === undefined ? undefined : new SentPackets(),
      rtxSsrc: rtxSsrc ?? 0,
      rtxSeq: Math.floor(random() * 0x8000),
    });
    this.#audio = plan.audioSsrc === undefined ? undefined : own(plan.audioSsrc);
    this.#video = plan.encodings.map(({ ssrc }, at) => own(ssrc, plan.rtxSsrcs[at]));
    this.camera = plan.encodings.length === 0 ? undefined : new Vp8Camera(plan.encodings, seed);
  }

  /** @param floor the number among the speakers of a conference, of `speakers` */
  sendAudio(scheduled: number, turn: number, floor: number, speakers: number): void {
    const audio = this.#audio;
    if (audio === undefined) return;
    const output = this.#output;
    const at = output.beginRtp(OPUS, false, audio.seq, audio.timestamp | 0, audio.ssrc);
    const { bytes } = output;
    const isLoud = Math.floor(turn / FLOOR_TURNS) % speakers === floor;
    const level = (isLoud ? 18 : 45) + ((turn * 7 + floor * 3) % 8);
    bytes[at + EXTENSIONS_AT] = AUDIO_LEVEL << 4;
    bytes[at + EXTENSIONS_AT + 1] = 0x80 | level;
    this.#writeTransportSeq(at + EXTENSIONS_AT + 2);
    this.#finish(audio, at, at + HEADER_BYTES, AUDIO_PAYLOAD, scheduled);
    audio.timestamp += 960;
  }

  /** The frame of encoding `which`; the first one's turn makes the frame of all. */
  sendFrame(which: number, scheduled: number): void {
    const { camera } = this;
    const stream = this.#video[which];
    if (camera === undefined || stream === undefined) return;
    if (which === 0) camera.nextFrame(scheduled);
    const state = camera.encodings[which];
    if (state === undefined) return;
    const output = this.#output;
    for (let packet = 0; packet < state.packets; packet++) {
      const last = packet === state.packets - 1;
      const at = output.beginRtp(VP8, last, stream.seq, stream.timestamp | 0, stream.ssrc);
      const { bytes } = output;
      // 6.18 fixed point seconds.
      const sendTime = Math.floor((scheduled / 1000) * 2 ** 18) & 0xff_ffff;
      bytes[at + EXTENSIONS_AT] = (ABS_SEND_TIME << 4) | 2;
      bytes[at + EXTENSIONS_AT + 1] = sendTime >> 16;
      writeUint16(bytes, at + EXTENSIONS_AT + 2, sendTime & 0xffff);
      this.#writeTransportSeq(at + EXTENSIONS_AT + 4);
      const begin = at + HEADER_BYTES;
      const rest = writeVp8Header(bytes, begin, state, packet);
      // The VP8 header is part of the frame, the descriptor is not.
      const length = packetBytes(state, packet) - (rest - begin - 6);
      this.#finish(stream, at, rest, length, scheduled);
    }
    stream.timestamp += 3000;
  }

  #writeTransportSeq(at: number): void {
    this.#output.bytes[at] = (TRANSPORT_CC << 4) | 1;
    writeUint16(this.#output.bytes, at + 1, this.#transportSeq);
    this.#transportSeq = (this.#transportSeq + 1) & 0xffff;
  }

  #finish(own: OwnStream, at: number, body: number, length: number, scheduled: number): void {
    const { buffer, view } = this.#output;
    this.#stamps.write(buffer, view, body, length, own.stream, own.index, scheduled);
    this.#onSent(own.stream, own.index, scheduled);
    const payload = at + HEADER_BYTES;
    own.history?.keep(own.seq, own.timestamp, this.#output.buffer, payload, body + length);
    this.#output.end(this.#session, body + length - at);
    own.index++;
    own.seq = (own.seq + 1) & 0xffff;
    own.packets++;
    own.octets += body + length - at - HEADER_BYTES;
  }

  /** The bridge asks for packet `seq` of `ssrc` again (RFC 4588); false when it is too old. */
  resend(ssrc: number, seq: number): boolean {
    const own = this.#video.find((each) => each.ssrc === ssrc);
    const kept = own?.history?.find(seq);
    if (own === undefined || kept === undefined) return false;
    const output = this.#output;
    const at = output.beginRtp(RTX, false, own.rtxSeq, kept.timestamp | 0, own.rtxSsrc);
    own.rtxSeq = (own.rtxSeq + 1) & 0xffff;
    this.#writeTransportSeq(at + EXTENSIONS_AT);
    const payload = at + HEADER_BYTES;
    writeUint16(output.bytes, payload, seq);
    kept.bytes.copy(output.buffer, payload + 2, 0, kept.length);
    output.end(this.#session, HEADER_BYTES + 2 + kept.length);
    return true;
  }

  /** One compound report for each SSRC that has sent; `now` in ms. */
  sendReports(now: number): void {
    if (this.#audio !== undefined) this.#report(this.#audio, now);
    for (const stream of this.#video) this.#report(stream, now);
  }

  #report(own: OwnStream, now: number): void {
    if (own.packets === 0) return;
    const { bytes } = this.#output;
    const at = this.#output.begin();
    const seconds = NTP_EPOCH + Math.floor(now / 1000);
    const fraction = Math.floor(((now / 1000) % 1) * 2 ** 32);
    const { ssrc, timestamp, packets, octets } = own;
    const high = seconds | 0;
    const report = writeSenderReport(
      ...([bytes, at, ssrc, high, fraction | 0, timestamp | 0, packets, octets] as const),
    );
    const length = report + writeSdesCname(bytes, at + report, ssrc, this.#plan.id);
    this.#output.end(this.#session, length, Kind.rtcp);
  }
}
