/** For tests and benchmarks: an engine with endpoints whose packets are written and read by hand. */
import { readInt32, readUint16, writeInt32, writeUint16 } from "#shared/rtp/rtp-header";
import type { ColibriMediaSource } from "#shared/stanza/colibri2";
import type { HeaderExtension, PayloadType, Source, SourceGroup } from "#shared/stanza/media";
import { defaultBandwidthSettings } from "../bandwidth/settings.ts";
import type { MediaEngineOptions } from "../media/engine-options.ts";
import { defaultEngineOptions } from "../media/engine-options.ts";
import type { AddEndpoint, MediaEndpoint, MediaEngine, MediaEvent } from "../media/media-engine.ts";
import type { TxSlab } from "../media/slab.ts";
import { Kind, REPEATABLE, RxSlab, SLOT_BYTES } from "../media/slab.ts";
import { createMediaEngine } from "./create-media-engine.ts";

export const OPUS = 111;
export const VP8 = 100;
export const VP8_RTX = 96;
export const H264 = 107;
export const VP9 = 101;
export const AV1 = 41;
export const RED = 112;
export const AUDIO_LEVEL = 1;
export const ABS_SEND_TIME = 3;
export const TRANSPORT_CC = 5;
export const MID = 7;

function payloadType(
  id: number,
  name: string,
  clockrate: number,
  more: Partial<PayloadType> = {},
): PayloadType {
  return { id, name, clockrate, channels: 1, parameters: [], rtcpFeedback: [], ...more };
}

const videoFeedback = [
  { type: "nack", subtype: undefined },
  { type: "nack", subtype: "pli" },
  { type: "ccm", subtype: "fir" },
  { type: "transport-cc", subtype: undefined },
];

export const audioTypes: readonly PayloadType[] = [payloadType(OPUS, "opus", 48_000)];
export const videoTypes: readonly PayloadType[] = [
  payloadType(VP8, "VP8", 90_000, { rtcpFeedback: videoFeedback }),
  payloadType(VP8_RTX, "rtx", 90_000, { parameters: [{ name: "apt", value: String(VP8) }] }),
  payloadType(H264, "H264", 90_000, { rtcpFeedback: videoFeedback }),
  payloadType(VP9, "VP9", 90_000, { rtcpFeedback: videoFeedback }),
  payloadType(AV1, "AV1", 90_000, { rtcpFeedback: videoFeedback }),
];
export const redType: PayloadType = payloadType(RED, "red", 48_000);

function extension(id: number, uri: string): HeaderExtension {
  return { id, uri, senders: undefined };
}

export const audioExtensions: readonly HeaderExtension[] = [
  extension(AUDIO_LEVEL, "urn:ietf:params:rtp-hdrext:ssrc-audio-level"),
  extension(
    TRANSPORT_CC,
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
  ),
];
/** What MID demultiplexing needs besides. */
export const midExtension: HeaderExtension = extension(MID, "urn:ietf:params:rtp-hdrext:sdes:mid");
export const videoExtensions: readonly HeaderExtension[] = [
  extension(ABS_SEND_TIME, "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"),
  extension(
    TRANSPORT_CC,
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
  ),
];

function signaled(ssrc: number): Source {
  return {
    ssrc,
    name: undefined,
    msid: undefined,
    videoType: undefined,
    rid: undefined,
    owner: undefined,
  };
}

export function audioSource(name: string, ssrc: number): ColibriMediaSource {
  return { type: "audio", id: name, synthetic: false, sources: [signaled(ssrc)], groups: [] };
}

/** Simulcast when several SSRCs are given; RTX SSRCs are the primary's plus 1000. */
export function videoSource(
  name: string,
  ssrcs: readonly number[],
  withRtx = true,
): ColibriMediaSource {
  const groups: SourceGroup[] = [];
  if (ssrcs.length > 1) groups.push({ semantics: "SIM", ssrcs });
  const all = [...ssrcs];
  if (withRtx) {
    for (const ssrc of ssrcs) {
      groups.push({ semantics: "FID", ssrcs: [ssrc, ssrc + 1000] });
      all.push(ssrc + 1000);
    }
  }
  return { type: "video", id: name, synthetic: false, sources: all.map(signaled), groups };
}

/** One packet to receive. */
export interface PacketSpec {
  readonly pt: number;
  readonly seq: number;
  readonly ssrc: number;
  readonly timestamp?: number;
  readonly marker?: boolean;
  readonly payload?: readonly number[];
  readonly padding?: number;
  /** Elements as id and data; in one-byte form where that is possible. */
  readonly extensions?: readonly (readonly [number, readonly number[]])[];
}

export function buildRtp(spec: PacketSpec): Uint8Array {
  const elements: number[] = [];
  const twoByte = (spec.extensions ?? []).some(
    ([id, { length }]) => id > 14 || length === 0 || length > 16,
  );
  for (const [id, data] of spec.extensions ?? []) {
    if (twoByte) elements.push(id, data.length, ...data);
    else elements.push((id << 4) | (data.length - 1), ...data);
  }
  while (elements.length % 4 !== 0) elements.push(0);
  const payload = spec.payload ?? [1, 2, 3, 4];
  const padding = spec.padding ?? 0;
  const block = elements.length > 0 ? 4 + elements.length : 0;
  const bytes = new Uint8Array(12 + block + payload.length + padding);
  bytes[0] = 0x80 | (block > 0 ? 0x10 : 0) | (padding > 0 ? 0x20 : 0);
  bytes[1] = (spec.marker === true ? 0x80 : 0) | spec.pt;
  writeUint16(bytes, 2, spec.seq);
  writeInt32(bytes, 4, spec.timestamp ?? 0);
  writeInt32(bytes, 8, spec.ssrc);
  if (block > 0) {
    writeUint16(bytes, 12, twoByte ? 0x1000 : 0xbede);
    writeUint16(bytes, 14, elements.length / 4);
    bytes.set(elements, 16);
  }
  bytes.set(payload, 12 + block);
  if (padding > 0) bytes[bytes.length - 1] = padding;
  return bytes;
}

/** One packet that went out. */
export interface Sent {
  readonly session: number;
  readonly isRtcp: boolean;
  readonly bytes: Uint8Array;
}

export interface RtpFields {
  readonly session: number;
  readonly pt: number;
  readonly marker: boolean;
  readonly seq: number;
  readonly timestamp: number;
  readonly ssrc: number;
  readonly extensions: ReadonlyMap<number, readonly number[]>;
  readonly payload: readonly number[];
}

export function readRtp(sent: Sent): RtpFields {
  const { bytes } = sent;
  const extensions = new Map<number, readonly number[]>();
  let at = 12 + 4 * (bytes[0]! & 15);
  if ((bytes[0]! & 0x10) !== 0) {
    const end = at + 4 + 4 * readUint16(bytes, at + 2);
    const twoByte = readUint16(bytes, at) === 0x1000;
    at += 4;
    while (at < end) {
      if (bytes[at] === 0) {
        at++;
        continue;
      }
      const id = twoByte ? bytes[at]! : bytes[at]! >> 4;
      const length = twoByte ? bytes[at + 1]! : (bytes[at]! & 15) + 1;
      at += twoByte ? 2 : 1;
      extensions.set(id, [...bytes.subarray(at, at + length)]);
      at += length;
    }
    at = end;
  }
  return {
    session: sent.session,
    pt: bytes[1]! & 0x7f,
    marker: bytes[1]! >= 0x80,
    seq: readUint16(bytes, 2),
    timestamp: readInt32(bytes, 4) >>> 0,
    ssrc: readInt32(bytes, 8) >>> 0,
    extensions,
    payload: [...bytes.subarray(at)],
  };
}

/** The first estimate is the greatest: nothing is sent to find a greater one. */
const nothingToProbe = {
  ...defaultBandwidthSettings,
  initialBps: defaultBandwidthSettings.maxBps,
};

/** An engine with everything that goes out recorded. */
export class EngineFixture {
  readonly engine: MediaEngine;
  readonly sent: Sent[] = [];
  readonly slab = new RxSlab();
  now = 1000;
  /** A `broken` event is what the test is about; else it fails the test. */
  expectsBugs = false;
  /** Called with the packets of each hand-over to the sockets. */
  onHandOff: ((packets: readonly Sent[]) => void) | undefined = undefined;
  readonly #events: MediaEvent[] = [];
  readonly #numbers = new Map<string, Numbers>();
  readonly #received = new Set<string>();
  /** SSRCs that came with a number twice, which SRTP lets nobody do: not checked. */
  readonly #unreal = new Set<number>();

  constructor(options: Partial<MediaEngineOptions> = {}) {
    let next = 100;
    this.engine = createMediaEngine({
      options: { ...defaultEngineOptions, bandwidth: nothingToProbe, ...options },
      sender: { send: (slab) => this.#record(slab) },
      random: { bytes: (n) => new Uint8Array(n), int: () => next++, float: () => 0 },
    });
    this.engine.addConference("c");
  }

  /** An endpoint that is up and takes audio and video. */
  join(
    id: string,
    session: number,
    sources: readonly ColibriMediaSource[] = [],
    conference = "c",
    more: Partial<AddEndpoint> = {},
  ): MediaEndpoint {
    const endpoint = this.engine.addEndpoint(conference, { id, session, ...more });
    // New keys.
    for (const stream of this.#numbers.keys())
      if (stream.startsWith(`${session} `)) this.#numbers.delete(stream);
    endpoint.setPayloadTypes("audio", audioTypes);
    endpoint.setPayloadTypes("video", videoTypes);
    endpoint.setHeaderExtensions("audio", audioExtensions);
    endpoint.setHeaderExtensions("video", videoExtensions);
    endpoint.setSources(sources);
    endpoint.setTransportUp(true);
    this.tick();
    return endpoint;
  }

  tick(): void {
    this.engine.handleTimeout(this.now);
    this.#collectEvents();
  }

  /** Runs all deadlines up to `ms` from now. */
  advance(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const next = this.engine.pollTimeout();
      if (next === undefined || next > end) break;
      this.now = Math.max(this.now, next);
      this.tick();
    }
    this.now = end;
  }

  receive(session: number, spec: PacketSpec): void {
    this.receiveBytes(session, buildRtp(spec), Kind.rtp);
  }

  receiveBytes(session: number, bytes: Uint8Array, kind: number = Kind.rtcp): void {
    const { slab } = this;
    slab.bytes.fill(0xee, 0, SLOT_BYTES);
    slab.bytes.set(bytes, 64);
    slab.offset[0] = 64;
    slab.length[0] = bytes.length;
    slab.session[0] = session;
    slab.arrival[0] = this.now;
    if (kind === Kind.rtp) this.#noteInput(bytes);
    if (kind === Kind.rtp) this.engine.handleRtpRow(slab, 0, this.now);
    else this.engine.handleRtcpRow(slab, 0, this.now);
    this.engine.endBatch(this.now);
    this.#collectEvents();
  }

  #noteInput(bytes: Uint8Array): void {
    if (bytes.length < 12) return;
    const ssrc = readInt32(bytes, 8);
    const number = `${ssrc} ${readUint16(bytes, 2)}`;
    if (this.#received.has(number)) this.#unreal.add(ssrc);
    this.#received.add(number);
  }

  /** SRTP would refuse other bytes under a number used before (`REPEATABLE`): so does this. */
  #checkNumber(slab: TxSlab, row: number): void {
    if ((slab.kind[row]! & ~REPEATABLE) !== Kind.rtp) return;
    const at = slab.offset[row]!;
    const ssrc = readInt32(slab.bytes, at + 8);
    if (this.#unreal.has(ssrc)) return;
    const stream = `${slab.session[row]} ${ssrc}`;
    const seq = readUint16(slab.bytes, at + 2);
    const numbers: Numbers = this.#numbers.get(stream) ?? { newest: seq, packets: new Map() };
    this.#numbers.set(stream, numbers);
    const ahead = ((seq - numbers.newest + 0x8000) & 0xffff) - 0x8000;
    const index = numbers.newest + ahead;
    if (ahead > 0) numbers.newest = index;
    const text = Buffer.from(slab.bytes.subarray(at, at + slab.length[row]!)).toString("latin1");
    const before = numbers.packets.get(index);
    const repeatable = (slab.kind[row]! & REPEATABLE) !== 0;
    const fate = before === undefined ? "first" : before === text && repeatable ? "again" : "other";
    if (fate === "other") throw new Error(`other bytes under ${seq} of stream ${stream}`);
    if (fate === "first") numbers.packets.set(index, text);
  }

  /** What went out since the last call. */
  take(): Sent[] {
    return this.sent.splice(0);
  }

  takeRtp(session?: number): RtpFields[] {
    return this.take()
      .filter((one) => !one.isRtcp && (session === undefined || one.session === session))
      .map(readRtp);
  }

  takeRtcp(session: number): Uint8Array[] {
    return this.take()
      .filter((one) => one.isRtcp && one.session === session)
      .map((one) => one.bytes);
  }

  events(): MediaEvent[] {
    this.#collectEvents();
    return this.#events.splice(0);
  }

  /** The engine goes on after a bug, and tells of it; a test does not. */
  #collectEvents(): void {
    for (let e = this.engine.pollEvent(); e !== undefined; e = this.engine.pollEvent()) {
      if (e.kind === "broken" && !this.expectsBugs) throw e.cause;
      this.#events.push(e);
    }
  }

  #record(slab: TxSlab): number {
    const before = this.sent.length;
    for (let i = 0; i < slab.count; i++) {
      const at = slab.offset[i]!;
      this.#checkNumber(slab, i);
      this.sent.push({
        session: slab.session[i]!,
        isRtcp: slab.kind[i] === Kind.rtcp,
        bytes: slab.bytes.slice(at, at + slab.length[i]!),
      });
    }
    const { count } = slab;
    slab.count = 0;
    this.onHandOff?.(this.sent.slice(before));
    return count;
  }
}

/** The sequence numbers of one outgoing stream, as its SRTP context sees them. */
interface Numbers {
  newest: number;
  readonly packets: Map<number, string>;
}

/** VP8 payload: 15-bit picture id, TL0PICIDX and TID; a key frame carries its height. */
export function vp8Payload(frame: {
  readonly pictureId: number;
  readonly tl0: number;
  readonly tid: number;
  readonly start?: boolean;
  readonly keyframe?: boolean;
  readonly height?: number;
  readonly fill?: number;
}): number[] {
  const start = frame.start ?? true;
  const height = frame.height ?? 180;
  const body =
    frame.keyframe === true && start
      ? [0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, height & 0xff, height >> 8]
      : [0x11, 0, 0];
  const descriptor = [
    0x80 | (start ? 0x10 : 0),
    0xe0,
    0x80 | (frame.pictureId >> 8),
    frame.pictureId & 0xff,
    frame.tl0,
    frame.tid << 6,
  ];
  const fill = new Array<number>(frame.fill ?? 0).fill(0x55);
  return [...descriptor, ...body, ...fill];
}
