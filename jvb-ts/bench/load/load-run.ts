/**
 * The load itself: sends every stream at its times (open loop, on a core of its own that it never
 * leaves), takes what comes back, verifies it and answers as clients do.
 */
import { RtpHeader } from "#shared/rtp/rtp-header";
import type { PacketIo } from "../../src/media/packet-io.ts";
import { Kind, RxSlab, Status } from "../../src/media/slab.ts";
import { formatIp } from "../../src/transport/stun/ip-address.ts";
import type { LoadPeer } from "./load-peer.ts";
import { RTX, VP8 } from "./negotiated-media.ts";
import { PayloadStamps } from "./payload.ts";
import { RtpOutput } from "./rtp-output.ts";
import { seeded } from "./seeded.ts";
import { StreamReceiver } from "./stream-receiver.ts";
import { StreamSender } from "./stream-sender.ts";
import { Tally } from "./tally.ts";
import { Timetable } from "./timetable.ts";
import { endOfDescriptor, FRAMES_PER_SECOND } from "./vp8-camera.ts";
import { AUDIO_INTERVAL_MS, type Plan } from "./workload.ts";

const FEEDBACK_EVERY_MS = 10;
const REPORT_EVERY_MS = 1000;
/** Between the encodings of one frame: an encoder makes them one after the other. */
const ENCODING_APART_MS = 3;

/** Who acts at a time of the timetable. */
interface Act {
  readonly kind: "audio" | "frame" | "report" | "feedback";
  readonly participant: number;
  /** Place among the speakers of the conference, or the encoding. */
  readonly which: number;
  readonly intervalMs: number;
  readonly phaseMs: number;
}

function actsOf(plan: Plan, seed: number, withRtcp: boolean): Act[] {
  const random = seeded(seed);
  const acts: Act[] = [];
  const frameMs = 1000 / FRAMES_PER_SECOND;
  plan.participants.forEach(({ audioSsrc, encodings }, participant) => {
    const place = participant % plan.workload.people;
    // Drawn for everybody, so that no shape moves the phases of others.
    const audioPhase = random() * AUDIO_INTERVAL_MS;
    const framePhase = random() * frameMs;
    const reportPhase = random() * REPORT_EVERY_MS;
    if (audioSsrc !== undefined)
      acts.push({
        ...{ kind: "audio", participant, which: place },
        ...{ intervalMs: AUDIO_INTERVAL_MS, phaseMs: audioPhase },
      });
    encodings.forEach((_, which) => {
      const phaseMs = framePhase + which * ENCODING_APART_MS;
      acts.push({ kind: "frame", participant, which, intervalMs: frameMs, phaseMs });
    });
    if (withRtcp)
      acts.push({
        ...{ kind: "report", participant, which: 0 },
        ...{ intervalMs: REPORT_EVERY_MS, phaseMs: reportPhase },
      });
  });
  if (withRtcp)
    acts.push({
      ...{ kind: "feedback", participant: 0, which: 0 },
      ...{ intervalMs: FEEDBACK_EVERY_MS, phaseMs: 0 },
    });
  return acts;
}

export interface LoadRunOptions {
  readonly plan: Plan;
  readonly seed: number;
  readonly io: PacketIo;
  /** Sessions of `io` in the order of the participants, whose sockets have the same order. */
  readonly sessions: readonly number[];
  /** Without them nobody answers STUN and DTLS, and there is no RTCP (the limit program). */
  readonly peers: readonly LoadPeer[] | undefined;
  /** False: the thread is not alone on its core and looks at the time once a millisecond only. */
  readonly spins?: boolean;
  /** Each so many packets of video a receiver asks for one again, as if it were lost; 0: never. */
  readonly losesEach?: number;
}

export class LoadRun {
  readonly tally: Tally;
  readonly receivers: readonly StreamReceiver[];
  readonly #plan: Plan;
  readonly #io: PacketIo;
  readonly #peers: readonly LoadPeer[] | undefined;
  readonly #acts: readonly Act[];
  readonly #timetable: Timetable;
  readonly #senders: readonly StreamSender[];
  readonly #output: RtpOutput;
  readonly #stamps: PayloadStamps;
  readonly #rx = new RxSlab();
  readonly #rxBuffer: Buffer;
  readonly #rxView: DataView;
  readonly #header = new RtpHeader();
  /** RTX SSRC to the encoding's own. */
  readonly #repaired = new Map<number, number>();
  readonly #spins: boolean;
  #origin = 0;
  #running = false;
  #now = 0;

  constructor(options: LoadRunOptions) {
    const { plan, seed, io, sessions, peers, spins = true, losesEach = 0 } = options;
    this.#spins = spins;
    this.#plan = plan;
    this.#io = io;
    this.#peers = peers;
    this.#acts = actsOf(plan, seed, peers !== undefined);
    this.#timetable = new Timetable(this.#acts);
    this.tally = new Tally(plan);
    this.#stamps = new PayloadStamps(seed);
    const { bytes } = this.#rx;
    this.#rxBuffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#rxView = new DataView(bytes.buffer, bytes.byteOffset);
    this.#output = new RtpOutput(io);
    const output = this.#output;
    const stamps = this.#stamps;
    const onSent = (stream: number, _index: number, scheduled: number): void =>
      this.tally.sent(stream, scheduled, this.#now);
    this.#senders = plan.participants.map(
      (participant, at) =>
        new StreamSender({
          plan: participant,
          firstStream: plan.streams.findIndex((stream) => stream.participant === at),
          session: sessions[at]!,
          seed: seed + at,
          output,
          stamps,
          onSent,
        }),
    );
    this.receivers = plan.participants.map(
      (participant, at) =>
        new StreamReceiver({
          ssrc: participant.audioSsrc ?? participant.encodings[0]?.ssrc ?? 1000 + at,
          name: participant.id,
          session: sessions[at]!,
          output,
          losesEach,
          onNack: (ssrc, seq) => this.#senders[at]?.resend(ssrc, seq),
          onKeyFrameRequest: () => this.#senders[at]?.camera?.requestKeyFrame(),
        }),
    );
    for (const { encodings, rtxSsrcs } of plan.participants)
      encodings.forEach(({ ssrc }, at) => {
        this.#repaired.set(rtxSsrcs[at]!, ssrc);
      });
    io.onReadable = () => this.#read();
  }

  /** Milliseconds of the load: what the timetable counts from. */
  get now(): number {
    return performance.now() - this.#origin;
  }

  get keyFrames(): number {
    return this.#senders.reduce((sum, { camera }) => sum + (camera?.keyFrames ?? 0), 0);
  }

  start(): void {
    this.#origin = performance.now();
    this.#running = true;
    this.#turn();
  }

  stop(): void {
    this.#running = false;
  }

  #turn = (): void => {
    if (!this.#running) return;
    this.#sendDue();
    if (this.#spins) setImmediate(this.#turn);
    else setTimeout(this.#turn, 1);
  };

  #sendDue(): void {
    const timetable = this.#timetable;
    this.#now = this.now;
    while (timetable.time <= this.#now) {
      this.#act(this.#acts[timetable.source]!, timetable.time, timetable.turn);
      timetable.advance();
      // What is due together leaves together, but nobody waits for a full slab.
      if (timetable.time > this.#now) this.#now = this.now;
    }
    if (!this.#output.isEmpty) this.#output.flush();
  }

  #act({ kind, participant, which }: Act, scheduled: number, turn: number): void {
    const sender = this.#senders[participant]!;
    switch (kind) {
      case "audio":
        sender.sendAudio(scheduled, turn, which, this.#plan.workload.speakers);
        break;
      case "frame":
        sender.sendFrame(which, scheduled);
        break;
      case "report":
        sender.sendReports(scheduled);
        this.receivers[participant]!.sendReport(this.#now);
        break;
      default:
        for (const receiver of this.receivers) receiver.sendFeedback(this.#now);
    }
  }

  #read(): void {
    const rx = this.#rx;
    for (let rows = this.#io.receive(rx); rows > 0; rows = this.#io.receive(rx)) {
      const now = this.now;
      for (let row = 0; row < rows; row++) {
        if (rx.status[row] === Status.ok) this.#take(row, now);
        else this.tally.unverified();
      }
      if (this.#running) this.#sendDue();
    }
  }

  #take(row: number, now: number): void {
    const rx = this.#rx;
    const receiver = rx.socket[row]!;
    const kind = rx.kind[row];
    const offset = rx.offset[row]!;
    const length = rx.length[row]!;
    if (kind === Kind.rtp) this.#takeRtp(receiver, offset, length, now);
    else if (kind === Kind.rtcp) {
      this.tally.rtcp();
      this.receivers[receiver]!.handleRtcp(rx.bytes, offset, length, now);
    } else {
      const peer = this.#peers?.[receiver];
      const bytes = rx.bytes.slice(offset, offset + length);
      if (kind === Kind.dtls) peer?.handleDtls(bytes);
      else {
        const ip = formatIp(rx.address, row * 16, rx.family[row] === 4 ? 4 : 16);
        peer?.handleStun({ ip, port: rx.port[row]! }, bytes);
      }
    }
  }

  #takeRtp(receiver: number, offset: number, length: number, now: number): void {
    const header = this.#header;
    const { bytes } = this.#rx;
    if (!header.parse(bytes, offset, length)) {
      this.tally.unverified();
      return;
    }
    let start = header.payloadOffset;
    const end = start + header.payloadLength;
    const isRtx = header.payloadType === RTX;
    if (isRtx) {
      this.tally.rtx();
      const ssrc = this.#repaired.get(header.ssrc);
      const original = end - start > 2 ? (bytes[start]! << 8) | bytes[start + 1]! : -1;
      const receiverState = this.receivers[receiver]!;
      receiverState.handleRtp(header, false, now);
      if (ssrc === undefined || original < 0 || !receiverState.handleRepair(ssrc, original)) return;
      start += 2;
    } else if (end === start) {
      this.tally.rtx();
      this.receivers[receiver]!.handleRtp(header, false, now);
      return;
    }
    let isKeyFrame = false;
    if (isRtx || header.payloadType === VP8) {
      const beginsFrame = (bytes[start]! & 0x10) !== 0;
      start = endOfDescriptor(bytes, start, end);
      isKeyFrame = beginsFrame && start > 0 && (bytes[start]! & 1) === 0;
    }
    if (!isRtx) this.receivers[receiver]!.handleRtp(header, isKeyFrame, now);
    const stamps = this.#stamps;
    if (start < 0 || !stamps.read(this.#rxBuffer, this.#rxView, start, end)) {
      this.tally.unverified();
      return;
    }
    this.tally.received(receiver, stamps.stream, stamps.index, stamps.scheduled, now);
  }
}
