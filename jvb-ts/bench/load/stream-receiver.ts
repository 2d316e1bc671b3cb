/**
 * What one participant does about what it receives, as a client would: reports, transport-wide
 * feedback, NACKs for gaps, key frame requests until a picture can be shown.
 */
import { seqDelta } from "#shared/rtp/arithmetic";
import { ExtensionIterator } from "#shared/rtp/header-extensions";
import {
  REPORT_BLOCK_BYTES,
  RR_HEADER_BYTES,
  writeNack,
  writePli,
  writeReceiverReportHeader,
  writeReportBlock,
  writeSdesCname,
} from "#shared/rtp/rtcp-build";
import { FeedbackType, RtcpType, RtcpWalker } from "#shared/rtp/rtcp-walk";
import { type RtpHeader, readInt32, readUint16 } from "#shared/rtp/rtp-header";
import { Kind } from "../../src/media/slab.ts";
import { TransportCcReceiver } from "../../src/media/transport-cc-receiver.ts";
import { TRANSPORT_CC, VP8 } from "./negotiated-media.ts";
import type { RtpOutput } from "./rtp-output.ts";

const MAX_MISSING = 64;
const MAX_BLOCKS = 31;
const PLI_EVERY_MS = 500;
const NACK_EVERY_MS = 50;
const NACK_TRIES = 5;

/** One SSRC that comes. */
interface RemoteStream {
  readonly ssrc: number;
  readonly isVideo: boolean;
  /** Extended sequence numbers: the first, and the newest. */
  readonly first: number;
  newest: number;
  received: number;
  /** At the last report. */
  reportedExpected: number;
  reportedReceived: number;
  /** Middle 32 bits of the last SR's time, and when it came. */
  lastReport: number;
  lastReportAt: number;
  /** Extended numbers that have not come. */
  readonly missing: number[];
  nackTries: number;
  nackedAt: number;
  hasPicture: boolean;
  askedAt: number;
}

export class StreamReceiver {
  /** SSRC of ours that reports are sent from. */
  readonly #ssrc: number;
  readonly #name: string;
  readonly #session: number;
  readonly #output: RtpOutput;
  readonly #feedback = new TransportCcReceiver();
  readonly #streams = new Map<number, RemoteStream>();
  readonly #elements = new ExtensionIterator();
  readonly #walker = new RtcpWalker();
  readonly #onKeyFrameRequest: () => void;
  readonly #onNack: (ssrc: number, seq: number) => void;
  readonly #losesEach: number;
  readonly #nackSeqs = new Uint16Array(MAX_MISSING);
  nacksSent = 0;
  plisSent = 0;
  /** Packets that the bridge asks for again. */
  nacksReceived = 0;
  keyFrameRequests = 0;

  constructor(options: {
    readonly ssrc: number;
    readonly name: string;
    readonly session: number;
    readonly output: RtpOutput;
    readonly onKeyFrameRequest: () => void;
    /** The bridge misses this packet of ours. */
    readonly onNack: (ssrc: number, seq: number) => void;
    /** Each so many packets of video count as lost until they come again; 0: none. */
    readonly losesEach?: number;
  }) {
    this.#losesEach = options.losesEach ?? 0;
    this.#ssrc = options.ssrc;
    this.#name = options.name;
    this.#session = options.session;
    this.#output = options.output;
    this.#onKeyFrameRequest = options.onKeyFrameRequest;
    this.#onNack = options.onNack;
  }

  /**
   * Any RTP packet. `isKeyFrame`: it begins one.
   */
  handleRtp(header: RtpHeader, isKeyFrame: boolean, now: number): void {
    const elements = this.#elements;
    const { bytes, extensionOffset, extensionLength, extensionProfile } = header;
    if (extensionLength > 0) {
      elements.start(bytes, extensionOffset, extensionLength, extensionProfile);
      while (elements.next())
        if (elements.id === TRANSPORT_CC && elements.dataLength >= 2)
          this.#feedback.handlePacket(
            readUint16(bytes, elements.dataOffset),
            false,
            header.ssrc,
            now,
            now,
          );
    }
    const stream = this.#streams.get(header.ssrc);
    if (stream === undefined) this.#begin(header, isKeyFrame);
    else this.#follow(stream, header.seq, isKeyFrame);
  }

  #begin({ ssrc, seq, payloadType }: RtpHeader, isKeyFrame: boolean): void {
    const first = 0x10000 + seq;
    this.#streams.set(ssrc, {
      ssrc,
      isVideo: payloadType === VP8,
      first,
      newest: first,
      received: 1,
      reportedExpected: 0,
      reportedReceived: 0,
      lastReport: 0,
      lastReportAt: 0,
      missing: [],
      nackTries: 0,
      nackedAt: 0,
      hasPicture: isKeyFrame,
      askedAt: 0,
    });
  }

  #follow(stream: RemoteStream, seq: number, isKeyFrame: boolean): void {
    if (isKeyFrame) stream.hasPicture = true;
    stream.received++;
    if (this.#losesEach > 0 && stream.isVideo && stream.received % this.#losesEach === 0) {
      stream.received--;
      stream.missing.push(stream.newest);
      stream.nackTries = 0;
    }
    const ahead = seqDelta(seq, stream.newest & 0xffff);
    const extended = stream.newest + ahead;
    if (ahead <= 0) {
      const at = stream.missing.indexOf(extended);
      if (at >= 0) stream.missing.splice(at, 1);
      return;
    }
    if (ahead > 1 && ahead < MAX_MISSING) {
      for (let lost = stream.newest + 1; lost < extended; lost++)
        if (stream.missing.length < MAX_MISSING) stream.missing.push(lost);
      stream.nackTries = 0;
    }
    stream.newest = extended;
  }

  /** A packet of stream `ssrc` came as a retransmission; true when it was missing. */
  handleRepair(ssrc: number, seq: number): boolean {
    const stream = this.#streams.get(ssrc);
    if (stream === undefined) return false;
    const at = stream.missing.indexOf(stream.newest + seqDelta(seq, stream.newest & 0xffff));
    if (at < 0) return false;
    stream.missing.splice(at, 1);
    stream.received++;
    return true;
  }

  /** Any RTCP of the bridge. */
  handleRtcp(bytes: Uint8Array, offset: number, length: number, now: number): void {
    const walker = this.#walker;
    walker.start(bytes, offset, length);
    while (walker.next()) {
      const { type, count } = walker;
      if (type === RtcpType.SR && walker.length >= 28) {
        const stream = this.#streams.get(walker.senderSsrc());
        if (stream === undefined) continue;
        stream.lastReport = readInt32(bytes, walker.offset + 10);
        stream.lastReportAt = now;
      } else if (
        type === RtcpType.PSFB &&
        (count === FeedbackType.PLI || count === FeedbackType.FIR)
      ) {
        this.keyFrameRequests++;
        this.#onKeyFrameRequest();
      } else if (type === RtcpType.RTPFB && count === FeedbackType.NACK) {
        this.nacksReceived++;
        this.#readNack(bytes, walker.offset, walker.length);
      }
    }
  }

  #readNack(bytes: Uint8Array, offset: number, length: number): void {
    const ssrc = readInt32(bytes, offset + 8);
    for (let at = offset + 12; at + 4 <= offset + length; at += 4) {
      const first = readUint16(bytes, at);
      this.#onNack(ssrc, first);
      const more = readUint16(bytes, at + 2);
      for (let bit = 0; bit < 16; bit++)
        if ((more & (1 << bit)) !== 0) this.#onNack(ssrc, (first + 1 + bit) & 0xffff);
    }
  }

  /** What cannot wait for the next report: to be called each 10 ms or so. */
  sendFeedback(now: number): void {
    const output = this.#output;
    while (this.#feedback.due) {
      const length = this.#feedback.write(output.bytes, output.begin(), this.#ssrc, now);
      if (length > 0) output.end(this.#session, length, Kind.rtcp);
    }
    for (const stream of this.#streams.values()) {
      if (stream.missing.length > 0) this.#nack(stream, now);
      if (stream.isVideo && !stream.hasPicture && now - stream.askedAt >= PLI_EVERY_MS) {
        stream.askedAt = now;
        this.plisSent++;
        const length = writePli(output.bytes, output.begin(), this.#ssrc, stream.ssrc);
        output.end(this.#session, length, Kind.rtcp);
      }
    }
  }

  #nack(stream: RemoteStream, now: number): void {
    if (now - stream.nackedAt < NACK_EVERY_MS) return;
    stream.nackedAt = now;
    if (++stream.nackTries > NACK_TRIES) {
      stream.missing.length = 0;
      return;
    }
    // In order, and the gaps of a client that starts anew are not worth a packet more.
    stream.missing.forEach((lost, at) => {
      this.#nackSeqs[at] = lost & 0xffff;
    });
    this.nacksSent++;
    const { bytes } = this.#output;
    const at = this.#output.begin();
    const count = stream.missing.length;
    const length = writeNack(bytes, at, this.#ssrc, stream.ssrc, this.#nackSeqs, count, 1000);
    this.#output.end(this.#session, length, Kind.rtcp);
  }

  /** Receiver report of all streams, with SDES: to be called once a second. */
  sendReport(now: number): void {
    const { bytes } = this.#output;
    const at = this.#output.begin();
    const count = Math.min(MAX_BLOCKS, this.#streams.size);
    writeReceiverReportHeader(bytes, at, this.#ssrc, count);
    let length = RR_HEADER_BYTES;
    for (const stream of this.#streams.values()) {
      if (length === RR_HEADER_BYTES + count * REPORT_BLOCK_BYTES) break;
      this.#writeBlock(at + length, stream, now);
      length += REPORT_BLOCK_BYTES;
    }
    length += writeSdesCname(bytes, at + length, this.#ssrc, this.#name);
    this.#output.end(this.#session, length, Kind.rtcp);
  }

  #writeBlock(at: number, stream: RemoteStream, now: number): void {
    const expected = stream.newest - stream.first + 1;
    const due = expected - stream.reportedExpected;
    const lost = due - (stream.received - stream.reportedReceived);
    stream.reportedExpected = expected;
    stream.reportedReceived = stream.received;
    const since = stream.lastReport === 0 ? 0 : ((now - stream.lastReportAt) * 65_536) / 1000;
    writeReportBlock(
      this.#output.bytes,
      at,
      stream.ssrc,
      due > 0 && lost > 0 ? Math.floor((lost * 256) / due) : 0,
      Math.max(0, expected - stream.received),
      stream.newest - 0x10000,
      0,
      stream.lastReport,
      Math.floor(since),
    );
  }
}
