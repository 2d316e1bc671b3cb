/** For tests: the whole engine with a receiver behind an emulated link that answers what it gets. */
import type { LinkConditions, LinkPhase } from "#shared/testing/network-emulator";
import { EmulatedLink, LOST } from "#shared/testing/network-emulator";
import { SeededRandom } from "#shared/testing/virtual-runtime";
import { defaultBandwidthSettings } from "../../src/bandwidth/settings.ts";
import type { RtpFields } from "../../src/cc/engine-fixture.ts";
import {
  EngineFixture,
  readRtp,
  TRANSPORT_CC,
  VP8,
  VP8_RTX,
  videoSource,
  videoTypes,
  vp8Payload,
} from "../../src/cc/engine-fixture.ts";
import type { MediaEngineOptions } from "../../src/media/engine-options.ts";
import type { MediaEndpoint } from "../../src/media/media-engine.ts";
import { TransportCcReceiver } from "../../src/media/transport-cc-receiver.ts";

const SSRCS: readonly number[] = [1000, 1001, 1002];
const PACKET_BYTES = 1_100;
const BACK_MS = 25;
const AUDIO_MS = 20;

/** What `a` sends. */
interface CameraOptions {
  /** Of the three encodings, bits per second. */
  readonly rates?: readonly number[];
  readonly fps?: number;
  /** Three temporal layers; else one. */
  readonly temporal?: boolean;
  /** A key frame is so many times as large as others. */
  readonly keyframeScale?: number;
  /** Behind each key frame nearly nothing comes for so long: the encoder makes up for its size. */
  readonly restMs?: number;
  /** Bits per second of audio on the same link, not under transport-cc. */
  readonly audioBps?: number;
  /** Frame sizes vary by this share. */
  readonly noise?: number;
  readonly seed?: number;
}

/** Temporal layer of a frame, by its place in the pattern. */
const PATTERN = [0, 2, 1, 2];
/** Of four frames with equal share, what each takes: 40 % T0, 20 % T1, 20 % each T2. */
const SHARES = [1.6, 0.8, 0.8, 0.8];

/** `a` sends a camera in three encodings, `b` receives behind a link and answers. */
export class NarrowCall {
  readonly fixture: EngineFixture;
  readonly b: MediaEndpoint;
  /** What arrived at `b`, and when. */
  readonly arrived: { readonly at: number; readonly rtp: RtpFields; readonly bytes: number }[] = [];
  answers = true;
  readonly rates: readonly number[];
  readonly #link: EmulatedLink;
  readonly #camera: CameraOptions;
  readonly #frameMs: number;
  readonly #random: SeededRandom;
  readonly #receiver = new TransportCcReceiver();
  readonly #flying: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  readonly #reports: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  readonly #waits: { readonly at: number; readonly ms: number }[] = [];
  readonly #report = new Uint8Array(1500);
  readonly #seqs = [0, 0, 0];
  #frame = 0;
  #tl0 = 0;
  #nextFrame = 0;
  #nextAudio = 0;
  #keyframe = true;
  #restsUntil = 0;

  constructor(
    link: LinkConditions | readonly LinkPhase[],
    options: Partial<MediaEngineOptions> = {},
    withRtx = true,
    camera: CameraOptions = {},
  ) {
    const bandwidth = { ...defaultBandwidthSettings, initialBps: 800_000 };
    this.#camera = camera;
    this.rates = camera.rates ?? [200_000, 700_000, 2_000_000];
    this.#frameMs = camera.fps === undefined ? 33 : 1000 / camera.fps;
    this.fixture = new EngineFixture({ bandwidth, initialMaxHeightPx: 720, ...options });
    this.fixture.join("a", 1, [videoSource("a-v0", SSRCS)]);
    this.b = this.fixture.join("b", 2);
    if (!withRtx)
      this.b.setPayloadTypes(
        "video",
        videoTypes.filter(({ name }) => name !== "rtx"),
      );
    this.b.setReceiverConstraints({
      lastN: -1,
      onStageSources: ["a-v0"],
      defaultConstraints: { maxHeight: 720 },
    });
    this.#random = new SeededRandom(camera.seed ?? 3);
    this.#link = new EmulatedLink(this.#random, link, this.fixture.now);
    this.#nextFrame = this.fixture.now;
    this.#nextAudio = this.fixture.now;
  }

  run(ms: number): void {
    const { fixture } = this;
    for (const end = fixture.now + ms; fixture.now < end; ) {
      fixture.advance(1);
      if (fixture.now >= this.#nextFrame) this.#sendFrame();
      this.#carry();
      this.#sendAudio();
      this.#deliver();
    }
  }

  /** Bits per second of what `which` selects of the arrivals in the last `ms`. */
  rate(ms: number, which: (rtp: RtpFields) => boolean = () => true): number {
    const from = this.fixture.now - ms;
    const some = this.arrived.filter(({ at, rtp }) => at >= from && which(rtp));
    return (some.reduce((sum, { bytes }) => sum + bytes, 0) * 8000) / ms;
  }

  /** Longest time between two packets of video that arrived from `from` to `to`. */
  longestGapMs(from: number, to: number): number {
    const times = this.arrived
      .filter(({ at, rtp }) => rtp.pt === VP8 && !isPadding(rtp) && at >= from && at < to)
      .map(({ at }) => at);
    return Math.max(...[...times, to].map((at, i) => at - (times[i - 1] ?? from)));
  }

  /** Time in the queue that `share` of the packets since `from` stayed below. */
  waitAt(share: number, from: number): number {
    const waits = this.#waits.filter(({ at }) => at >= from).map(({ ms }) => ms);
    waits.sort((a, b) => a - b);
    return waits[Math.floor(share * waits.length)] ?? 0;
  }

  #sendFrame(): void {
    const { temporal, keyframeScale, noise } = this.#camera;
    this.#nextFrame += this.#frameMs;
    const frame = this.#frame++;
    const keyframe = this.#keyframe;
    this.#keyframe = false;
    if (keyframe) this.#restsUntil = this.fixture.now + (this.#camera.restMs ?? 0);
    const tid = temporal === true && !keyframe ? PATTERN[frame & 3]! : 0;
    if (tid === 0) this.#tl0++;
    let scale = temporal === true ? SHARES[frame & 3]! : 1;
    if (keyframe) scale = keyframeScale ?? scale;
    else if (this.fixture.now < this.#restsUntil) scale *= 0.02;
    for (let eid = 0; eid < SSRCS.length; eid++) {
      const some = 1 + (noise ?? 0) * (2 * this.#random.float() - 1);
      let left = Math.round((this.rates[eid]! * this.#frameMs * scale * some) / 8000);
      for (let start = true; left > 0; start = false) {
        const size = Math.min(PACKET_BYTES, left);
        left -= size;
        this.fixture.receive(1, {
          pt: VP8,
          ssrc: SSRCS[eid]!,
          seq: this.#seqs[eid]!,
          timestamp: Math.round(frame * this.#frameMs * 90),
          marker: left <= 0,
          payload: vp8Payload({
            pictureId: frame & 0x7fff,
            tl0: this.#tl0 & 0xff,
            tid,
            start,
            keyframe,
            height: 180 << eid,
            fill: Math.max(0, size - 40),
          }),
        });
        this.#seqs[eid] = (this.#seqs[eid]! + 1) & 0xffff;
      }
    }
  }

  /** Only takes room on the link: the engine knows nothing of it. */
  #sendAudio(): void {
    const { audioBps } = this.#camera;
    if (audioBps === undefined || this.fixture.now < this.#nextAudio) return;
    this.#nextAudio += AUDIO_MS;
    this.#link.offer((audioBps * AUDIO_MS) / 8000, this.fixture.now);
  }

  #carry(): void {
    for (const sent of this.fixture.take()) {
      if (sent.session === 1 && sent.isRtcp && sent.bytes[1] === 206) this.#keyframe = true;
      if (sent.session !== 2 || sent.isRtcp) continue;
      const at = this.#link.offer(sent.bytes.length, this.fixture.now);
      if (at === LOST) continue;
      this.#waits.push({ at: this.fixture.now, ms: this.#link.lastQueueMs });
      this.#flying.push({ at, bytes: sent.bytes });
    }
  }

  #deliver(): void {
    const { now } = this.fixture;
    while (this.#flying.length > 0 && this.#flying[0]!.at <= now) {
      const { at, bytes } = this.#flying.shift()!;
      const rtp = readRtp({ session: 2, isRtcp: false, bytes });
      this.arrived.push({ at: now, rtp, bytes: bytes.length });
      const tcc = rtp.extensions.get(TRANSPORT_CC);
      if (tcc !== undefined)
        this.#receiver.handlePacket((tcc[0]! << 8) | tcc[1]!, rtp.marker, rtp.ssrc, at, now);
    }
    while (this.answers && this.#receiver.due) {
      const length = this.#receiver.write(this.#report, 0, 7, now);
      if (length > 0)
        this.#reports.push({ at: now + BACK_MS, bytes: this.#report.slice(0, length) });
    }
    while (this.#reports.length > 0 && this.#reports[0]!.at <= now)
      this.fixture.receiveBytes(2, this.#reports.shift()!.bytes);
  }
}

export const isPadding = ({ ssrc }: RtpFields): boolean => !SSRCS.includes(ssrc) && ssrc < 1500;
export const isRepeat = ({ pt }: RtpFields): boolean => pt === VP8_RTX;
