/** What an endpoint's signaled payload types mean for the packet path (spec jvb-media 4.4). */
import type { MediaType, PayloadParameter, PayloadType } from "#shared/stanza/media";
import { Codec } from "./video-packet.ts";

/** Treatment of a payload type. Video kinds are `video + codec`. */
export const PtKind = { unsignaled: 0, audio: 1, audioRed: 2, rtx: 3, video: 8 } as const;

const videoCodecs: Readonly<Record<string, number>> = {
  vp8: Codec.vp8,
  vp9: Codec.vp9,
  h264: Codec.h264,
  av1: Codec.av1,
};

/** Repair formats are nothing the bridge understands or forwards as media. */
const repairFormats = new Set(["ulpfec", "flexfec-03", "red"]);

export class PayloadTypes {
  /** By payload type: one of `PtKind`, video with its codec added. */
  readonly kind = new Uint8Array(128);
  /** By RTX payload type: the payload type it repairs. */
  readonly apt = new Uint8Array(128);
  /** By payload type: its RTX payload type, 0 none. */
  readonly rtxFor = new Uint8Array(128);
  /** By payload type, Hz. */
  readonly clockRate = new Int32Array(128);
  acceptAudio = false;
  acceptVideo = false;
  /** By payload type: 1 for Opus. */
  readonly opus = new Uint8Array(128);
  hasRed = false;
  /** Of RED audio, 0 none. */
  redPayloadType = 0;
  /** Some payload type repairs another (RFC 4588). */
  hasRtx = false;
  /** Of the first video format signaled, 0 none: packets of nothing but padding bear it. */
  firstVideo = 0;
  hasTransportCc = false;
  hasRemb = false;
  hasPli = false;
  /** Assumed from the start, as upstream does (COMPAT(jvb): spec 4.4). */
  hasFir = true;
  readonly #byMedia = new Map<MediaType, readonly PayloadType[]>();

  set(type: MediaType, payloadTypes: readonly PayloadType[]): void {
    this.#byMedia.set(type, payloadTypes);
    this.kind.fill(0);
    this.apt.fill(0);
    this.rtxFor.fill(0);
    this.opus.fill(0);
    this.redPayloadType = 0;
    this.clockRate.fill(90_000);
    this.firstVideo = 0;
    this.hasRed = this.hasRtx = this.hasTransportCc = this.hasRemb = this.hasPli = false;
    this.acceptAudio = (this.#byMedia.get("audio") ?? []).length > 0;
    this.acceptVideo = (this.#byMedia.get("video") ?? []).length > 0;
    for (const [media, list] of this.#byMedia) for (const pt of list) this.#add(media, pt);
  }

  /** Items (fmtp) of a payload type. */
  parametersOf(payloadType: number): readonly PayloadParameter[] {
    for (const list of this.#byMedia.values())
      for (const { id, parameters } of list) if (id === payloadType) return parameters;
    return [];
  }

  #add(media: MediaType, pt: PayloadType): void {
    if (pt.id < 0 || pt.id > 127) return;
    const name = pt.name.toLowerCase();
    if (pt.clockrate > 0) this.clockRate[pt.id] = pt.clockrate;
    for (const feedback of pt.rtcpFeedback) {
      if (feedback.type === "transport-cc") this.hasTransportCc = true;
      if (feedback.type === "goog-remb") this.hasRemb = true;
      if (feedback.type === "nack" && feedback.subtype === "pli") this.hasPli = true;
    }
    if (media === "audio") {
      this.kind[pt.id] = name === "red" ? PtKind.audioRed : PtKind.audio;
      if (name === "opus") this.opus[pt.id] = 1;
      if (name !== "red") return;
      this.hasRed = true;
      this.redPayloadType = pt.id;
      return;
    }
    if (media !== "video") return;
    if (name === "rtx") {
      const apt = Number(pt.parameters.find((p) => p.name === "apt")?.value);
      if (!Number.isInteger(apt) || apt < 0 || apt > 127) return;
      this.kind[pt.id] = PtKind.rtx;
      this.apt[pt.id] = apt;
      this.rtxFor[apt] = pt.id;
      this.hasRtx = true;
      return;
    }
    if (repairFormats.has(name)) return;
    if (this.firstVideo === 0) this.firstVideo = pt.id;
    this.kind[pt.id] = PtKind.video + (videoCodecs[name] ?? Codec.other);
  }
}
