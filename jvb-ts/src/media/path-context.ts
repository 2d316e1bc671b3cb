/** What all steps of the packet path share: reused views, the outgoing slab, collected work. */
import { ExtensionIterator } from "#shared/rtp/header-extensions";
import { RtcpWalker } from "#shared/rtp/rtcp-walk";
import { RtpHeader } from "#shared/rtp/rtp-header";
import type { Millis, Random } from "#shared/runtime/runtime";
import type { AllocationPolicy } from "./allocation-port.ts";
import { DependencyDescriptor } from "./dependency-descriptor.ts";
import { Egress } from "./egress.ts";
import type { MediaEngineOptions } from "./engine-options.ts";
import { LayersAllocation } from "./layers-allocation.ts";
import type { MediaEvent } from "./media-engine.ts";
import type { ConferenceState, EndpointState, RxStream, VideoSource } from "./media-state.ts";
import type { PacketIo } from "./packet-io.ts";
import type { CreateProjection } from "./projection.ts";
import type { RxSlab } from "./slab.ts";
import { TxSlab } from "./slab.ts";
import { Stage } from "./stage.ts";
import { VideoPacket } from "./video-packet.ts";
import { Vp9Structure } from "./vp9-structure.ts";
import { Worklist } from "./worklist.ts";

/** What `cc/` supplies. */
export interface CongestionControl {
  readonly policy: AllocationPolicy;
  readonly createProjection: CreateProjection;
}

export class PathContext {
  readonly options: MediaEngineOptions;
  readonly cc: CongestionControl;
  readonly tx = new TxSlab();
  readonly stage: Stage;
  readonly egress: Egress;
  bridgeLastN: number;

  /** Views of the packet at hand. */
  readonly header = new RtpHeader();
  readonly extensions = new ExtensionIterator();
  readonly video = new VideoPacket();
  readonly rtcp = new RtcpWalker();
  /** The received slab as a Buffer (its copy is faster than a typed array's). */
  rx: Buffer = Buffer.alloc(0);
  /** Found by the extension scan: level 0..127 and transport-wide number, -1 absent. */
  audioLevel = -1;
  /** The sender says with the level that it is speech. */
  audioVad = false;
  transportCcSeq = -1;
  /** Dependency descriptor and video layers allocation: where they lie, length -1 absent. */
  descriptorAt = 0;
  descriptorLength = -1;
  allocationAt = 0;
  allocationLength = -1;
  readonly descriptor = new DependencyDescriptor();
  readonly allocation = new LayersAllocation();
  readonly structure = new Vp9Structure();
  /** Number of the packet at hand after hiding what was discarded. */
  seq = 0;
  layeringChanged = false;
  /** The packet at hand showed that another encoding or spatial layer of its source stopped. */
  encodingStopped = false;

  /** Collected for the end of the batch. */
  readonly feedbackDue = new Worklist<EndpointState>();
  readonly nackStreams = new Worklist<RxStream>();
  readonly keyframeSources = new Worklist<VideoSource>();
  nextNackAt: Millis = Number.POSITIVE_INFINITY;
  /** Receivers whose way is filled with padding, and when the next of it is due. */
  readonly padded = new Worklist<EndpointState>();
  nextPaddingAt: Millis = Number.POSITIVE_INFINITY;
  /** For whom collected work is being written: whose bug it is when that throws. */
  writing: EndpointState | undefined = undefined;
  readonly seqs = new Uint16Array(512);
  /** SSRCs that a REMB names. */
  readonly rembSsrcs: number[] = [];
  readonly events: MediaEvent[] = [];
  preemptiveSent = 0;
  preemptiveSuppressed = 0;
  #slab: RxSlab | undefined = undefined;
  readonly #random: Random;

  constructor(
    options: MediaEngineOptions,
    cc: CongestionControl,
    sender: Pick<PacketIo, "send">,
    random: Random,
  ) {
    this.options = options;
    this.#random = random;
    this.cc = cc;
    this.bridgeLastN = options.bridgeLastN;
    this.stage = new Stage(this.tx);
    this.egress = new Egress(this.tx, this.stage, sender);
  }

  /** A random SSRC, unsigned; 0 means "no SSRC" in feedback. */
  drawSsrc(): number {
    return 1 + this.#random.int(0xffff_fffe);
  }

  /** Where the numbers of a stream of ours begin. */
  drawSeq(): number {
    return this.#random.int(0x8000);
  }

  /** The packet at hand is in none of the sockets' slabs. */
  useBytes(bytes: Buffer): void {
    this.#slab = undefined;
    this.rx = bytes;
  }

  useSlab(slab: RxSlab): void {
    if (slab === this.#slab) return;
    this.#slab = slab;
    this.rx = Buffer.from(slab.bytes.buffer, slab.bytes.byteOffset, slab.bytes.length);
  }
}

/** Marks a conference for reallocation at the next `handleTimeout`. */
export function invalidateAllocation(conference: ConferenceState): void {
  conference.allocationDirty = true;
}

/** Marks one receiver for that: nothing changed that others look at. */
export function invalidateReceiver(receiver: EndpointState): void {
  receiver.allocationDirty = true;
  receiver.conference.receiversDirty = true;
}
