/**
 * The SSRCs that one receiver knows (spec jvb-media 7.7, 7.8): a bounded number of slots, each with
 * SSRCs and mid for life, in which sources take turns. The one not used for longest gives way.
 */
import type { VideoType } from "./media-engine.ts";

/** One place; `stream` is where its outgoing stream stands. */
export class SsrcSlot<Stream> {
  /** Signed 32 bits. */
  readonly ssrc: number;
  /** Of its RTX stream; 0 for audio. */
  readonly rtxSsrc: number;
  /** `v0`, `a0` …, undefined without MID demultiplexing. */
  readonly mid: string | undefined;
  readonly midBytes: Uint8Array | undefined;
  readonly stream: Stream;
  /** The source that has it: its own primary SSRC (signed), name and owner. */
  sourceSsrc = 0;
  sourceName = "";
  ownerId = "";
  videoType: VideoType = "CAMERA";
  /** Turn in which it was used last. */
  used = 0;

  constructor(ssrc: number, rtxSsrc: number, mid: string | undefined, stream: Stream) {
    this.ssrc = ssrc;
    this.rtxSsrc = rtxSsrc;
    this.mid = mid;
    this.midBytes = mid === undefined ? undefined : Buffer.from(mid);
    this.stream = stream;
  }
}

/** The source that a slot is for. */
export interface SlotSource {
  /** Signed 32 bits. */
  readonly ssrc: number;
  readonly name: string;
  readonly ownerId: string;
}

export interface SsrcSlotsOptions<Stream> {
  /** Places at most. */
  readonly limit: number;
  /** `v` or `a` in front of mids, undefined without them. */
  readonly midPrefix: string | undefined;
  readonly hasRtx: boolean;
  readonly createStream: () => Stream;
  /** An SSRC that nothing else of this receiver has (signed 32 bits). */
  readonly drawSsrc: () => number;
}

export class SsrcSlots<Stream> {
  readonly limit: number;
  readonly #options: SsrcSlotsOptions<Stream>;
  #slots: SsrcSlot<Stream>[] = [];
  #turn = 0;
  #nextMid = 0;

  constructor(options: SsrcSlotsOptions<Stream>) {
    this.#options = options;
    this.limit = Math.max(0, options.limit);
  }

  get all(): readonly SsrcSlot<Stream>[] {
    return this.#slots;
  }

  has(ssrc: number): boolean {
    return this.#slots.some((slot) => slot.ssrc === ssrc || slot.rtxSsrc === ssrc);
  }

  /** The slot of a source, if it has one still. */
  find({ ssrc, name, ownerId }: SlotSource): SsrcSlot<Stream> | undefined {
    return this.#slots.find(
      (slot) => slot.sourceSsrc === ssrc && slot.sourceName === name && slot.ownerId === ownerId,
    );
  }

  /** Notes that a slot is in use. */
  touch(slot: SsrcSlot<Stream>): void {
    slot.used = ++this.#turn;
  }

  /**
   * A slot for a source that has none: a new one while there is room, else the one used longest ago,
   * which `release` is told before. Undefined when no slots are allowed at all.
   */
  take(
    source: SlotSource,
    release: (slot: SsrcSlot<Stream>) => void,
  ): SsrcSlot<Stream> | undefined {
    if (this.limit === 0) return undefined;
    let slot: SsrcSlot<Stream>;
    if (this.#slots.length < this.limit) {
      slot = this.#add();
    } else {
      slot = this.#eldest();
      release(slot);
    }
    slot.sourceSsrc = source.ssrc;
    slot.sourceName = source.name;
    slot.ownerId = source.ownerId;
    this.touch(slot);
    return slot;
  }

  /** An endpoint left: its slots are gone with it, SSRCs included. */
  dropOwner(ownerId: string): void {
    this.#slots = this.#slots.filter((slot) => slot.ownerId !== ownerId);
  }

  #add(): SsrcSlot<Stream> {
    const { drawSsrc, hasRtx, midPrefix, createStream } = this.#options;
    const ssrc = drawSsrc();
    let rtxSsrc = hasRtx ? drawSsrc() : 0;
    while (rtxSsrc === ssrc) rtxSsrc = drawSsrc();
    const mid = midPrefix === undefined ? undefined : `${midPrefix}${this.#nextMid++}`;
    const slot = new SsrcSlot(ssrc, rtxSsrc, mid, createStream());
    this.#slots.push(slot);
    return slot;
  }

  #eldest(): SsrcSlot<Stream> {
    let eldest = this.#slots[0]!;
    for (const slot of this.#slots) if (slot.used < eldest.used) eldest = slot;
    return eldest;
  }
}
